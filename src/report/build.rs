//! Builds a report from the events of a run.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};

use super::model::{
    CallLine, ChunkLine, DocumentLine, Failure, Lost, QuoteLine, Report, Status, Summary, Totals, VERSION,
    Waiting,
};
use super::naming::Naming;
use super::rounds::RoundsReader;
use crate::graph::{Node, ValueKind, Workflow};
use crate::name::NodeName;
use crate::run::{
    DocumentRecord, Event, Outcome, Plan, Purpose, Quote, RunState, Slot, Table, TaskId, Value,
};
use crate::spec::StepSpec;
use crate::text::{Chunk, DocumentIndex};

/// Builds the report of the run whose events these are, in their order. They are looked at one by one: all the prompts of
/// a long run are more than should be in memory at once.
///
/// A run that has not ended is reported as interrupted, with what is finished so far.
#[must_use]
pub fn build(run: &str, workflow: &Workflow, events: impl IntoIterator<Item: Borrow<Event>>) -> Report {
    let mut state = RunState::default();
    let mut calls: Vec<CallLine> = Vec::new();
    let (mut naming, mut rounds) = (None, None::<RoundsReader>);
    let mut duration_ms = 0;
    for event in events {
        let event = event.borrow();
        state.apply(event);
        match event {
            Event::Started { plan, .. } => rounds = Some(RoundsReader::new(workflow, plan)),
            Event::Called(call) => {
                if let Some(rounds) = &mut rounds {
                    rounds.see(call);
                }
                // Every document is known before the first call.
                let naming = naming.get_or_insert_with(|| naming_of(&state));
                // An answer that was taken over from another run cost nothing in this one.
                let line = CallLine::of(call, naming);
                let cached = line.cached || state.reused(&call.site.task).is_some();
                calls.push(CallLine { cached, ..line });
            }
            Event::Ended { ms, .. } => duration_ms += ms,
            _ => {}
        }
    }
    let naming = naming.unwrap_or_else(|| naming_of(&state));
    let failed = state.failures().map(|(task, _)| task.slot).collect();
    let view = View { workflow, state: &state, failed, naming };
    let together = state.plan().is_some_and(|plan| plan.purpose == Purpose::Together);
    let results = view.results();
    let answer =
        results.iter().find(|(slot, _)| together && *slot == Slot::Source(0)).map(|(_, value)| *value);
    let lost = state.spending().lost();
    let made = || calls.iter().filter(|call| !call.cached);
    Report {
        version: VERSION,
        run: run.to_owned(),
        workflow: workflow.name().to_string(),
        outcome: state.outcome().unwrap_or(Outcome::Interrupted),
        answer: answer.map(plain),
        records: answer.and_then(records),
        summaries: (!together).then(|| view.summaries(&results)),
        quotes: view.quotes(),
        documents: view.documents(),
        failed: view.failures(),
        waiting: view.waiting(),
        rounds: rounds.map_or_else(Vec::new, |rounds| rounds.lines(|task| view.naming.path_of(task.slot))),
        usage: Totals {
            prompt_tokens: made().map(|call| call.prompt_tokens).sum(),
            completion_tokens: made().map(|call| call.completion_tokens).sum(),
            cost_usd: made().map(|call| call.cost_usd).sum(),
        },
        lost: Lost { tokens: lost.tokens, cost_usd: lost.cost.usd() },
        calls,
        duration_ms,
    }
}

fn naming_of(state: &RunState) -> Naming {
    let names = state.documents().iter().map(|document| document.name.clone()).collect();
    Naming::new(names, state.plan().map_or(Purpose::Each, |plan| plan.purpose))
}

/// The text of a result: quotes become sentences, one a line.
fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.trim().to_owned(),
        Value::Texts(texts) => texts.join("\n"),
        Value::Quotes(quotes) => quotes.iter().map(Quote::line).collect::<Vec<_>>().join("\n"),
        Value::Records(records) => Table::of(records).markdown().trim_end().to_owned(),
        Value::Chunks(_) => String::new(),
    }
}

/// The records of a result that consists of them.
fn records(value: &Value) -> Option<Vec<serde_json::Value>> {
    match value {
        Value::Records(records) => Some(records.clone()),
        _ => None,
    }
}

struct View<'a> {
    workflow: &'a Workflow,
    state: &'a RunState,
    /// The slots in which a task failed.
    failed: HashSet<Slot>,
    naming: Naming,
}

