//! One question through a workflow and the engine, and what its journal tells.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::agent::Models;
use crate::graph::Workflow;
use crate::intake::{self, Gathered, Input};
use crate::run::{Event, Outcome, Plan, RunState, Slot, Spent, Value};
use crate::schedule::{DriveError, Stop, drive};
use crate::step::{RunContext, TakeInError, take_in};
use crate::store::{Ledger, StoreError};

/// The input of a workflow that says what is asked.
pub(super) const QUESTION: &str = "question";

/// A run of a question that has begun, perhaps in an earlier process.
#[derive(Debug)]
pub struct Kept {
    /// Its journal.
    pub ledger: Ledger,
    /// What the journal holds.
    pub events: Vec<Event>,
    /// What its agents ask.
    pub models: Models,
}

/// A question could not be put through a workflow.
#[derive(Debug, thiserror::Error)]
pub enum DrivenError {
    /// The engine could not go on.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// The question could not be taken in.
    #[error(transparent)]
    TakeIn(#[from] TakeInError),
    /// What was answered could not be read back.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of a question.
#[derive(Debug)]
pub(super) struct Driven {
    pub(super) plan: Plan,
    pub(super) outcome: Outcome,
    /// What the workflow yielded; empty where it came to no end.
    pub(super) answer: String,
    /// Why it came to no end, where somebody knows.
    pub(super) failure: Option<String>,
    /// What its calls used, those of earlier processes included.
    pub(super) spent: Spent,
    /// Everything that its journal holds.
    pub(super) events: Vec<Event>,
}

/// Works on a run until it has ended. One that has succeeded before is only read.
pub(super) async fn driven(
    workflow: &Workflow,
    plan: Plan,
    kept: Kept,
    spool: &Path,
    stop: &Stop,
) -> Result<Driven, DrivenError> {
    let Kept { ledger, events, models } = kept;
    let seen = Arc::new(Mutex::new(events));
    let heard = Arc::clone(&seen);
    let listen =
        move |event: &Event| heard.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
    let ledger = ledger.observed(Box::new(listen));
    // A question stands in the prompt as an input; the engine wants something to work over all the same.
    let question = plan.inputs.get(QUESTION).cloned().unwrap_or_default();
    let text = Input::Stdin(Box::new(std::io::Cursor::new(question.into_bytes())));
    let gathered = intake::gather(vec![text], spool);
    take_in(&ledger, &gathered)?;
    let Gathered { documents, .. } = gathered;
    let drain = stop.drain.clone();
    let context = Arc::new(RunContext::new(workflow.clone(), plan, documents, models, ledger, drain));
    let outcome = match context.ledger.read(RunState::outcome) {
        Some(Outcome::Succeeded) => Outcome::Succeeded,
        _ => drive(&context, stop).await?,
    };
    let answer = match context.ledger.value(workflow.output(), Slot::Source(0))? {
        Some(Value::Text(text)) => text,
        _ => String::new(),
    };
    let failed = context.ledger.read(|state| state.failures().map(|(_, error)| error.to_owned()).next());
    let refused = || context.account.refusal().map(|refusal| refusal.to_string());
    let closed = || context.closed().map(|closed| closed.reason.clone());
    Ok(Driven {
        plan: context.plan.clone(),
        outcome,
        answer,
        failure: failed.or_else(refused).or_else(closed),
        spent: context.ledger.read(|state| state.spending().run()),
        events: std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner)),
    })
}
