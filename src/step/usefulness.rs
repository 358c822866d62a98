//! How useful a sentence is: for a question, or as a stand-in for its document.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::retrieve::{Bm25, centrality};
use crate::text::{DocumentIndex, Span};

/// The share of a neighbour's shared words that a sentence is credited with: "it held" is about what stands before it.
const NEIGHBOUR_SHARE: f32 = 0.25;

/// The share of a choice by number. It is small, because a model of 135 million parameters chooses by number hardly better
/// than chance (the gold sentence among its first three of sixteen for 2 of 8 questions; words alone: 7 of 8); a larger
/// model deserves more.
const CHOICE_SHARE: f32 = 0.25;

/// The share of the model's part in a fused score; the rest is shared words.
///
/// Of 17 archive facts whose sentence the words proposed, words put 7 first, likelihood 11, and both in this proportion 12.
const MODEL_SHARE: f32 = 0.6;

/// What a sentence adds to each token of a question at most, in nats: as much as one that repeats it.
const MOST_GAIN: f32 = 5.0;

/// A sentence that may be quoted.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The position of its chunk in the source.
    pub(super) chunk: usize,
    /// Its document.
    pub(super) document: DocumentIndex,
    /// Where it stands there.
    pub(super) span: Span,
    /// Its text.
    pub(super) text: String,
}

/// The candidates of a source, in reading order, each with the words it shares.
#[derive(Debug)]
pub(super) struct Usefulness {
    candidates: Vec<Candidate>,
    /// From 0 to 1, the highest of the source being 1.
    words: Vec<f32>,
    /// The share of the question's information that the sentence's words hold, from 0 to 1; 1 without a question.
    coverage: Vec<f32>,
}

impl Usefulness {
    pub(super) fn new(candidates: Vec<Candidate>, question: &str) -> Self {
        let (words, coverage) = if question.is_empty() {
            (standing(&candidates), vec![1.0; candidates.len()])
        } else {
            let index = Bm25::new(candidates.iter().map(|candidate| candidate.text.as_str()));
            let own = index.scores(question);
            (to_one(with_neighbours(&candidates, &own)), index.coverage(question))
        };
        Self { candidates, words, coverage }
    }

    /// Returns the positions of the `most` candidates that share most, in reading order; all without a bound. None is
    /// proposed that shares nothing.
    pub(super) fn proposed(&self, most: Option<u32>) -> Vec<usize> {
        let mut positions: Vec<usize> =
            (0..self.candidates.len()).filter(|at| self.words(*at) > 0.0).collect();
        let Some(most) = most else { return positions };
        positions.sort_by(|a, b| self.words(*b).total_cmp(&self.words(*a)).then(a.cmp(b)));
        positions.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        positions.sort_unstable();
        positions
    }

    /// Returns the positions of the candidates of a chunk.
    pub(super) fn of_chunk(&self, chunk: usize) -> Range<usize> {
        let start = self.candidates.partition_point(|candidate| candidate.chunk < chunk);
        let end = self.candidates.partition_point(|candidate| candidate.chunk <= chunk);
        start..end
    }

    pub(super) fn candidate(&self, position: usize) -> Option<&Candidate> {
        self.candidates.get(position)
    }

    /// Returns how much a candidate shares with the question or with its document, from 0 to 1.
    pub(super) fn words(&self, position: usize) -> f32 {
        self.words.get(position).copied().unwrap_or(0.0)
    }

    /// Returns the largest share of the question's information that one sentence holds.
    pub(super) fn most_covered(&self) -> f32 {
        self.coverage.iter().copied().fold(0.0, f32::max)
    }
}

/// Turns log-probabilities of sentences of one prompt into numbers from 0 to 1 that can be compared between prompts of
/// different length: one half is what a model that cannot tell the sentences apart gives to each.
pub(super) fn chosen(log_probabilities: &[f32]) -> Vec<f32> {
    let most = log_probabilities.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = log_probabilities.iter().map(|value| (value - most).exp()).sum();
    #[expect(clippy::cast_precision_loss, reason = "a chunk holds far fewer than 2^24 sentences")]
    let even = (log_probabilities.len() as f32).recip();
    let share = |value: &f32| (value - most).exp() / sum;
    log_probabilities.iter().map(|value| share(value) / (share(value) + even)).collect()
}

