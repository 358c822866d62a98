//! What a search of an index returns. Knows no index.

use std::cmp::Ordering;

/// Something that a search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Its position in the index: how many were pushed before it.
    pub position: usize,
    /// How well it fits the query: the cosine of the angle for vectors, the sum over shared terms for texts.
    pub score: f32,
}

impl Hit {
    /// Tells which of two comes first: the one with the higher score, and of equal ones the earlier.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.position.cmp(&other.position))
    }
}
