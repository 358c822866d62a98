//! What a `call` step says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::calls::StepCalls;
use super::super::example::Example;
use crate::name::{AgentName, NodeName};

/// Asks one agent once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallSpec {
    /// The agent.
    #[schemars(with = "String")]
    pub agent: AgentName,
    /// Its template variables: variable -> node.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub with: BTreeMap<String, NodeName>,
    /// Demonstrations, sent after those of the agent.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// How the calls are made, where that is not as the agent says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<StepCalls>,
    /// A node that yields quotes: the answer may state no number and no name that they do not, or the best quote
    /// is given instead. `not found` is taken as it is; without any quote it is the answer and the agent is not asked.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub grounded_in: Option<NodeName>,
    /// A `recall`: its turns are sent as earlier turns of the conversation, and the template is given `memory`, the
    /// other parts in their order, each with `part`, `text` and `line`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub memory: Option<NodeName>,
}
