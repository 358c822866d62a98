//! Which of the scored sentences are kept where not all of them have room.

use std::collections::HashMap;

use super::usefulness::Candidate;
use crate::retrieve::terms;
use crate::text::{TokenCount, TokenCounter};

/// How much of its worth a sentence loses that says what a kept one says already, in full.
const REDUNDANCY: f32 = 0.4;

/// What is left of a sentence's worth for every kept sentence of the same part.
const SAME_PART: f32 = 0.7;

/// A sentence and how useful it is, from 0 to 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored<'a> {
    pub(super) candidate: &'a Candidate,
    pub(super) score: f32,
}

/// Keeps as many sentences as fit into `room`, the most useful first, and returns them in that order.
pub(super) fn most_useful<'a>(
    mut scored: Vec<Scored<'a>>,
    room: TokenCount,
    counter: &dyn TokenCounter,
) -> Vec<Scored<'a>> {
    sort(&mut scored);
    let mut left = room;
    scored.retain(|one| {
        let tokens = counter.count(&one.candidate.text);
        let fits = tokens <= left;
        if fits {
            left = left.saturating_sub(tokens);
        }
        fits
    });
    scored
}

/// Keeps sentences that fit into `room`, differ from each other and come from different parts of the document.
///
/// This is maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): each time the sentence with the most worth
/// is taken, less what the kept ones say of it; here a part that has been quoted counts for less, too.
pub(super) fn varied<'a>(
    scored: Vec<Scored<'a>>,
    room: TokenCount,
    counter: &dyn TokenCounter,
) -> Vec<Scored<'a>> {
    let mut rest: Vec<Open<'a>> = scored.into_iter().map(|one| Open::new(one, counter)).collect();
    // The best of equals is the first in reading order, so that the same source always gives the same quotes.
    rest.sort_by_key(|one| (one.scored.candidate.document, one.scored.candidate.span));
    let mut parts: HashMap<usize, f32> = HashMap::new();
    let mut left = room;
    let mut kept = Vec::new();
    loop {
        rest.retain(|one| one.tokens <= left);
        let worth = |one: &Open<'a>| {
            let part = parts.get(&one.scored.candidate.chunk).copied().unwrap_or(1.0);
            one.scored.score * part - REDUNDANCY * one.said
        };
        let best = rest.iter().map(worth).enumerate().fold(
            None,
            |best: Option<(usize, f32)>, (at, worth)| match best {
                Some((_, most)) if most >= worth => best,
                _ => Some((at, worth)),
            },
        );
        let Some((at, _)) = best else { return kept };
        let taken = rest.remove(at);
        left = left.saturating_sub(taken.tokens);
        *parts.entry(taken.scored.candidate.chunk).or_insert(1.0) *= SAME_PART;
        for one in &mut rest {
            one.said = one.said.max(likeness(&one.terms, &taken.terms));
        }
        kept.push(taken.scored);
    }
}

/// A sentence that may still be taken.
struct Open<'a> {
    scored: Scored<'a>,
    tokens: TokenCount,
    /// Its terms, sorted, each once.
    terms: Vec<String>,
    /// How much of it a kept sentence says, from 0 to 1.
    said: f32,
}

impl<'a> Open<'a> {
    fn new(scored: Scored<'a>, counter: &dyn TokenCounter) -> Self {
        let text = &scored.candidate.text;
        let mut terms = terms(text);
        terms.sort_unstable();
        terms.dedup();
        Self { scored, tokens: counter.count(text), terms, said: 0.0 }
    }
}

fn sort(scored: &mut [Scored<'_>]) {
    let place = |one: &Scored<'_>| (one.candidate.document, one.candidate.span);
    // The place settles ties, so that the same source always gives the same quotes.
    scored.sort_by(|a, b| b.score.total_cmp(&a.score).then(place(a).cmp(&place(b))));
}

/// The cosine of two sets of terms, from 0 to 1.
fn likeness(one: &[String], other: &[String]) -> f32 {
    let shared = one.iter().filter(|term| other.binary_search(term).is_ok()).count();
    let count = |number: usize| f32::from(u16::try_from(number).unwrap_or(u16::MAX));
    let lengths = (count(one.len()) * count(other.len())).sqrt();
    if lengths > 0.0 { count(shared) / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{ApproximateCounter, DocumentIndex, Span};

    fn candidates(texts: &[(usize, &str)]) -> Vec<Candidate> {
        let place = |at: usize| Span { start: at as u64 * 100, end: at as u64 * 100 + 50 };
        let one = |(at, (chunk, text)): (usize, &(usize, &str))| Candidate {
            chunk: *chunk,
            document: DocumentIndex(0),
            span: place(at),
            text: (*text).to_owned(),
        };
        texts.iter().enumerate().map(one).collect()
    }

    fn scored<'a>(candidates: &'a [Candidate], scores: &[f32]) -> Vec<Scored<'a>> {
        candidates.iter().zip(scores).map(|(candidate, score)| Scored { candidate, score: *score }).collect()
    }

    fn texts<'a>(kept: &[Scored<'a>]) -> Vec<&'a str> {
        kept.iter().map(|one| one.candidate.text.as_str()).collect()
    }

    #[test]
    fn the_most_useful_that_fit_are_kept() {
        let all = candidates(&[(0, "aaaa aaaa aaaa aaaa"), (0, "bbbb"), (1, "cccc"), (1, "dddd")]);
        let kept = most_useful(scored(&all, &[0.9, 0.2, 0.4, 0.4]), TokenCount(2), &ApproximateCounter);
        assert_eq!(
            texts(&kept),
            ["cccc", "dddd"],
            "the first has no room, and the first of equals comes first"
        );
    }

    #[test]
    fn what_has_been_said_is_worth_less_and_so_is_a_part_that_was_quoted() {
        let all = candidates(&[
            (0, "The flood broke the cable."),
            (0, "The cable broke in the flood."),
            (0, "Children sold fine biscuits."),
            (1, "A willow came downstream."),
        ]);
        let kept = varied(scored(&all, &[1.0, 0.99, 0.9, 0.8]), TokenCount(22), &ApproximateCounter);
        assert_eq!(texts(&kept), [&all[0].text, &all[3].text, &all[2].text]);
        assert!(varied(scored(&all, &[1.0; 4]), TokenCount(1), &ApproximateCounter).is_empty());
    }
}
