//! Where a piece of text stands: a document, and a range of bytes in its extracted UTF-8 text.

use serde::{Deserialize, Serialize};

use super::TokenCount;
use crate::hash::ContentHash;

/// A half-open range of byte offsets into a document's extracted UTF-8 text; both ends are character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The offset of the first byte.
    pub start: u64,
    /// The offset after the last byte; never below `start`.
    pub end: u64,
}

impl Span {
    /// Returns the length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Tells whether the span holds no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The position of a document in its run, from 0, in reading order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentIndex(pub u32);

/// A part of a document that one model call reads. The chunks of a document tile it byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The document that the chunk is a part of.
    pub document: DocumentIndex,
    /// Where in the document it stands.
    pub span: Span,
    /// Its length in tokens of the model that will read it.
    pub tokens: TokenCount,
    /// The hash of its text: a document that changes under a run is noticed by it.
    pub hash: ContentHash,
}
