//! Puts together what of a memory goes into a prompt: in the paper's order, within a number of tokens.

use std::collections::BTreeSet;

use super::episode::{Episode, Place, Role, Turn};
use super::rank::{Ranked, Why};
use super::state::Memory;
use super::trim::SHORT;
use super::when::when;
use crate::date::Day;
use crate::retrieve::terms;
use crate::text::{TokenCount, TokenCounter, ends, one_line};

/// The turns before the current one that are shown as they were where nobody says otherwise, as in the paper.
const TAIL: usize = 2;

/// The share of the room that the tail may take; longer messages are shown without their middle.
const TAIL_SHARE: u64 = 4;

/// The share of the room that standing statements and pins may take.
const STANDING_SHARE: u64 = 5;

/// How many passages are shown whole, before further ones are cut to their best sentences.
const WHOLE: usize = 10;

/// How many passages of messages that are shown already are looked at when every message has had its turn.
const SECOND: usize = 60;

/// With less room left no passage is looked for.
const LEAST: TokenCount = TokenCount(15);

/// Tokens that a line takes beside its words: the line break, and what joining adds.
const LINE: TokenCount = TokenCount(1);

/// What is asked of a memory.
#[derive(Debug, Clone, Copy)]
pub struct Cue<'a> {
    /// The words.
    pub text: &'a str,
    /// Their vector, where there is an embedder.
    pub vector: Option<&'a [f32]>,
    /// When it is asked, in milliseconds since 1970.
    pub at_ms: u64,
}

/// How much may go into a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The most tokens of all parts together.
    pub total: TokenCount,
    /// The most tokens of the last turns.
    pub tail: TokenCount,
    /// How many of the last turns.
    pub turns: usize,
    /// Whether the running summary has a place in it.
    pub summaries: bool,
    /// Whether the second level has a place in it.
    pub overview: bool,
}

impl Room {
    /// Shares this many tokens out as a chat does: a quarter for the last turns, and the summaries within it.
    #[must_use]
    pub fn of(total: TokenCount) -> Self {
        Self { total, tail: TokenCount(total.0 / TAIL_SHARE), turns: TAIL, summaries: true, overview: true }
    }

    /// Gives this many tokens to what is looked for alone: no last turns, no summaries.
    #[must_use]
    pub fn alone(total: TokenCount) -> Self {
        Self { total, tail: TokenCount(0), turns: 0, summaries: false, overview: false }
    }
}

/// What a part of a prompt is. In the order in which they stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    /// The second level: what earlier blocks of 100 turns were about.
    Overview,
    /// The running summary.
    Summary,
    /// A standing instruction or preference.
    Standing,
    /// A pinned message.
    Pin,
    /// A passage that was recalled.
    Passage,
    /// A message of the turns just before.
    Tail,
}

/// One part of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Where its words stand; none for summaries.
    pub place: Option<Place>,
    /// The day on which they were said, where that is known.
    pub day: Option<Day>,
    /// Whether the line tells the day. Of several in a row that are of one day only the first does: a date takes as many
    /// tokens as half a sentence.
    pub dated: bool,
    /// Who said them; of a file its name and the bytes, `law.md:120-340`. Empty for summaries.
    pub speaker: String,
    /// The words.
    pub text: String,
    /// What it takes of the room.
    pub tokens: TokenCount,
    /// Why it was recalled.
    pub why: Option<Why>,
    /// How much it has to do with what is asked.
    pub score: f32,
    /// The turn in which it was put right.
    pub superseded: Option<Turn>,
}

/// What goes into a prompt.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Composition {
    /// The parts in the order of the prompt, passages in the order of the chat.
    pub parts: Vec<Part>,
    /// How many standing statements and pins had no room.
    pub crowded_out: usize,
}

impl Composition {
    /// Takes out the passage that has least to do with what is asked, and tells whether there was one.
    pub fn drop_least(&mut self) -> bool {
        let passages = self.parts.iter().enumerate().filter(|(_, part)| part.kind == PartKind::Passage);
        let least = passages.min_by(|(_, a), (_, b)| a.score.total_cmp(&b.score)).map(|(at, _)| at);
        let dropped = least.map(|at| self.parts.remove(at)).is_some();
        self.date();
        dropped
    }

    /// Lets the first line of each day tell it.
    fn date(&mut self) {
        let mut before = None;
        for part in &mut self.parts {
            let here = Some((part.kind, part.day));
            part.dated = part.day.is_some() && here != before;
            before = here;
        }
    }

    /// Returns where the passages stand that were recalled.
    #[must_use]
    pub fn recalled(&self) -> Vec<Place> {
        let passages = self.parts.iter().filter(|part| part.kind == PartKind::Passage);
        passages.filter_map(|part| part.place).collect()
    }
}

