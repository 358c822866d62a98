//! What the steps say that cut documents into chunks and read them one after the other.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::calls::StepCalls;
use super::super::example::Example;
use super::amount::Amount;
use crate::name::{AgentName, NodeName};

/// Cuts documents into chunks by the real token budget of the step that reads them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitSpec {
    /// The step that reads the chunks: its rendered prompt and its output decide how large they may be.
    #[serde(rename = "for")]
    #[schemars(with = "String")]
    pub reader: NodeName,
    /// An upper bound below what the window allows, in tokens.
    #[serde(default)]
    pub max_tokens: Option<Amount>,
    /// Which chunks to keep.
    #[serde(default)]
    pub keep: Keep,
    /// Where chunks end.
    #[serde(default, skip_serializing_if = "ChunkEnd::is_usual")]
    pub at: ChunkEnd,
}

/// Where chunks end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChunkEnd {
    /// With a sentence, and with a paragraph where that costs little.
    #[default]
    Sentences,
    /// With a paragraph wherever one ends. One that does not begin with a capital letter belongs to the one before.
    Paragraphs,
}

impl ChunkEnd {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
    fn is_usual(&self) -> bool {
        *self == Self::Sentences
    }
}

/// Which chunks of a document are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Every chunk.
    #[default]
    All,
    /// Only the first one; the report says how much was left unread.
    First,
}

/// Reads chunks in order, carrying one communication unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FoldSpec {
    /// The node that yields the chunks.
    #[schemars(with = "String")]
    pub over: NodeName,
    /// The worker. Its prompt is given `chunk`, `unit` (the previous answer, empty at first), `index` and `count`.
    #[schemars(with = "String")]
    pub agent: AgentName,
    /// The order of reading.
    #[serde(default)]
    pub order: Order,
    /// How often, over all, an answer may have a chunk read again: `<reread>2</reread>` in it makes the second one the next. From
    /// 0 to 100. Its prompt is given `rereads`, how often that is left.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rereads: u32,
    /// Further template variables: variable -> node.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub with: BTreeMap<String, NodeName>,
    /// Demonstrations, sent after those of the agent.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// How the calls are made, where that is not as the agent says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<StepCalls>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The order in which a fold reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// As the document stands.
    #[default]
    LeftToRight,
    /// From the end to the beginning.
    RightToLeft,
    /// In a random order drawn from the seed: `shuffled: 7`.
    Shuffled(u64),
}
