//! The one long chain that a run is held against: a context in which everything is read once, and everything that was
//! generated stays.

use std::collections::{BTreeMap, HashMap};

use super::rounds::{RoundSeen, RoundsReader};
use crate::graph::Workflow;
use crate::model::OutputForm;
use crate::name::NodeName;
use crate::run::{CallRecord, Plan, RunState, Slot, Value};
use crate::spec::StepSpec;
use crate::text::{Chunk, DocumentIndex, Span};

/// What one chain holds at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain {
    /// The model of its first call.
    pub(super) model: usize,
    /// Tokens of the prompt of its first call.
    pub(super) opening: u64,
    /// Those of them that are new where another chain comes before.
    pub(super) fresh: u64,
    /// Tokens of text that later calls read and no call before them had read.
    pub(super) read: u64,
    /// Tokens that all calls generated, as far as they stay.
    pub(super) generated: u64,
}

impl Chain {
    /// Returns how many tokens stand in it at its end.
    pub(super) fn tokens(&self) -> u64 {
        self.opening.saturating_add(self.read).saturating_add(self.generated)
    }

    /// Goes on with what another chain reads and generates, in the same context.
    pub(super) fn then(self, next: &Self) -> Self {
        Self {
            read: self.read.saturating_add(next.fresh).saturating_add(next.read),
            generated: self.generated.saturating_add(next.generated),
            ..self
        }
    }
}

/// Follows the calls of a run and notes what each reads first.
pub(super) struct Reading {
    /// The nodes whose chunks a node reads, by its name.
    over: HashMap<NodeName, NodeName>,
    /// The rounds of reasoning: one chain would have written no summaries. None before the first call.
    rounds: Option<RoundsReader>,
    slots: BTreeMap<Slot, (Chain, Covered)>,
}

impl Reading {
    pub(super) fn new(workflow: &Workflow) -> Self {
        let over = |step: &StepSpec| match step {
            StepSpec::Fold(spec) => Some(spec.over.clone()),
            StepSpec::Map(spec) => Some(spec.over.clone()),
            StepSpec::Quote(spec) => Some(spec.over.clone()),
            StepSpec::Filter(spec) => Some(spec.over.clone()),
            StepSpec::Extract(spec) => spec.over.clone(),
            _ => None,
        };
        let over = workflow.nodes().filter_map(|node| Some((node.name.clone(), over(&node.step)?)));
        Self { over: over.collect(), rounds: None, slots: BTreeMap::new() }
    }

    /// Takes what the run was started for.
    pub(super) fn begin(&mut self, workflow: &Workflow, plan: &Plan) {
        self.rounds = Some(RoundsReader::new(workflow, plan));
    }

    /// Takes the next call.
    pub(super) fn take(&mut self, call: &CallRecord, model: usize, state: &RunState) {
        let slot = call.site.task.slot;
        let chunk = self.chunk_of(call, state);
        let prompt = call.response.usage.prompt_tokens.0;
        let first = !self.slots.contains_key(&slot);
        let (chain, covered) = self.slots.entry(slot).or_insert_with(|| {
            let fresh = chunk.map_or_else(|| message_tokens(call, state), |chunk| chunk.tokens.0.min(prompt));
            (Chain { model, opening: prompt, fresh, read: 0, generated: 0 }, Covered::default())
        });
        let new = chunk.map_or(0, |chunk| covered.take(chunk));
        // The first prompt is counted whole, with the chunk in it.
        if !first {
            chain.read = chain.read.saturating_add(new);
        }
        let seen = self.rounds.as_mut().and_then(|rounds| rounds.see(call));
        let stays = seen.map_or_else(|| staying(call), |seen| thought_tokens(call, &seen));
        chain.generated = chain.generated.saturating_add(stays);
    }

    pub(super) fn chains(self) -> Vec<Chain> {
        self.slots.into_values().map(|(chain, _)| chain).collect()
    }

    fn chunk_of<'a>(&self, call: &CallRecord, state: &'a RunState) -> Option<&'a Chunk> {
        let task = &call.site.task;
        let at = usize::try_from(call.chunk?).ok()?;
        match state.value(self.over.get(&task.node)?, task.slot)? {
            Value::Chunks(chunks) => chunks.get(at),
            _ => None,
        }
    }
}

/// The tokens of an answer that would stay in a context. What is scored is not written, and of all choices one is.
fn staying(call: &CallRecord) -> u64 {
    let tokens = call.response.usage.completion_tokens.0;
    match &call.request.output {
        OutputForm::Text | OutputForm::Json(_) => tokens,
        OutputForm::Choice(choices) => tokens.div_ceil(choices.len().max(1) as u64),
        OutputForm::Score(_) => 0,
    }
}

