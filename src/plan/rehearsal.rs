//! Runs every step of a workflow over the documents, against stand-ins.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::bound::{Most, Task};
use super::stand_in::{Heard, Length, Look, StandIn, Tally};
use crate::agent::Models;
use crate::graph::{Scope, Workflow};
use crate::intake::Document;
use crate::run::{Event, Plan, Purpose, Slot, TaskId};
use crate::spec::StepSpec;
use crate::step::{self, RunContext, StepError};
use crate::store::{Ledger, Recall};

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
    /// The answers of earlier runs, which the run would take over; none where it would ask every call anew.
    pub recall: Option<Arc<Recall>>,
}

/// What came of a rehearsal.
#[derive(Debug, Default)]
pub(super) struct Rehearsed {
    /// What every task asked, without what was answered before.
    pub(super) tasks: BTreeMap<TaskId, Tally>,
    /// How many calls were answered before.
    pub(super) known: u64,
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
    let stand_in = |model| Arc::new(StandIn::new(model, length, heard.clone(), stage.recall.clone())) as _;
    let context = RunContext::new(
        stage.workflow.clone(),
        stage.plan.clone(),
        stage.documents.clone(),
        stage.models.behind(&stand_in),
        Ledger::unkept(),
        CancellationToken::new(),
    );
    let mut rehearsal =
        Rehearsal { context: &context, heard, length, blurred: false, found: Rehearsed::default() };
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
    /// A task of a source was answered with filler, and the archive may be made of it.
    blurred: bool,
    found: Rehearsed,
}

impl Rehearsal<'_> {
    /// Which answers of earlier runs count in a task. What is expected may rest on a coincidence; what cannot be passed may not,
    /// so there a question counts only if no filler can have had a part in it.
    fn look(&self, step: &StepSpec, blurred: bool) -> Look {
        // Each of the questions of these is about a thing of its own.
        let apart = matches!(step, StepSpec::Map(_) | StepSpec::Filter(_) | StepSpec::Extract(_));
        match self.length {
            Length::Longest if blurred => Look::Never,
            Length::Longest if !apart => Look::UntilFirst,
            Length::Usual(_) | Length::Longest => Look::Always,
        }
    }

    /// Goes through the nodes of a slot, up to the first that fails.
    async fn slot(&mut self, slot: Slot, scope: Scope) {
        let workflow = &self.context.workflow;
        let mut blurred = slot == Slot::Archive && self.blurred;
        for node in workflow.nodes().filter(|node| node.scope == scope) {
            let id = TaskId { slot, node: node.name.clone() };
            let cached = node.agent.as_ref().is_none_or(|agent| agent.calls.cache);
            self.heard.begin(if cached { self.look(&node.step, blurred) } else { Look::Never });
            let mut ended = step::execute(self.context, &id).await;
            // Nobody decides here: a person who approves hands on what is shown.
            if let (Err(StepError::Waiting), StepSpec::Gate(gate)) = (&ended, &node.step) {
                ended = self.context.value(&id, &gate.show);
            }
            let asked = self.heard.take();
            if asked.too_long {
                self.found.too_long.push(id.clone());
            }
            self.found.known += asked.known.calls;
            blurred |= asked.known.calls < asked.all.calls;
            self.blurred |= blurred;
            let most = match self.length {
                Length::Usual(_) => ended.map(|value| Most { tally: asked.all - asked.known, value }),
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
                    self.found.tasks.insert(id, asked.all - asked.known);
                    self.found.failed.push((slot, error));
                    return;
                }
            }
        }
    }
}
