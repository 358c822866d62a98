//! Compact Memory: what the chat has been about, in at most 60 tokens, and once more over the whole session.
//!
//! HEMA (arXiv 2504.16754, section 3) has a model rewrite one sentence every turn, and every 100 turns a summary of the
//! summaries. A small model that rewrites its own summary invents more with every turn, so here sentences are chosen and never
//! written: those of the user that say most, word for word. Where a model writes the summary instead, its words stand
//! here, and the second level is chosen from the chat all the same.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::episode::{Episode, Role, Turn};
use super::salience::PERIOD;
use crate::retrieve::terms;
use crate::text::{TokenCount, TokenCounter, one_line, sentences, words};

/// The most tokens of the running summary, as in the paper.
pub const SUMMARY: TokenCount = TokenCount(60);

/// The most tokens of the second level in a prompt. The paper does not say what stays of it there.
pub const OVERVIEW: TokenCount = TokenCount(120);

/// The turns after which a sentence counts half for the running summary.
const HALF_LIFE: f64 = 25.0;

/// What a name or a number in a sentence adds to what it says, in rare words.
const NAMED: f64 = 1.0;

/// How much of its worth a sentence loses that repeats a chosen one, in full.
const REPEATED: f64 = 0.8;

/// Sentences of a block of turns that are remembered until its summary is chosen.
const REMEMBERED: usize = 64;

/// Fewer words say nothing on their own.
const SHORTEST: usize = 4;

/// A sentence that may stand in a summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Candidate {
    turn: Turn,
    text: String,
    /// How much it says, whenever it was said.
    worth: f64,
    terms: BTreeSet<String>,
    tokens: TokenCount,
}

/// The summaries of a session.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Compact {
    /// What a model wrote last, if one writes.
    written: Option<String>,
    /// The sentences of the running summary, in the order of the chat.
    current: Vec<Candidate>,
    /// The best sentences of the block of turns under way.
    block: Vec<Candidate>,
    /// The summaries of finished blocks of 100 turns.
    blocks: Vec<Vec<Candidate>>,
    /// In how many sentences a term stood.
    frequencies: HashMap<String, u32>,
    seen: u32,
    /// How many periods were over when the last block was finished.
    finished: u32,
    history: Vec<(Turn, String)>,
}

impl Compact {
    /// Takes a turn in. `written` is the running summary where a model wrote one.
    pub(super) fn learn(&mut self, episode: &Episode, written: Option<&str>, counter: &dyn TokenCounter) {
        let fresh = self.candidates(episode, counter);
        self.block.extend(fresh.iter().cloned());
        self.block.sort_by(|a, b| b.worth.total_cmp(&a.worth));
        self.block.truncate(REMEMBERED);
        let mut pool = std::mem::take(&mut self.current);
        pool.extend(fresh);
        let now = episode.turn;
        let faded = |one: &Candidate| one.worth * 0.5_f64.powf(f64::from(now.since(one.turn)) / HALF_LIFE);
        self.current = choose(pool, SUMMARY, faded);
        self.written = written.map(str::to_owned).or(self.written.take());
        let over = now.0 / PERIOD;
        if over > self.finished {
            self.finished = over;
            let block = std::mem::take(&mut self.block);
            self.blocks.push(choose(block, SUMMARY, |one| one.worth));
        }
        let summary = self.summary();
        if self.history.last().is_none_or(|(_, last)| *last != summary) {
            self.history.push((now, summary));
        }
    }

    /// Returns the running summary: at most 60 tokens where it is chosen, empty before anything was said.
    #[must_use]
    pub fn summary(&self) -> String {
        self.written.clone().unwrap_or_else(|| joined(&self.current))
    }

