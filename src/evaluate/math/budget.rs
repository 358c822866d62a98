//! How long one answer may be that is held against rounds.

use std::collections::BTreeMap;

use super::{MathBench, MathError, QUESTION, SEGMENT, TOKENS};
use crate::run::{Slot, TaskId, in_one_line};
use crate::step::RunContext;
use crate::store::Ledger;

/// The most tokens of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) tokens: u64,
    /// Whether it is less than rounds were allowed, because the model gives no longer answer.
    pub(super) is_cut: bool,
}

/// How much of an answer there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    /// The longest answer that the model ever gives.
    longest: u64,
    /// What the window has beside the prompt.
    beside: u64,
}

impl Budget {
    /// As much as so many rounds may generate, and no more than there is room for; never nothing, which is no length. A round is
    /// no longer than the model's longest answer either.
    fn of(rounds: u32, segment: u64, room: Room) -> Self {
        let allowed = u64::from(rounds.max(1)).saturating_mul(segment.min(room.longest));
        let most = room.longest.min(room.beside);
        Self { tokens: allowed.min(most).max(1), is_cut: allowed > most }
    }
}

impl MathBench<'_> {
    /// What one answer may have where so many rounds were made for a question.
    pub(super) fn budget(&self, question: &str, rounds: u32) -> Result<Budget, MathError> {
        let segment = self.rounds.plan.inputs.get(SEGMENT).and_then(|text| text.trim().parse().ok());
        Ok(Budget::of(rounds, segment.unwrap_or_default(), self.room(question)?))
    }

    /// How much room there is for one answer to a question.
    fn room(&self, question: &str) -> Result<Room, MathError> {
        let failed = |error: &dyn std::error::Error| MathError::Uncounted { reason: in_one_line(error) };
        let plan = self.single.plan_with(&[(QUESTION, question.to_owned()), (TOKENS, "1".to_owned())]);
        let (workflow, drain) = (self.single.workflow.clone(), self.stop.drain.clone());
        // Nothing is asked and nothing kept: the prompt is only counted.
        let context =
            RunContext::new(workflow, plan, Vec::new(), self.runs.models(), Ledger::unkept(), drain);
        let task = TaskId { slot: Slot::Source(0), node: context.workflow.output().clone() };
        let variables = context.variables(&task, &BTreeMap::new()).map_err(|error| failed(&error))?;
        let unnamed = || MathError::Uncounted { reason: "the workflow has no output".to_owned() };
        let node = context.workflow.node(&task.node).ok_or_else(unnamed)?;
        let agent = RunContext::agent(node).map_err(|error| failed(&error))?;
        let prompt = context.caller().prompt_tokens(agent, &variables).map_err(|error| failed(&error))?;
        let limits = context.models.of(agent).map_err(|error| failed(&error))?.limits();
        Ok(Room { longest: limits.max_output.0, beside: limits.context.saturating_sub(prompt).0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_be_as_long_as_all_rounds_and_no_longer_than_there_is_room() {
        for (rounds, segment, longest, beside, tokens, is_cut) in [
            (3, 100, 5000, 1000, 300, false),
            (10, 100, 5000, 1000, 1000, false),
            (11, 100, 5000, 1000, 1000, true),
            (11, 100, 1000, 5000, 1000, true),
            // Rounds were no longer than the longest answer, so one of them is not cut.
            (1, 900, 400, 5000, 400, false),
            (2, 900, 400, 5000, 400, true),
            (0, 100, 5000, 1000, 100, false),
            (1, 100, 5000, 0, 1, true),
        ] {
            let budget = Budget::of(rounds, segment, Room { longest, beside });
            assert_eq!(budget, Budget { tokens, is_cut }, "{rounds} of {segment}");
        }
    }
}
