//! Which passages have most to do with what is asked: by words, by meaning, by what stands beside them, by who said them and
//! when.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::episode::{Episode, Place, Role, Turn};
use super::state::Memory;
use super::when::{End, When};
use crate::date::Day;
use crate::text::words;

/// How many passages each index offers.
const OFFERED: usize = 400;

/// What a passage gets of the score of the best one in the message before or after its own. DESIGN.md says how it was found.
const BESIDE: f32 = 0.2;

/// What the score of a passage is multiplied by that is in the words of whoever is asked about.
const OWN: f32 = 1.4;

/// What the score of a passage of the days that are asked about is multiplied by.
const THEN: f32 = 1.5;

/// The most that the end of the chat that is asked for adds to a score, as a share of it.
const END: f32 = 0.2;

/// A passage and how much it has to do with what is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Where the passage stands.
    pub place: Place,
    /// How much; only the order means something.
    pub score: f32,
    /// Why.
    pub why: Why,
    pub(super) position: usize,
}

/// Why a passage was recalled.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Why {
    /// Its rank by shared words, from 1; none where it shares none of those that count.
    pub words: Option<u32>,
    /// Its rank by meaning, from 1; none where it was not among those offered.
    pub meaning: Option<u32>,
    /// Whether it is there for what stands beside it.
    pub beside: bool,
    /// Whether it is of the days that were asked about.
    pub then: bool,
    /// Whether it puts right one that was found.
    pub corrects: bool,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut reasons = Vec::new();
        reasons.extend(self.words.map(|rank| format!("words (no. {rank})")));
        reasons.extend(self.meaning.map(|rank| format!("meaning (no. {rank})")));
        if self.beside {
            reasons.push("beside one that was found".to_owned());
        }
        if self.then {
            reasons.push("of the time asked about".to_owned());
        }
        if self.corrects {
            reasons.push("puts right one that was found".to_owned());
        }
        f.write_str(&reasons.join(", "))
    }
}

/// What a message adds to the passages of the one before and after, in a chat between people.
const AROUND: f32 = 0.7;

/// Scores of passages, by their positions.
type List = HashMap<usize, f32>;

/// A message: its turn, and its place in the turn.
type Message = (Turn, u32);

fn message(place: Place) -> Message {
    (place.turn, place.said)
}

