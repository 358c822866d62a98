//! One problem through the shipped workflow and the engine, and what the journal tells of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::driven::{DrivenError, Kept, QUESTION, driven};
use super::symbolic::{Manner, SymbolicModel};
use super::{ThinkBench, ThinkError};
use crate::agent::Models;
use crate::model::{ChatModel, Message, Role};
use crate::name::RunId;
use crate::report::{Contexts, RoundInstance, RoundsReader};
use crate::run::{CallRecord, Event, ModelRecord, Outcome, Plan, Purpose, RoundsEnd};
use crate::schedule::Stop;
use crate::spec::Amount;
use crate::store::Ledger;

/// How a problem was reasoned about.
#[derive(Debug)]
pub(super) struct Solved {
    /// What was concluded.
    pub(super) answer: String,
    /// How the rounds ended.
    pub(super) end: Option<RoundsEnd>,
    /// How many rounds had no whole summary.
    pub(super) recovered: u32,
    /// The lines of all thoughts, one round after the other.
    pub(super) thoughts: Vec<String>,
    /// The tokens of every call, and what one long chain would have taken.
    pub(super) contexts: Contexts,
    /// The calls whose prompt is anything but the question and the last summary.
    pub(super) strangers: usize,
}

impl ThinkBench<'_> {
    /// Has a problem solved in rounds of at most `segment` tokens.
    pub(super) async fn solve(
        &self,
        question: &str,
        segment: u64,
        manner: Manner,
    ) -> Result<Solved, ThinkError> {
        let model: Arc<dyn ChatModel> = Arc::new(SymbolicModel::new(manner, Arc::clone(&self.counter) as _));
        let plan = self.plan(question, segment, model.identity());
        let (ledger, began) = (Ledger::unkept(), began(&plan, model.as_ref())?);
        ledger.record(&began).map_err(DrivenError::from)?;
        let kept = Kept { ledger, events: vec![began], models: Models::new(model) };
        let driven = driven(self.workflow, plan, kept, self.spool, &Stop::default()).await?;
        if driven.outcome != Outcome::Succeeded {
            let reason = driven.failure.unwrap_or_else(|| driven.outcome.to_string());
            return Err(ThinkError::Failed { reason });
        }
        Ok(self.told(&driven.plan, driven.answer, &driven.events))
    }

    fn plan(&self, question: &str, segment: u64, identity: &str) -> Plan {
        let given = [
            (QUESTION, question.to_owned()),
            ("most_rounds", Amount::MOST_ROUNDS.to_string()),
            ("segment", segment.to_string()),
        ];
        let defaults = self.workflow.inputs().iter();
        let mut inputs: BTreeMap<String, String> =
            defaults.filter_map(|(name, input)| Some((name.clone(), input.default.clone()?))).collect();
        inputs.extend(given.map(|(name, value)| (name.to_owned(), value)));
        let (name, hash) = (self.workflow.name().to_string(), self.workflow.hash());
        let plan = Plan::new(name, hash, identity.to_owned(), identity.to_owned());
        Plan { inputs, stdin: true, purpose: Purpose::Together, nodes: self.workflow.node_hashes(), ..plan }
    }

    fn told(&self, plan: &Plan, answer: String, events: &[Event]) -> Solved {
        let mut reader = RoundsReader::new(self.workflow, plan);
        let mut strangers = 0;
        let mut summary = String::new();
        let question = plan.inputs.get(QUESTION).map_or("", String::as_str);
        for event in events {
            let Event::Called(call) = event else { continue };
            let Some(seen) = reader.see(call) else { continue };
            strangers += usize::from(!seen.for_summary && !is_bare(call, question, &summary));
            summary = seen.summary;
        }
        let line = reader.lines(|_| String::new()).into_iter().next();
        let (end, recovered) = line.map_or((None, 0), |line| (line.end, line.recovered));
        let lines = |round: RoundInstance| round.reasoning.lines().map(str::to_owned).collect::<Vec<_>>();
        let thoughts = reader.instances().into_iter().flat_map(lines).collect();
        let contexts = Contexts::of("", Some(self.workflow), events);
        Solved { answer, end, recovered, thoughts, contexts, strangers }
    }
}

/// What a journal begins with.
fn began(plan: &Plan, model: &dyn ChatModel) -> Result<Event, ThinkError> {
    let run: RunId = "measured".parse().map_err(|error| ThinkError::failed(&error))?;
    let record = ModelRecord { window: model.limits().context, kv_bytes: model.kv_bytes() };
    let models = Box::new(BTreeMap::from([(model.identity().to_owned(), record)]));
    Ok(Event::Started { run, plan: plan.clone(), at_ms: 0, models })
}

/// Tells whether a prompt is the question and the last summary, and nothing else.
fn is_bare(call: &CallRecord, question: &str, summary: &str) -> bool {
    let said = |message: &Message| (message.role, message.content.trim().to_owned());
    let said: Vec<(Role, String)> = call.request.messages.iter().map(said).collect();
    let mut expected = vec![(Role::User, question.trim().to_owned())];
    if !summary.is_empty() {
        expected.push((Role::Assistant, format!("<history>{summary}</history>")));
    }
    said == expected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChatRequest, ChatResponse};
    use crate::text::TokenCount;

    #[test]
    fn a_prompt_with_anything_more_is_told_from_a_bare_one() {
        let bare = |messages: Vec<Message>, summary: &str| {
            let call = serde_json::json!({
                "site": {"task": {"slot": {"source": 0}, "node": "n"}, "step": 0}, "attempt": 1, "model": "m",
                "document": null, "chunk": null, "request": ChatRequest::new(messages, TokenCount(9)),
                "response": ChatResponse::default(), "ms": 0,
            });
            is_bare(&serde_json::from_value(call).unwrap(), "What?", summary)
        };
        let begun = |text: &str| vec![Message::user("What?"), Message::assistant(text)];
        assert!(bare(vec![Message::user("What?\n")], ""));
        assert!(bare(begun("<history>b</history>"), "b"));
        assert!(!bare(begun("<history>a b</history>"), "b"));
        assert!(!bare(begun("<history>b</history>"), ""));
        assert!(!bare(vec![Message::user("What?")], "b"));
        assert!(!bare(vec![Message::system("Think."), Message::user("What?")], ""));
    }
}