    /// Returns the second level: sentences of every finished block of 100 turns, at most 120 tokens, each block getting one
    /// before any gets a second. Empty in the first 100 turns.
    #[must_use]
    pub fn overview(&self) -> String {
        let mut left = OVERVIEW;
        let mut kept: Vec<&Candidate> = Vec::new();
        let ranked: Vec<Vec<&Candidate>> = self.blocks.iter().map(|block| by_worth(block)).collect();
        for round in 0..ranked.iter().map(Vec::len).max().unwrap_or_default() {
            for one in ranked.iter().filter_map(|block| block.get(round)) {
                if one.tokens <= left {
                    left = left.saturating_sub(one.tokens);
                    kept.push(one);
                }
            }
        }
        kept.sort_by_key(|one| one.turn);
        kept.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Returns every running summary there was, with the turn after which it stood so.
    #[must_use]
    pub fn history(&self) -> &[(Turn, String)] {
        &self.history
    }

    fn candidates(&mut self, episode: &Episode, counter: &dyn TokenCounter) -> Vec<Candidate> {
        let mut found = Vec::new();
        // What a model answers may be invented, and would stand as a fact from then on.
        for said in episode.said.iter().filter(|said| said.role == Role::User) {
            for range in sentences(&said.text) {
                let text = one_line(said.text.get(range).unwrap_or_default());
                let tokens = counter.count(&text);
                if text.ends_with(['?', '？']) || words(&text).count() < SHORTEST || tokens > SUMMARY {
                    continue;
                }
                let terms: BTreeSet<String> = terms(&text).into_iter().collect();
                let worth = self.worth(&text, &terms);
                found.push(Candidate { turn: episode.turn, text, worth, terms, tokens });
            }
        }
        found
    }

    /// How much a sentence says for its length: the rarity of its terms in this chat, names and numbers twice.
    fn worth(&mut self, text: &str, terms: &BTreeSet<String>) -> f64 {
        self.seen = self.seen.saturating_add(1);
        let mut sum = 0.0;
        for term in terms {
            let holders = self.frequencies.entry(term.clone()).or_default();
            *holders = holders.saturating_add(1);
            sum += (1.0 + f64::from(self.seen) / f64::from(*holders)).ln();
        }
        let named = words(text).skip(1).filter(|word| is_name(word)).count();
        let named = f64::from(u16::try_from(named).unwrap_or(u16::MAX));
        let length = f64::from(u16::try_from(terms.len().max(1)).unwrap_or(u16::MAX));
        (sum + NAMED * named) / length.sqrt()
    }
}

/// Tells whether a word that does not begin its sentence is a name or a number.
fn is_name(word: &str) -> bool {
    word.len() > 1 && word.chars().next().is_some_and(|first| first.is_uppercase() || first.is_numeric())
}

/// Takes the worthiest sentences that fit into `room` and do not repeat each other, and returns them in the order of the chat.
fn choose(mut pool: Vec<Candidate>, room: TokenCount, worth: impl Fn(&Candidate) -> f64) -> Vec<Candidate> {
    let mut left = room;
    let mut kept: Vec<Candidate> = Vec::new();
    loop {
        pool.retain(|one| one.tokens <= left);
        let score = |one: &Candidate| {
            let repeated = kept.iter().map(|other| likeness(&one.terms, &other.terms)).fold(0.0, f64::max);
            worth(one) * (1.0 - REPEATED * repeated)
        };
        let scores: Vec<f64> = pool.iter().map(score).collect();
        let best = (0..pool.len()).max_by(|a, b| {
            let of = |at: usize| scores.get(at).copied().unwrap_or_default();
            of(*a).total_cmp(&of(*b)).then(b.cmp(a))
        });
        let Some(best) = best else { break };
        let one = pool.remove(best);
        left = left.saturating_sub(one.tokens);
        kept.push(one);
    }
    kept.sort_by_key(|one| one.turn);
    kept
}

/// The share of the smaller set that the two have in common.
fn likeness(one: &BTreeSet<String>, other: &BTreeSet<String>) -> f64 {
    let shared = one.intersection(other).count();
    let smaller = one.len().min(other.len()).max(1);
    let count = |number: usize| f64::from(u16::try_from(number).unwrap_or(u16::MAX));
    count(shared) / count(smaller)
}

fn by_worth(block: &[Candidate]) -> Vec<&Candidate> {
    let mut ranked: Vec<&Candidate> = block.iter().collect();
    ranked.sort_by(|a, b| b.worth.total_cmp(&a.worth));
    ranked
}

fn joined(chosen: &[Candidate]) -> String {
    chosen.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::episode::Said;
    use super::*;
    use crate::text::ApproximateCounter;

    fn turn(number: u32, user: &str) -> Episode {
        Episode { turn: Turn(number), at_ms: None, said: vec![Said::user(user), Said::assistant("I see.")] }
    }

    #[test]
    fn the_summary_is_of_words_that_were_said_and_never_too_long() {
        let mut compact = Compact::default();
        assert_eq!(compact.summary(), "");
        for number in 1..=250 {
            let said =
                format!("My cousin Vera moved to house number {number} in Rotterdam. What do you think?");
            compact.learn(&turn(number, &said), None, &ApproximateCounter);
            assert!(ApproximateCounter.count(&compact.summary()) <= SUMMARY, "{number}");
            assert!(compact.summary().contains(&format!("number {number} in")), "{}", compact.summary());
        }
        assert_eq!(compact.blocks.len(), 2);
        assert!(ApproximateCounter.count(&compact.overview()) <= OVERVIEW);
        assert!(!compact.summary().contains('?'));
        assert_eq!(compact.history().len(), 250);
    }

    #[test]
    fn what_was_said_early_survives_in_the_second_level() {
        let mut compact = Compact::default();
        compact.learn(&turn(1, "I was born in Szeged on 3 May 1961."), None, &ApproximateCounter);
        for number in 2..=1000 {
            compact.learn(
                &turn(number, "Today it rained here and I read a little."),
                None,
                &ApproximateCounter,
            );
        }
        assert!(!compact.summary().contains("Szeged"));
        assert!(compact.overview().contains("Szeged"), "{}", compact.overview());
    }

    #[test]
    fn a_written_summary_stands_until_the_next_one() {
        let mut compact = Compact::default();
        let counter = &ApproximateCounter;
        compact.learn(&turn(1, "We live by the river now."), Some("The user lives by a river."), counter);
        compact.learn(&turn(2, "The boat is blue and old."), None, counter);
        assert_eq!(compact.summary(), "The user lives by a river.");
    }
}