impl Memory {
    /// Ranks the passages that have something to do with `text`, the best first. `vector` is its vector, where the memory has
    /// vectors; `when` is what the text says of time.
    ///
    /// The score is the mean of BM25 and cosine, each divided by its best; with a share of the best score in the messages
    /// beside; more for the user's own words, or for those of the one person whom the text names. Measured on two sets
    /// of long chats, dividing by the best finds more than fusing ranks: how far ahead the first one is says something.
    #[must_use]
    pub fn rank(&self, text: &str, vector: Option<&[f32]>, when: When) -> Vec<Ranked> {
        let mut found: HashMap<usize, (f32, Why)> = HashMap::new();
        let mut by_words = List::new();
        for (rank, hit) in (1..).zip(self.words.top(text, OFFERED)) {
            found.entry(hit.position).or_default().1.words = Some(rank);
            by_words.insert(hit.position, hit.score);
        }
        let mut lists = vec![by_words];
        if let Some((vector, index)) = vector.zip(self.vectors.as_ref()) {
            match index.search(vector, OFFERED) {
                Ok(hits) => {
                    for (rank, hit) in (1..).zip(hits) {
                        found.entry(hit.position).or_default().1.meaning = Some(rank);
                    }
                    let likeness = |position: usize| {
                        let other = index.vector(position).ok().flatten();
                        (position, other.map_or(0.0, |other| cosine(vector, &other)))
                    };
                    lists.push(found.keys().map(|position| likeness(*position)).collect());
                }
                Err(error) => tracing::warn!(%error, "passages are found by their words alone"),
            }
        }
        // Messages between people are short, and say little without those around them.
        if !self.speakers.is_empty() {
            let wider: Vec<List> = lists.iter().map(|list| self.windowed(list)).collect();
            lists.extend(wider);
        }
        let share = 1.0 / f32::from(u8::try_from(lists.len()).unwrap_or(1));
        for list in &lists {
            let best = list.values().copied().fold(f32::EPSILON, f32::max);
            for (position, score) in list {
                found.entry(*position).or_default().0 += share * score.max(0.0) / best;
            }
        }
        self.spread(&mut found);
        let asked = self.asked_about(text);
        let mut ranked: Vec<Ranked> = found
            .into_iter()
            .filter_map(|(position, (score, why))| self.ranked(position, score, why, when, asked.as_deref()))
            .collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.position.cmp(&b.position)));
        ranked
    }

    /// Adds to the score of each passage a share of the best ones in the messages before and after.
    fn windowed(&self, list: &List) -> List {
        let mut best: BTreeMap<Message, f32> = BTreeMap::new();
        for (position, score) in list {
            if let Some(kept) = self.kept.get(*position) {
                let of = best.entry(message(kept.passage.place)).or_default();
                *of = of.max(*score);
            }
        }
        let of = |at: Option<Message>| at.and_then(|at| best.get(&at)).copied().unwrap_or_default();
        let mut wider = List::new();
        let around = best.keys().flat_map(|at| [Some(*at), self.before(*at), self.after(*at)]).flatten();
        for at in around.collect::<BTreeSet<Message>>() {
            let beside = AROUND * (of(self.before(at)) + of(self.after(at)));
            for position in self.passages_of(at) {
                wider.insert(position, beside + list.get(&position).copied().unwrap_or_default());
            }
        }
        wider
    }

    /// Lets passages share in the score of the messages beside theirs, and brings in what puts them right.
    fn spread(&self, found: &mut HashMap<usize, (f32, Why)>) {
        let mut best: BTreeMap<Message, f32> = BTreeMap::new();
        for (position, (score, _)) in found.iter() {
            if let Some(kept) = self.kept.get(*position) {
                let of = best.entry(message(kept.passage.place)).or_default();
                *of = of.max(*score);
            }
        }
        let mut shares: HashMap<Message, f32> = HashMap::new();
        for (at, score) in &best {
            for beside in [self.before(*at), self.after(*at)].into_iter().flatten() {
                let share = shares.entry(beside).or_default();
                *share = share.max(BESIDE * score);
            }
        }
        for (at, share) in shares {
            for position in self.passages_of(at) {
                let (score, why) = found.entry(position).or_default();
                *score += share;
                why.beside = why.words.is_none() && why.meaning.is_none();
            }
        }
        let newer: Vec<(usize, f32)> = found
            .iter()
            .filter_map(|(position, (score, _))| Some((self.newer(*position)?, *score)))
            .collect();
        for (position, score) in newer {
            let (sum, why) = found.entry(position).or_default();
            *sum = sum.max(score);
            why.corrects = true;
        }
    }

    fn passages_of(&self, (turn, said): Message) -> impl Iterator<Item = usize> {
        let positions = self.by_turn.get(&turn).into_iter().flatten().copied();
        positions.filter(move |at| self.kept.get(*at).is_some_and(|kept| kept.passage.place.said == said))
    }

    fn before(&self, (turn, said): Message) -> Option<Message> {
        if let Some(said) = said.checked_sub(1) {
            return Some((turn, said));
        }
        // Files that were attached one after the other have nothing to do with each other.
        let chat = |episode: &Episode| episode.is_chat();
        self.episodes.get(&turn).filter(|episode| chat(episode))?;
        let (turn, episode) = self.episodes.range(..turn).next_back().filter(|(_, episode)| chat(episode))?;
        Some((*turn, u32::try_from(episode.said.len().checked_sub(1)?).ok()?))
    }

    fn after(&self, (turn, said): Message) -> Option<Message> {
        let here = self.episodes.get(&turn)?.said.len();
        if u32::try_from(here).is_ok_and(|here| said + 1 < here) {
            return Some((turn, said + 1));
        }
        let next = std::ops::Bound::Excluded(turn);
        self.episodes.get(&turn).filter(|episode| episode.is_chat())?;
        let (turn, _) = self
            .episodes
            .range((next, std::ops::Bound::Unbounded))
            .next()
            .filter(|(_, episode)| episode.is_chat())?;
        Some((*turn, 0))
    }

    /// The one person with a name whom a text names; none where it names several, or nobody.
    fn asked_about(&self, text: &str) -> Option<String> {
        let mut named = self.speakers.iter().filter(|name| {
            let first = name.split_whitespace().next().unwrap_or(name);
            words(text).any(|word| word.trim_end_matches("'s").trim_end_matches("’s") == first)
        });
        let only = named.next()?;
        named.next().is_none().then(|| only.clone())
    }

    fn ranked(
        &self,
        position: usize,
        mut score: f32,
        mut why: Why,
        when: When,
        asked: Option<&str>,
    ) -> Option<Ranked> {
        let kept = self.kept.get(position).filter(|kept| kept.indexed)?;
        let place = kept.passage.place;
        let own = match asked {
            Some(name) => self.said(place)?.name.as_deref() == Some(name),
            None => self.speakers.is_empty() && kept.passage.role == Role::User,
        };
        if own {
            score *= OWN;
        }
        let day = self.episodes.get(&place.turn).and_then(|episode| episode.at_ms).and_then(Day::at);
        why.then = when.period.zip(day).is_some_and(|(period, day)| period.from <= day && day <= period.to);
        if why.then {
            score *= THEN;
        }
        if let Some(end) = when.end {
            let last = self.episodes.keys().next_back().map_or(1, |turn| turn.0).max(1);
            let thousandth = u64::from(place.turn.0) * 1000 / u64::from(last);
            let along = f32::from(u16::try_from(thousandth).unwrap_or(1000)) / 1000.0;
            score *= 1.0 + END * if end == End::Last { along } else { 1.0 - along };
        }
        Some(Ranked { place, score, why, position })
    }
}

/// The cosine of two vectors of length 1.
fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}
