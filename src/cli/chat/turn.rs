//! One turn: a run of the workflow, and what the session takes in when it has ended.

use std::sync::Arc;

use serde_json::Value as Json;

use super::super::budget;
use super::super::error::{CommandError, ExitStatus};
use super::super::journals::{begin, ledger, now_ms};
use super::super::signals;
use super::super::taking::inputs;
use super::Chat;
use super::way::Way;
use crate::intake::{self, Input};
use crate::memory::{Memory, NewTurn, Turn};
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
        let long = self.is_long(message)?;
        let way = self.way(long);
        let (run, context) = self.begin(message, way)?;
        // Of a message that is read part by part the first answer is a reader's note.
        self.heard.listen(!long);
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

    fn way(&self, long: bool) -> &Way {
        let turn = self.session.read(Memory::next_turn);
        let between = self.between.as_ref().filter(|_| !turn.0.is_multiple_of(self.every));
        self.long.as_ref().filter(|_| long).or(between).unwrap_or(&self.usual)
    }

    /// Tells whether a message is too long for a prompt, and then makes the way ready that reads it part by part.
    fn is_long(&mut self, message: &str) -> Result<bool, CommandError> {
        let tokens = self.usual.tokens(message);
        let long = self.usual.most().is_some_and(|most| tokens > most);
        if long {
            self.printer.say(&format!(
                "that is {tokens} tokens, too many for one prompt: all of it is read part by part first \
                 (`--attach FILE` makes a file recallable without reading it)"
            ));
            if self.long.is_none() {
                let own = self.usual.connections.own.clone();
                let way =
                    Way::open(self.long_workflow.clone(), &self.model, own, self.settings, self.printer)?;
                self.long = Some(way);
            }
        }
        Ok(long)
    }

    /// Makes the run of a turn, with the message as its only document.
    fn begin(&self, message: &str, way: &Way) -> Result<(RunId, Arc<RunContext>), CommandError> {
        let Way { workflow, connections, .. } = way;
        let plan = Plan {
            workflow: way.name.clone(),
            workflow_hash: workflow.hash(),
            inputs: inputs(workflow, way.given(message))?,
            paths: Vec::new(),
            stdin: true,
            purpose: Purpose::Together,
            nodes: workflow.node_hashes(),
            model: self.model.clone(),
            model_identity: connections.own.identity(),
            models: connections.identities(),
            window: self.settings.window,
            batch: false,
            output: None,
            force: false,
        };
        let store = self.session.folder(|folder| folder.store().clone());
        let (run, journal) = begin(&store, &plan, connections)?;
        let ledger = ledger(&store, journal, self.settings)?;
        ledger.record(&Event::Allowed { budget: budget::begun(self.settings, workflow) })?;
        let spool = ledger.journal().map(Journal::spool).map(std::path::Path::to_owned).unwrap_or_default();
        let text: String =
            message.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
        let message = Input::Stdin(Box::new(std::io::Cursor::new(text.into_bytes())));
        let gathered = intake::gather(vec![message], &spool);
        take_in(&ledger, &gathered).map_err(|error| lost(&error.to_string()))?;
        let stop = Stop::default();
        let models = connections.models();
        let mut context =
            RunContext::new(workflow.clone(), plan, gathered.documents, models, ledger, stop.drain);
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
