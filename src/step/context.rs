//! What every step of a run can see.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::{Source, StepError};
use crate::agent::{Caller, Models};
use crate::budget::Account;
use crate::graph::{Node, Scope, ValueKind, Workflow};
use crate::intake::Document;
use crate::memory::Session;
use crate::name::NodeName;
use crate::prompt::Variables;
use crate::run::{Plan, Purpose, Quote, RunState, Slot, TaskId, TaskState, Value};
use crate::spec::{AgentSpec, Amount, Binding};
use crate::store::Ledger;
use crate::text::{Chunk, DocumentIndex};

/// One run: what is to be done, over what, with which models, and the journal.
#[derive(Debug)]
pub struct RunContext {
    /// The compiled workflow.
    pub workflow: Workflow,
    /// What the run was started for.
    pub plan: Plan,
    /// The documents, in reading order; a document's index is its position.
    pub documents: Vec<Document>,
    /// The sources, in order.
    pub sources: Vec<Source>,
    /// The models.
    pub models: Models,
    /// The journal and what it adds up to.
    pub ledger: Ledger,
    /// What calls may use.
    pub account: Account,
    /// The session whose turn the run is.
    pub session: Option<Arc<Session>>,
    /// The only slots that are worked on, where not all are.
    pub only: Option<HashSet<Slot>>,
    /// Set when no further call may begin.
    pub drain: CancellationToken,
    /// Set when no model is left to ask.
    pub(super) closed: OnceLock<Closed>,
}

/// Why no model is left to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Who wanted to ask.
    pub agent: String,
    /// What each of its models said.
    pub reason: String,
    /// A remedy.
    pub hint: Option<String>,
}

impl RunContext {
    /// Notes that no model is left to ask, so that nothing more is begun.
    pub fn close(&self, why: Closed) {
        let _ = self.closed.set(why);
    }

