//! What a task can ask and yield at most that chooses among what others yielded, or whose answers are read as records.

use super::bound::{Most, Open};
use super::stand_in::{Tally, room};
use crate::run::Value;
use crate::spec::{ExtractSpec, FilterSpec, RankSpec, RetrieveSpec, Several};
use crate::step::{RunContext, SEAMS, SENT_BACK, StepError};
use crate::text::{TokenCount, TokenCounter};

impl Open<'_> {
    /// What is found depends on the question: one that an agent words may find the longest chunks.
    pub(super) fn retrieve(&self, spec: &RetrieveSpec, value: Value) -> Result<Most, StepError> {
        let value = match &spec.from {
            None => value,
            Some(_) => match self.context.value(self.id, &spec.over)? {
                Value::Chunks(mut chunks) => {
                    chunks.sort_by_key(|chunk| std::cmp::Reverse(chunk.tokens));
                    chunks.truncate(usize::try_from(spec.top).unwrap_or(usize::MAX));
                    Value::Chunks(chunks)
                }
                other => other,
            },
        };
        Ok(Most { tally: self.asked, value })
    }

    /// How often is asked is known, and not which things share a window. All windows together show every thing at least
    /// once, so none has a longer prompt than they have together.
    pub(super) fn rank(&self, spec: &RankSpec, value: Value) -> Result<Most, StepError> {
        let agent = RunContext::agent(self.node)?;
        let model = self.context.models.of(agent)?;
        let mut tally = self.asked;
        if tally.calls > 1 {
            let longest = tally.prompt.min(room(&model.limits(), self.answer(agent)?));
            tally.prompt = TokenCount(longest.0.saturating_mul(tally.calls));
        }
        let value = match spec.top {
            None => value,
            Some(top) => {
                longest(self.context.value(self.id, &spec.over)?, usize::try_from(top).ok(), model.counter())
            }
        };
        Ok(Most { tally, value })
    }

    /// Everything may be kept.
    pub(super) fn filter(&self, spec: &FilterSpec) -> Result<Most, StepError> {
        Ok(Most { tally: self.asked, value: self.context.value(self.id, &spec.over)? })
    }

    /// The longest text may be chosen.
    pub(super) fn one_of(&self, over: &Several) -> Result<Most, StepError> {
        let mut texts: Vec<String> = Vec::new();
        for node in over.nodes() {
            match self.context.value(self.id, node)? {
                Value::Text(text) => texts.push(text),
                Value::Texts(more) => texts.extend(more),
                Value::Chunks(_) | Value::Quotes(_) | Value::Records(_) => {}
            }
        }
        let longest = texts.into_iter().max_by_key(String::len).unwrap_or_default();
        Ok(Most { tally: self.asked, value: Value::Text(longest) })
    }

    /// Every answer may be sent back as often as the step allows, each time behind the one before.
    pub(super) fn extract(&self, spec: &ExtractSpec, value: Value) -> Result<Most, StepError> {
        let agent = RunContext::agent(self.node)?;
        let model = self.context.models.of(agent)?;
        let answer = self.answer(agent)?;
        let (first, again) = (self.asked, u64::from(spec.repairs));
        let calls = first.calls.saturating_mul(again + 1);
        let added =
            (answer + TokenCount(SENT_BACK) + SEAMS).0.saturating_mul(first.calls).saturating_mul(again);
        let prompt = first.prompt.0.saturating_mul(again + 1).saturating_add(added);
        let held = room(&model.limits(), answer).0.saturating_mul(calls);
        let tally = Tally {
            calls,
            prompt: TokenCount(prompt.min(held)),
            completion: TokenCount(first.completion.0.saturating_mul(again + 1)),
        };
        Ok(Most { tally, value })
    }
}

/// The longest things of a value, `count` of them.
fn longest(value: Value, count: Option<usize>, counter: &dyn TokenCounter) -> Value {
    fn most<T>(mut all: Vec<T>, count: Option<usize>, length: impl Fn(&T) -> u64) -> Vec<T> {
        all.sort_by_key(|one| std::cmp::Reverse(length(one)));
        all.truncate(count.unwrap_or(usize::MAX));
        all
    }
    match value {
        Value::Chunks(all) => Value::Chunks(most(all, count, |chunk| chunk.tokens.0)),
        Value::Texts(all) => Value::Texts(most(all, count, |text| counter.count(text).0)),
        Value::Quotes(all) => Value::Quotes(most(all, count, |quote| counter.count(&quote.text).0)),
        Value::Records(all) => Value::Records(most(all, count, |one| counter.count(&one.to_string()).0)),
        Value::Text(text) => Value::Text(text),
    }
}
