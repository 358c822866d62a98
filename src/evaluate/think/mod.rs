//! The mechanism of reasoning in rounds (`InftyThink`, arXiv 2503.06692), measured without a language model: a model that solves by
//! rule is asked through the shipped workflow and the engine. What is measured is what rounds carry, what stands in a prompt, and
//! what that takes beside one long chain; not what a model makes of it.

mod countdown;
mod fit;
mod generate;
mod route;
mod solve;
mod symbolic;
mod tables;
#[cfg(test)]
mod tests;
mod work;

use std::path::Path;
use std::sync::Arc;

use super::driven::DrivenError;
use super::sets::{self, Countdown, DataError, Route};
use super::{Grid, Progress, Table};
use crate::graph::Workflow;
use crate::run::in_one_line;
use crate::text::{TokenCount, TokenCounter};

use solve::Solved;
use symbolic::Manner;
use tables::Measured;

/// The longest rounds that are measured, in tokens.
pub const SEGMENTS: [u64; 6] = [64, 128, 256, 512, 1024, 2048];

/// No round of a generated problem may be the last before so many.
const ROUNDS: u64 = 50;

/// How many problems are generated for each length of rounds.
const GENERATED: u64 = 3;

/// What generated problems are drawn from.
const SEED: u64 = 250_306_692;

/// So long a round is one chain, whatever the problem.
const ONE_CHAIN: u64 = 1 << 24;

/// The most tokens that a summary may add to a prompt, in any problem and after any number of rounds: |S| of the bound.
const SUMMARY: u64 = 48;

/// A measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ThinkError {
    /// The data could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A problem could not be put through the workflow.
    #[error(transparent)]
    Driven(#[from] DrivenError),
    /// A run came to no end.
    #[error("a run came to no end: {reason}")]
    Failed {
        /// Why.
        reason: String,
    },
}

impl ThinkError {
    fn failed(error: &dyn std::error::Error) -> Self {
        Self::Failed { reason: in_one_line(error) }
    }
}

/// What the mechanism is measured with.
pub struct ThinkBench<'a> {
    /// The shipped workflow `inftythink`.
    pub workflow: &'a Workflow,
    /// Where files under way go.
    pub spool: &'a Path,
    /// Counts tokens.
    pub counter: Arc<dyn TokenCounter + Send + Sync>,
    /// The longest rounds to measure, in tokens.
    pub segments: &'a [u64],
    /// Is told how far it is.
    pub progress: Progress<'a>,
}

impl std::fmt::Debug for ThinkBench<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThinkBench").field("segments", &self.segments).finish_non_exhaustive()
    }
}

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Routes between cities.
    Routes,
    /// The numbers game.
    Countdowns,
}

/// A problem and what solves it.
#[derive(Debug, Clone)]
struct Problem {
    question: String,
    gold: Gold,
}

#[derive(Debug, Clone)]
enum Gold {
    /// The lines of the only route, and the answer that tells of it.
    Route {
        lines: Vec<String>,
        answer: String,
    },
    Countdown(Countdown),
}

impl Problem {
    fn route((question, lines): Route) -> Self {
        let answer = route::answer(lines.last().map_or("", |line| route::end_of(line)), &lines);
        Self { question: format!("{question}\n{}", route::FORM), gold: Gold::Route { lines, answer } }
    }

    fn countdown(game: Countdown) -> Self {
        Self { question: countdown::asked(&game.0, game.1), gold: Gold::Countdown(game) }
    }

    /// Tells whether it was solved: the numbers game by its conclusion, a route by its conclusion and by its lines, each written
    /// once in the thoughts of the rounds.
    fn is_solved(&self, solved: &Solved) -> bool {
        match &self.gold {
            Gold::Route { lines, answer } => solved.answer == *answer && solved.thoughts == *lines,
            Gold::Countdown((numbers, target)) => countdown::solves(numbers, *target, &solved.answer),
        }
    }
}

impl ThinkBench<'_> {
    /// Solves every problem of a set of `LongProc`, in rounds of every length.
    ///
    /// # Errors
    /// [`ThinkError`].
    pub async fn longproc(&self, kind: Kind, data: &Path) -> Result<Table, ThinkError> {
        let problems: Vec<Problem> = match kind {
            Kind::Routes => sets::routes(data)?.into_iter().map(Problem::route).collect(),
            Kind::Countdowns => sets::countdowns(data)?.into_iter().map(Problem::countdown).collect(),
        };
        let mut chains = Vec::new();
        for problem in &problems {
            chains.push(self.solve(&problem.question, ONE_CHAIN, Manner::Trained).await?);
        }
        let mut measured = Vec::new();
        for segment in self.segments {
            let mut of = Measured::new(*segment);
            for (number, (problem, chain)) in problems.iter().zip(&chains).enumerate() {
                if number % 25 == 0 {
                    let told = format!("{kind}: rounds of {segment} tokens, {number} of {}", problems.len());
                    (self.progress)(&told);
                }
                of.add(problem, &self.solve(&problem.question, *segment, Manner::Trained).await?, chain);
            }
            measured.push(of);
        }
        Ok(tables::solved(&format!("LongProc, {kind}, in rounds"), &measured))
    }

    /// Solves generated problems that need at least fifty rounds of every length, and holds them against one long chain.
    ///
    /// # Errors
    /// [`ThinkError`].
    pub async fn generated(&self, kind: Kind) -> Result<(Table, Grid), ThinkError> {
        let mut measured = Vec::new();
        for segment in self.segments {
            (self.progress)(&format!("generated {kind}: rounds of {segment} tokens"));
            let mut of = Measured::new(*segment);
            for number in 0..GENERATED {
                let seed = SEED.wrapping_add(segment.wrapping_mul(GENERATED) + number);
                let problem = self.drawn(kind, seed, TokenCount(segment * ROUNDS))?;
                let chain = self.solve(&problem.question, ONE_CHAIN, Manner::Trained).await?;
                of.add(&problem, &self.solve(&problem.question, *segment, Manner::Trained).await?, &chain);
            }
            measured.push(of);
        }
        let title = format!("Generated {kind} of at least {ROUNDS} rounds");
        Ok((tables::long(&title, &measured), tables::beside_a_chain(&title, &measured)))
    }

    fn drawn(&self, kind: Kind, seed: u64, least: TokenCount) -> Result<Problem, ThinkError> {
        let counter = self.counter.as_ref();
        Ok(match kind {
            Kind::Routes => Problem::route(generate::route(seed, least, counter)),
            Kind::Countdowns => {
                let none = || ThinkError::Failed { reason: format!("no numbers game has {least} tokens") };
                Problem::countdown(generate::countdown(seed, least, counter).ok_or_else(none)?)
            }
        })
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Routes => "routes between cities",
            Self::Countdowns => "numbers games",
        })
    }
}