/// The tokens of a round but for those of its summary, by its share of the answer's bytes.
fn thought_tokens(call: &CallRecord, seen: &RoundSeen) -> u64 {
    if seen.for_summary {
        return 0;
    }
    let answer = &call.response.text;
    let thought = answer.rsplit_once("<summary>").map_or(answer.len(), |(thought, _)| thought.len());
    part(staying(call), thought as u64, answer.len() as u64)
}

/// The tokens of the documents in a prompt that shows them whole, by their share of its bytes: nobody counted them alone.
fn message_tokens(call: &CallRecord, state: &RunState) -> u64 {
    let shown: usize = call.request.messages.iter().map(|message| message.content.len()).sum();
    let message: u64 = state.documents().iter().map(|document| document.bytes).sum();
    let prompt = call.response.usage.prompt_tokens.0;
    part(prompt, message, shown as u64).min(prompt)
}

/// Returns `whole * part / of`, rounded up; all of it where there is nothing to divide by.
fn part(whole: u64, part: u64, of: u64) -> u64 {
    let share = (u128::from(whole) * u128::from(part)).div_ceil(u128::from(of.max(1)));
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// The parts of documents that have been read, as spans that do not touch, by where they begin.
#[derive(Default)]
struct Covered {
    spans: HashMap<DocumentIndex, BTreeMap<u64, u64>>,
}

impl Covered {
    /// Takes a chunk in and returns how many of its tokens are new: its share of bytes that no chunk before it had.
    fn take(&mut self, chunk: &Chunk) -> u64 {
        let Span { mut start, mut end } = chunk.span;
        let spans = self.spans.entry(chunk.document).or_default();
        let mut known = 0;
        // What begins before the end of this one may reach into it or lie in it.
        while let Some((from, to)) = spans.range(..=end).next_back().map(|(from, to)| (*from, *to)) {
            if to < start {
                break;
            }
            known += to.min(chunk.span.end).saturating_sub(from.max(chunk.span.start));
            (start, end) = (start.min(from), end.max(to));
            spans.remove(&from);
        }
        spans.insert(start, end);
        part(chunk.tokens.0, chunk.span.len().saturating_sub(known), chunk.span.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ContentHash;
    use crate::model::{ChatRequest, ChatResponse, Usage};
    use crate::text::TokenCount;

    fn chunk(start: u64, end: u64) -> Chunk {
        let hash = ContentHash::of(b"");
        Chunk { document: DocumentIndex(0), span: Span { start, end }, tokens: TokenCount(end - start), hash }
    }

    #[test]
    fn a_chunk_is_new_where_no_chunk_before_it_was() {
        let mut covered = Covered::default();
        let new: Vec<u64> = [(0, 10), (20, 30), (0, 10), (5, 25), (0, 30), (30, 40), (50, 50)]
            .map(|(start, end)| covered.take(&chunk(start, end)))
            .into();
        assert_eq!(new, [10, 10, 0, 10, 0, 10, 0]);
    }

    #[test]
    fn a_chain_goes_on_with_what_is_new_in_the_next() {
        let one = Chain { model: 0, opening: 100, fresh: 20, read: 5, generated: 10 };
        let both = one.then(&Chain { model: 1, opening: 300, fresh: 30, read: 7, generated: 40 });
        assert_eq!(both, Chain { model: 0, opening: 100, fresh: 20, read: 42, generated: 50 });
        assert_eq!(both.tokens(), 192);
    }

    #[test]
    fn what_is_scored_does_not_stay() {
        let call = |output: OutputForm| {
            let site = serde_json::json!({"task": {"slot": {"source": 0}, "node": "n"}, "step": 0});
            let request = ChatRequest { output, ..ChatRequest::new(Vec::new(), TokenCount(9)) };
            let usage = Usage { completion_tokens: TokenCount(9), ..Usage::default() };
            let response = ChatResponse { usage, ..ChatResponse::default() };
            let call = serde_json::json!({
                "site": site, "attempt": 1, "model": "m", "document": null, "chunk": null, "request": request,
                "response": response, "ms": 0,
            });
            staying(&serde_json::from_value(call).unwrap())
        };
        let choices = ["1", "2", "3", "4"].map(str::to_owned).into();
        assert_eq!(call(OutputForm::Text), 9);
        assert_eq!(call(OutputForm::Choice(choices)), 3);
        assert_eq!(call(OutputForm::Score("What?".to_owned())), 0);
    }

    proptest! {
        #[test]
        fn what_is_new_adds_up_to_what_was_covered(spans in prop::collection::vec((0_usize..60, 0_usize..20), 0..30)) {
            let mut covered = Covered::default();
            let mut bytes = [false; 80];
            for (start, length) in spans {
                let before = bytes.iter().filter(|byte| **byte).count();
                bytes[start..start + length].fill(true);
                let after = bytes.iter().filter(|byte| **byte).count();
                prop_assert_eq!(covered.take(&chunk(start as u64, (start + length) as u64)), (after - before) as u64);
            }
        }
    }
}
