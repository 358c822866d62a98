//! What a `rank` step says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::calls::StepCalls;
use super::super::example::Example;
use crate::name::{AgentName, NodeName};

/// Puts things into the order in which an agent finds them good, listwise and from the back, window by window (`RankGPT`,
/// arXiv 2304.09542).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RankSpec {
    /// The node that yields chunks, texts, quotes or records; the same is yielded, best first.
    #[schemars(with = "String")]
    pub over: NodeName,
    /// The ranker. Its prompt is given `items` (each with `number` and `text`) and `count`; it answers with the numbers,
    /// best first.
    #[schemars(with = "String")]
    pub agent: AgentName,
    /// How many things are put before the agent at once; 0 puts all of them before it in one call.
    #[serde(default = "RankSpec::default_window")]
    pub window: u32,
    /// How far the window moves forward after each call. From 1 to `window`.
    #[serde(default = "RankSpec::default_step")]
    pub step: u32,
    /// How many are kept; without it all of them.
    #[serde(default)]
    pub top: Option<u32>,
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

impl RankSpec {
    /// The window of the paper.
    fn default_window() -> u32 {
        20
    }

    /// The step of the paper.
    fn default_step() -> u32 {
        10
    }
}
