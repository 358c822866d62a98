//! What a `recall` and a `remember` step say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::NodeName;

/// The most tokens of a prompt with memory, as in HEMA (arXiv 2504.16754, section 3).
const PROMPT: u64 = 3_500;

/// The turns before the current one that are shown as they were, as there.
const TAIL: u32 = 2;

/// Looks up in the session's memory what has to do with a text, as much as fits into the prompt of the step that reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecallSpec {
    /// The input that holds the text.
    pub question: String,
    /// The `call` that reads it by `memory`: its rendered prompt decides how much fits.
    #[serde(rename = "for")]
    #[schemars(with = "String")]
    pub reader: NodeName,
    /// The most tokens of that step's whole prompt, memory included. A model with a smaller window takes less.
    #[serde(default = "RecallSpec::default_prompt_tokens")]
    pub prompt_tokens: u64,
    /// How many of the turns before are shown as they were, in a quarter of the prompt at most.
    #[serde(default = "RecallSpec::default_tail")]
    #[schemars(range(min = 0, max = 100))]
    pub tail: u32,
}

impl RecallSpec {
    fn default_prompt_tokens() -> u64 {
        PROMPT
    }

    fn default_tail() -> u32 {
        TAIL
    }
}

/// Hands an answer on and has the session remember it, with what it answers. The session takes it in when the run has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RememberSpec {
    /// The input that holds what was said.
    pub question: String,
    /// The node that yields the answer, which this step yields, too.
    #[schemars(with = "String")]
    pub answer: NodeName,
    /// The `recall` that the answer was given with: what it showed is not remembered again where the answer repeats it.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub recalled: Option<NodeName>,
    /// The node that yields the running summary. Without it sentences of the chat are chosen.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub summary: Option<NodeName>,
}
