//! What a `route` step says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::condition::Condition;
use crate::name::NodeName;

/// Yields the value of one of several nodes, chosen by a text. What only the others need never runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// The node that yields the text.
    #[schemars(with = "String")]
    pub on: NodeName,
    /// The cases, held against the text from the first to the last.
    pub cases: Vec<CaseSpec>,
    /// The node that is taken where no case fits.
    #[schemars(with = "String")]
    pub otherwise: NodeName,
}

/// One case of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseSpec {
    /// What the text must be like.
    pub when: Condition,
    /// The node that is taken then.
    #[schemars(with = "String")]
    pub take: NodeName,
}

impl RouteSpec {
    /// Returns the nodes that it can lead to, that of `otherwise` last.
    pub fn branches(&self) -> impl Iterator<Item = &NodeName> {
        self.cases.iter().map(|case| &case.take).chain([&self.otherwise])
    }

    /// Returns the node that `text` leads to.
    #[must_use]
    pub fn choose(&self, text: &str) -> &NodeName {
        let fits = self.cases.iter().find(|case| case.when.holds(text));
        fits.map_or(&self.otherwise, |case| &case.take)
    }
}
