//! A memory: what its events add up to, and the indexes over it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::amending::Earlier;
use super::compact::Compact;
use super::correction::{corrects, same_subject};
use super::episode::{Episode, Place, Role, Said, Turn};
use super::event::MemoryEvent;
use super::passage::{Passage, passages};
use super::salience::{PERIOD, Salience, lowest};
use super::standing::Standing;
use crate::date::Day;
use crate::hash::ContentHash;
use crate::retrieve::{Bm25, Storage, VectorIndex, terms};
use crate::text::TokenCounter;

/// The share of a passage's terms that stand in one that was recalled, from which on an answer only repeats it.
const ECHO: f64 = 0.7;

/// How a memory works.
#[derive(Clone)]
pub struct MemoryOptions {
    /// Counts the tokens of summaries.
    pub counter: Arc<dyn TokenCounter + Send + Sync>,
    /// How forgetting weighs passages; none never forgets.
    pub forgetting: Option<Salience>,
}

impl fmt::Debug for MemoryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryOptions").field("forgetting", &self.forgetting).finish_non_exhaustive()
    }
}

/// Where vectors are kept.
pub type AnyStorage = Box<dyn Storage + Send + Sync>;

/// A passage and what has become of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) passage: Passage,
    /// The turn in which it was last shown to the model.
    pub(super) recalled: Option<Turn>,
    /// Whether the indexes hold it: not what only repeats, was edited, taken back or pruned.
    pub(super) indexed: bool,
    /// The passage that put it right.
    pub(super) superseded: Option<usize>,
}

/// What is remembered of a chat.
///
/// Made from [`MemoryEvent`]s alone, but for the vectors: [`Self::pending`] says which texts have none yet, and
/// [`Self::supply`] takes them. Without vectors passages are found by their words.
#[derive(Debug)]
pub struct Memory {
    pub(super) options: MemoryOptions,
    pub(super) episodes: BTreeMap<Turn, Episode>,
    pub(super) kept: Vec<Kept>,
    pub(super) by_turn: BTreeMap<Turn, Vec<usize>>,
    pub(super) words: Bm25,
    pub(super) vectors: Option<VectorIndex<AnyStorage>>,
    pub(super) compact: Compact,
    pub(super) standing: Vec<Standing>,
    pub(super) pins: BTreeSet<Turn>,
    /// The summaries that a model wrote, by the turns after which it did.
    pub(super) written: BTreeMap<Turn, String>,
    /// What messages said before they were put right.
    pub(super) earlier: BTreeMap<Turn, Vec<Earlier>>,
    /// The last number that a turn was given; none is given twice.
    pub(super) last: Turn,
    /// The files that were imported.
    pub(super) imported: BTreeSet<ContentHash>,
    /// How many periods were over when passages were last pruned.
    pub(super) pruned: u32,
    /// The names of people who speak, where they have names.
    pub(super) speakers: BTreeSet<String>,
}

impl Memory {
    /// Begins an empty memory.
    #[must_use]
    pub fn new(options: MemoryOptions) -> Self {
        Self {
            options,
            episodes: BTreeMap::new(),
            kept: Vec::new(),
            by_turn: BTreeMap::new(),
            words: Bm25::new([]),
            vectors: None,
            compact: Compact::default(),
            standing: Vec::new(),
            pins: BTreeSet::new(),
            written: BTreeMap::new(),
            earlier: BTreeMap::new(),
            last: Turn(0),
            imported: BTreeSet::new(),
            pruned: 0,
            speakers: BTreeSet::new(),
        }
    }

    /// Takes an event in.
    pub fn apply(&mut self, event: &MemoryEvent) {
        match event {
            MemoryEvent::Began { .. } => {}
            MemoryEvent::Turned { episode, recalled, summary, .. } => {
                self.turned(episode, recalled, summary.as_deref());
            }
            MemoryEvent::Imported { content, turns, .. } => {
                self.imported.insert(*content);
                for episode in turns {
                    self.turned(episode, &[], None);
                }
            }
            MemoryEvent::Attached { turn, at_ms, document } => {
                let episode = Episode { turn: *turn, at_ms: Some(*at_ms), said: vec![document.clone()] };
                self.index(&episode, &[]);
                self.last = self.last.max(*turn);
                self.episodes.insert(*turn, episode);
            }
            MemoryEvent::Pinned { turn } => {
                self.pins.insert(*turn);
            }
            MemoryEvent::Unpinned { turn } => {
                self.pins.remove(turn);
            }
            MemoryEvent::Edited { turn, said, text } => self.edited(*turn, *said, text),
            MemoryEvent::Undone { turn } => self.drop_turn(*turn),
        }
    }

