//! Scores each of several texts as a whole answer: its tokens, and the token that ends it.
//!
//! Choices that begin alike share what is computed for their beginning. They are taken in the order of their tokens, so that all
//! that begin with what has just been computed stand next to each other.

use crate::local::sampling::{Distribution, check};
use crate::local::tokenizer::TokenId;
use crate::model::ModelError;

/// Choices that are being scored.
#[derive(Debug)]
pub(super) struct Choosing {
    choices: Vec<Vec<TokenId>>,
    /// The choices in the order of their tokens.
    order: Vec<usize>,
    /// Where in the order the choice stands that is computed now.
    at: usize,
    /// How many of its tokens lie after the prompt; those of other choices that lay there are overwritten.
    fed: usize,
    scores: Vec<f32>,
    computed: usize,
}

impl Choosing {
    /// Begins with choices of which none has been scored.
    pub(super) fn new(choices: Vec<Vec<TokenId>>) -> Self {
        let mut order: Vec<usize> = (0..choices.len()).collect();
        order.sort_by_key(|&index| choices.get(index));
        Self { scores: vec![0.0; choices.len()], choices, order, at: 0, fed: 0, computed: 0 }
    }

    /// Takes the row of logits at the end of the prompt.
    pub(super) fn begin(&mut self, row: &[f32]) -> Result<(), ModelError> {
        self.score(row)?;
        self.advance();
        Ok(())
    }

    /// Returns at most `limit` tokens to compute next, and how far behind the prompt they begin.
    pub(super) fn next(&self, limit: usize) -> (usize, &[TokenId]) {
        let rest = self.given().get(self.fed..).unwrap_or(&[]);
        (self.fed, rest.get(..limit).unwrap_or(rest))
    }

    /// Takes the rows of logits after those tokens.
    pub(super) fn hear(&mut self, rows: &[f32], width: usize) -> Result<(), ModelError> {
        for row in rows.chunks(width) {
            self.fed += 1;
            self.computed += 1;
            self.score(row)?;
        }
        self.advance();
        Ok(())
    }

    /// Tells whether every choice has its score.
    pub(super) fn is_done(&self) -> bool {
        self.at >= self.order.len()
    }

    /// Returns how many tokens have been computed, and those that end the choices.
    pub(super) fn completion(&self) -> usize {
        self.computed + self.choices.len()
    }

    /// Takes the scores, in the order in which the choices were given.
    pub(super) fn take_scores(&mut self) -> Vec<f32> {
        std::mem::take(&mut self.scores)
    }

    fn current(&self) -> &[TokenId] {
        self.order.get(self.at).and_then(|&index| self.choices.get(index)).map_or(&[], Vec::as_slice)
    }

    /// The tokens of the current choice that others of it follow: all but the last.
    fn given(&self) -> &[TokenId] {
        self.current().split_last().map_or(&[], |(_, before)| before)
    }

    /// Scores the next token of every choice that begins with what lies after the prompt.
    fn score(&mut self, row: &[f32]) -> Result<(), ModelError> {
        check(row)?;
        let likely = Distribution::of(row);
        let begun = self.current().get(..self.fed).unwrap_or(&[]).to_vec();
        for &index in self.order.iter().skip(self.at) {
            let (Some(choice), Some(score)) = (self.choices.get(index), self.scores.get_mut(index)) else {
                continue;
            };
            if choice.get(..self.fed) != Some(begun.as_slice()) {
                break;
            }
            if let Some(&id) = choice.get(self.fed) {
                *score += likely.log_probability(id);
            }
        }
        Ok(())
    }

    /// Goes on to the next choice of which something has to be computed, where that is so of the current one no more.
    fn advance(&mut self) {
        while !self.is_done() && self.fed >= self.given().len() {
            let lies = self.current().get(..self.fed).unwrap_or(&[]).to_vec();
            self.at += 1;
            self.fed = self.current().iter().zip(&lies).take_while(|(a, b)| a == b).count();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores choices over five tokens, where token `i` follows any text with a weight of `i` and the length of the text.
    fn scored(choices: &[&[TokenId]], limit: usize) -> (Vec<f32>, usize) {
        let row = |length: u16| -> Vec<f32> { (0..5_u16).map(|id| f32::from(id * (length + 1))).collect() };
        let mut choosing = Choosing::new(choices.iter().map(|choice| choice.to_vec()).collect());
        choosing.begin(&row(0)).unwrap();
        while !choosing.is_done() {
            let (from, tokens) = choosing.next(limit);
            assert!(!tokens.is_empty());
            let from = u16::try_from(from).unwrap();
            let rows: Vec<f32> = (0..).zip(tokens).flat_map(|(at, _)| row(from + at + 1)).collect();
            choosing.hear(&rows, 5).unwrap();
        }
        (choosing.take_scores(), choosing.completion())
    }

    #[test]
    fn a_score_depends_neither_on_other_choices_nor_on_how_steps_are_cut() {
        let choices: [&[TokenId]; 6] = [&[3, 4], &[1, 2, 4], &[1, 2, 3, 4], &[1, 2, 3, 4], &[0], &[1]];
        let (together, computed) = scored(&choices, 9);
        // 3; 1, 2, 3; and six ends.
        assert_eq!(computed, 1 + 3 + 6);
        assert_eq!(scored(&choices, 1).0, together);
        for (choice, score) in choices.iter().zip(&together) {
            assert_eq!(scored(&[choice], 2).0[0].to_bits(), score.to_bits(), "{choice:?}");
            assert!(*score < 0.0);
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        assert!(Choosing::new(vec![vec![1]]).begin(&[0.0, f32::NAN]).is_err());
    }
}