/// Turns what a sentence adds to the log-probability of each token of a question, in nats, into a number from 0 to 1.
pub(super) fn likelier(gain: f32) -> f32 {
    (gain / MOST_GAIN).clamp(0.0, 1.0)
}

/// Fuses what a sentence shares with its document with the model's choice of its number.
pub(super) fn beside(words: f32, choice: f32) -> f32 {
    words * (1.0 - CHOICE_SHARE) + choice * CHOICE_SHARE
}

/// Fuses shared words with the model's part.
pub(super) fn fused(words: f32, model: f32) -> f32 {
    words * (1.0 - MODEL_SHARE) + model * MODEL_SHARE
}

fn with_neighbours(candidates: &[Candidate], own: &[f32]) -> Vec<f32> {
    let of = |at: Option<usize>, document: DocumentIndex| {
        let same = at.and_then(|at| candidates.get(at)).is_some_and(|other| other.document == document);
        if same { at.and_then(|at| own.get(at)).copied().unwrap_or(0.0) } else { 0.0 }
    };
    let credit = |(at, (candidate, own)): (usize, (&Candidate, &f32))| {
        let before = of(at.checked_sub(1), candidate.document);
        let after = of(at.checked_add(1), candidate.document);
        own + NEIGHBOUR_SHARE * (before + after)
    };
    candidates.iter().zip(own).enumerate().map(credit).collect()
}

/// How much each sentence stands for its own document.
fn standing(candidates: &[Candidate]) -> Vec<f32> {
    let mut by_document: BTreeMap<DocumentIndex, Vec<&str>> = BTreeMap::new();
    for candidate in candidates {
        by_document.entry(candidate.document).or_default().push(&candidate.text);
    }
    by_document.into_values().flat_map(|texts| to_one(centrality(texts.iter().copied()))).collect()
}

fn to_one(mut scores: Vec<f32>) -> Vec<f32> {
    let most = scores.iter().copied().fold(0.0_f32, f32::max);
    if most > 0.0 {
        for score in &mut scores {
            *score /= most;
        }
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(texts: &[&str]) -> Vec<Candidate> {
        let one = |(at, text): (usize, &&str)| Candidate {
            chunk: at / 2,
            document: DocumentIndex(0),
            span: Span { start: at as u64, end: at as u64 + 1 },
            text: (*text).to_owned(),
        };
        texts.iter().enumerate().map(one).collect()
    }

    #[test]
    fn the_cheap_pointer_proposes_what_shares_most_and_nothing_that_shares_nothing() {
        let texts =
            ["The lamp broke.", "Rain fell.", "Snow fell.", "Hail fell.", "The lamp of brass broke twice."];
        let usefulness = Usefulness::new(candidates(&texts), "Who broke the brass lamp?");
        assert_eq!(usefulness.proposed(Some(1)), [4]);
        assert_eq!(usefulness.proposed(Some(2)), [0, 4]);
        assert_eq!(
            usefulness.proposed(None),
            [0, 1, 3, 4],
            "neighbours of what was asked about share a little"
        );
        assert_eq!(usefulness.of_chunk(1), 2..4);
    }

    #[test]
    fn a_choice_is_measured_against_chance() {
        for value in chosen(&[-1.0, -1.0, -1.0]) {
            assert!((value - 0.5).abs() < 1e-6, "{value}");
        }
        let scores = chosen(&[-0.1, -3.0]);
        assert!(scores[0] > 0.5 && scores[1] < 0.5, "{scores:?}");
        assert!(likelier(-1.0).abs() < 1e-6 && likelier(2.0) > likelier(1.0) && likelier(50.0) <= 1.0);
    }
}
