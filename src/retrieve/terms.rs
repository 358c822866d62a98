//! Turns text into the terms that scores count, and numbers them. Knows English endings and nothing of scores.

use std::collections::HashMap;

use rust_stemmers::{Algorithm, Stemmer};

use crate::text::words;

/// English words that say how a sentence is built rather than what it is about.
const STOP_WORDS: &[&str] = &[
    "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "because", "been",
    "before", "being", "both", "but", "by", "can", "could", "did", "do", "does", "during", "each", "for",
    "from", "had", "has", "have", "he", "her", "here", "his", "how", "i", "if", "in", "into", "is", "it",
    "its", "itself", "may", "me", "might", "must", "my", "of", "on", "or", "other", "our", "she", "should",
    "so", "some", "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this",
    "those", "through", "to", "too", "under", "until", "was", "we", "were", "what", "when", "where", "which",
    "while", "who", "whom", "whose", "why", "will", "with", "would", "you", "your",
];

/// The number of a term in its vocabulary, from 0.
pub(super) type TermIndex = usize;

/// The terms of a collection, each with a number.
#[derive(Debug, Default)]
pub(super) struct Vocabulary(HashMap<String, TermIndex>);

impl Vocabulary {
    /// Returns each term of `text` with how often it stands there, in the order of their numbers; new terms get numbers.
    pub(super) fn learn(&mut self, text: &str) -> Vec<(TermIndex, f64)> {
        let indices = terms(text).into_iter().map(|term| {
            let next = self.0.len();
            *self.0.entry(term).or_insert(next)
        });
        tally(indices.collect())
    }

    /// Returns each known term of `text` with how often it stands there.
    pub(super) fn look_up(&self, text: &str) -> Vec<(TermIndex, f64)> {
        tally(terms(text).iter().filter_map(|term| self.0.get(term).copied()).collect())
    }

    /// Returns the number of a term, if the collection holds it.
    pub(super) fn number(&self, term: &str) -> Option<TermIndex> {
        self.0.get(term).copied()
    }

    /// Returns how many terms have numbers.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Returns the words of `text` in lower case, without stop words, cut to their stems (Porter's English Snowball stemmer).
#[must_use]
pub fn terms(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    words(text)
        .map(str::to_lowercase)
        .filter(|word| !STOP_WORDS.contains(&word.as_str()))
        .map(|word| stemmer.stem(&word).into_owned())
        .collect()
}

fn tally(mut indices: Vec<TermIndex>) -> Vec<(TermIndex, f64)> {
    indices.sort_unstable();
    indices.chunk_by(PartialEq::eq).filter_map(|run| Some((*run.first()?, count(run.len())))).collect()
}

/// Returns a count as a number to calculate with.
pub(super) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Returns a score in the precision that scores are handed out in.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a score needs seven digits, and rounding is what is meant"
)]
pub(super) fn score(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_the_stem_of_a_word_that_means_something() {
        assert_eq!(terms("The Cats were RUNNING to 東京"), ["cat", "run", "東", "京"]);
        assert_eq!(Vocabulary::default().learn("dog cat dogs"), [(0, 2.0), (1, 1.0)]);
    }
}
