//! What can happen in a run. Events are appended to the journal and never changed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Budget, Spent, Value};
use crate::hash::ContentHash;
use crate::model::{BEHIND, ChatRequest, ChatResponse, Money};
use crate::name::{NodeName, RunId};
use crate::text::{DocumentIndex, TokenCount};

/// What a task runs over: one source, or the whole archive once every source is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// The source with this index: one document, or all documents read as one.
    Source(u32),
    /// Everything.
    Archive,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(index) => write!(f, "{index}"),
            Self::Archive => f.write_str("archive"),
        }
    }
}

/// One execution unit: a node over a slot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskId {
    /// What it runs over. It comes first so that tasks sort by source: documents are finished one after the other.
    pub slot: Slot,
    /// The node.
    pub node: NodeName,
}

/// One place in a task where a model is asked. The same site asks the same thing whenever the task is run again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallSite {
    /// The task.
    pub task: TaskId,
    /// The position of the call in its task, from 0.
    pub step: u32,
}

/// A finished call: the exact question and the exact answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Where in the run it was made.
    pub site: CallSite,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// The model's identity.
    pub model: String,
    /// The document it read from, where it read from one.
    pub document: Option<DocumentIndex>,
    /// The chunk it read, counted within its task, where it read one.
    pub chunk: Option<u32>,
    /// The identity of what was asked; none in a record of before it was kept.
    #[serde(default)]
    pub hash: Option<ContentHash>,
    /// What was asked.
    pub request: ChatRequest,
    /// What was answered.
    pub response: ChatResponse,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What it cost.
    #[serde(default)]
    pub cost: Money,
    /// The run whose call was given this answer; none where this call asked the model itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_from: Option<RunId>,
}

/// A document as the run found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRecord {
    /// Its position in the run.
    pub index: DocumentIndex,
    /// Its name as the person gave it, with `/` between folders.
    pub name: String,
    /// The hash of its extracted text.
    pub hash: ContentHash,
    /// The length of its extracted text in bytes.
    pub bytes: u64,
}

/// What a model can hold, as it said when the run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// The window: the most tokens of prompt and answer together.
    pub window: TokenCount,
    /// The bytes of keys and values that it keeps for a token; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_bytes: Option<u64>,
}

/// What the run was started for; it decides how documents become sources and what is written where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// One result per document, and one for the archive.
    Each,
    /// One result over all documents read as one source.
    Together,
}

/// Everything that is needed to start the run again from its folder alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The workflow by name or absolute path.
    pub workflow: String,
    /// The identity of the compiled workflow.
    pub workflow_hash: ContentHash,
    /// Values of the workflow's inputs.
    pub inputs: BTreeMap<String, String>,
    /// What to read, as absolute paths.
    pub paths: Vec<PathBuf>,
    /// Whether standard input was read too; its text is kept in the run's folder.
    pub stdin: bool,
    /// How documents become sources.
    pub purpose: Purpose,
    /// The identity of every node with its agent and prompts; empty in journals of older versions.
    #[serde(default)]
    pub nodes: BTreeMap<NodeName, ContentHash>,
    /// The model as it was named, an absolute path where it is a file.
    pub model: String,
    /// The model's identity: a resumed run must have the same one.
    pub model_identity: String,
    /// The identities of the models that agents name; a resumed run must have the same ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, String>,
    /// A window smaller than the model's, where one was asked for.
    pub window: Option<u64>,
    /// Whether models behind endpoints are asked in batches.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub batch: bool,
    /// Where to write one file per document.
    pub output: Option<PathBuf>,
    /// Whether existing files may be overwritten.
    pub force: bool,
}

impl Plan {
    /// Makes a plan without inputs and documents: one result per document, nothing written outside of the run.
    #[must_use]
    pub fn new(workflow: String, workflow_hash: ContentHash, model: String, model_identity: String) -> Self {
        Self {
            workflow,
            workflow_hash,
            inputs: BTreeMap::new(),
            paths: Vec::new(),
            stdin: false,
            purpose: Purpose::Each,
            nodes: BTreeMap::new(),
            model,
            model_identity,
            models: BTreeMap::new(),
            window: None,
            batch: false,
            output: None,
            force: false,
        }
    }

    /// Says whether the model with this identity is asked, or stands in for another.
    #[must_use]
    pub fn asks(&self, identity: &str) -> bool {
        let all = std::iter::once(&self.model_identity).chain(self.models.values());
        all.flat_map(|model| model.split(BEHIND)).any(|model| model == identity)
    }
}

