//! Adds up the log-probabilities of the tokens of one text after a prompt.

use crate::local::sampling::{Distribution, check};
use crate::local::tokenizer::TokenId;
use crate::model::ModelError;

/// A text that is being scored.
#[derive(Debug)]
pub(super) struct Scoring {
    tokens: Vec<TokenId>,
    /// How many of them have their score.
    scored: usize,
    sum: f64,
}

impl Scoring {
    /// Begins with a text of which nothing has been scored.
    pub(super) fn new(tokens: Vec<TokenId>) -> Self {
        Self { tokens, scored: 0, sum: 0.0 }
    }

    /// Returns at most `limit` tokens to compute next, and how far behind the prompt they begin.
    pub(super) fn next(&self, limit: usize) -> (usize, &[TokenId]) {
        let fed = self.scored.saturating_sub(1);
        // What follows the last token is not asked.
        let given = self.tokens.split_last().map_or(&[][..], |(_, before)| before);
        let rest = given.get(fed..).unwrap_or(&[]);
        (fed, rest.get(..limit).unwrap_or(rest))
    }

    /// Takes rows of logits: that at the end of the prompt, or those after the tokens to compute.
    pub(super) fn hear(&mut self, rows: &[f32], width: usize) -> Result<(), ModelError> {
        for row in rows.chunks(width) {
            check(row)?;
            let Some(&id) = self.tokens.get(self.scored) else { break };
            self.sum += f64::from(Distribution::of(row).log_probability(id));
            self.scored += 1;
        }
        Ok(())
    }

    /// Tells whether every token has its score.
    pub(super) fn is_done(&self) -> bool {
        self.scored >= self.tokens.len()
    }

    /// Returns how many tokens were scored.
    pub(super) fn completion(&self) -> usize {
        self.tokens.len()
    }

    /// Returns the log-probability of the whole text.
    #[expect(clippy::cast_possible_truncation, reason = "single precision is what a score has")]
    pub(super) fn score(&self) -> f32 {
        self.sum as f32
    }
}
