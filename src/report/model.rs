//! The shape of a run report: what `--json` prints and what `longhand schema report` describes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rounds::RoundsLine;
use crate::model::StopReason;
use crate::run::Outcome;
use crate::text::TokenCount;

/// The version of this shape; it grows when a field changes its meaning or goes away.
pub(super) const VERSION: u32 = 1;

/// One run, as its journal tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this shape.
    pub version: u32,
    /// The run's name.
    pub run: String,
    /// The workflow's name.
    pub workflow: String,
    /// How the run ended, or `interrupted` where it has not.
    pub outcome: Outcome,
    /// The answer, where all documents were read as one source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The records of the answer, where it consists of records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<serde_json::Value>>,
    /// One result per document, and one with the path `.` for the whole archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summaries: Option<Vec<Summary>>,
    /// The sentences that the answer or the summaries rest on, where the workflow quotes.
    pub quotes: Vec<QuoteLine>,
    /// The documents that were taken in.
    pub documents: Vec<DocumentLine>,
    /// What could not be processed.
    pub failed: Vec<Failure>,
    /// What waits for a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// How every step that reasons in rounds came on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<RoundsLine>,
    /// Every call to a model, in the order in which they ended.
    pub calls: Vec<CallLine>,
    /// What the calls used together.
    pub usage: Totals,
    /// What tries without an answer cost, or may have cost, beside that.
    #[serde(default, skip_serializing_if = "Lost::is_nothing")]
    pub lost: Lost,
    /// How long the run was worked on, in milliseconds, over all its resumptions.
    pub duration_ms: u64,
}

/// The result for one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The document's path as given; `.` for the whole archive.
    pub path: String,
    /// The text; a Markdown table where the result consists of records.
    pub text: String,
    /// The records, where the result consists of records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<serde_json::Value>>,
    /// The sentences that the text is or rests on, where the workflow quotes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotes: Vec<QuoteLine>,
}

/// A sentence, word for word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuoteLine {
    /// The document's path as given.
    pub document: String,
    /// The offset of its first byte in the document's extracted UTF-8 text.
    pub start: u64,
    /// The offset after its last byte.
    pub end: u64,
    /// Its text.
    pub text: String,
}

/// How a document fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its result is there.
    Done,
    /// It could not be processed; `failed` says why.
    Failed,
    /// The run stopped before it was through.
    Open,
    /// A person has to decide; `waiting` says about what.
    Waiting,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentLine {
    /// Its path as given.
    pub path: String,
    /// The BLAKE3 hash of its extracted text.
    pub hash: String,
    /// How it fared.
    pub status: Status,
    /// The file that holds its result, where files were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The length of its extracted text in bytes.
    pub bytes: u64,
    /// The chunks that were read.
    pub chunks: Vec<ChunkLine>,
}

/// One chunk of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChunkLine {
    /// The offset of its first byte.
    pub start: u64,
    /// The offset after its last byte.
    pub end: u64,
    /// Its length in tokens of the model that read it.
    pub tokens: TokenCount,
}

/// Something that could not be processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The path as given; `.` for the whole archive.
    pub path: String,
    /// Why, in a sentence.
    pub error: String,
}

/// A text about which a person has to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// The path as given; `.` for the whole archive.
    pub path: String,
    /// The gate.
    pub node: String,
    /// What it asks.
    pub question: String,
    /// What it shows.
    pub text: String,
}

/// One call to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallLine {
    /// The node of the workflow.
    pub node: String,
    /// The source it was made for, or `archive`.
    pub slot: String,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// The document it read from.
    pub document: Option<String>,
    /// The chunk it read, from 0.
    pub chunk: Option<u32>,
    /// The model's identity.
    pub model: String,
    /// Tokens of the prompt.
    pub prompt_tokens: TokenCount,
    /// Those of them that were not computed again.
    pub cached_prompt_tokens: TokenCount,
    /// Tokens generated or scored.
    pub completion_tokens: TokenCount,
    /// Why the answer ended.
    pub stop: StopReason,
    /// Whether the answer was taken over and not asked for: such a call is in no sum.
    pub cached: bool,
    /// What it cost in USD; local models cost nothing.
    pub cost_usd: f64,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

impl CallLine {
    /// Tells whether the answer ended because it could not be longer.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.stop == StopReason::Length
    }
}

/// What tries without an answer cost, or may have cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lost {
    /// Tokens of prompts and answers.
    pub tokens: TokenCount,
    /// The same in USD.
    pub cost_usd: f64,
}

impl Lost {
    /// Tells whether nothing was lost.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Sums over the calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Tokens of all prompts.
    pub prompt_tokens: TokenCount,
    /// Tokens of all answers.
    pub completion_tokens: TokenCount,
    /// What the calls cost in USD.
    pub cost_usd: f64,
}
