//! What reasoning in rounds is worth: pass@1 of a model in rounds and in one answer of as many tokens, over problems with a short
//! final answer. Both are runs like any other, kept in a store, so that an evaluation that was interrupted asks nothing twice.

mod budget;
mod tables;
mod tries;

use std::error::Error;
use std::path::Path;

use super::draw::Draw;
use super::driven::{Driven, DrivenError, Kept, QUESTION, driven};
use super::sets::{DataError, MathProblem, MathSet};
use super::{Grid, Progress};
use crate::agent::Models;
use crate::graph::Workflow;
use crate::run::{Limits, Outcome, Plan, Spent};
use crate::schedule::Stop;

use tables::Title;
use tries::{Pair, Try};

/// The input of the baseline that says how long its answer may be.
const TOKENS: &str = "tokens";

/// The input of rounds that says how long each may be.
const SEGMENT: &str = "segment";

/// A quality could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum MathError {
    /// The problems could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A problem could not be put through a workflow.
    #[error(transparent)]
    Driven(#[from] DrivenError),
    /// A run could not be begun or taken up.
    #[error("a run could not be kept")]
    Runs(#[source] RunsError),
    /// How long a prompt is could not be told.
    #[error("the prompt of an answer cannot be counted: {reason}")]
    Uncounted {
        /// Why.
        reason: String,
    },
    /// The evaluation was stopped, or nobody may or can be asked any more. What is finished is kept.
    #[error("{finished} of {of} problems are finished: {reason}")]
    Stopped {
        /// How many problems were finished in both ways.
        finished: usize,
        /// How many were drawn.
        of: usize,
        /// How the run ended that was the last.
        outcome: Outcome,
        /// Why.
        reason: String,
    },
}

/// What whoever keeps runs says when that fails.
pub type RunsError = Box<dyn Error + Send + Sync>;

/// Where runs are kept, and whom they ask.
pub trait Runs {
    /// Returns what the agents of both methods ask.
    fn models(&self) -> Models;

    /// Begins the run of a plan, or takes up the one of the same plan that is kept. It may use as much as `limits` say.
    ///
    /// # Errors
    /// [`RunsError`] where it cannot be kept.
    fn open(&self, method: &Method, plan: &Plan, limits: Limits) -> Result<Kept, RunsError>;
}

/// A way to solve a problem.
#[derive(Debug, Clone)]
pub struct Method {
    /// Its workflow.
    pub workflow: Workflow,
    /// What a run of it is begun with, but for what differs from problem to problem.
    pub plan: Plan,
}

/// What quality is measured with.
pub struct MathBench<'a> {
    /// The shipped workflow `inftythink-prompted`, or `inftythink`.
    pub rounds: Method,
    /// The shipped workflow `single-shot`.
    pub single: Method,
    /// Whether the model was trained to reason in rounds.
    pub trained: bool,
    /// Where runs are kept.
    pub runs: &'a dyn Runs,
    /// What all runs together may use.
    pub limits: Limits,
    /// Where files under way go.
    pub spool: &'a Path,
    /// How the evaluation is asked to stop.
    pub stop: &'a Stop,
    /// How many problems are drawn from each set.
    pub sample: usize,
    /// What they are drawn by.
    pub seed: u64,
    /// Is told how far it is.
    pub progress: Progress<'a>,
}

impl std::fmt::Debug for MathBench<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sample = (self.sample, self.seed);
        f.debug_struct("MathBench").field("sample", &sample).finish_non_exhaustive()
    }
}

/// What came of a set.
#[derive(Debug)]
pub struct Quality {
    /// The figures.
    pub grid: Grid,
    /// How many runs failed; their problems count as not solved.
    pub failed: usize,
}

