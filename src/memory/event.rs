//! What happens to a memory. The events of a session's journal, in order, are the memory: everything else is made from them.

use serde::{Deserialize, Serialize};

use super::episode::{Episode, Place, Said, Turn};
use crate::hash::ContentHash;

/// One thing that happened to a memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryEvent {
    /// The session began.
    Began {
        /// When, in milliseconds since 1970.
        at_ms: u64,
    },
    /// A turn was finished.
    Turned {
        /// What was said.
        episode: Episode,
        /// The passages that were shown to the model in this turn.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        recalled: Vec<Place>,
        /// The running summary after it, where a model wrote one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        summary: Option<String>,
        /// The run that made it; none where it was deleted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<String>,
    },
    /// A chat that another program kept was taken in: all its turns in one record, which is in the journal whole or not at all.
    Imported {
        /// When, in milliseconds since 1970.
        at_ms: u64,
        /// Names the bytes of the file, so that they are not taken in twice.
        content: ContentHash,
        /// Its turns.
        turns: Vec<Episode>,
    },
    /// A file was attached: its text belongs to no turn but can be recalled.
    Attached {
        /// The number that it takes among the turns.
        turn: Turn,
        /// When, in milliseconds since 1970.
        at_ms: u64,
        /// Its text and its name.
        document: Said,
    },
    /// A turn is to be in every prompt.
    Pinned {
        /// Which.
        turn: Turn,
    },
    /// A turn need not be in every prompt any more.
    Unpinned {
        /// Which.
        turn: Turn,
    },
    /// A message was put right: the new words count from now on, the old ones are shown with the turn and nowhere else.
    Edited {
        /// The turn of the message.
        turn: Turn,
        /// The message of the turn, from 0.
        said: u32,
        /// The new words.
        text: String,
    },
    /// The last turn was taken back.
    Undone {
        /// Which.
        turn: Turn,
    },
}

impl MemoryEvent {
    /// Returns the turns that the event brings in, or the number that a file takes.
    pub(super) fn begun(&self) -> Vec<Turn> {
        match self {
            Self::Turned { episode, .. } => vec![episode.turn],
            Self::Imported { turns, .. } => turns.iter().map(|episode| episode.turn).collect(),
            Self::Attached { turn, .. } => vec![*turn],
            _ => Vec::new(),
        }
    }
}
