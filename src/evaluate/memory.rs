//! What a memory puts into a prompt, held against what should be in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::metrics::{count, mean, ndcg, recall, success};
use super::sets::{self, At, Chat, DataError, INSTRUCTIONS, Pool, Question, RETRIEVAL};
use super::table::{Figure, Table};
use crate::memory::{
    Composition, Cue, Episode, Memory, MemoryError, MemoryEvent, MemoryOptions, Part, PartKind, Role, Room,
    Said, Turn, When,
};
use crate::model::Embedder;
use crate::text::{TokenCount, TokenCounter};

/// The tokens of memory that a question may have, as the aims are stated.
const MEMORY: TokenCount = TokenCount(2_500);

/// The tokens of a whole prompt, as in the paper.
pub(super) const PROMPT: TokenCount = TokenCount(3_500);

/// The turn from which on a prompt should not grow any more.
const SETTLED: usize = 50;

/// How many passages are embedded at once.
const AT_ONCE: usize = 128;

/// Is told what is being measured, and how far that is.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// A measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The data could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The memory failed.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// What is measured with.
pub struct Bench<'a> {
    /// The folder of the data.
    pub data: &'a Path,
    /// Turns passages into vectors; without it they are found by their words alone.
    pub embedder: Option<Arc<dyn Embedder>>,
    /// Counts the tokens of prompts.
    pub counter: Arc<dyn TokenCounter + Send + Sync>,
    /// Is told how far it is.
    pub progress: Progress<'a>,
}

impl std::fmt::Debug for Bench<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench")
            .field("data", &self.data)
            .field("embedder", &self.embedder)
            .finish_non_exhaustive()
    }
}

/// The values of each kind of question.
type Kinds = BTreeMap<String, Vec<f64>>;