/// How a run ended, or where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every document was processed.
    Succeeded,
    /// No document could be processed.
    Failed,
    /// Some documents failed, the others are done.
    Partial,
    /// The run was stopped and can be resumed.
    Interrupted,
    /// The run waits for a person.
    Waiting,
    /// The budget did not allow the next call.
    OutOfBudget,
    /// No model was left to ask: an endpoint refuses the key, or what was paid for is used up.
    NoModel,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Partial => "partial",
            Self::Interrupted => "interrupted",
            Self::Waiting => "waiting",
            Self::OutOfBudget => "out_of_budget",
            Self::NoModel => "no_model",
        })
    }
}

/// What a person decided about a text that a gate shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It is handed on as it is.
    Approved,
    /// This is handed on in its place.
    Edited(String),
    /// The source fails, for this reason; it may be empty.
    Rejected(String),
}

/// Something that happened. The journal is the sequence of these, and it is the only truth about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The run began, at a time in milliseconds since 1970.
    Started {
        /// The run's name.
        run: RunId,
        /// What it does.
        plan: Plan,
        /// When.
        at_ms: u64,
        /// What the models can hold that may be asked, by their identities; empty in journals of older versions.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        models: Box<BTreeMap<String, ModelRecord>>,
    },
    /// What follows of these tasks was taken over from another run and not done again.
    Forked {
        /// The other run.
        from: RunId,
        /// The first node that is done anew, and with it all that depends on it.
        node: NodeName,
        /// The tasks whose answers and values were taken over.
        tasks: Vec<TaskId>,
    },
    /// A document was taken in.
    Document(DocumentRecord),
    /// A file was refused.
    Refused {
        /// The file's name.
        name: String,
        /// Why, in a sentence.
        error: String,
    },
    /// Every document is known: sources can be worked on.
    Gathered,
    /// From here on calls may use no more than this.
    Allowed {
        /// How much.
        budget: Budget,
    },
    /// A call is about to be made to a model that is paid for, and this much is set aside for it. Where neither an answer
    /// nor a failure follows, it counts as used.
    Reserved {
        /// Where in the run it stands.
        site: CallSite,
        /// What it can use at most.
        amount: Spent,
        /// Whether the answer can be fetched later: then it does not count as used, and is set aside anew when the call is
        /// made again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        kept: bool,
    },
    /// A try of a call failed.
    Missed {
        /// Where in the run it stands.
        site: CallSite,
        /// Which try it was, from 1.
        attempt: u32,
        /// Why, in a sentence.
        error: String,
        /// How long is waited before the next try, in milliseconds; none where there is none.
        wait_ms: Option<u64>,
        /// What it may have cost all the same.
        charged: Spent,
    },
    /// A model answered.
    Called(Box<CallRecord>),
    /// A task is done.
    Done {
        /// Which one.
        task: TaskId,
        /// What it yields.
        value: Value,
    },
    /// A task failed, and with it its source.
    Failed {
        /// Which one.
        task: TaskId,
        /// Why, in a sentence.
        error: String,
    },
    /// A task waits for a person.
    Waits {
        /// Which one.
        task: TaskId,
    },
    /// A person decided what a task waits for.
    Decided {
        /// Which one.
        task: TaskId,
        /// How.
        decision: Decision,
    },
    /// The run came to an end, or to a stop that it can be resumed from.
    Ended {
        /// How.
        outcome: Outcome,
        /// How long the process worked on it, in milliseconds.
        ms: u64,
    },
    /// A file is written below the output folder. It is recorded before it is done, so that the run knows its own files
    /// wherever it was killed, and may replace those that nobody has changed.
    Writes {
        /// The file, seen from the output folder.
        path: String,
        /// The hash of what it will say.
        hash: ContentHash,
    },
    /// The results were printed or written: until then the same command goes on with the run, even where it has ended.
    Told,
    /// The run was taken up again.
    Resumed {
        /// When, in milliseconds since 1970.
        at_ms: u64,
        /// Whether that was for what a person decided about a text that waited: what failed then stays failed. Otherwise
        /// failures are forgotten, so that they are tried again.
        #[serde(default)]
        decided: bool,
    },
}

impl CallRecord {
    /// Returns what it used: nothing where the answer was taken over from another call.
    #[must_use]
    pub fn spent(&self) -> Spent {
        if self.cached_from.is_some() {
            return Spent::default();
        }
        let usage = self.response.usage;
        Spent { tokens: usage.prompt_tokens + usage.completion_tokens, cost: self.cost }
    }
}
