//! Counting tokens: the unit in which windows, budgets and usage are measured.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// A number of tokens.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct TokenCount(pub u64);

impl TokenCount {
    /// Returns `self - other`, or zero where `other` is larger.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for TokenCount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for TokenCount {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self(0), Add::add)
    }
}

impl fmt::Display for TokenCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Counts the tokens of a text as one model would.
///
/// Called for every sentence of every document, from any thread: it must be cheap and must not block.
pub trait TokenCounter: fmt::Debug + Send + Sync {
    /// Counts the tokens of `text` on its own, without any special token around it.
    fn count(&self, text: &str) -> TokenCount;
}

/// A counter for models without a tokenizer of their own: one token for every four bytes, rounded up.
///
/// It is additive up to rounding and deterministic, which is what the scripted model needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApproximateCounter;

impl TokenCounter for ApproximateCounter {
    fn count(&self, text: &str) -> TokenCount {
        TokenCount((text.len() as u64).div_ceil(4))
    }
}
