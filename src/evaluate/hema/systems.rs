//! The three memories that the paper compares, over one and the same store: the last turns alone, the summaries, and both memories
//! together.

use std::collections::BTreeSet;

use super::super::memory::first_of_each;
use super::super::metrics::{average_precision, count, precision, recall};
use super::super::sets::At;
use crate::date::Day;
use crate::memory::{Composition, Cue, Memory, Part, PartKind, Ranked, Room, When, when};
use crate::text::{TokenCount, TokenCounter, one_line, sentences};

/// What a prompt is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum System {
    /// The last turns, as many as fit.
    Raw,
    /// The running summary, the second level and the last two turns.
    Compact,
    /// As a chat does it.
    Both,
    /// As a chat does it, without the second level.
    OneLevel,
}

/// What a system shows for a question, and what it could have shown.
#[derive(Debug)]
pub(super) struct Shown {
    /// The words.
    pub(super) text: String,
    /// The messages that have words in it.
    pub(super) messages: BTreeSet<At>,
    /// The messages that it holds and that have something to do with the question, the best first.
    pub(super) ranked: Vec<At>,
}

/// What was found for a question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) precision: f64,
    pub(super) recall: f64,
    pub(super) area: f64,
    /// The share of the gold messages that is in the prompt.
    pub(super) shown: f64,
    /// The most that the precision can be.
    pub(super) ceiling: f64,
}

impl Shown {
    pub(super) fn held_against(&self, gold: &BTreeSet<At>) -> Found {
        Found {
            precision: precision(&self.ranked, gold, 5),
            recall: recall(&self.ranked, gold, 50),
            area: average_precision(&self.ranked, gold, usize::MAX),
            shown: count(self.messages.intersection(gold).count()) / count(gold.len().max(1)),
            ceiling: count(gold.len().min(5)) / 5.0,
        }
    }
}

/// A question to a memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) memory: &'a Memory,
    pub(super) cue: Cue<'a>,
    /// The tokens of the whole prompt but for the question.
    pub(super) left: TokenCount,
    pub(super) counter: &'a dyn TokenCounter,
}

impl Ask<'_> {
    /// What the question says of time.
    fn when(&self) -> When {
        when(self.cue.text, Day::at(self.cue.at_ms))
    }

    /// Returns what has to do with the question, the best first.
    pub(super) fn ranking(&self) -> Vec<Ranked> {
        self.memory.rank(self.cue.text, self.cue.vector, self.when())
    }

    fn composed(&self, overview: bool) -> Composition {
        let room = Room { overview, ..Room::of(self.left) };
        self.memory.compose(&self.cue, room, self.counter)
    }

    /// Returns the words of the prompt with both memories and one level of summaries.
    pub(super) fn with_one_level(&self) -> String {
        lines(&self.composed(false), |_| true)
    }

    /// Returns what each of the paper's three systems shows. All rank alike; they differ in what they hold.
    pub(super) fn shown(&self) -> [(System, Shown); 3] {
        let ranking = self.ranking();
        let of = |kept: &dyn Fn(&Ranked) -> bool| -> Vec<At> {
            first_of_each(ranking.iter().filter(|one| kept(one)).map(|one| at(one.place)))
        };
        let composed = self.composed(true);
        let messages = |kinds: &dyn Fn(PartKind) -> bool| -> BTreeSet<At> {
            composed
                .parts
                .iter()
                .filter(|part| kinds(part.kind))
                .filter_map(|part| part.place)
                .map(at)
                .collect()
        };
        let (window, text) = self.window();
        let raw = Shown { text, ranked: of(&|one| window.contains(&at(one.place))), messages: window };
        // A summary is made of sentences that were said: the passages that hold them are what it holds.
        let compact = format!("{} {}", self.memory.compact().summary(), self.memory.compact().overview());
        let chosen: Vec<&str> =
            sentences(&compact).filter_map(|range| compact.get(range)).map(str::trim).collect();
        let summed = |one: &Ranked| {
            let text = one_line(self.memory.text(one.place).unwrap_or_default());
            chosen.iter().any(|sentence| !sentence.is_empty() && text.contains(sentence))
        };
        let tail = messages(&|kind| kind == PartKind::Tail);
        let ranked = of(&|one| tail.contains(&at(one.place)) || summed(one));
        let held: BTreeSet<At> = ranking.iter().filter(|one| summed(one)).map(|one| at(one.place)).collect();
        let kinds = |kind| matches!(kind, PartKind::Overview | PartKind::Summary | PartKind::Tail);
        let text = lines(&composed, kinds);
        let compact = Shown { text, ranked, messages: tail.union(&held).copied().collect() };
        let both = Shown {
            text: lines(&composed, |_| true),
            ranked: of(&|_| true),
            messages: messages(&|_| true).union(&held).copied().collect(),
        };
        [(System::Raw, raw), (System::Compact, compact), (System::Both, both)]
    }

    /// The last messages that fit, of the first of them the last sentences.
    fn window(&self) -> (BTreeSet<At>, String) {
        let mut left = self.left;
        let (mut messages, mut texts) = (BTreeSet::new(), Vec::new());
        let all = self.memory.episodes().rev().flat_map(|episode| {
            let said = episode.said.iter().enumerate().rev();
            said.map(|(at, said)| ((episode.turn.0, u32::try_from(at).unwrap_or(u32::MAX)), said))
        });
        for (at, said) in all {
            let line = format!("{}: {}\n", said.speaker(), one_line(&said.text));
            let text = ending(&line, &mut left, self.counter);
            if text.is_empty() {
                break;
            }
            messages.insert(at);
            let cut = text.len() < line.len();
            texts.push(text);
            if cut {
                break;
            }
        }
        texts.reverse();
        (messages, texts.concat())
    }
}

/// The last sentences of a text that fit into `left`, which their tokens are taken from.
fn ending(text: &str, left: &mut TokenCount, counter: &dyn TokenCounter) -> String {
    let whole = counter.count(text);
    if whole <= *left {
        *left = left.saturating_sub(whole);
        return text.to_owned();
    }
    let all: Vec<&str> = sentences(text).filter_map(|range| text.get(range)).collect();
    let mut kept = Vec::new();
    for sentence in all.into_iter().rev() {
        let tokens = counter.count(sentence);
        if tokens > *left {
            break;
        }
        *left = left.saturating_sub(tokens);
        kept.push(sentence);
    }
    kept.into_iter().rev().collect()
}

/// The message that a place is in.
pub(super) fn at(place: crate::memory::Place) -> At {
    (place.turn.0, place.said)
}

fn lines(composed: &Composition, kinds: impl Fn(PartKind) -> bool) -> String {
    let parts = composed.parts.iter().filter(|part| kinds(part.kind));
    parts.map(Part::line).collect::<Vec<_>>().join("\n")
}
