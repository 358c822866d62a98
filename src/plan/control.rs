//! What a task can ask and yield at most that decides how a run goes on.

use super::bound::{Most, Open};
use super::filler::filler;
use super::stand_in::{Tally, room};
use crate::run::Value;
use crate::spec::{IterateSpec, RouteSpec};
use crate::step::{RunContext, StepError};
use crate::text::TokenCount;

impl Open<'_> {
    /// Every round may be needed. One that filler has ended before its time is taken to be as long as the window allows.
    pub(super) fn iterate(&self, spec: &IterateSpec) -> Result<Most, StepError> {
        let agent = RunContext::agent(self.node)?;
        let model = self.context.models.of(agent)?;
        let answer = self.answer(agent)?;
        let mut tally = self.asked;
        let left = u64::from(spec.at_most).saturating_sub(tally.calls);
        let longest = room(&model.limits(), answer);
        tally = tally
            + Tally {
                calls: left,
                prompt: TokenCount(longest.0.saturating_mul(left)),
                completion: TokenCount(answer.0.saturating_mul(left)),
            };
        Ok(Most { tally, value: Value::Text(filler(answer, model.counter())) })
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
