//! What an `iterate` step says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::calls::StepCalls;
use super::super::condition::Condition;
use super::super::example::Example;
use super::amount::Amount;
use crate::name::{AgentName, NodeName};

/// Asks one agent again and again, each time with what it said before, until its answer meets a condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IterateSpec {
    /// The agent. Its prompt is given `previous` (what `carry` says), `round` from 1, and `rounds`, which is `at_most`.
    #[schemars(with = "String")]
    pub agent: AgentName,
    /// What a round sees of the rounds before.
    #[serde(default)]
    pub carry: Carry,
    /// A round whose answer meets this is the last; without it every round is made.
    #[serde(default)]
    pub until: Option<Condition>,
    /// The number of rounds at most, from 1 to 1000. The last answer is the value.
    pub at_most: Amount,
    /// The most tokens of a round's answer, instead of the agent's `max_output`. At least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_tokens: Option<Amount>,
    /// With `carry: summary`: a round that ends without a whole summary is asked for one, of at most so many tokens; its
    /// prompt is then given `thought` as well. Without it such a round is made again. At least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary_tokens: Option<Amount>,
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

/// What a round sees of the rounds before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Carry {
    /// `previous` is the last answer, empty in the first round.
    #[default]
    Last,
    /// `previous` is the list of all answers so far.
    All,
    /// `previous` is the last summary: what an answer says between `<summary>` and `</summary>`, empty in the first round. An
    /// answer without a summary ends the rounds, and what it says after `</think>` is the value.
    Summary,
    /// Nothing: there is no `previous`.
    None,
}
