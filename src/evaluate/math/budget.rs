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

impl Budget {
    /// As much as so many rounds may generate, and no more than there is room for; never nothing, which is no length.
    fn of(rounds: u32, segment: u64, room: u64) -> Self {
        let allowed = u64::from(rounds.max(1)).saturating_mul(segment);
        Self { tokens: allowed.min(room).max(1), is_cut: allowed > room }
    }
}

impl MathBench<'_> {
    /// What one answer may have where so many rounds were made for a question.
    pub(super) fn budget(&self, question: &str, rounds: u32) -> Result<Budget, MathError> {
        let segment = self.rounds.plan.inputs.get(SEGMENT).and_then(|text| text.trim().parse().ok());
        Ok(Budget::of(rounds, segment.unwrap_or_default(), self.room(question)?))
    }

    /// The longest answer to a question that the model can give: what the window has beside the prompt, and the model's own bound.
    fn room(&self, question: &str) -> Result<u64, MathError> {
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
        Ok(limits.context.saturating_sub(prompt).min(limits.max_output).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_be_as_long_as_all_rounds_and_no_longer_than_there_is_room() {
        for (rounds, segment, room, tokens, is_cut) in [
            (3, 100, 1000, 300, false),
            (10, 100, 1000, 1000, false),
            (11, 100, 1000, 1000, true),
            (0, 100, 1000, 100, false),
            (1, 100, 0, 1, true),
        ] {
            assert_eq!(Budget::of(rounds, segment, room), Budget { tokens, is_cut }, "{rounds} of {segment}");
        }
    }
}
