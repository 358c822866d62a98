//! Drives a run: starts what the frontier allows, journals how it ends. The only place that spawns the tasks of a run.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::Frontier;
use crate::budget::Purse;
use crate::run::{Event, Outcome, Purpose, TaskId, Value, in_one_line};
use crate::step::{self, Closed, RunContext, StepError};
use crate::store::StoreError;

/// How a run is asked to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Start nothing more, finish what is in flight, leave the run resumable.
    pub drain: CancellationToken,
    /// Drop what is in flight as well.
    pub abort: CancellationToken,
}

/// The run could not go on; what the journal holds is safe.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The journal could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runtime is being shut down around the run.
    #[error("the run was ended from outside: {reason}")]
    Lost {
        /// What the runtime said.
        reason: String,
    },
}

type Ended = (TaskId, Result<Value, StepError>);

/// Works on the run until nothing is left, or until it is told to stop, and journals the outcome.
///
/// Every end of a task is in the journal before anything depends on it. Dropping the future drops what is in flight;
/// the run can be resumed.
///
/// # Errors
/// [`DriveError`] where the journal cannot be written; what was journaled before stays.
pub async fn drive(context: &Arc<RunContext>, stop: &Stop) -> Result<Outcome, DriveError> {
    let run = context.ledger.journal().map(|journal| tracing::field::display(journal.run()));
    let span = tracing::info_span!("run", run, workflow = %context.workflow.name());
    work(context, stop).instrument(span).await
}

async fn work(context: &Arc<RunContext>, stop: &Stop) -> Result<Outcome, DriveError> {
    let began = Instant::now();
    let archive = context.plan.purpose == Purpose::Each && context.sources.len() > 1;
    let sources = u32::try_from(context.sources.len()).unwrap_or(u32::MAX);
    let mut frontier = context
        .ledger
        .read(|state| Frontier::over(&context.workflow, sources, archive, context.only.clone(), state));
    let mut running: JoinSet<Ended> = JoinSet::new();
    let most = context.models.concurrency().max(1);
    loop {
        while running.len() < most && !stop.drain.is_cancelled() && !context.is_out_of_means() {
            let Some(task) = frontier.take() else { break };
            spawn(context, task, &mut running);
        }
        let ended = tokio::select! {
            biased;
            () = stop.abort.cancelled() => break,
            ended = running.join_next() => ended,
        };
        let Some(ended) = ended else { break };
        // A task's own panic is caught in it, so this is none.
        let (task, result) = ended.map_err(|error| DriveError::Lost { reason: error.to_string() })?;
        settle(context, &mut frontier, &task, result)?;
    }
    running.shutdown().await;
    let outcome = outcome(context, stop);
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    context.ledger.record(&Event::Ended { outcome, ms })?;
    Ok(outcome)
}

fn spawn(context: &Arc<RunContext>, task: TaskId, running: &mut JoinSet<Ended>) {
    let span = tracing::info_span!("task", node = %task.node, slot = %task.slot);
    let context = Arc::clone(context);
    running.spawn(
        async move {
            // What a step leaves behind when it panics is nobody's to see: the context is whole between any two of its
            // calls, and all else is dropped here.
            let ended = AssertUnwindSafe(step::execute(&context, &task)).catch_unwind().await;
            let panicked =
                |panic| Err(StepError::Panicked { node: task.node.to_string(), said: said(panic) });
            let result = ended.unwrap_or_else(panicked);
            (task, result)
        }
        .instrument(span),
    );
}

/// What a panic said; most say a text.
fn said(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast::<String>().map(|text| *text);
    text.or_else(|panic| panic.downcast::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|_| "no reason".to_owned())
}

fn settle(
    context: &RunContext,
    frontier: &mut Frontier<'_>,
    task: &TaskId,
    result: Result<Value, StepError>,
) -> Result<(), DriveError> {
    match result {
        Ok(value) => {
            context.ledger.record(&Event::Done { task: task.clone(), value })?;
            context.ledger.read(|state| frontier.done(task, state));
        }
        // Nothing happened: the task is open and a resumed run takes it up again.
        Err(StepError::Stopped) => {}
        // Nothing more is started, and what is open is there to be resumed with a larger budget.
        Err(StepError::OutOfBudget(refusal)) if refusal.purse == Purse::Run => {}
        // A slot that has failed meanwhile needs no decision; one that was told to wait before needs telling once.
        Err(StepError::Waiting) => {
            let told = context.ledger.read(|state| state.waiting().any(|waiting| waiting == task));
            if frontier.is_alive(task) && !told {
                context.ledger.record(&Event::Waits { task: task.clone() })?;
            }
        }
        Err(StepError::Store(error)) => return Err(error.into()),
        // As with the budget: what is open is there to be resumed when a person has mended it.
        Err(StepError::Closed { agent, reason, hint }) => context.close(Closed { agent, reason, hint }),
        Err(error) => {
            tracing::warn!(node = %task.node, slot = %task.slot, "task failed");
            context.ledger.record(&Event::Failed { task: task.clone(), error: in_one_line(&error) })?;
            context.ledger.read(|state| frontier.failed(task, state));
        }
    }
    Ok(())
}

fn outcome(context: &RunContext, stop: &Stop) -> Outcome {
    let complete = context.is_complete();
    context.ledger.read(|state| {
        let failures = state.failures().count() + state.refused().len();
        let open = context.open_sources(state);
        let stopped = stop.drain.is_cancelled() || stop.abort.is_cancelled();
        if context.closed().is_some() && !stopped {
            Outcome::NoModel
        } else if context.account.refusal().is_some() && !stopped {
            Outcome::OutOfBudget
        } else if state.waiting().next().is_some() && !stopped {
            Outcome::Waiting
        } else if open > 0 || (stop.drain.is_cancelled() && !complete) || stop.abort.is_cancelled() {
            Outcome::Interrupted
        } else if failures == 0 {
            Outcome::Succeeded
        } else if context.finished_sources(state) > 0 {
            Outcome::Partial
        } else {
            Outcome::Failed
        }
    })
}
