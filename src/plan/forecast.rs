//! The shape of a plan: what `plan --json` prints and what `longhand schema plan` describes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pace::{Measured, Pace, number};
use super::rehearsal::{Rehearsed, Stage, rehearse};
use super::stand_in::{Length, Tally};
use crate::graph::{Node, Scope};
use crate::model::Money;
use crate::run::{Limits, Purpose, Slot, TaskId, in_one_line};
use crate::spec::StepSpec;
use crate::text::TokenCount;

/// The version of this shape; it grows when a field changes its meaning or goes away.
const VERSION: u32 = 1;

/// The share of the longest answer that is expected where no call has been measured. It is an assumption.
const ASSUMED_SHARE: f64 = 0.5;

/// What stands for the whole archive where a path is expected.
const ARCHIVE: &str = ".";

/// What a run would ask of its models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// The version of this shape.
    pub version: u32,
    /// The workflow's name.
    pub workflow: String,
    /// The model of the run as it was named.
    pub model: String,
    /// What is expected of the whole run.
    pub expected: Amount,
    /// What the whole run cannot pass.
    pub worst: Amount,
    /// How many calls are expected to be answered as earlier runs were; they are in no other number.
    #[serde(default)]
    pub cached_calls: u64,
    /// What it rests on.
    pub basis: Basis,
    /// How it stands to the limits given, one line for each.
    pub limits: Vec<Limit>,
    /// The same by node, in the order of the workflow.
    pub nodes: Vec<NodeLine>,
    /// The same by document; `.` is what is done over the whole archive, or over all documents read as one.
    pub documents: Vec<DocumentLine>,
    /// What cannot be done, as far as that is known before.
    pub failed: Vec<Failure>,
    /// What may go wrong where answers are long.
    pub warnings: Vec<String>,
}

/// Calls, their tokens, and what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Amount {
    /// Calls to models.
    pub calls: u64,
    /// Tokens of their prompts.
    pub prompt_tokens: TokenCount,
    /// Tokens of their answers.
    pub completion_tokens: TokenCount,
    /// What they cost in USD; a model without a price costs nothing.
    pub cost_usd: f64,
    /// How long they take, in seconds; null where the speed of a model is not known. For the whole run, calls that can be in
    /// flight together are; in a line of a node or a document, one call follows the other.
    pub seconds: Option<f64>,
}

impl Amount {
    /// Returns prompt and answers together.
    #[must_use]
    pub fn tokens(&self) -> TokenCount {
        self.prompt_tokens + self.completion_tokens
    }

    /// Returns what takes no time because nothing is asked.
    #[must_use]
    pub fn nothing() -> Self {
        Self { seconds: Some(0.0), ..Self::default() }
    }

    /// Returns both together, one after the other.
    #[must_use]
    pub fn and(&self, next: &Self) -> Self {
        Self {
            calls: self.calls.saturating_add(next.calls),
            prompt_tokens: self.prompt_tokens + next.prompt_tokens,
            completion_tokens: self.completion_tokens + next.completion_tokens,
            cost_usd: self.cost_usd + next.cost_usd,
            seconds: self.seconds.zip(next.seconds).map(|(one, two)| one + two),
        }
    }
}

/// What a plan rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Basis {
    /// The share of the longest answer allowed that an answer is expected to have: the middle of those measured, or one half,
    /// assumed, where no call has been measured.
    pub answer_share: f64,
    /// How many earlier calls of the model were measured.
    pub measured_calls: u64,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeLine {
    /// The node.
    pub node: String,
    /// Its kind of step.
    pub step: String,
    /// The agent it asks.
    pub agent: Option<String>,
    /// What is expected.
    pub expected: Amount,
    /// What it cannot pass.
    pub worst: Amount,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentLine {
    /// Its path as given.
    pub path: String,
    /// The chunks that it is read in.
    pub chunks: u64,
    /// What is expected.
    pub expected: Amount,
    /// What it cannot pass.
    pub worst: Amount,
}

/// Something that cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The path as given; `.` for the whole archive.
    pub path: String,
    /// Why, in a sentence.
    pub error: String,
}

