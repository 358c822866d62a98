//! What a quotation is worth: whether it holds a sentence, and what the beginning or a random part would have held.

use std::collections::HashMap;

use longhand::ContentHash;
use longhand::retrieve::terms;
use longhand::text::{sentences, words};

use crate::command::Quoted;

/// The share of an evidence sentence's words that a quote must hold; evidence is not always copied word for word.
const SAME: f64 = 0.8;

/// Sums of the same scores over many cases.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sums: [f64; 3],
    cases: u32,
}

impl Tally {
    pub(crate) fn add(&mut self, scores: [f64; 3]) {
        self.sums.iter_mut().zip(scores).for_each(|(sum, score)| *sum += score);
        self.cases += 1;
    }

    pub(crate) fn means(&self) -> [f64; 3] {
        self.sums.map(|sum| sum / self.count())
    }

    pub(crate) fn count(&self) -> f64 {
        f64::from(self.cases.max(1))
    }
}

/// Tells whether `quote` holds the words of `sentence`, nearly all of them.
pub(crate) fn holds(quote: &str, sentence: &str) -> bool {
    let mut left: HashMap<String, usize> = HashMap::new();
    for word in words(quote) {
        *left.entry(word.to_lowercase()).or_default() += 1;
    }
    let (mut all, mut held) = (0_u32, 0_u32);
    for word in words(sentence) {
        all += 1;
        if let Some(count) = left.get_mut(&word.to_lowercase()).filter(|count| **count > 0) {
            *count -= 1;
            held += 1;
        }
    }
    all > 0 && f64::from(held) >= SAME * f64::from(all)
}

/// Tells whether an answer holds the expected one, word for word, without regard to case and punctuation.
pub(crate) fn contains(answer: &str, expected: &str) -> bool {
    let plain = |text: &str| {
        let words: Vec<String> = words(text).map(str::to_lowercase).collect();
        format!(" {} ", words.join(" "))
    };
    words(expected).next().is_some() && plain(answer).contains(&plain(expected))
}

/// The share of the terms of `reference` that the quotes hold, each as often as it stands there (ROUGE-1 recall of terms).
pub(crate) fn told(quotes: &[Quoted], reference: &str) -> f64 {
    let mut left: HashMap<String, usize> = HashMap::new();
    for term in quotes.iter().flat_map(|quote| terms(&quote.text)) {
        *left.entry(term).or_default() += 1;
    }
    let (mut all, mut held) = (0_u32, 0_u32);
    for term in terms(reference) {
        all += 1;
        if let Some(count) = left.get_mut(&term).filter(|count| **count > 0) {
            *count -= 1;
            held += 1;
        }
    }
    f64::from(held) / f64::from(all.max(1))
}

/// Tells whether an answer says what the expected one says: all its numbers, and at least half of its words.
pub(crate) fn answers(answer: &str, expected: &str) -> bool {
    let said = terms(answer);
    let asked = terms(expected);
    let held = asked.iter().filter(|term| said.contains(term)).count();
    let number = |term: &&String| term.chars().any(|sign| sign.is_ascii_digit());
    held * 2 >= asked.len() && held > 0 && asked.iter().filter(number).all(|term| said.contains(term))
}

/// The first sentences of a document, as many bytes as `room`.
pub(crate) fn lead(text: &str, room: usize) -> Vec<Quoted> {
    fill(text, sentences(text).collect(), room)
}

/// Sentences drawn at random, but the same each time, as many bytes as `room`.
pub(crate) fn random(text: &str, room: usize) -> Vec<Quoted> {
    let mut ranges: Vec<_> = sentences(text).collect();
    ranges.sort_by_key(|range| ContentHash::of(format!("{}/{}", range.start, text.len()).as_bytes()));
    fill(text, ranges, room)
}

fn fill(text: &str, ranges: Vec<std::ops::Range<usize>>, room: usize) -> Vec<Quoted> {
    let mut left = room;
    let mut taken = Vec::new();
    for range in ranges {
        let (start, end) = (range.start, range.end);
        let quote = Quoted { start, end, text: text.get(range).unwrap_or("").to_owned() };
        let Some(rest) = left.checked_sub(quote.length()) else { break };
        left = rest;
        taken.push(quote);
    }
    taken
}
