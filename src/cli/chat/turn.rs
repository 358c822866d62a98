//! One turn: a run of the workflow, and what the session takes in when it has ended.

use std::sync::Arc;

use serde_json::Value as Json;

use super::super::budget;
use super::super::error::{CommandError, ExitStatus};
use super::super::journals::{create, ledger, now_ms};
use super::super::signals;
use super::super::taking::inputs;
use super::Chat;
use crate::intake::{self, Input};
use crate::memory::{NewTurn, Turn};
use crate::name::RunId;
use crate::run::{Event, Outcome, Plan, Purpose, Slot, Spent, Value};
use crate::schedule::{Stop, drive};
use crate::spec::StepSpec;
use crate::step::{RunContext, remembered, take_in};
use crate::store::Journal;

/// How a turn ended.
#[derive(Debug)]
pub(in super::super) struct Answered {
    /// Its number.
    pub(in super::super) turn: Turn,
    /// What was answered.
    pub(in super::super) answer: String,
    /// The run that it was.
    pub(in super::super) run: RunId,
    /// Whether the answer was shown while it was written.
    pub(in super::super) heard: bool,
    /// What it used.
    pub(in super::super) used: Spent,
}

impl Chat<'_> {
    /// Answers `message`, and has the session remember both. Where it fails the session is as before.
    pub(in super::super) async fn say(&mut self, message: &str) -> Result<Answered, CommandError> {
        if message.trim().is_empty() {
            return Err(CommandError::new(ExitStatus::Usage, "the message is empty"));
        }
        self.session.at(now_ms());
        self.session.hear(message);
        super::embed(&self.session, self.printer).await?;
        let (run, context) = self.begin(message)?;
        self.heard.listen();
        let stop = Stop { drain: context.drain.clone(), ..Stop::default() };
        let signals = tokio::spawn(signals::watch(stop.clone(), self.printer.clone()));
        let outcome = drive(&context, &stop).await;
        signals.abort();
        let outcome = outcome.map_err(|error| {
            CommandError::caused(ExitStatus::Failed, "the turn stopped", error)
                .hinted("the session is as before; say it again")
        })?;
        self.shown = shown(&context)?;
        self.amended = false;
        let left = remembered(&context).map_err(|error| lost(&error.to_string()))?;
        let Some(left) = left.filter(|_| outcome == Outcome::Succeeded) else {
            return Err(failed(outcome, &context));
        };
        let answer = left.said.last().map(|said| said.text.clone()).unwrap_or_default();
        let new = NewTurn {
            said: left.said,
            recalled: left.recalled,
            summary: left.summary,
            run: Some(run.clone()),
            at_ms: Some(now_ms()),
        };
        let turn = self.session.remember(new)?;
        let used = context.ledger.read(|state| state.spending().run());
        Ok(Answered { turn, answer, run, heard: self.heard.was_heard(), used })
    }

    /// Makes the run of a turn, with the message as its only document.
    fn begin(&self, message: &str) -> Result<(RunId, Arc<RunContext>), CommandError> {
        let given = [(super::MESSAGE.to_owned(), message.to_owned())].into();
        let plan = Plan {
            workflow: self.workflow_name.clone(),
            workflow_hash: self.workflow.hash(),
            inputs: inputs(&self.workflow, given)?,
            paths: Vec::new(),
            stdin: true,
            purpose: Purpose::Together,
            nodes: self.workflow.node_hashes(),
            model: self.model.clone(),
            model_identity: self.connections.own.identity(),
            models: self.connections.identities(),
            window: self.settings.window,
            batch: false,
            output: None,
            force: false,
        };
        let store = self.session.folder(|folder| folder.store().clone());
        let (run, journal) = create(&store, &plan)?;
        let ledger = ledger(&store, journal, self.settings)?;
        ledger.record(&Event::Started { run: run.clone(), plan: plan.clone(), at_ms: now_ms() })?;
        ledger.record(&Event::Allowed { budget: budget::begun(self.settings, &self.workflow) })?;
        let spool = ledger.journal().map(Journal::spool).map(std::path::Path::to_owned).unwrap_or_default();
        let text: String =
            message.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
        let message = Input::Stdin(Box::new(std::io::Cursor::new(text.into_bytes())));
        let gathered = intake::gather(vec![message], &spool);
        take_in(&ledger, &gathered).map_err(|error| lost(&error.to_string()))?;
        let stop = Stop::default();
        let models = self.connections.models();
        let mut context =
            RunContext::new(self.workflow.clone(), plan, gathered.documents, models, ledger, stop.drain);
        context.session = Some(Arc::clone(&self.session));
        Ok((run, Arc::new(context)))
    }
}

/// What the `recall` step of a turn showed.
fn shown(context: &RunContext) -> Result<Vec<Json>, CommandError> {
    let node = context.workflow.nodes().find(|node| matches!(node.step, StepSpec::Recall(_)));
    let value = node.map(|node| context.ledger.value(&node.name, Slot::Source(0))).transpose()?;
    Ok(match value.flatten() {
        Some(Value::Records(records)) => records,
        _ => Vec::new(),
    })
}

fn lost(reason: &str) -> CommandError {
    CommandError::new(ExitStatus::Failed, format!("the turn failed: {reason}"))
}

fn failed(outcome: Outcome, context: &RunContext) -> CommandError {
    let status = ExitStatus::from(outcome);
    if let Some(closed) = context.closed() {
        let error = CommandError::new(status, format!("there is no model to ask: {}", closed.reason));
        return match &closed.hint {
            Some(hint) => error.hinted(hint.clone()),
            None => error,
        };
    }
    if let Some(refusal) = context.account.refusal() {
        return CommandError::new(status, refusal.to_string()).hinted("the session is as before");
    }
    let failure = context.ledger.read(|state| state.failures().map(|(_, error)| error.to_owned()).next());
    let reason = failure.unwrap_or_else(|| outcome.to_string());
    lost(&reason).hinted("the session is as before")
}
