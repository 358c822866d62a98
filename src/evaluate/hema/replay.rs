//! Replays a chat turn by turn and asks for what was said in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::super::memory::{Bench, BenchError, PROMPT};
use super::super::sets::RETRIEVAL;
use super::PAPERS;
use super::planted::Plan;
use super::pruned::Pruned;
use super::systems::{Ask, Found, System};
use crate::memory::{Cue, Memory, MemoryEvent, MemoryOptions, PERIOD, Place, Salience, Turn};

/// How many passages count as retrieved in a turn: the larger of the paper's two `k`.
const RETRIEVED: usize = 50;

/// Turns between two words about how far it is.
const TOLD: u32 = 250;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sample {
    /// A fact, so many turns after it was told.
    After(u32),
    /// A fact after the paper's number of turns: whether it is asked for in other words.
    Worded(bool),
    /// What the questions of the chats ask for, at the end of each.
    Gold,
}

/// What was found for the questions of a sample.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// 1 where the answer stands in the prompt; for questions of the chats the share of the gold messages that does.
    pub(super) held: Vec<f64>,
    pub(super) precision: Vec<f64>,
    pub(super) recall: Vec<f64>,
    pub(super) area: Vec<f64>,
    pub(super) ceiling: Vec<f64>,
}

/// What a replay has shown.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    pub(super) tallies: BTreeMap<(System, Sample), Tally>,
    /// Milliseconds of each search at the end, when the index is at its largest.
    pub(super) latency: Vec<f64>,
    /// The share of the facts that is among the first 50 then.
    pub(super) recall_at_end: Vec<f64>,
    /// The passages in the index then.
    pub(super) indexed: usize,
    pub(super) pruned: Pruned,
}

/// A replay.
pub(super) struct Replay<'a> {
    pub(super) bench: &'a Bench<'a>,
    pub(super) plan: &'a Plan,
    pub(super) forgetting: Option<Salience>,
    /// How many turns after they were told facts are asked for.
    pub(super) distances: &'a [u32],
    pub(super) name: &'a str,
}