/// How a plan stands to a limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Limit {
    /// `max_tokens` or `max_cost`.
    pub name: String,
    /// The limit.
    pub limit: f64,
    /// How the plan stands to it.
    pub fit: Fit,
}

/// Whether a run keeps within a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Even the worst case does.
    Fits,
    /// What is expected does, the worst case does not.
    MayNotFit,
    /// What is expected does not.
    DoesNotFit,
}

impl Forecast {
    /// Tells how the plan stands to all its limits together.
    #[must_use]
    pub fn fit(&self) -> Fit {
        self.limits.iter().map(|limit| limit.fit).max().unwrap_or(Fit::Fits)
    }
}

/// Plans a run: rehearses it with usual and with the longest answers.
///
/// `paces` holds the terms of the run's own model under `None` and those of others under the names that agents use.
pub async fn forecast(
    stage: &Stage,
    paces: &BTreeMap<Option<String>, Pace>,
    measured: Measured,
    limits: Limits,
) -> Forecast {
    let share = measured.share.unwrap_or(ASSUMED_SHARE);
    let expected = rehearse(stage, Length::Usual(share)).await;
    let worst = rehearse(stage, Length::Longest).await;
    let view = View { stage, paces };
    let (all_expected, all_worst) = (view.whole(&expected), view.whole(&worst));
    Forecast {
        version: VERSION,
        workflow: stage.workflow.name().to_string(),
        model: stage.plan.model.clone(),
        expected: all_expected,
        worst: all_worst,
        cached_calls: expected.known,
        basis: Basis { answer_share: share, measured_calls: measured.calls },
        limits: against(limits, &all_expected, &all_worst),
        nodes: view.nodes(&expected, &worst),
        documents: view.documents(&expected, &worst),
        failed: view.failed(&expected),
        warnings: warnings(&expected, &worst),
    }
}

/// Holds a plan against limits.
fn against(limits: Limits, expected: &Amount, worst: &Amount) -> Vec<Limit> {
    let tokens = |amount: &Amount| number(amount.tokens().0);
    let of_tokens =
        limits.tokens.map(|limit| ("max_tokens", number(limit.0), tokens(expected), tokens(worst)));
    let of_cost = limits.cost.map(|limit| ("max_cost", limit.usd(), expected.cost_usd, worst.cost_usd));
    let one = |(name, limit, expected, worst): (&str, f64, f64, f64)| Limit {
        name: name.to_owned(),
        limit,
        fit: match (expected <= limit, worst <= limit) {
            (false, _) => Fit::DoesNotFit,
            (true, false) => Fit::MayNotFit,
            (true, true) => Fit::Fits,
        },
    };
    of_tokens.into_iter().chain(of_cost).map(one).collect()
}

struct View<'a> {
    stage: &'a Stage,
    paces: &'a BTreeMap<Option<String>, Pace>,
}