impl Part {
    /// Returns the part as a line of a prompt.
    #[must_use]
    pub fn line(&self) -> String {
        let Some(place) = self.place else { return self.text.clone() };
        let day = self.day.filter(|_| self.dated).map(|day| format!(", {day}")).unwrap_or_default();
        let old = self.superseded.map(|turn| format!(", put right in {turn}")).unwrap_or_default();
        format!("[{}{day}{old}] {}: {}", place.turn, self.speaker, self.text)
    }
}

/// Room that parts are put into.
struct Filling<'a> {
    total: TokenCount,
    left: TokenCount,
    counter: &'a dyn TokenCounter,
    parts: Vec<Part>,
    /// The days that a line of each kind tells already.
    days: BTreeSet<(PartKind, Day)>,
}

impl<'a> Filling<'a> {
    fn of(total: TokenCount, counter: &'a dyn TokenCounter) -> Self {
        Self { total, left: total, counter, parts: Vec::new(), days: BTreeSet::new() }
    }

    /// Counts the parts together: one by one they are a little more.
    fn recount(&mut self) {
        let lines: Vec<String> = self.parts.iter().map(Part::line).collect();
        self.left = self.total.saturating_sub(self.counter.count(&lines.join("\n")) + LINE);
    }

    /// Puts a part in where it fits into what is left, and into `cap`, of which it then takes its tokens.
    fn put(&mut self, mut part: Part, cap: &mut TokenCount) -> bool {
        let day = part.day.map(|day| (part.kind, day));
        part.dated = day.is_some_and(|day| !self.days.contains(&day));
        part.tokens = self.counter.count(&part.line()) + LINE;
        let fits = part.tokens <= self.left && part.tokens <= *cap;
        if fits {
            self.days.extend(day);
            self.left = self.left.saturating_sub(part.tokens);
            *cap = cap.saturating_sub(part.tokens);
            self.parts.push(part);
        }
        fits
    }
}

impl Memory {
    /// Puts together what goes into the prompt for `cue`: the second level and the running summary, standing statements and
    /// pins, passages by how much they have to do with it, and the last two turns. Never more than the room.
    ///
    /// Passages that do not fit are left out, those that have least to do with the cue first. The other parts have caps of
    /// their own: a quarter of the room for the last two turns, whose long messages are shown without their middle, a fifth
    /// for standing statements and pins.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use longhand::memory::{Cue, Episode, Memory, MemoryEvent, MemoryOptions, Room, Said, Turn};
    /// use longhand::text::{ApproximateCounter, TokenCount};
    ///
    /// let options = MemoryOptions { counter: Arc::new(ApproximateCounter), forgetting: None };
    /// let mut memory = Memory::new(options);
    /// for (turn, text) in [(1, "My boat is called Heron."), (2, "It rains."), (3, "Hello."), (4, "Bye.")] {
    ///     let episode = Episode { turn: Turn(turn), at_ms: None, said: vec![Said::user(text)] };
    ///     memory.apply(&MemoryEvent::Turned { episode, recalled: Vec::new(), summary: None, run: None });
    /// }
    /// let cue = Cue { text: "What is the boat called?", vector: None, at_ms: 0 };
    /// let found = memory.compose(&cue, Room::of(TokenCount(500)), &ApproximateCounter);
    /// assert_eq!(memory.text(found.recalled()[0]), Some("My boat is called Heron."));
    /// ```
    #[must_use]
    pub fn compose(&self, cue: &Cue<'_>, room: Room, counter: &dyn TokenCounter) -> Composition {
        let mut filling = Filling::of(room.total, counter);
        let mut whole = room.total;
        for (wanted, kind, text) in [
            (room.summaries, PartKind::Summary, self.compact().summary()),
            (room.overview, PartKind::Overview, self.compact().overview()),
        ] {
            if wanted && !text.is_empty() {
                filling.put(Part { text, ..Part::empty(kind) }, &mut whole);
            }
        }
        let shown = self.tail(&mut filling, room);
        let ranked = self.rank(cue.text, cue.vector, when(cue.text, Day::at(cue.at_ms)));
        let crowded_out = self.stand(&mut filling, &ranked, TokenCount(room.total.0 / STANDING_SHARE));
        let taken: BTreeSet<Place> = filling.parts.iter().filter_map(|part| part.place).collect();
        // What the tail or a pin shows need not stand there twice.
        let fresh = |one: &&Ranked| {
            !shown.contains(&one.place.turn) && !taken.iter().any(|place| within(one.place, *place))
        };
        let fresh: Vec<&Ranked> = ranked.iter().filter(fresh).collect();
        self.fill(&mut filling, &fresh, cue.text);
        let mut parts = filling.parts;
        parts.sort_by(|a, b| a.kind.cmp(&b.kind).then(a.place.cmp(&b.place)));
        let mut composed = Composition { parts, crowded_out };
        composed.date();
        composed
    }

