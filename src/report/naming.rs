//! What documents and slots are called in reports.

use super::model::CallLine;
use crate::run::{CallRecord, Purpose, Slot};
use crate::text::DocumentIndex;

/// What stands for the whole archive where a path is expected.
pub(super) const ARCHIVE: &str = ".";

/// The names of the documents of a run, and how they are read.
#[derive(Debug, Clone)]
pub struct Naming {
    names: Vec<String>,
    purpose: Purpose,
}

impl Naming {
    /// Takes the names of the documents in reading order.
    #[must_use]
    pub fn new(names: Vec<String>, purpose: Purpose) -> Self {
        Self { names, purpose }
    }

    /// Counts the documents.
    #[must_use]
    pub fn documents(&self) -> usize {
        self.names.len()
    }

    /// Returns the name of a document.
    #[must_use]
    pub fn name_of(&self, document: DocumentIndex) -> String {
        let found = usize::try_from(document.0).ok().and_then(|index| self.names.get(index));
        found.cloned().unwrap_or_default()
    }

    /// Returns the path of what is read in a slot.
    #[must_use]
    pub fn path_of(&self, slot: Slot) -> String {
        match slot {
            Slot::Source(index) if self.purpose == Purpose::Each => self.name_of(DocumentIndex(index)),
            Slot::Source(_) | Slot::Archive => ARCHIVE.to_owned(),
        }
    }
}

impl CallLine {
    /// Returns the line of a call that was made.
    #[must_use]
    pub fn of(call: &CallRecord, naming: &Naming) -> Self {
        let usage = call.response.usage;
        Self {
            node: call.site.task.node.to_string(),
            slot: call.site.task.slot.to_string(),
            attempt: call.attempt,
            document: call.document.map(|document| naming.name_of(document)),
            chunk: call.chunk,
            model: call.model.clone(),
            prompt_tokens: usage.prompt_tokens,
            cached_prompt_tokens: usage.cached_prompt_tokens,
            completion_tokens: usage.completion_tokens,
            stop: call.response.stop,
            cached: call.cached_from.is_some(),
            cost_usd: call.cost.usd(),
            ms: call.ms,
        }
    }
}
