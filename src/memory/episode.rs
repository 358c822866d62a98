//! What was said in a chat, turn by turn, word for word: the ground truth that everything else is made from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::Span;

/// The number of a turn in its session, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Turn(pub u32);

impl Turn {
    /// Returns the turn after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns how many turns lie between an earlier turn and this one; 0 for a later one.
    #[must_use]
    pub fn since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whose words something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person's who chats.
    User,
    /// The model's.
    Assistant,
    /// Those of a file that was attached.
    Document,
}

/// One message of a turn, or a part of an attached file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Whose words they are.
    pub role: Role,
    /// What that person or file is called, where it has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The words.
    pub text: String,
}

impl Said {
    /// Makes a message of the person who chats.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: Role::User, name: None, text: text.into() }
    }

    /// Makes a message of the model.
    #[must_use]
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: Role::Assistant, name: None, text: text.into() }
    }

    /// Returns who speaks, as prompts and listings call them.
    #[must_use]
    pub fn speaker(&self) -> &str {
        match (&self.name, self.role) {
            (Some(name), _) => name,
            (None, Role::User) => "user",
            (None, Role::Assistant) => "assistant",
            (None, Role::Document) => "document",
        }
    }
}

/// One turn of a session: as a rule what the user said and what the model answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// Its number.
    pub turn: Turn,
    /// When it was, in milliseconds since 1970; none where an import does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// What was said, in order.
    pub said: Vec<Said>,
}

/// Where a passage stands: bytes of one message of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The turn.
    pub turn: Turn,
    /// The message of the turn, from 0.
    pub said: u32,
    /// The bytes of the message.
    pub span: Span,
}

impl Episode {
    /// Tells whether it is a turn of the chat, and not a file that was attached.
    #[must_use]
    pub fn is_chat(&self) -> bool {
        self.said.iter().any(|said| said.role != Role::Document)
    }
}

/// The span of a whole text.
pub(super) fn whole(text: &str) -> Span {
    Span { start: 0, end: text.len() as u64 }
}
