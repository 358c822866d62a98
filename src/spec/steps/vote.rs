//! What a `vote` step says.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Several;
use crate::name::{NameError, NodeName};

/// Takes the text that most nodes gave. Texts count as the same where they have the same words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VoteSpec {
    /// One node that yields several texts, or a list of nodes that yield texts.
    pub over: Several,
    /// Which of the texts with equally many votes is taken: `first`, or the one of this node of `over`.
    #[serde(default)]
    #[schemars(with = "String", extend("default" = "first"))]
    pub tie: Tie,
}

/// How a tie is resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Tie {
    /// For the text that was given first.
    #[default]
    First,
    /// For the text that this node gave, where it is one of them; otherwise for the first.
    Node(NodeName),
}

impl TryFrom<String> for Tie {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        if text == "first" { Ok(Self::First) } else { NodeName::try_from(text).map(Self::Node) }
    }
}

impl From<Tie> for String {
    fn from(tie: Tie) -> Self {
        tie.to_string()
    }
}

impl fmt::Display for Tie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("first"),
            Self::Node(node) => node.fmt(f),
        }
    }
}