    /// Returns why no model is left to ask, if none is.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        self.closed.get()
    }

    /// Tells whether nothing more can be asked: the budget of the run is used up, or no model is left.
    #[must_use]
    pub fn is_out_of_means(&self) -> bool {
        self.account.refusal().is_some() || self.closed().is_some()
    }

    /// Returns the way to the models.
    #[must_use]
    pub fn caller(&self) -> Caller<'_> {
        Caller {
            models: &self.models,
            prompts: self.workflow.prompts(),
            ledger: &self.ledger,
            account: &self.account,
            drain: &self.drain,
        }
    }

    pub(super) fn node(&self, name: &NodeName) -> Result<&Node, StepError> {
        self.workflow.node(name).ok_or_else(|| bug(name, "node"))
    }

    pub(super) fn document(&self, index: DocumentIndex) -> Option<&Document> {
        self.documents.get(usize::try_from(index.0).ok()?)
    }

    /// Returns the name of a document for prompts and messages.
    #[must_use]
    pub fn document_name(&self, index: DocumentIndex) -> &str {
        self.document(index).map_or("", |document| document.name.as_str())
    }

    /// Reads a chunk, and notices where the document has changed.
    pub(super) fn chunk_text(&self, chunk: &Chunk) -> Result<String, StepError> {
        let document = self.document(chunk.document);
        let document = document.ok_or_else(|| StepError::Changed { document: "a document".to_owned() })?;
        let text = document.read(chunk.span)?;
        if crate::ContentHash::of(text.as_bytes()) == chunk.hash {
            Ok(text)
        } else {
            Err(StepError::Changed { document: document.name.clone() })
        }
    }

    pub(super) fn chunks(&self, node: &NodeName, slot: Slot) -> Result<Vec<Chunk>, StepError> {
        match self.ledger.value(node, slot)? {
            Some(Value::Chunks(chunks)) => Ok(chunks),
            _ => Err(bug(node, "chunks")),
        }
    }

    /// Returns the value of `node` as seen from `task`: an archive's step sees what every source yielded.
    ///
    /// # Errors
    /// [`StepError::Bug`] where the node has yielded nothing yet, [`StepError::Store`] where it cannot be read back.
    pub fn value(&self, task: &TaskId, node: &NodeName) -> Result<Value, StepError> {
        let found = self.node(node)?;
        if task.slot != Slot::Archive || found.scope != Scope::Source {
            return self.ledger.value(node, task.slot)?.ok_or_else(|| bug(node, "value"));
        }
        let mut values = Vec::new();
        for (index, source) in (0..).zip(&self.sources) {
            if let Some(value) = self.ledger.value(node, Slot::Source(index))? {
                values.push((self.source_name(source), value));
            }
        }
        Ok(gathered(found.value, values.into_iter()))
    }

    /// Returns the inputs as a task sees them: those of the run, or what the step that put its workflow here gives.
    pub(super) fn inputs_of(&self, task: &TaskId) -> Result<BTreeMap<&str, String>, StepError> {
        let value = |binding: &Binding| match binding {
            Binding::Text(text) => Ok(text.clone()),
            Binding::Input { input } => Ok(self.plan.inputs.get(input).cloned().unwrap_or_default()),
            Binding::Node { node } => match self.value(task, node)? {
                Value::Text(text) => Ok(text),
                _ => Err(bug(node, "text")),
            },
        };
        let inputs = self.node(&task.node)?.inputs.iter();
        inputs.map(|(name, binding)| Ok((name.as_str(), value(binding)?))).collect()
    }

    /// Returns a number of a step as it is in this run.
    ///
    /// # Errors
    /// [`StepError::Amount`] where an input says it and its value is not from 1 to `most`.
    pub fn amount(&self, task: &TaskId, amount: &Amount, most: u64) -> Result<u64, StepError> {
        let inputs = self.inputs_of(task)?;
        amount.of(&inputs).filter(|number| (1..=most).contains(number)).ok_or_else(|| {
            let input = amount.input().unwrap_or_default();
            let value = inputs.get(input).cloned().unwrap_or_default();
            StepError::Amount { input: input.to_owned(), value, most }
        })
    }

    /// Returns what a source is called: its document's name, or how many documents it has.
    fn source_name(&self, source: &Source) -> String {
        Self::name_of(&self.documents, source)
    }

    /// Returns what a source of these documents, which are all there are, is called.
    #[must_use]
    pub fn name_of(documents: &[Document], source: &Source) -> String {
        match source.as_slice() {
            // Looking for it would take as long as there are documents, for each task of each of them.
            [only] => {
                let document = usize::try_from(only.0).ok().and_then(|at| documents.get(at));
                document.map_or_else(String::new, |one| one.name.clone())
            }
            several => format!("{} documents", several.len()),
        }
    }

    /// Makes the variables that every prompt may use: the inputs, the document's name, and what `with` names.
    ///
    /// # Errors
    /// [`StepError::Bug`] where a node that `with` names has yielded nothing yet.
    pub fn variables(
        &self,
        task: &TaskId,
        with: &BTreeMap<String, NodeName>,
    ) -> Result<Variables, StepError> {
        let mut variables = Variables::default();
        let node = self.node(&task.node)?;
        for (name, text) in self.inputs_of(task)? {
            // A value that is not of its type was refused before the run began.
            let typed = match node.inputs.get(name) {
                Some(Binding::Input { input }) => self.workflow.inputs().get(input),
                _ => None,
            };
            let typed = typed.and_then(|input| input.value(&text).ok());
            variables.set(name, typed.unwrap_or_else(|| text.into()));
        }
        if let Slot::Source(source) = task.slot {
            let source = usize::try_from(source).ok().and_then(|source| self.sources.get(source));
            if let Some(source) = source {
                variables.set("document", self.source_name(source));
            }
        }
        for (name, node) in with {
            match self.value(task, node)? {
                Value::Text(text) => variables.set(name, text),
                Value::Texts(texts) => variables.set(name, texts),
                Value::Quotes(quotes) => variables.set(name, self.quote_values(&quotes)),
                Value::Records(records) => variables.set(name, records),
                Value::Chunks(chunks) => variables.set(name, self.chunk_values(&chunks)?),
            }
        }
        Ok(variables)
    }

    /// Chunks as a prompt sees them: `text`, `document`, and `index` from 1.
    fn chunk_values(&self, chunks: &[Chunk]) -> Result<Vec<serde_json::Value>, StepError> {
        let value = |(index, chunk): (u64, &Chunk)| {
            let (text, document) = (self.chunk_text(chunk)?, self.document_name(chunk.document));
            Ok(serde_json::json!({ "text": text, "document": document, "index": index }))
        };
        (1..).zip(chunks).map(value).collect()
    }

    /// Quotes as a prompt sees them: `text` and `document`.
    #[must_use]
    pub fn quote_values(&self, quotes: &[Quote]) -> Vec<serde_json::Value> {
        let value = |quote: &Quote| serde_json::json!({ "text": quote.line(), "document": self.document_name(quote.document) });
        quotes.iter().map(value).collect()
    }

    /// Returns the agent that a node asks.
    ///
    /// # Errors
    /// [`StepError::Bug`] where it asks none.
    pub fn agent(node: &Node) -> Result<&AgentSpec, StepError> {
        node.agent.as_deref().ok_or_else(|| bug(&node.name, "agent"))
    }

    /// Counts the sources whose result is there.
    #[must_use]
    pub fn finished_sources(&self, state: &RunState) -> usize {
        let slots = (0..self.sources.len()).filter_map(|source| u32::try_from(source).ok()).map(Slot::Source);
        slots.filter(|slot| state.is_done(self.workflow.output(), *slot)).count()
    }

    /// Counts the sources that have neither a result nor a failure.
    #[must_use]
    pub fn open_sources(&self, state: &RunState) -> usize {
        let failed: HashSet<Slot> = state.failures().map(|(task, _)| task.slot).collect();
        let slots = (0..self.sources.len()).filter_map(|source| u32::try_from(source).ok()).map(Slot::Source);
        slots.filter(|slot| !failed.contains(slot) && !state.is_done(self.workflow.output(), *slot)).count()
    }

    /// Tells whether every task that the run wants has ended.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.ledger.read(|state| {
            let overview_wanted = self.plan.purpose == Purpose::Each
                && self.sources.len() > 1
                && self.finished_sources(state) > 0;
            let overview_done = self.workflow.overview().is_none_or(|node| {
                state
                    .task(&TaskId { slot: Slot::Archive, node: node.clone() })
                    .is_some_and(|task| matches!(task, TaskState::Done(_) | TaskState::Failed(_)))
            });
            self.open_sources(state) == 0 && (!overview_wanted || overview_done)
        })
    }
}

