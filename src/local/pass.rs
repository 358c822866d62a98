//! One step of a model over several sequences at once: the seam between what schedules requests and what computes them.
//!
//! Keys and values lie in pages of [`PAGE`] positions. Whoever asks for a step says which pages a sequence has, so that
//! sequences that begin alike may share those of their beginning, and a page that nobody needs can go to the next.

use super::sampling::{check, likeliest};
use super::tokenizer::TokenId;
use crate::model::ModelError;

/// Positions whose keys and values lie together.
pub(super) const PAGE: usize = 64;

/// The place of [`PAGE`] positions in every layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PageId(pub(super) u32);

/// Which positions of a span the caller wants logits of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// None: the step only fills the pages.
    None,
    /// The last one.
    Last,
    /// All of them.
    All,
}

/// The tokens of one sequence that a step computes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span<'a> {
    /// The tokens, one position after the other; at least one.
    pub(super) tokens: &'a [TokenId],
    /// The position of the first token: the keys and values of all before it were computed in earlier steps.
    pub(super) start: usize,
    /// The pages of the sequence: page `i` holds the positions from `i * PAGE` on. There are enough for the last token, and
    /// no other span of the step writes to those that this one writes to.
    pub(super) pages: &'a [PageId],
    /// Which positions logits are wanted of.
    pub(super) rows: Rows,
}

impl Span<'_> {
    /// Returns the position after the last token.
    pub(super) fn end(&self) -> usize {
        self.start + self.tokens.len()
    }

    /// Returns how many rows of logits are wanted.
    pub(super) fn wanted(&self) -> usize {
        match self.rows {
            Rows::None => 0,
            Rows::Last => 1,
            Rows::All => self.tokens.len(),
        }
    }
}

/// A model that computes steps.
///
/// The result for a span is that of the span alone: on a processor bit for bit, whatever else is in the step and wherever the
/// steps before it were cut; on a graphics processor within rounding.
pub(super) trait Pass: Send {
    /// Returns how many logits a row has: one for each token of the vocabulary.
    fn vocabulary(&self) -> usize;

    /// Returns how many bytes of keys and values are kept for a position.
    fn position_bytes(&self) -> u64;

    /// Makes room for `pages` pages in all, if there are fewer; those that are there keep what they hold.
    ///
    /// # Errors
    /// [`ModelError::Compute`] where there is no memory for them.
    fn reserve(&mut self, pages: usize) -> Result<(), ModelError>;

    /// Computes the spans of a step, keeps their keys and values, and writes the rows of logits that they want into `logits`, in
    /// the order of the spans; what was in `logits` before is gone.
    ///
    /// # Errors
    /// [`ModelError::Compute`]; nothing can be said then about the pages that the step wrote to.
    fn forward(&mut self, spans: &[Span<'_>], logits: &mut Vec<f32>) -> Result<(), ModelError>;

    /// Computes the spans as [`Pass::forward`] does, and writes into `tokens` the likeliest token of every row that they want, the
    /// first of several; none where a logit of the row is not a number. `logits` is room to work in.
    ///
    /// Where the logits lie in another memory, far less is carried over than by asking for all of them.
    ///
    /// # Errors
    /// As [`Pass::forward`].
    fn likeliest(
        &mut self,
        spans: &[Span<'_>],
        tokens: &mut Vec<Option<TokenId>>,
        logits: &mut Vec<f32>,
    ) -> Result<(), ModelError> {
        self.forward(spans, logits)?;
        let rows = logits.chunks(self.vocabulary().max(1));
        tokens.clear();
        tokens.extend(rows.map(|row| check(row).is_ok().then(|| likeliest(row))));
        Ok(())
    }
}