impl View<'_> {
    fn pace(&self, node: &Node) -> Option<&Pace> {
        self.paces.get(&node.agent.as_ref()?.model)
    }

    /// What the tasks of one node come to, one call after the other.
    fn amount(&self, node: &Node, tally: Tally) -> Amount {
        let pace = self.pace(node);
        let cost = pace.and_then(|pace| pace.price).map(|price| price.most(tally.prompt, tally.completion));
        let speed = pace.and_then(|pace| pace.speed);
        let seconds =
            speed.map(|it| number(tally.prompt.0) / it.prompt + number(tally.completion.0) / it.completion);
        Amount {
            calls: tally.calls,
            prompt_tokens: tally.prompt,
            completion_tokens: tally.completion,
            cost_usd: cost.unwrap_or(Money(0)).usd(),
            seconds: if tally.calls == 0 { Some(0.0) } else { seconds },
        }
    }

    /// What those tasks come to that `which` lets through.
    fn sum(&self, rehearsed: &Rehearsed, which: impl Fn(&TaskId) -> bool) -> Amount {
        let one = |(task, tally): (&TaskId, &Tally)| {
            Some(self.amount(self.stage.workflow.node(&task.node)?, *tally))
        };
        let amounts = rehearsed.tasks.iter().filter(|(task, _)| which(task)).filter_map(one);
        amounts.fold(Amount::nothing(), |sum, next| sum.and(&next))
    }

    fn whole(&self, rehearsed: &Rehearsed) -> Amount {
        Amount { seconds: self.seconds(rehearsed), ..self.sum(rehearsed, |_| true) }
    }

    /// The time from start to end. Sources are worked on at the same time, as many as calls can be in flight, and the archive
    /// after them; within one source only the calls of a map run at the same time.
    fn seconds(&self, rehearsed: &Rehearsed) -> Option<f64> {
        let mut of_slots: BTreeMap<Slot, f64> = BTreeMap::new();
        let (mut work, mut archive) = (0.0, 0.0);
        for (task, tally) in rehearsed.tasks.iter().filter(|(_, tally)| tally.calls > 0) {
            let node = self.stage.workflow.node(&task.node)?;
            let at_once = self.pace(node).map_or(1, |pace| pace.concurrency.max(1)) as u64;
            let alone = self.amount(node, *tally).seconds?;
            let shared = alone / number(at_once);
            let lasting = if matches!(node.step, StepSpec::Map(_)) {
                alone / number(at_once.min(tally.calls))
            } else {
                alone
            };
            match node.scope {
                Scope::Archive => archive += lasting,
                Scope::Source => {
                    work += shared;
                    *of_slots.entry(task.slot).or_default() += lasting;
                }
            }
        }
        Some(of_slots.values().copied().fold(work, f64::max) + archive)
    }

    fn nodes(&self, expected: &Rehearsed, worst: &Rehearsed) -> Vec<NodeLine> {
        let line = |node: &Node| NodeLine {
            node: node.name.to_string(),
            step: node.kind().to_owned(),
            agent: node.agent.as_ref().map(|agent| agent.name.to_string()),
            expected: self.sum(expected, |task| task.node == node.name),
            worst: self.sum(worst, |task| task.node == node.name),
        };
        self.stage.workflow.nodes().map(line).collect()
    }

    fn path(&self, slot: Slot) -> String {
        let of_source = |index: u32| self.stage.documents.get(usize::try_from(index).ok()?);
        match slot {
            Slot::Source(index) if self.stage.plan.purpose == Purpose::Each => {
                of_source(index).map_or_else(String::new, |document| document.name.clone())
            }
            Slot::Source(_) | Slot::Archive => ARCHIVE.to_owned(),
        }
    }

    fn documents(&self, expected: &Rehearsed, worst: &Rehearsed) -> Vec<DocumentLine> {
        let slots: std::collections::BTreeSet<Slot> = worst.tasks.keys().map(|task| task.slot).collect();
        let line = |slot: Slot| DocumentLine {
            path: self.path(slot),
            chunks: expected.chunks.get(&slot).copied().unwrap_or(0),
            expected: self.sum(expected, |task| task.slot == slot),
            worst: self.sum(worst, |task| task.slot == slot),
        };
        slots.into_iter().map(line).collect()
    }

    fn failed(&self, rehearsed: &Rehearsed) -> Vec<Failure> {
        let one = |(slot, error): &(Slot, crate::step::StepError)| Failure {
            path: self.path(*slot),
            error: in_one_line(error),
        };
        rehearsed.failed.iter().map(one).collect()
    }
}

/// Says which prompts do not fit their windows.
fn warnings(expected: &Rehearsed, worst: &Rehearsed) -> Vec<String> {
    let mut by_node: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    for task in &worst.too_long {
        let entry = by_node.entry(task.node.as_str()).or_default();
        entry.0 += 1;
        entry.1 |= expected.too_long.contains(task);
    }
    let line = |(node, (tasks, usual)): (&str, (usize, bool))| {
        let when = if usual { "with answers of the expected length" } else { "where answers are longest" };
        format!("the prompt of `{node}` does not fit its model's window {when}, in {tasks} of its tasks")
    };
    by_node.into_iter().map(line).collect()
}
