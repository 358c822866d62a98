//! What a task can ask and yield at most that decides how a run goes on.

use super::bound::{Most, Open};
use super::filler::filler;
use super::stand_in::{Tally, room};
use crate::run::Value;
use crate::spec::{Amount, FoldSpec, IterateSpec, RouteSpec};
use crate::step::{RunContext, StepError};
use crate::text::TokenCount;

impl Open<'_> {
    /// Every round may be needed. One that filler has ended before its time is taken to be as long as the window allows.
    pub(super) fn iterate(&self, spec: &IterateSpec) -> Result<Most, StepError> {
        let agent = RunContext::agent(self.node)?;
        let model = self.context.models.of(agent)?;
        let tokens = |amount: &Amount| self.context.amount(self.id, amount, Amount::MOST_TOKENS);
        let own = spec.round_tokens.as_ref().map(tokens).transpose()?.map(TokenCount);
        let answer = own.map_or_else(|| self.answer(agent), Ok)?.min(model.limits().max_output);
        let rounds = self.context.amount(self.id, &spec.at_most, Amount::MOST_ROUNDS)?;
        let left = rounds.saturating_sub(self.asked.calls);
        // Every round may need a call of its own for its summary.
        let summary = spec.summary_tokens.as_ref().map(tokens).transpose()?.map(TokenCount);
        let summary = summary.map(|most| most.min(model.limits().max_output));
        let calls = [(left, Some(answer)), (rounds, summary)];
        let tally = calls.into_iter().filter_map(|(calls, answer)| Some((calls, answer?))).fold(
            self.asked,
            |tally, (calls, answer)| {
                let longest = room(&model.limits(), answer);
                tally
                    + Tally {
                        calls,
                        prompt: TokenCount(longest.0.saturating_mul(calls)),
                        completion: TokenCount(answer.0.saturating_mul(calls)),
                    }
            },
        );
        let value = answer.max(summary.unwrap_or_default());
        Ok(Most { tally, value: Value::Text(filler(value, model.counter())) })
    }

    /// Every chunk is read once, and some once more: each of those as long as the window allows.
    pub(super) fn fold(&self, spec: &FoldSpec, value: Value) -> Result<Most, StepError> {
        let more = u64::from(spec.rereads);
        if more == 0 || self.asked.calls == 0 {
            return Ok(Most { tally: self.asked, value });
        }
        let agent = RunContext::agent(self.node)?;
        let answer = self.answer(agent)?;
        let longest = room(&self.context.models.of(agent)?.limits(), answer);
        let again = Tally {
            calls: more,
            prompt: TokenCount(longest.0.saturating_mul(more)),
            completion: TokenCount(answer.0.saturating_mul(more)),
        };
        Ok(Most { tally: self.asked + again, value })
    }

    /// Any branch may be taken. All of them are rehearsed, so what they ask is counted with them.
    pub(super) fn route(&self, spec: &RouteSpec) -> Result<Most, StepError> {
        let mut longest: Option<(usize, Value)> = None;
        for node in spec.cases.iter().map(|case| &case.take).chain([&spec.otherwise]) {
            let value = self.context.value(self.id, node)?;
            // A value is as long as the record that would keep it, near enough to tell the longest.
            let length = serde_json::to_string(&value).map_or(0, |text| text.len());
            if longest.as_ref().is_none_or(|(most, _)| length > *most) {
                longest = Some((length, value));
            }
        }
        let value = longest.map_or(Value::Texts(Vec::new()), |(_, value)| value);
        Ok(Most { tally: self.asked, value })
    }
}