impl Bench<'_> {
    /// Measures how many of the messages that answer a question of BEAM are in 2,500 tokens of memory.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn beam(&self) -> Result<Table, BenchError> {
        let chats = sets::beam(self.data, "100K")?;
        let (kinds, most) = self.gold(&chats).await?;
        let of = |names: &[&str]| -> Vec<f64> {
            names.iter().filter_map(|name| kinds.get(*name)).map(|values| mean(values)).collect()
        };
        let number = |names: &[&str]| names.iter().filter_map(|name| kinds.get(*name)).map(Vec::len).sum();
        let mut figures = vec![
            Figure::new("mean of the five retrieval abilities", mean(&of(&RETRIEVAL)), number(&RETRIEVAL))
                .at_least(0.88),
            Figure::new("instructions and preferences", mean(&of(&INSTRUCTIONS)), number(&INSTRUCTIONS))
                .at_least(0.8),
        ];
        figures.extend(each(&kinds));
        figures.push(Figure::new("tokens of memory, at most", most, chats.len()).at_most(count(2_500)));
        Ok(Table { title: "BEAM, 100K: gold messages in 2,500 tokens of memory".to_owned(), figures })
    }

    /// Measures how many of the messages that answer a question of `LoCoMo` are in 2,500 tokens of memory.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn locomo(&self) -> Result<Table, BenchError> {
        let mut chats: Vec<Chat> = sets::locomo(self.data)?.into_iter().map(|(chat, _)| chat).collect();
        for chat in &mut chats {
            chat.questions.retain(|question| question.kind != "5");
        }
        let (kinds, most) = self.gold(&chats).await?;
        let all: Vec<f64> = kinds.values().flatten().copied().collect();
        let mut figures = vec![Figure::new("categories 1 to 4", mean(&all), all.len()).at_least(0.92)];
        figures.extend(each(&kinds).map(|figure| match figure.name.as_str() {
            "1" | "3" => figure.at_least(0.8),
            _ => figure,
        }));
        figures.push(Figure::new("tokens of memory, at most", most, chats.len()).at_most(count(2_500)));
        Ok(Table { title: "LoCoMo: evidence turns in 2,500 tokens of memory".to_owned(), figures })
    }

    /// Measures whether the sessions that answer a question of `LongMemEval` are among the first five.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn longmemeval(&self) -> Result<Table, BenchError> {
        let mut at_five = Vec::new();
        for (chat, sessions) in sets::longmemeval(self.data)? {
            let memory = self.filled(&chat.name, &chat.episodes).await?;
            let session = |turn: u32| sessions.get(usize::try_from(turn.checked_sub(1)?).ok()?).copied();
            for question in &chat.questions {
                let vector = self.vector(&question.text).await?;
                let ranked = memory.rank(&question.text, vector.as_deref(), When::default());
                let ranked = first_of_each(ranked.iter().filter_map(|one| session(one.place.turn.0)));
                let gold: BTreeSet<usize> =
                    question.gold.iter().filter_map(|(turn, _)| session(*turn)).collect();
                at_five.push(recall(&ranked, &gold, 5));
            }
        }
        let figure = Figure::new("R@5 of sessions", mean(&at_five), at_five.len()).at_least(0.98);
        Ok(Table { title: "LongMemEval, two histories".to_owned(), figures: vec![figure] })
    }

    /// Measures how well passages of a pool are found: by words and meaning together, and by either alone.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn wikipool(&self) -> Result<Table, BenchError> {
        let pool = sets::wikipool(self.data)?;
        let documents = (1..).zip(&pool.texts).map(|(turn, text)| Episode {
            turn: Turn(turn),
            at_ms: None,
            said: vec![Said { role: Role::Document, name: None, text: text.clone() }],
        });
        let documents: Vec<Episode> = documents.collect();
        let memory = self.filled("wikipool", &documents).await?;
        let mut figures = Vec::new();
        let mut gains = Vec::new();
        for (name, by_words, by_meaning) in
            [("both", true, true), ("words alone", true, false), ("meaning alone", false, true)]
        {
            if by_meaning && self.embedder.is_none() {
                continue;
            }
            let found = self.pooled(&pool, &memory, by_words, by_meaning).await?;
            for (figure, aim) in [("success@5", Some(0.9)), ("R@50", Some(0.95)), ("nDCG@10", None)] {
                let of: Vec<f64> = found
                    .iter()
                    .filter(|((_, of), _)| of == figure)
                    .flat_map(|(_, values)| values.clone())
                    .collect();
                let made = Figure::new(format!("{figure}, {name}"), mean(&of), of.len());
                figures.push(if let (Some(aim), "both") = (aim, name) { made.at_least(aim) } else { made });
                if figure == "nDCG@10" {
                    gains.push(mean(&of));
                }
            }
            if name == "both" || self.embedder.is_none() {
                let per_set = found.iter().map(|((set, figure), values)| {
                    Figure::new(format!("{figure}, {name}, {set}"), mean(values), values.len())
                });
                figures.extend(per_set);
            }
        }
        if let [both, rest @ ..] = gains.as_slice()
            && !rest.is_empty()
        {
            let best = rest.iter().copied().fold(0.0, f64::max);
            figures.push(Figure::new("nDCG@10 above the better one alone", both - best, 1).at_least(0.0));
        }
        Ok(Table { title: "Wikipedia pool, without MuSiQue".to_owned(), figures })
    }

    /// Replays the long chats of BEAM turn by turn and counts the tokens of what goes into each prompt.
    ///
    /// # Errors
    /// [`BenchError`].
    pub fn prompts(&self) -> Result<Table, BenchError> {
        let mut sizes: Vec<(usize, f64)> = Vec::new();
        let (mut most, mut lost, mut turns) = (0.0_f64, 0, 0);
        let chats = sets::beam(self.data, "500K")?;
        for chat in &chats {
            (self.progress)(&format!("{}: {} turns", chat.name, chat.episodes.len()));
            let mut memory = Memory::new(self.options());
            for (number, episode) in chat.episodes.iter().enumerate() {
                let said = episode.said.first().map(|said| said.text.as_str()).unwrap_or_default();
                // A message that fills the window goes another way.
                let own = self.counter.count(said).min(TokenCount(PROMPT.0 / 2));
                let room = Room::of(PROMPT.saturating_sub(own));
                let cue = Cue { text: said, vector: None, at_ms: episode.at_ms.unwrap_or_default() };
                let found = memory.compose(&cue, room, self.counter.as_ref());
                let tokens = count(usize::try_from(own.0).unwrap_or(usize::MAX)) + self.tokens(&found);
                most = most.max(tokens);
                sizes.push((number, tokens));
                let recalled = found.recalled();
                memory.apply(&MemoryEvent::Turned {
                    episode: episode.clone(),
                    recalled,
                    summary: None,
                    run: None,
                });
            }
            turns += chat.episodes.len();
            lost +=
                chat.episodes.iter().filter(|episode| memory.episode(episode.turn) != Some(*episode)).count();
        }
        let settled: Vec<(usize, f64)> = sizes.into_iter().filter(|(turn, _)| *turn >= SETTLED).collect();
        let figures = vec![
            Figure::new("tokens of a prompt, at most", most, turns).at_most(count(3_500)),
            Figure::new("growth after turn 50, tokens a turn", slope(&settled), settled.len()).at_most(0.5),
            Figure::new("turns lost from storage", count(lost), turns).at_most(0.0),
        ];
        Ok(Table { title: "BEAM, 500K: the prompt at every turn".to_owned(), figures })
    }

    fn options(&self) -> MemoryOptions {
        MemoryOptions { counter: Arc::clone(&self.counter), forgetting: None }
    }

    /// Fills a memory turn by turn.
    async fn filled(&self, name: &str, episodes: &[Episode]) -> Result<Memory, BenchError> {
        let mut memory = Memory::new(self.options());
        for episode in episodes {
            memory.apply(&MemoryEvent::Turned {
                episode: episode.clone(),
                recalled: Vec::new(),
                summary: None,
                run: None,
            });
        }
        self.embed(name, &mut memory).await?;
        Ok(memory)
    }

    /// Gives a memory the vectors of the passages that have none yet, where there is an embedder.
    pub(super) async fn embed(&self, name: &str, memory: &mut Memory) -> Result<(), BenchError> {
        let Some(embedder) = &self.embedder else { return Ok(()) };
        let pending = memory.pending();
        for (done, texts) in pending.chunks(AT_ONCE).enumerate() {
            let vectors = embedder.embed(texts).await.map_err(MemoryError::from)?;
            memory.supply(&vectors).map_err(MemoryError::from)?;
            if done % 16 == 0 && pending.len() > AT_ONCE {
                (self.progress)(&format!("{name}: embedded {} of {}", done * AT_ONCE, pending.len()));
            }
        }
        Ok(())
    }

    pub(super) async fn vector(&self, text: &str) -> Result<Option<Vec<f32>>, BenchError> {
        let Some(embedder) = &self.embedder else { return Ok(None) };
        Ok(embedder.embed(&[text.to_owned()]).await.map_err(MemoryError::from)?.pop())
    }

    /// The share of the gold messages of each question that is in the memory, by its kind; and the most tokens of it.
    async fn gold(&self, chats: &[Chat]) -> Result<(Kinds, f64), BenchError> {
        let mut kinds = Kinds::new();
        let mut most = 0.0_f64;
        for chat in chats {
            let memory = self.filled(&chat.name, &chat.episodes).await?;
            for question in chat.questions.iter().filter(|question| !question.gold.is_empty()) {
                let found = self.composed(&memory, question).await?;
                most = most.max(self.tokens(&found));
                let places = found.parts.iter().filter_map(|part| part.place);
                let shown: BTreeSet<At> = places.map(|place| (place.turn.0, place.said)).collect();
                let held = question.gold.intersection(&shown).count();
                let share = count(held) / count(question.gold.len());
                kinds.entry(question.kind.clone()).or_default().push(share);
            }
        }
        Ok((kinds, most))
    }

    /// What of a memory goes beside a question: standing statements and passages, without summary and tail.
    async fn composed(&self, memory: &Memory, question: &Question) -> Result<Composition, BenchError> {
        let vector = self.vector(&question.text).await?;
        let cue = Cue { text: &question.text, vector: vector.as_deref(), at_ms: question.at_ms };
        Ok(memory.compose(&cue, Room::alone(MEMORY), self.counter.as_ref()))
    }

    fn tokens(&self, found: &Composition) -> f64 {
        let lines: Vec<String> = found.parts.iter().map(Part::line).collect();
        let tokens = self.counter.count(&lines.join("\n")).0;
        debug_assert!(found.parts.iter().all(|part| part.kind <= PartKind::Tail), "every part is counted");
        count(usize::try_from(tokens).unwrap_or(usize::MAX))
    }

    async fn pooled(
        &self,
        pool: &Pool,
        memory: &Memory,
        by_words: bool,
        by_meaning: bool,
    ) -> Result<BTreeMap<(String, String), Vec<f64>>, BenchError> {
        let mut found: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
        for (set, text, gold) in pool.questions.iter().filter(|(set, ..)| !set.contains("musique")) {
            let vector = if by_meaning { self.vector(text).await? } else { None };
            let words = if by_words { text.as_str() } else { "" };
            let ranked = memory.rank(words, vector.as_deref(), When::default());
            let ranked =
                first_of_each(ranked.iter().filter_map(|one| usize::try_from(one.place.turn.0 - 1).ok()));
            for (name, value) in [
                ("success@5", success(&ranked, gold, 5)),
                ("R@50", recall(&ranked, gold, 50)),
                ("nDCG@10", ndcg(&ranked, gold, 10)),
            ] {
                found.entry((set.clone(), name.to_owned())).or_default().push(value);
            }
        }
        Ok(found)
    }
}

fn each(kinds: &Kinds) -> impl Iterator<Item = Figure> {
    kinds.iter().map(|(kind, values)| Figure::new(kind.clone(), mean(values), values.len()))
}

/// Folds a ranking to what its entries belong to, each at its first rank.
pub(super) fn first_of_each<T: Ord + Copy>(ranked: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    ranked.filter(|one| seen.insert(*one)).collect()
}

/// The slope of the line that fits the points best.
fn slope(points: &[(usize, f64)]) -> f64 {
    let xs: Vec<f64> = points.iter().map(|(x, _)| count(*x)).collect();
    let ys: Vec<f64> = points.iter().map(|(_, y)| *y).collect();
    let (x, y) = (mean(&xs), mean(&ys));
    let over: f64 = xs.iter().zip(&ys).map(|(a, b)| (a - x) * (b - y)).sum();
    let under: f64 = xs.iter().map(|a| (a - x) * (a - x)).sum();
    if under > 0.0 { over / under } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_that_of_the_line() {
        assert!((slope(&[(1, 3.0), (2, 5.0), (3, 7.0)]) - 2.0).abs() < 1e-12);
        assert!(slope(&[]).abs() < 1e-12);
    }
}