    /// Returns the turns, in order.
    #[must_use]
    pub fn episodes(&self) -> impl DoubleEndedIterator<Item = &Episode> {
        self.episodes.values()
    }

    /// Returns a turn.
    #[must_use]
    pub fn episode(&self, turn: Turn) -> Option<&Episode> {
        self.episodes.get(&turn)
    }

    /// Returns the number that the next turn gets: one that no turn had, not even one that was taken back.
    #[must_use]
    pub fn next_turn(&self) -> Turn {
        self.last.next()
    }

    /// Tells whether a file of these bytes was imported, and not forgotten as a whole.
    #[must_use]
    pub fn has_imported(&self, content: &ContentHash) -> bool {
        self.imported.contains(content)
    }

    /// Returns the summaries.
    #[must_use]
    pub fn compact(&self) -> &Compact {
        &self.compact
    }

    /// Returns the standing instructions and preferences that the user has stated, in the order of the chat.
    #[must_use]
    pub fn standing(&self) -> &[Standing] {
        &self.standing
    }

    /// Returns the turns that are pinned.
    #[must_use]
    pub fn pins(&self) -> &BTreeSet<Turn> {
        &self.pins
    }

    /// Returns how many passages the indexes hold.
    #[must_use]
    pub fn indexed(&self) -> usize {
        self.kept.iter().filter(|kept| kept.indexed).count()
    }

    /// Returns the passages that the indexes hold, in the order in which they came.
    pub fn passages(&self) -> impl Iterator<Item = &Passage> {
        self.kept.iter().filter(|kept| kept.indexed).map(|kept| &kept.passage)
    }

    /// Returns the words at a place; none where there are none.
    #[must_use]
    pub fn text(&self, place: Place) -> Option<&str> {
        let said = self.said(place)?;
        said.text.get(usize::try_from(place.span.start).ok()?..usize::try_from(place.span.end).ok()?)
    }

    pub(super) fn said(&self, place: Place) -> Option<&Said> {
        self.episodes.get(&place.turn)?.said.get(usize::try_from(place.said).ok()?)
    }

    fn turned(&mut self, episode: &Episode, recalled: &[Place], summary: Option<&str>) {
        self.note_recalled(recalled, episode.turn);
        let heard: Vec<BTreeSet<String>> = recalled
            .iter()
            .filter_map(|at| self.text(*at))
            .map(|text| terms(text).into_iter().collect())
            .collect();
        self.last = self.last.max(episode.turn);
        self.written.extend(summary.map(|summary| (episode.turn, summary.to_owned())));
        self.episodes.insert(episode.turn, episode.clone());
        self.index(episode, &heard);
        self.speakers.extend(
            episode
                .said
                .iter()
                .filter(|said| said.role != Role::Document)
                .filter_map(|said| said.name.clone()),
        );
        self.standing.extend(Standing::found_in(episode));
        self.compact.learn(episode, summary, self.options.counter.as_ref());
        // Not every number is that of a turn of the chat: a file that was attached has one, too.
        let over = episode.turn.0 / PERIOD;
        if over > self.pruned {
            self.pruned = over;
            self.prune(episode.turn);
        }
    }

    fn note_recalled(&mut self, recalled: &[Place], now: Turn) {
        for place in recalled {
            for at in self.by_turn.get(&place.turn).into_iter().flatten() {
                if let Some(kept) = self.kept.get_mut(*at).filter(|kept| kept.passage.place == *place) {
                    kept.recalled = Some(now);
                }
            }
        }
    }

    /// Indexes the passages of a turn, but for those of an answer that repeat what was recalled for it: a memory that feeds on
    /// itself fills with copies.
    fn index(&mut self, episode: &Episode, heard: &[BTreeSet<String>]) {
        for passage in passages(episode) {
            let text = text_of(episode, passage.place).to_owned();
            let echo = passage.role == Role::Assistant && repeats(&text, heard);
            let at = self.kept.len();
            self.learn_words(&searched(episode, &passage, &text));
            if echo {
                self.words.forget(at);
            } else {
                self.correct(at, &passage, &text);
            }
            self.by_turn.entry(episode.turn).or_default().push(at);
            self.kept.push(Kept { passage, recalled: None, indexed: !echo, superseded: None });
        }
    }

    pub(super) fn learn_words(&mut self, text: &str) {
        if let Err(error) = self.words.push(text) {
            tracing::warn!(%error, "a passage is not found by its words");
        }
    }

