//! Reasoning in rounds, read back from the journal: how far each line of rounds came, how it ended, and every round as an example
//! to train a model on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::graph::{Node, Workflow};
use crate::name::NodeName;
use crate::run::{CallRecord, Next, Plan, RoundAnswer, Rounds, RoundsEnd, RoundsRule, TaskId};
use crate::spec::{Carry, IterateSpec, StepSpec};
use crate::text::TokenCount;

/// How a step reasoned in rounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoundsLine {
    /// The node of the workflow.
    pub node: String,
    /// The path as given of what it was done for; `.` for the whole archive.
    pub path: String,
    /// The number of rounds that were made.
    pub rounds: u32,
    /// How many of them had no whole summary and were mended.
    pub recovered: u32,
    /// How they ended; none while they go on.
    pub end: Option<RoundsEnd>,
}

/// A round as an example to train a model on: the form of `InftyThink` (arXiv 2503.06692, section 3).
///
/// A round with a `summary` is answered `<think>reasoning</think><summary>summary</summary>`, the last one
/// `<think>reasoning</think>conclusion`; `history` is what the answer is begun with, none in a first round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundInstance {
    /// What was asked.
    pub question: String,
    /// The summary that the round went on from.
    pub history: Option<String>,
    /// What was thought.
    pub reasoning: String,
    /// The summary that it ended with; none in the last round.
    pub summary: Option<String>,
    /// The conclusion; none but in the last round.
    pub conclusion: Option<String>,
}

/// What came of a call in a line of rounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundSeen {
    /// Which round it was, from 1.
    pub round: u32,
    /// What was generated.
    pub tokens: TokenCount,
    /// Whether the call asked for the summary of a round that had none.
    pub for_summary: bool,
    /// Whether the round is now asked for its summary, because it was cut before it.
    pub lacks_summary: bool,
    /// The last good summary after it.
    pub summary: String,
    /// How the rounds ended with it.
    pub end: Option<RoundsEnd>,
}

/// Reads the rounds of a run from its calls.
#[derive(Debug)]
pub struct RoundsReader {
    /// The nodes that reason in rounds.
    rules: BTreeMap<NodeName, RoundsRule>,
    lines: BTreeMap<TaskId, Line>,
}

#[derive(Debug)]
struct Line {
    rounds: Rounds,
    /// The thought whose summary is asked for.
    thought: Option<String>,
    made: Vec<RoundInstance>,
}

impl RoundsReader {
    /// Begins to read the rounds of a run of `plan`.
    #[must_use]
    pub fn new(workflow: &Workflow, plan: &Plan) -> Self {
        let rule = |node: &Node| match &node.step {
            StepSpec::Iterate(step) if step.carry == Carry::Summary => {
                Some((node.name.clone(), rule(node, step, plan)))
            }
            _ => None,
        };
        Self { rules: workflow.nodes().filter_map(rule).collect(), lines: BTreeMap::new() }
    }

    /// Tells whether any step of the workflow reasons in rounds.
    #[must_use]
    pub fn has_rounds(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Takes in the next call; none where it belongs to no line of rounds.
    pub fn see(&mut self, call: &CallRecord) -> Option<RoundSeen> {
        let task = &call.site.task;
        let rule = *self.rules.get(&task.node)?;
        let begin = || Line { rounds: Rounds::new(rule), thought: None, made: Vec::new() };
        let line = self.lines.entry(task.clone()).or_insert_with(begin);
        let for_summary = line.thought.is_some();
        line.take(call);
        Some(RoundSeen {
            round: line.rounds.made(),
            tokens: call.response.usage.completion_tokens,
            for_summary,
            lacks_summary: line.thought.is_some(),
            summary: line.rounds.summary().to_owned(),
            end: line.rounds.end(),
        })
    }

    /// Returns how every line of rounds stands, by what `path` calls its slot.
    pub fn lines(&self, path: impl Fn(&TaskId) -> String) -> Vec<RoundsLine> {
        let line = |(task, line): (&TaskId, &Line)| RoundsLine {
            node: task.node.to_string(),
            path: path(task),
            rounds: line.rounds.made(),
            recovered: line.rounds.recovered(),
            end: line.rounds.end(),
        };
        self.lines.iter().map(line).collect()
    }

    /// Returns every round that has a summary or concludes, in order. What has neither is no example.
    #[must_use]
    pub fn instances(self) -> Vec<RoundInstance> {
        self.lines.into_values().flat_map(|line| line.made).collect()
    }
}

impl Line {
    fn take(&mut self, call: &CallRecord) {
        let before = self.rounds.summary().to_owned();
        let (text, stop) = (&call.response.text, call.response.stop);
        let (reasoning, next) = if let Some(thought) = self.thought.take() {
            (Some(thought), self.rounds.summarized(text))
        } else {
            let said = RoundAnswer::read(text, stop);
            let reasoning = match &said {
                RoundAnswer::Conclusion(_) => {
                    let thought = text.rsplit_once("</think>").map_or("", |(thought, _)| thought).trim();
                    Some(thought.strip_prefix("<think>").unwrap_or(thought).trim().to_owned())
                }
                RoundAnswer::Summary { thought, .. } => Some(thought.clone()),
                RoundAnswer::Malformed { .. } => None,
            };
            (reasoning, self.rounds.answered(said))
        };
        if let Next::Summarize(thought) = next {
            self.thought = Some(thought);
            return;
        }
        let Some(reasoning) = reasoning else { return };
        let concluded = self.rounds.end() == Some(RoundsEnd::Concluded);
        let after = self.rounds.result().to_owned();
        // A question for a summary that brought none leaves the old one.
        if !concluded && after == before {
            return;
        }
        self.made.push(RoundInstance {
            question: asked(call),
            history: Some(before).filter(|history| !history.is_empty()),
            reasoning,
            summary: (!concluded).then(|| after.clone()),
            conclusion: concluded.then_some(after),
        });
    }
}

/// The message of the user that began the round.
fn asked(call: &CallRecord) -> String {
    let of_user = call.request.messages.iter().find(|message| message.role == crate::model::Role::User);
    of_user.map_or_else(String::new, |message| message.content.trim().to_owned())
}

fn rule(node: &Node, step: &IterateSpec, plan: &Plan) -> RoundsRule {
    let inputs = node.given(&plan.inputs);
    RoundsRule {
        at_most: step.at_most.of(&inputs).and_then(|most| u32::try_from(most).ok()).unwrap_or(u32::MAX),
        summarizes: step.summary_tokens.is_some(),
        varies: node.agent.as_ref().is_some_and(|agent| agent.sampling.temperature > 0.0),
    }
}
