//! The shape of `--jsonl`: one JSON value a line while a run works, the report last.
//!
//! No line but the report holds text of a document or of an answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{CallLine, Report};
use super::naming::Naming;
use crate::run::{CallSite, Event, Outcome, Slot, TaskId, Value};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Line {
    /// The run begins, or goes on.
    Started {
        /// The run's name.
        run: String,
        /// The workflow by name or path.
        workflow: String,
        /// The model as it was named.
        model: String,
        /// Whether an earlier process began it: what that one did is in the report, and in no line.
        resumed: bool,
    },
    /// A document was taken in.
    Document {
        /// Its path as given.
        path: String,
        /// The BLAKE3 hash of its extracted text.
        hash: String,
        /// The length of its extracted text in bytes.
        bytes: u64,
    },
    /// A file was refused.
    Refused {
        /// Its path as given.
        path: String,
        /// Why, in a sentence.
        error: String,
    },
    /// Every document is known.
    Gathered {
        /// How many were taken in.
        documents: usize,
    },
    /// A model answered.
    Call(CallLine),
    /// A try of a call failed.
    Missed {
        /// The node.
        node: String,
        /// The source, counted from 0, or `archive`.
        slot: String,
        /// The path of the source as given; `.` for all documents.
        path: String,
        /// Which try it was, from 1.
        attempt: u32,
        /// Why, in a sentence.
        error: String,
        /// How long is waited before the next try, in milliseconds; null where there is none.
        wait_ms: Option<u64>,
    },
    /// A node yielded its value for a source or for the archive.
    Done {
        /// The node.
        node: String,
        /// The source, counted from 0, or `archive`.
        slot: String,
        /// The path of the source as given; `.` for all documents.
        path: String,
        /// What it yielded: `chunks`, `texts`, `text` or `quotes`.
        kind: String,
        /// How many of them.
        items: usize,
    },
    /// A node failed, and with it its source.
    Failed {
        /// The node.
        node: String,
        /// The source, counted from 0, or `archive`.
        slot: String,
        /// The path of the source as given; `.` for all documents.
        path: String,
        /// Why, in a sentence.
        error: String,
    },
    /// A node waits for a person.
    Waits {
        /// The node.
        node: String,
        /// The source, counted from 0, or `archive`.
        slot: String,
        /// The path of the source as given; `.` for all documents.
        path: String,
    },
    /// The run came to its end, or to a stop that it can be resumed from.
    Ended {
        /// How.
        outcome: Outcome,
        /// How long this process worked on it, in milliseconds.
        ms: u64,
    },
    /// The last line.
    Report {
        /// The whole report.
        report: Box<Report>,
    },
}

impl Line {
    /// Returns the line of what happened; none where a reader has nothing to learn from it.
    #[must_use]
    pub fn of(event: &Event, naming: &Naming) -> Option<Self> {
        let path = |task: &TaskId| naming.path_of(task.slot);
        Some(match event {
            Event::Started { .. }
            | Event::Resumed { .. }
            | Event::Forked { .. }
            | Event::Decided { .. }
            | Event::Allowed { .. }
            | Event::Reserved { .. }
            | Event::Writes { .. }
            | Event::Told => return None,
            Event::Document(document) => Self::Document {
                path: document.name.clone(),
                hash: document.hash.to_string(),
                bytes: document.bytes,
            },
            Event::Refused { name, error } => Self::Refused { path: name.clone(), error: error.clone() },
            Event::Gathered => Self::Gathered { documents: naming.documents() },
            Event::Called(call) => Self::Call(CallLine::of(call, naming)),
            Event::Missed { site: CallSite { task, .. }, attempt, error, wait_ms, .. } => Self::Missed {
                node: task.node.to_string(),
                slot: slot(task),
                path: path(task),
                attempt: *attempt,
                error: error.clone(),
                wait_ms: *wait_ms,
            },
            Event::Done { task, value } => Self::Done {
                node: task.node.to_string(),
                slot: slot(task),
                path: path(task),
                kind: value.kind().to_owned(),
                items: items(value),
            },
            Event::Failed { task, error } => Self::Failed {
                node: task.node.to_string(),
                slot: slot(task),
                path: path(task),
                error: error.clone(),
            },
            Event::Waits { task } => {
                Self::Waits { node: task.node.to_string(), slot: slot(task), path: path(task) }
            }
            Event::Ended { outcome, ms } => Self::Ended { outcome: *outcome, ms: *ms },
        })
    }
}

fn slot(task: &TaskId) -> String {
    match task.slot {
        Slot::Source(index) => index.to_string(),
        Slot::Archive => "archive".to_owned(),
    }
}

fn items(value: &Value) -> usize {
    match value {
        Value::Chunks(chunks) => chunks.len(),
        Value::Texts(texts) => texts.len(),
        Value::Text(_) => 1,
        Value::Quotes(quotes) => quotes.len(),
        Value::Records(records) => records.len(),
    }
}