/// What an archive's step sees of the values of one kind that sources yielded, each with the name of its source.
fn gathered(kind: ValueKind, values: impl Iterator<Item = (String, Value)>) -> Value {
    let mut texts = Vec::new();
    let mut quotes = Vec::new();
    let mut records = Vec::new();
    for (source, value) in values {
        match value {
            Value::Text(text) => texts.push(text),
            Value::Texts(more) => texts.extend(more),
            Value::Quotes(more) => quotes.extend(more),
            Value::Records(more) => {
                records.extend(more.into_iter().map(|record| from_source(record, &source)));
            }
            Value::Chunks(_) => {}
        }
    }
    match kind {
        ValueKind::Quotes => Value::Quotes(quotes),
        ValueKind::Records => Value::Records(records),
        ValueKind::Text | ValueKind::Texts | ValueKind::Chunks => Value::Texts(texts),
    }
}

/// A record that says which document it is from, where it is a map and does not say so itself.
fn from_source(record: serde_json::Value, source: &str) -> serde_json::Value {
    match record {
        serde_json::Value::Object(mut map) => {
            map.entry("document").or_insert_with(|| source.into());
            map.into()
        }
        other => other,
    }
}

pub(super) fn bug(node: &NodeName, expected: &'static str) -> StepError {
    StepError::Bug { node: node.to_string(), expected }
}
