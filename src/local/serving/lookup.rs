//! Guesses what is written next: what stood after the same words earlier in the prompt or in the answer.
//!
//! Answers about a document repeat its names, its numbers and its sentences. A guess costs a few rows of a step, and where it is
//! right it saves whole steps; the answer is the same either way, because each guess is held against the model's own choice.

use crate::local::tokenizer::TokenId;

/// How many of the last tokens must have stood together before, the longest first.
const ENDINGS: [usize; 2] = [3, 2];

/// The most tokens that are guessed at once.
const MOST: usize = 8;

/// The most tokens that are written without a guess after guesses that were wrong.
const LONGEST_PAUSE: usize = 64;

/// How well guesses have done in one answer. It depends on this answer alone, so the answer does not depend on others.
#[derive(Debug)]
pub(super) struct Lookup {
    /// How many tokens the next guess has.
    width: usize,
    /// How many steps go by without a guess.
    resting: usize,
    /// How many do after the next guess of which nothing was right.
    pause: usize,
}

impl Lookup {
    /// Begins an answer.
    pub(super) fn new() -> Self {
        Self { width: MOST / 2, resting: 0, pause: 1 }
    }

    /// Guesses at most `limit` tokens that follow `tokens`.
    pub(super) fn guess(&self, tokens: &[TokenId], limit: usize) -> Vec<TokenId> {
        let width = self.width.min(limit);
        if self.resting > 0 || width == 0 {
            return Vec::new();
        }
        let Some(from) = ENDINGS.iter().find_map(|&length| after_the_same(tokens, length)) else {
            return Vec::new();
        };
        // What repeats itself up to the end goes on repeating itself.
        let repeated = tokens.get(from..).unwrap_or(&[]);
        repeated.iter().copied().cycle().take(width).collect()
    }

    /// Takes note of how many of the guessed tokens were right.
    pub(super) fn learn(&mut self, guessed: usize, right: usize) {
        if guessed == 0 {
            self.resting = self.resting.saturating_sub(1);
        } else if right == 0 {
            self.resting = self.pause;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        } else {
            self.pause = 1;
            self.width = (right * 2).clamp(2, MOST);
        }
    }
}

/// Returns the place after the last earlier occurrence of the last `length` tokens.
fn after_the_same(tokens: &[TokenId], length: usize) -> Option<usize> {
    let (_, before) = tokens.split_last()?;
    let ending = tokens.get(tokens.len().checked_sub(length)?..)?;
    let at = before.windows(length).rposition(|window| window == ending)?;
    Some(at + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_followed_the_same_words_is_guessed_from_the_last_place() {
        let lookup = Lookup::new();
        assert_eq!(lookup.guess(&[1, 2, 3, 4, 5, 6, 7, 1, 2, 3], 8), [4, 5, 6, 7]);
        assert_eq!(lookup.guess(&[1, 2, 3, 4, 9, 2, 3, 5, 6, 1, 2, 3], 1), [4], "three words before two");
        assert_eq!(lookup.guess(&[2, 3, 4, 9, 2, 3, 5, 6, 1, 2, 3], 2), [5, 6], "the nearer of two places");
        assert!(lookup.guess(&[1, 2, 3, 4, 5], 8).is_empty());
        assert!(lookup.guess(&[1], 8).is_empty());
        assert_eq!(lookup.guess(&[7, 7, 7, 7], 4), [7, 7, 7, 7]);
        assert_eq!(lookup.guess(&[1, 2, 1, 2, 1, 2], 3), [1, 2, 1]);
    }

    #[test]
    fn guesses_rest_where_they_are_wrong_and_grow_where_they_are_right() {
        let tokens = [5; 20];
        let mut lookup = Lookup::new();
        for pause in [1, 2, 4, 8, 16, 32, 64, 64] {
            assert!(!lookup.guess(&tokens, 8).is_empty());
            lookup.learn(4, 0);
            for _ in 0..pause {
                assert!(lookup.guess(&tokens, 8).is_empty());
                lookup.learn(0, 0);
            }
        }
        lookup.learn(4, 4);
        assert_eq!(lookup.guess(&tokens, 99).len(), 8);
        lookup.learn(8, 1);
        assert_eq!(lookup.guess(&tokens, 99).len(), 2);
    }
}