    /// Marks what a new passage of the user puts right.
    fn correct(&mut self, at: usize, passage: &Passage, text: &str) {
        if passage.role != Role::User || !corrects(text) {
            return;
        }
        let older = self.words.top(text, 8).into_iter().map(|hit| hit.position);
        let older: Vec<usize> = older.filter(|older| *older < at).collect();
        let found = older.into_iter().find(|older| {
            let kept = self.kept.get(*older).filter(|kept| kept.indexed && kept.passage.role == Role::User);
            let other = kept.and_then(|kept| self.text(kept.passage.place));
            other.is_some_and(|other| same_subject(text, other))
        });
        if let Some(kept) = found.and_then(|older| self.kept.get_mut(older)) {
            kept.superseded = Some(at);
        }
    }

    /// Returns the passage that puts this one right, unless it was taken back itself.
    pub(super) fn newer(&self, position: usize) -> Option<usize> {
        let newer = self.kept.get(position)?.superseded?;
        self.kept
            .get(newer)
            .filter(|kept| self.episodes.contains_key(&kept.passage.place.turn))
            .map(|_| newer)
    }

    /// Takes passages of a turn out of the indexes; their positions stay taken.
    pub(super) fn unindex(&mut self, turn: Turn, which: impl Fn(Place) -> bool) {
        let positions: Vec<usize> = self.by_turn.get(&turn).cloned().unwrap_or_default();
        for at in positions {
            if self.kept.get(at).is_some_and(|kept| which(kept.passage.place)) {
                self.leave_out(at);
            }
        }
    }

    fn leave_out(&mut self, at: usize) {
        if let Some(kept) = self.kept.get_mut(at) {
            kept.indexed = false;
        }
        self.words.forget(at);
        if let Some(vectors) = self.vectors.as_mut().filter(|vectors| at < vectors.len()) {
            // One that is found although it was to be forgotten is left out when it is looked at.
            if let Err(error) = vectors.forget(at) {
                tracing::warn!(%error, "a vector stays in the index");
            }
        }
    }

    /// Takes the least salient passages out of the indexes. What was said stays.
    fn prune(&mut self, now: Turn) {
        let Some(salience) = self.options.forgetting else { return };
        let indexed = self.kept.iter().enumerate().filter(|(_, kept)| kept.indexed);
        let weights: Vec<(usize, f64)> = indexed
            .map(|(at, kept)| (at, salience.of(now, kept.passage.place.turn, kept.recalled)))
            .collect();
        for at in lowest(&weights) {
            self.leave_out(at);
        }
    }

    /// What of a passage is searched: with the name of who speaks, where speakers have names.
    pub(super) fn indexed_text(&self, passage: &Passage) -> String {
        let episode = self.episodes.get(&passage.place.turn);
        let text = self.text(passage.place).unwrap_or_default();
        episode.map_or_else(|| text.to_owned(), |episode| with_speaker(episode, passage, text))
    }
}

pub(super) fn text_of(episode: &Episode, place: Place) -> &str {
    let said = usize::try_from(place.said).ok().and_then(|at| episode.said.get(at));
    let range = usize::try_from(place.span.start).unwrap_or(0)..usize::try_from(place.span.end).unwrap_or(0);
    said.and_then(|said| said.text.get(range)).unwrap_or_default()
}

fn with_speaker(episode: &Episode, passage: &Passage, text: &str) -> String {
    let said = usize::try_from(passage.place.said).ok().and_then(|at| episode.said.get(at));
    match said.and_then(|said| said.name.as_deref()) {
        Some(name) => format!("{name}: {text}"),
        None => text.to_owned(),
    }
}

/// The words that a passage is found by. What people say to each other stands there with the day before it: they are asked about
/// with "on the 7th of May" far more often than an assistant is.
pub(super) fn searched(episode: &Episode, passage: &Passage, text: &str) -> String {
    let text = with_speaker(episode, passage, text);
    let named = episode.said.iter().any(|said| said.name.is_some() && said.role != Role::Document);
    match episode.at_ms.and_then(Day::at).filter(|_| named) {
        Some(day) => format!("{} {text}", day.in_words()),
        None => text,
    }
}

/// Tells whether one of the passages that were heard says nearly all of a text. All of them together hold most words of any answer.
fn repeats(text: &str, heard: &[BTreeSet<String>]) -> bool {
    let own = terms(text);
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let shared = |one: &BTreeSet<String>| own.iter().filter(|term| one.contains(*term)).count();
    !own.is_empty() && heard.iter().any(|one| count(shared(one)) >= ECHO * count(own.len()))
}