    /// Puts passages in: one of each message first, then further ones. The first ones whole, the others cut to their best
    /// sentences: more messages beat longer passages.
    fn fill(&self, filling: &mut Filling<'_>, ranked: &[&Ranked], asked: &str) {
        let asked: BTreeSet<String> = terms(asked).into_iter().collect();
        let mut messages = BTreeSet::new();
        let (first, second): (Vec<&Ranked>, Vec<&Ranked>) =
            ranked.iter().partition(|one| messages.insert((one.place.turn, one.place.said)));
        let mut shown = 0;
        let mut cap = filling.left;
        for one in self.diverse(first).into_iter().chain(second.into_iter().take(SECOND)) {
            if filling.left < LEAST {
                filling.recount();
                cap = filling.left;
                if filling.left < LEAST {
                    break;
                }
            }
            let Some(part) = self.part(PartKind::Passage, one.place) else { continue };
            let most = (shown >= WHOLE).then_some(SHORT);
            let text = self.trimmed(&part.text, &asked, most, filling.counter);
            let superseded =
                self.newer(one.position).and_then(|at| Some(self.kept.get(at)?.passage.place.turn));
            let part = Part { text, why: Some(one.why), score: one.score, superseded, ..part };
            shown += usize::from(filling.put(part, &mut cap));
        }
    }

    /// Puts the last turns in and returns those that are shown whole.
    fn tail(&self, filling: &mut Filling<'_>, room: Room) -> BTreeSet<Turn> {
        let most = room.tail;
        let mut shown = BTreeSet::new();
        let last: Vec<&Episode> =
            self.episodes().rev().filter(|episode| episode.is_chat()).take(room.turns).collect();
        let messages: u64 = last.iter().map(|episode| episode.said.len() as u64).sum();
        let mut cap = most;
        let each = TokenCount(most.0 / messages.max(1));
        let long = |text: &str| filling.counter.count(text) > each;
        // Where all are short enough together none is cut.
        let all: u64 = last
            .iter()
            .flat_map(|episode| &episode.said)
            .map(|said| filling.counter.count(&said.text).0 + 16)
            .sum();
        let cut = all > most.0;
        let mut parts = Vec::new();
        for episode in last {
            let mut whole = true;
            for (at, said) in (0..).zip(&episode.said) {
                let place = Place { turn: episode.turn, said: at, span: super::episode::whole(&said.text) };
                let Some(mut part) = self.part(PartKind::Tail, place) else { continue };
                if cut && long(&said.text) {
                    part.text = ends(&said.text, each, filling.counter);
                    whole = false;
                }
                parts.push(part);
            }
            if whole {
                shown.insert(episode.turn);
            }
        }
        for part in parts {
            let turn = part.place.map(|place| place.turn);
            if !filling.put(part, &mut cap) {
                turn.map(|turn| shown.remove(&turn));
            }
        }
        shown
    }

    /// Puts pins and standing statements in, all where they fit, otherwise first those that have most to do with the cue and then
    /// the newest, and returns how many had no room.
    fn stand(&self, filling: &mut Filling<'_>, ranked: &[Ranked], mut cap: TokenCount) -> usize {
        let mut out = 0;
        let pinned = self.pins.iter().filter_map(|turn| self.episodes.get(turn)).flat_map(|episode| {
            (0..).zip(&episode.said).map(|(at, said)| Place {
                turn: episode.turn,
                said: at,
                span: super::episode::whole(&said.text),
            })
        });
        for place in pinned {
            out +=
                usize::from(!self.part(PartKind::Pin, place).is_some_and(|part| filling.put(part, &mut cap)));
        }
        let score = |place: Place| {
            let held = ranked.iter().filter(|one| within(place, one.place) || within(one.place, place));
            held.map(|one| one.score).fold(0.0, f32::max)
        };
        let mut standing: Vec<(f32, Place)> =
            self.standing.iter().map(|one| (score(one.place), one.place)).collect();
        standing.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        for (_, place) in standing {
            out += usize::from(
                !self.part(PartKind::Standing, place).is_some_and(|part| filling.put(part, &mut cap)),
            );
        }
        out
    }

    fn part(&self, kind: PartKind, place: Place) -> Option<Part> {
        let text = one_line(self.text(place)?);
        let day = self.episodes.get(&place.turn).and_then(|episode| episode.at_ms).and_then(Day::at);
        let said = self.said(place)?;
        // A file is cited by its bytes, as in every report.
        let speaker = match said.role {
            Role::Document => format!("{}:{}-{}", said.speaker(), place.span.start, place.span.end),
            Role::User | Role::Assistant => said.speaker().to_owned(),
        };
        Some(Part { place: Some(place), day, speaker, text, ..Part::empty(kind) })
    }
}

impl Part {
    fn empty(kind: PartKind) -> Self {
        Self {
            kind,
            place: None,
            day: None,
            dated: true,
            speaker: String::new(),
            text: String::new(),
            tokens: TokenCount(0),
            why: None,
            score: 0.0,
            superseded: None,
        }
    }
}

/// Tells whether one place lies in another.
fn within(one: Place, other: Place) -> bool {
    one.turn == other.turn
        && one.said == other.said
        && other.span.start <= one.span.start
        && one.span.end <= other.span.end
}
