//! What a `filter` step says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::calls::StepCalls;
use super::super::condition::Condition;
use super::super::example::Example;
use crate::name::{AgentName, NodeName};

/// Keeps the things of which an agent says yes, or that meet a condition. Exactly one of `agent` and `keep_if` decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterSpec {
    /// The node that yields chunks, texts, quotes or records; the same is yielded, in the same order.
    #[schemars(with = "String")]
    pub over: NodeName,
    /// Who decides, `yes` or `no`. Its prompt is given `item` (a text), `index` and `count`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub agent: Option<AgentName>,
    /// What the text of a thing must be like. No agent is asked.
    #[serde(default)]
    pub keep_if: Option<Condition>,
    /// Further template variables: variable -> node. Only beside `agent`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub with: BTreeMap<String, NodeName>,
    /// Demonstrations, sent after those of the agent. Only beside `agent`.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// How the calls are made, where that is not as the agent says. Only beside `agent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<StepCalls>,
}
