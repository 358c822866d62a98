//! What a `vote` step says.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Several;
use crate::name::{NameError, NodeName};

/// Takes the text that most nodes gave, or the answer that most of their texts end in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VoteSpec {
    /// One node that yields several texts, or a list of nodes that yield texts.
    pub over: Several,
    /// Which of the texts with equally many votes is taken: `first`, or the one of this node of `over`.
    #[serde(default)]
    #[schemars(with = "String", extend("default" = "first"))]
    pub tie: Tie,
    /// What of each text is voted on.
    #[serde(default, skip_serializing_if = "VoteBy::is_words")]
    #[schemars(extend("default" = "words"))]
    pub by: VoteBy,
}

/// What of each text is voted on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VoteBy {
    /// The whole text. Texts count as the same where they have the same words.
    #[default]
    Words,
    /// The final answer as a formula, in LaTeX or plain text. Answers that are mathematically equal count as the same; a text
    /// without an answer does not vote.
    Math,
    /// The final answer as a number, as with `math`.
    Number,
    /// The letter of the choice, A to E; a text without one does not vote.
    Choice,
}

impl VoteBy {
    /// What is voted on by default is not written down: workflows from before there was a choice keep their identity.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    fn is_words(&self) -> bool {
        *self == Self::Words
    }
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
