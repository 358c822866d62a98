//! What a `retrieve` step says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::NodeName;

/// Keeps the chunks that share most words with a question. Exactly one of `question` and `from` says what to look for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrieveSpec {
    /// The node that yields the chunks.
    #[schemars(with = "String")]
    pub over: NodeName,
    /// The input that holds the question.
    #[serde(default)]
    pub question: Option<String>,
    /// A node that yields the text to look for, such as a rewritten question.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub from: Option<NodeName>,
    /// How many chunks are kept at most; at least 1.
    pub top: u32,
    /// How many tokens the kept chunks have at most together; a chunk that passes it gives way to the next best one.
    #[serde(default)]
    pub keep_tokens: Option<u64>,
}
