//! What a text is made of, and what follows from the tokens of a sample for the whole that it was taken from.
//!
//! Knows no vocabulary. Of an unknown tokenizer it supposes only that it takes so many tokens for each kind of character,
//! for each word and for each turn from one kind to another, and always as many. Then no whole can have fewer tokens than
//! those kinds allow that it has least more of than the sample.

use super::super::count::script::Script;

/// The kinds of characters, and behind them words and turns.
const PARTS: usize = Script::COUNT + 2;
const WORDS: usize = Script::COUNT;
const TURNS: usize = Script::COUNT + 1;

/// The most tokens that one of each part can plausibly take.
const DEAREST: [f64; PARTS] =
    [0.7, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 4.0, 1.5, 1.0];

/// How many bytes a character of each kind has, roughly.
const BYTES: [f64; Script::COUNT] =
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.5];

/// How many there are of each part of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Makeup([f64; PARTS]);

impl Makeup {
    /// Returns what `text` is made of. Of a run of spaces the first goes with the word, as tokenizers have it.
    pub(super) fn of(text: &str) -> Self {
        let mut makeup = Self::default();
        let mut before = Script::Line;
        for character in text.chars() {
            let script = Script::of(character);
            if script != Script::Space || before == Script::Space {
                makeup.add(script as usize);
            }
            if !script.is_white() {
                if before.is_white() {
                    makeup.add(WORDS);
                } else if before != script {
                    makeup.add(TURNS);
                }
            }
            before = script;
        }
        makeup
    }

    fn add(&mut self, part: usize) {
        if let Some(count) = self.0.get_mut(part) {
            *count += 1.0;
        }
    }

    /// Returns what both texts together are made of.
    pub(super) fn plus(self, other: &Self) -> Self {
        Self(std::array::from_fn(|part| self.part(part) + other.part(part)))
    }

    fn part(&self, part: usize) -> f64 {
        self.0.get(part).copied().unwrap_or(0.0)
    }

    /// Returns the most tokens that a part can plausibly take.
    fn weight(&self, part: usize) -> f64 {
        self.part(part) * DEAREST.get(part).copied().unwrap_or(1.0)
    }

    fn weights(&self) -> f64 {
        self.0.iter().zip(&DEAREST).map(|(count, dearest)| count * dearest).sum()
    }

    /// Returns the fewest tokens that the text can plausibly have.
    pub(super) fn fewest(&self) -> f64 {
        let kinds = BYTES
            .iter()
            .enumerate()
            .filter(|(part, _)| *part != Script::Space as usize && *part != Script::Line as usize);
        let bytes: f64 = kinds.map(|(part, bytes)| self.part(part) * bytes).sum();
        (self.part(WORDS) * 0.6).min(bytes / 9.0)
    }

    /// Returns how unlike each other two texts are, from 0 to 1, however long they are.
    pub(super) fn distance(&self, other: &Self) -> f64 {
        let (own, others) = (self.weights().max(1.0), other.weights().max(1.0));
        let parts = self.0.iter().zip(&other.0).zip(&DEAREST);
        parts.map(|((a, b), dearest)| (a * dearest / own - b * dearest / others).abs()).sum::<f64>() / 2.0
    }

    /// Returns the fewest tokens that `whole` can have where this sample has `tokens`.
    pub(super) fn fewest_of(&self, whole: &Self, tokens: f64) -> f64 {
        self.spread(whole, tokens, |a, b| a.total_cmp(&b))
    }

    /// Returns the most tokens that `whole` can have where this sample has `tokens`.
    pub(super) fn most_of(&self, whole: &Self, tokens: f64) -> f64 {
        let unseen: f64 =
            (0..PARTS).filter(|part| self.part(*part) == 0.0).map(|part| whole.weight(part)).sum();
        unseen + self.spread(whole, tokens, |a, b| b.total_cmp(&a))
    }

    /// Gives the tokens of the sample to its parts, as many as each can take, first to those that `order` puts first by
    /// how much more of them the whole has; and returns how many tokens the whole has then.
    fn spread(&self, whole: &Self, tokens: f64, order: impl Fn(f64, f64) -> std::cmp::Ordering) -> f64 {
        let seen = (0..PARTS).filter(|part| self.part(*part) > 0.0);
        let mut parts: Vec<(f64, f64)> =
            seen.map(|part| (whole.part(part) / self.part(part), self.weight(part))).collect();
        parts.sort_by(|a, b| order(a.0, b.0));
        // A tokenizer may be dearer than any that was thought of; then it is so in every part.
        let scale = (tokens / self.weights().max(1.0)).max(1.0);
        let mut left = tokens.max(0.0);
        let mut sum = 0.0;
        for (growth, room) in parts {
            let given = left.min(room * scale);
            sum += given * growth;
            left -= given;
        }
        sum
    }
}