impl View<'_> {
    fn plan(&self) -> Option<&Plan> {
        self.state.plan()
    }

    fn together(&self) -> bool {
        self.plan().is_some_and(|plan| plan.purpose == Purpose::Together)
    }

    fn slots(&self) -> Vec<Slot> {
        let sources =
            if self.together() { 1 } else { u32::try_from(self.state.documents().len()).unwrap_or(0) };
        (0..sources).map(Slot::Source).collect()
    }

    /// The slot that a document is read in.
    fn slot_of(&self, document: DocumentIndex) -> Slot {
        Slot::Source(if self.together() { 0 } else { document.0 })
    }

    fn name_of(&self, document: DocumentIndex) -> String {
        self.naming.name_of(document)
    }

    fn path_of(&self, slot: Slot) -> String {
        self.naming.path_of(slot)
    }

    fn results(&self) -> Vec<(Slot, &Value)> {
        let sources = self.slots().into_iter().map(|slot| (slot, self.workflow.output()));
        let overview = self.workflow.overview().map(|node| (Slot::Archive, node));
        sources
            .chain(overview)
            .filter_map(|(slot, node)| Some((slot, self.state.value(node, slot)?)))
            .collect()
    }

    fn summaries(&self, results: &[(Slot, &Value)]) -> Vec<Summary> {
        results
            .iter()
            .map(|(slot, value)| Summary {
                path: self.path_of(*slot),
                text: plain(value),
                records: records(value),
                quotes: self.quotes_of(*slot, value),
            })
            .collect()
    }

    /// The quotes that results are, or that they rest on.
    fn quotes(&self) -> Vec<QuoteLine> {
        let mut lines = Vec::new();
        for slot in self.slots() {
            let value = self.state.value(self.workflow.output(), slot);
            lines.extend(value.into_iter().flat_map(|value| self.quotes_of(slot, value)));
        }
        lines
    }

    /// The quotes that one result is, or that it rests on.
    fn quotes_of(&self, slot: Slot, value: &Value) -> Vec<QuoteLine> {
        let quotes = match (value, slot) {
            (Value::Quotes(quotes), _) => quotes.as_slice(),
            (_, Slot::Source(_)) => self.evidence(slot).unwrap_or(&[]),
            // What a worded overview rests on are the results of the sources, and each of them names its own.
            (_, Slot::Archive) => &[],
        };
        let line = |quote: &Quote| QuoteLine {
            document: self.name_of(quote.document),
            start: quote.span.start,
            end: quote.span.end,
            text: quote.text.clone(),
        };
        quotes.iter().map(line).collect()
    }

    /// The quotes upstream of a worded result. A step that only hands on what others made has theirs.
    fn evidence(&self, slot: Slot) -> Option<&[Quote]> {
        let mut waiting = vec![self.workflow.output()];
        while let Some(name) = waiting.pop() {
            for node in self.workflow.upstream(name) {
                if let Some(Value::Quotes(quotes)) = self.state.value(node, slot) {
                    return Some(quotes);
                }
            }
            let step = self.workflow.node(name).map(|node| &node.step);
            if let Some(StepSpec::Route(_) | StepSpec::Workflow(_) | StepSpec::Gate(_)) = step {
                // What was not taken has no value.
                let made = |node: &&NodeName| self.state.value(node, slot).is_some();
                waiting.extend(self.workflow.upstream(name).filter(made));
            }
        }
        None
    }

    fn documents(&self) -> Vec<DocumentLine> {
        let chunks = self.chunks();
        self.state
            .documents()
            .iter()
            .map(|document| DocumentLine {
                path: document.name.clone(),
                hash: document.hash.to_string(),
                status: self.status(self.slot_of(document.index)),
                output: self.output(document),
                bytes: document.bytes,
                chunks: chunks.get(&document.index).cloned().unwrap_or_default(),
            })
            .collect()
    }

    /// The file that holds a document's result, once there is one.
    fn output(&self, document: &DocumentRecord) -> Option<String> {
        let folder = self.plan()?.output.as_ref()?;
        let written = !self.together() && self.status(self.slot_of(document.index)) == Status::Done;
        written.then(|| folder.join(format!("{}.md", document.name)).display().to_string())
    }

    fn chunks(&self) -> HashMap<DocumentIndex, Vec<ChunkLine>> {
        let mut lines: HashMap<DocumentIndex, Vec<ChunkLine>> = HashMap::new();
        let nodes = self.nodes_with_read_chunks();
        for slot in self.slots() {
            let read = nodes.iter().find_map(|node| match self.state.value(node, slot) {
                Some(Value::Chunks(chunks)) => Some(chunks),
                _ => None,
            });
            let mut read: Vec<&Chunk> = read.into_iter().flatten().collect();
            read.sort_by_key(|chunk| (chunk.document, chunk.span));
            for chunk in read {
                let line = ChunkLine { start: chunk.span.start, end: chunk.span.end, tokens: chunk.tokens };
                lines.entry(chunk.document).or_default().push(line);
            }
        }
        lines
    }

    /// The nodes whose chunks a step reads as text: of chunks that only lead to other chunks, the others are shown.
    fn nodes_with_read_chunks(&self) -> Vec<&NodeName> {
        let yields_chunks = |node: &&Node| node.value == ValueKind::Chunks;
        let chosen_from = |name: &NodeName| {
            let mut choosing = self.workflow.nodes().filter(yields_chunks);
            choosing.any(|node| self.workflow.upstream(&node.name).any(|upstream| upstream == name))
        };
        let nodes = self.workflow.nodes().filter(yields_chunks).map(|node| &node.name);
        nodes.filter(|name| !chosen_from(name)).collect()
    }

    fn status(&self, slot: Slot) -> Status {
        if self.state.value(self.workflow.output(), slot).is_some() {
            return Status::Done;
        }
        if self.failed.contains(&slot) {
            Status::Failed
        } else if self.state.waiting().any(|task| task.slot == slot) {
            Status::Waiting
        } else {
            Status::Open
        }
    }

    fn failures(&self) -> Vec<Failure> {
        let refused = self.state.refused().iter();
        let refused = refused.map(|(name, error)| Failure { path: name.clone(), error: error.clone() });
        let mut failed: Vec<(&TaskId, &str)> = self.state.failures().collect();
        failed.sort();
        let failed = failed
            .into_iter()
            .map(|(task, error)| Failure { path: self.path_of(task.slot), error: error.to_owned() });
        refused.chain(failed).collect()
    }

    fn waiting(&self) -> Vec<Waiting> {
        let line = |task: &TaskId| {
            let StepSpec::Gate(gate) = &self.workflow.node(&task.node)?.step else { return None };
            Some(Waiting {
                path: self.path_of(task.slot),
                node: task.node.to_string(),
                question: gate.question.clone(),
                text: plain(self.state.value(&gate.show, task.slot)?),
            })
        };
        self.state.waiting().filter_map(line).collect()
    }
}
