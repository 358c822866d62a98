//! A problem solved in both ways, and how each went.

use super::super::driven::Driven;
use super::super::sets::MathProblem;
use super::budget::Budget;
use crate::answer::{AnswerKind, equivalent, extract};
use crate::graph::Workflow;
use crate::model::StopReason;
use crate::report::RoundsReader;
use crate::run::{Event, Outcome, RoundAnswer, RoundsEnd};

/// A problem, solved in rounds and in one answer.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) rounds: Try,
    pub(super) single: Try,
    pub(super) how: HowRoundsWent,
    /// What the one answer might have.
    pub(super) budget: Budget,
}

/// How one way to solve a problem went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Try {
    /// Whether the final answer is that of the problem.
    pub(super) solved: bool,
    /// Whether there is a final answer at all.
    pub(super) answered: bool,
    /// Why the run failed, where it did.
    pub(super) failure: Option<String>,
    /// All tokens that were generated.
    pub(super) generated: u64,
    /// The tokens of each call, its prompt and its answer.
    pub(super) contexts: Vec<u64>,
    /// Whether the last answer was cut.
    pub(super) is_cut: bool,
}

impl Try {
    /// Judges what came of a problem. `text` is what is looked through for the final answer.
    pub(super) fn new(driven: &Driven, text: &str, problem: &MathProblem, kind: AnswerKind) -> Self {
        let calls = || {
            driven.events.iter().filter_map(|event| match event {
                Event::Called(call) => Some(call.response.usage),
                _ => None,
            })
        };
        let last = driven.events.iter().rev().find_map(|event| match event {
            Event::Called(call) => Some(call.response.stop),
            _ => None,
        });
        let failed = driven.outcome != Outcome::Succeeded;
        let failure = failed.then(|| driven.failure.clone().unwrap_or_else(|| driven.outcome.to_string()));
        let found = extract(text, kind).filter(|_| !failed);
        Self {
            solved: found.is_some_and(|found| equivalent(&problem.answer, found)),
            answered: found.is_some(),
            failure,
            generated: calls().map(|usage| usage.completion_tokens.0).sum(),
            contexts: calls().map(|usage| (usage.prompt_tokens + usage.completion_tokens).0).collect(),
            is_cut: last == Some(StopReason::Length),
        }
    }
}

/// How the rounds of a problem went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct HowRoundsWent {
    pub(super) made: u32,
    pub(super) recovered: u32,
    pub(super) end: Option<RoundsEnd>,
}

/// Reads from the journal how rounds went.
pub(super) fn how_rounds_went(workflow: &Workflow, driven: &Driven) -> HowRoundsWent {
    let mut reader = RoundsReader::new(workflow, &driven.plan);
    for event in &driven.events {
        if let Event::Called(call) = event {
            reader.see(call);
        }
    }
    let line = reader.lines(|_| String::new()).into_iter().next();
    line.map_or_else(HowRoundsWent::default, |line| HowRoundsWent {
        made: line.rounds,
        recovered: line.recovered,
        end: line.end,
    })
}

/// What an answer says after its thought, as rounds are read; all of one that says nothing there.
pub(super) fn conclusion(answer: &str) -> String {
    match RoundAnswer::read(answer, StopReason::End) {
        RoundAnswer::Conclusion(text) => text,
        RoundAnswer::Summary { .. } | RoundAnswer::Malformed { .. } => answer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_thought_is_the_conclusion_and_a_thought_alone_is_all_there_is() {
        for (answer, expected) in [
            ("<think>\n2, or 3?\n</think>\nIt is 4.", "It is 4."),
            ("It is 4.", "It is 4."),
            ("<think>It is 4, so", "<think>It is 4, so"),
            ("<think>It is 4.</think>", "<think>It is 4.</think>"),
            ("It is 4.<summary>4</summary>", "It is 4.<summary>4</summary>"),
        ] {
            assert_eq!(conclusion(answer), expected);
        }
    }
}
