//! One sequence at a time over a [`Pass`]: it is fed tokens, and can go back to any position. What is computed is held against
//! others through it, without requests.

use crate::local::pass::{PAGE, PageId, Pass, Rows, Span};
use crate::local::tokenizer::TokenId;
use crate::model::ModelError;

/// A pass that computes one sequence.
pub(super) struct Alone {
    pass: Box<dyn Pass>,
    pages: Vec<PageId>,
    len: usize,
    logits: Vec<f32>,
}

impl std::fmt::Debug for Alone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alone").field("len", &self.len).finish_non_exhaustive()
    }
}

impl Alone {
    /// Takes a pass whose pages nobody else uses.
    pub(super) fn new(pass: Box<dyn Pass>) -> Self {
        Self { pass, pages: Vec::new(), len: 0, logits: Vec::new() }
    }

    /// Forgets every position from `length` on.
    pub(super) fn truncate(&mut self, length: usize) {
        self.len = self.len.min(length);
    }

    /// Computes `tokens` after those before, and returns the logits asked for, one row after the other.
    pub(super) fn feed(&mut self, tokens: &[TokenId], rows: Rows) -> Result<&[f32], ModelError> {
        let needed = (self.len + tokens.len()).div_ceil(PAGE);
        if needed > self.pages.len() {
            // Growing copies what is there, so it grows in large steps.
            let room = needed.max(self.pages.len() * 2).max(16);
            self.pass.reserve(room)?;
            self.pages = (0..).map(PageId).take(room).collect();
        }
        let span = Span { tokens, start: self.len, pages: &self.pages, rows };
        self.pass.forward(&[span], &mut self.logits)?;
        self.len += tokens.len();
        Ok(&self.logits)
    }
}
