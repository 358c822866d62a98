//! What a `judge` step says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::calls::StepCalls;
use super::super::example::Example;
use super::Several;
use crate::name::{AgentName, NodeName};

/// Lets an agent choose one of several texts, which is yielded word for word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgeSpec {
    /// One node that yields several texts, or a list of nodes that yield texts.
    pub over: Several,
    /// The judge. Its prompt is given `items` (each with `number` and `text`) and `count`; it answers with one number.
    #[schemars(with = "String")]
    pub agent: AgentName,
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