impl MathBench<'_> {
    /// Solves the sample of a set in both ways. `spent` is what was used before, and is added to.
    ///
    /// # Errors
    /// [`MathError`]; where it is [`MathError::Stopped`], measuring again goes on where this ended.
    pub async fn measure(&self, set: &MathSet, data: &Path, spent: &mut Spent) -> Result<Quality, MathError> {
        let all = set.read(data)?;
        let problems = drawn(&all, self.sample, self.seed);
        let mut pairs: Vec<Pair> = Vec::new();
        for problem in &problems {
            let pair = self.pair(set, problem, spent).await.map_err(|error| match error {
                MathError::Stopped { outcome, reason, .. } => {
                    MathError::Stopped { finished: pairs.len(), of: problems.len(), outcome, reason }
                }
                error => error,
            })?;
            pairs.push(pair);
            let solved = |of: fn(&Pair) -> &Try| pairs.iter().filter(|pair| of(pair).solved).count();
            (self.progress)(&format!(
                "{set}: {} of {}, solved {} in rounds and {} in one answer",
                pairs.len(),
                problems.len(),
                solved(|pair| &pair.rounds),
                solved(|pair| &pair.single),
            ));
        }
        let failed = |of: &Try| usize::from(of.failure.is_some());
        let failed = pairs.iter().map(|pair| failed(&pair.rounds) + failed(&pair.single)).sum();
        let title = Title {
            set: set.to_string(),
            of: all.len(),
            seed: self.seed,
            model: &self.rounds.plan.model_identity,
            trained: self.trained,
            inputs: &self.rounds.plan.inputs,
        };
        Ok(Quality { grid: tables::grid(&title, &pairs), failed })
    }

    /// Solves one problem in both ways.
    async fn pair(&self, set: &MathSet, problem: &MathProblem, spent: &mut Spent) -> Result<Pair, MathError> {
        let asked = (QUESTION, problem.question.clone());
        let rounds = self.solve(&self.rounds, std::slice::from_ref(&asked), spent).await?;
        let how = tries::how_rounds_went(&self.rounds.workflow, &rounds);
        let budget = self.budget(&problem.question, how.made)?;
        let single = self.solve(&self.single, &[asked, (TOKENS, budget.tokens.to_string())], spent).await?;
        let judge = |driven: &Driven, answer: &str| Try::new(driven, answer, problem, set.kind());
        let pair = Pair {
            rounds: judge(&rounds, &rounds.answer),
            single: judge(&single, &tries::conclusion(&single.answer)),
            how,
            budget,
        };
        for (way, one) in [("in rounds", &pair.rounds), ("in one answer", &pair.single)] {
            if let Some(why) = &one.failure {
                (self.progress)(&format!("{set}: a problem failed {way}: {why}"));
            }
        }
        Ok(pair)
    }

    async fn solve(
        &self,
        method: &Method,
        inputs: &[(&str, String)],
        spent: &mut Spent,
    ) -> Result<Driven, MathError> {
        let plan = method.plan_with(inputs);
        let kept = self.runs.open(method, &plan, left(self.limits, *spent)).map_err(MathError::Runs)?;
        let driven = driven(&method.workflow, plan, kept, self.spool, self.stop).await?;
        *spent = *spent + driven.spent;
        let outcome = driven.outcome;
        if matches!(outcome, Outcome::Succeeded | Outcome::Partial | Outcome::Failed) {
            return Ok(driven);
        }
        let reason = driven.failure.unwrap_or_else(|| outcome.to_string());
        Err(MathError::Stopped { finished: 0, of: 0, outcome, reason })
    }
}

impl Method {
    /// The plan of one run.
    fn plan_with(&self, inputs: &[(&str, String)]) -> Plan {
        let mut plan = self.plan.clone();
        plan.inputs.extend(inputs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        plan
    }
}

/// What is left of limits.
fn left(limits: Limits, spent: Spent) -> Limits {
    Limits {
        tokens: limits.tokens.map(|most| most.saturating_sub(spent.tokens)),
        cost: limits.cost.map(|most| most.saturating_sub(spent.cost)),
    }
}

/// A sample, in the order of the whole. The same seed draws the same, and a larger sample holds every smaller one.
fn drawn<T>(all: &[T], sample: usize, seed: u64) -> Vec<&T> {
    let mut drawn: Vec<(usize, &T)> = all.iter().enumerate().collect();
    Draw::new(seed).shuffle(&mut drawn);
    drawn.truncate(sample);
    drawn.sort_unstable_by_key(|(at, _)| *at);
    drawn.into_iter().map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Money;
    use crate::text::TokenCount;

    #[test]
    fn a_larger_sample_holds_every_smaller_one() {
        let all: Vec<usize> = (0..30).collect();
        for seed in 0..20 {
            let samples: Vec<Vec<&usize>> = (0..=31).map(|sample| drawn(&all, sample, seed)).collect();
            for (size, (small, large)) in samples.iter().zip(samples.iter().skip(1)).enumerate() {
                assert_eq!(small.len(), size.min(30));
                assert!(
                    small.is_sorted() && small.iter().all(|one| large.contains(one)),
                    "{small:?}, {large:?}"
                );
            }
        }
        assert_ne!(drawn(&all, 5, 1), drawn(&all, 5, 2));
    }

    #[test]
    fn what_was_used_is_not_left() {
        let spent = Spent { tokens: TokenCount(30), cost: Money::from_usd(0.5) };
        assert_eq!(left(Limits::of(Some(100), None), spent), Limits::of(Some(70), None));
        assert_eq!(left(Limits::of(Some(10), Some(2.0)), spent), Limits::of(Some(0), Some(1.5)));
        assert_eq!(left(Limits::default(), spent), Limits::default());
    }
}
