//! Runs every step of a workflow over the documents, against stand-ins.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::bound::{Most, Task};
use super::stand_in::{Heard, Length, StandIn, Tally};
use crate::agent::Models;
use crate::graph::{Scope, Workflow};
use crate::intake::Document;
use crate::run::{Event, Plan, Purpose, Slot, TaskId};
use crate::spec::StepSpec;
use crate::step::{self, RunContext, StepError};
use crate::store::Ledger;

/// What is planned: a run that has not begun.
#[derive(Debug)]
pub struct Stage {
    /// The compiled workflow.
    pub workflow: Workflow,
    /// What the run would be started for.
    pub plan: Plan,
    /// The documents, in reading order.
    pub documents: Vec<Document>,
    /// The models.
    pub models: Models,
}

/// What came of a rehearsal.
#[derive(Debug, Default)]
pub(super) struct Rehearsed {
    /// What every task asked.
    pub(super) tasks: BTreeMap<TaskId, Tally>,
    /// How many chunks were made of each source.
    pub(super) chunks: BTreeMap<Slot, u64>,
    /// The slots that came to no end, and why.
    pub(super) failed: Vec<(Slot, StepError)>,
    /// The tasks with a prompt that is longer than their model can take, where answers have this length.
    pub(super) too_long: Vec<TaskId>,
}

/// Rehearses a run with answers of one length.
pub(super) async fn rehearse(stage: &Stage, length: Length) -> Rehearsed {
    let heard = Heard::default();
    let stand_in = |model| Arc::new(StandIn::new(model, length, heard.clone())) as _;
    let context = RunContext::new(
        stage.workflow.clone(),
        stage.plan.clone(),
        stage.documents.clone(),
        stage.models.behind(&stand_in),
        Ledger::unkept(),
        CancellationToken::new(),
    );
    let mut rehearsal = Rehearsal { context: &context, heard, length, found: Rehearsed::default() };
    let sources = u32::try_from(context.sources.len()).unwrap_or(u32::MAX);
    for source in 0..sources {
        rehearsal.slot(Slot::Source(source), Scope::Source).await;
    }
    let whole = rehearsal.found.failed.len() < context.sources.len();
    if context.plan.purpose == Purpose::Each && sources > 1 && whole {
        rehearsal.slot(Slot::Archive, Scope::Archive).await;
    }
    rehearsal.found
}

struct Rehearsal<'a> {
    context: &'a RunContext,
    heard: Heard,
    length: Length,
    found: Rehearsed,
}

impl Rehearsal<'_> {
    /// Goes through the nodes of a slot, up to the first that fails.
    async fn slot(&mut self, slot: Slot, scope: Scope) {
        let workflow = &self.context.workflow;
        for node in workflow.nodes().filter(|node| node.scope == scope) {
            let id = TaskId { slot, node: node.name.clone() };
            let mut ended = step::execute(self.context, &id).await;
            // Nobody decides here: a person who approves hands on what is shown.
            if let (Err(StepError::Waiting), StepSpec::Gate(gate)) = (&ended, &node.step) {
                ended = self.context.value(&id, &gate.show);
            }
            let (asked, too_long) = self.heard.take();
            if too_long {
                self.found.too_long.push(id.clone());
            }
            let most = match self.length {
                Length::Usual(_) => ended.map(|value| Most { tally: asked, value }),
                Length::Longest => Task { context: self.context, id: &id, node, asked }.most(ended),
            };
            let most = most.and_then(|most| {
                self.context.ledger.record(&Event::Done { task: id.clone(), value: most.value.clone() })?;
                Ok(most)
            });
            match most {
                Ok(most) => {
                    if let crate::run::Value::Chunks(chunks) = &most.value {
                        *self.found.chunks.entry(slot).or_default() += chunks.len() as u64;
                    }
                    self.found.tasks.insert(id, most.tally);
                }
                Err(error) => {
                    self.found.tasks.insert(id, asked);
                    self.found.failed.push((slot, error));
                    return;
                }
            }
        }
    }
}