impl Replay<'_> {
    pub(super) async fn run(&self) -> Result<Replayed, BenchError> {
        let counter = std::sync::Arc::clone(&self.bench.counter);
        let mut memory = Memory::new(MemoryOptions { counter, forgetting: self.forgetting });
        let mut replayed = Replayed::default();
        let mut due: BTreeMap<Turn, Vec<(usize, u32)>> = BTreeMap::new();
        for (fact, (_, told)) in self.plan.facts.iter().enumerate() {
            for distance in self.distances {
                due.entry(Turn(told.0.saturating_add(*distance))).or_default().push((fact, *distance));
            }
        }
        for episode in &self.plan.episodes {
            let turn = episode.turn;
            if turn.0 % TOLD == 1 {
                let of = self.plan.episodes.len();
                (self.bench.progress)(&format!("{}: turn {turn} of {of}", self.name));
            }
            for (fact, distance) in due.remove(&turn).unwrap_or_default() {
                self.ask_fact(&memory, fact, distance, episode.at_ms, &mut replayed).await?;
            }
            let said = episode.said.first().map(|said| said.text.as_str()).unwrap_or_default();
            let recalled = self.retrieved(&memory, said, episode.at_ms).await?;
            let before: Option<BTreeSet<Place>> = (self.forgetting.is_some() && turn.0 % PERIOD == 0)
                .then(|| memory.passages().map(|passage| passage.place).collect());
            memory.apply(&MemoryEvent::Turned {
                episode: episode.clone(),
                recalled,
                summary: None,
                run: None,
            });
            if let Some(before) = before {
                let after = memory.passages().map(|passage| passage.place).collect();
                replayed.pruned.note(turn, &before, &after, self.plan);
            }
            self.bench.embed(self.name, &mut memory).await?;
            self.ask_chat(&memory, turn, &mut replayed).await?;
        }
        self.search_at_end(&memory, &mut replayed).await?;
        Ok(replayed)
    }

    /// The passages that count as recalled for what the user says. Without them forgetting knows age alone, and answers that repeat
    /// them would be indexed: the replays would differ in more than what is forgotten.
    async fn retrieved(
        &self,
        memory: &Memory,
        said: &str,
        at_ms: Option<u64>,
    ) -> Result<Vec<Place>, BenchError> {
        let vector = self.bench.vector(said).await?;
        let ranking = self.ask(memory, said, vector.as_deref(), at_ms.unwrap_or_default()).ranking();
        Ok(ranking.into_iter().take(RETRIEVED).map(|one| one.place).collect())
    }

    fn ask<'b>(
        &'b self,
        memory: &'b Memory,
        text: &'b str,
        vector: Option<&'b [f32]>,
        at_ms: u64,
    ) -> Ask<'b> {
        let counter = self.bench.counter.as_ref();
        let left = PROMPT.saturating_sub(counter.count(text));
        Ask { memory, cue: Cue { text, vector, at_ms }, left, counter }
    }

    async fn ask_fact(
        &self,
        memory: &Memory,
        fact: usize,
        distance: u32,
        at_ms: Option<u64>,
        replayed: &mut Replayed,
    ) -> Result<(), BenchError> {
        let Some((fact, told)) = self.plan.facts.get(fact) else { return Ok(()) };
        let vector = self.bench.vector(&fact.question).await?;
        let ask = self.ask(memory, &fact.question, vector.as_deref(), at_ms.unwrap_or_default());
        let holds = |text: &str| f64::from(u8::from(text.contains(&fact.answer)));
        let gold = [(told.0, 0)].into();
        let sample = Sample::After(distance);
        for (system, shown) in ask.shown() {
            let (held, found) = (holds(&shown.text), shown.held_against(&gold));
            replayed.note(system, sample, held, &found);
            if distance == PAPERS {
                replayed.note(system, Sample::Worded(fact.reworded), held, &found);
            }
        }
        let one_level = replayed.tallies.entry((System::OneLevel, sample)).or_default();
        one_level.held.push(holds(&ask.with_one_level()));
        Ok(())
    }

    /// Asks the questions of a chat that has just ended.
    async fn ask_chat(&self, memory: &Memory, turn: Turn, replayed: &mut Replayed) -> Result<(), BenchError> {
        let asked = self.plan.asked.get(&turn).into_iter().flatten();
        for question in asked.filter(|asked| RETRIEVAL.contains(&asked.kind.as_str())) {
            let vector = self.bench.vector(&question.text).await?;
            let ask = self.ask(memory, &question.text, vector.as_deref(), question.at_ms);
            for (system, shown) in ask.shown() {
                let found = shown.held_against(&question.gold);
                replayed.note(system, Sample::Gold, found.shown, &found);
            }
        }
        Ok(())
    }

    /// Searches once more for every fact in the whole chat, and takes the time.
    async fn search_at_end(&self, memory: &Memory, replayed: &mut Replayed) -> Result<(), BenchError> {
        replayed.indexed = memory.indexed();
        for (fact, told) in &self.plan.facts {
            let vector = self.bench.vector(&fact.question).await?;
            let ask = self.ask(memory, &fact.question, vector.as_deref(), 0);
            let timed = || {
                let begun = Instant::now();
                let ranking = ask.ranking();
                (begun.elapsed().as_secs_f64() * 1000.0, ranking)
            };
            // The best of three: what else the machine does is not the search's.
            let (first, ranking) = timed();
            replayed.latency.push(first.min(timed().0).min(timed().0));
            let found = ranking.iter().take(RETRIEVED).any(|one| one.place.turn == *told);
            replayed.recall_at_end.push(f64::from(u8::from(found)));
        }
        Ok(())
    }
}

impl Replayed {
    fn note(&mut self, system: System, sample: Sample, held: f64, found: &Found) {
        let tally = self.tallies.entry((system, sample)).or_default();
        tally.held.push(held);
        tally.precision.push(found.precision);
        tally.recall.push(found.recall);
        tally.area.push(found.area);
        tally.ceiling.push(found.ceiling);
    }
}
