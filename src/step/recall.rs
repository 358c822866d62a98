//! `recall`: what the session remembers of a text, as much as fits into the prompt of the call that reads it.

use serde_json::{Value as Json, json};

use super::StepError;
use super::context::{RunContext, bug};
use super::split::SEAMS;
use crate::memory::{Composition, Part, PartKind, Place, Room};
use crate::model::{Message, ModelLimits};
use crate::name::NodeName;
use crate::prompt::Variables;
use crate::run::{TaskId, Value};
use crate::spec::{AgentSpec, RecallSpec, StepSpec};
use crate::text::TokenCount;

/// The variable of a prompt that holds what is remembered.
pub(super) const MEMORY: &str = "memory";

pub(super) async fn run(context: &RunContext, task: &TaskId, spec: &RecallSpec) -> Result<Value, StepError> {
    let reader = context.node(&spec.reader)?;
    let agent = RunContext::agent(reader)?;
    let StepSpec::Call(call) = &reader.step else { return Err(bug(&spec.reader, "call")) };
    let mut variables = context.variables(task, &call.with)?;
    let limits = context.models.of(agent)?.limits();
    let ceiling = ceiling(spec, agent, &limits);
    let fixed = tokens(context, agent, &mut variables, &[])?;
    if fixed > ceiling {
        let agent = agent.name.to_string();
        let reserved = limits.context.saturating_sub(ceiling);
        return Err(StepError::NoRoom { agent, fixed, reserved, context: limits.context });
    }
    let Some(session) = &context.session else { return Ok(Value::Records(Vec::new())) };
    let text = context.inputs_of(task)?.remove(spec.question.as_str()).unwrap_or_default();
    let turns = usize::try_from(spec.tail).unwrap_or(usize::MAX);
    let room = Room { turns, ..Room::of(ceiling.saturating_sub(fixed)) };
    let counter = context.models.of(agent)?.counter();
    let mut found = session.recall(&text, room, counter).await?;
    // The parts were counted one by one; what counts is the prompt that they make together.
    loop {
        let records = records(&found);
        if tokens(context, agent, &mut variables, &records)? <= ceiling || !shrink(&mut found) {
            tracing::debug!(parts = found.parts.len(), crowded_out = found.crowded_out, "recalled");
            return Ok(Value::Records(records));
        }
    }
}

/// The most tokens of the prompt: what the step says, or what the window leaves beside the answer.
fn ceiling(spec: &RecallSpec, agent: &AgentSpec, limits: &ModelLimits) -> TokenCount {
    let answer = TokenCount(agent.max_output).min(limits.max_output);
    TokenCount(spec.prompt_tokens).min(limits.context.saturating_sub(answer + SEAMS))
}

fn tokens(
    context: &RunContext,
    agent: &AgentSpec,
    variables: &mut Variables,
    records: &[Json],
) -> Result<TokenCount, StepError> {
    let (earlier, memory) = apart(records);
    variables.set(MEMORY, memory);
    Ok(context.caller().prompt_tokens_after(agent, variables, &earlier)?)
}

/// Takes out what matters least: passages first; then, where the prompt makes more of the parts than they are alone, the last part.
fn shrink(found: &mut Composition) -> bool {
    found.drop_least() || found.parts.pop().is_some()
}

fn records(found: &Composition) -> Vec<Json> {
    found.parts.iter().map(record).collect()
}

fn record(part: &Part) -> Json {
    json!({
        "part": name(part.kind),
        "text": part.text,
        "line": part.line(),
        "speaker": part.speaker,
        "day": part.day.map(|day| day.to_string()),
        "turn": part.place.map(|place| place.turn),
        "place": part.place,
        "tokens": part.tokens.0,
        "why": part.why.map(|why| why.to_string()),
    })
}

/// What a kind of part is called in templates and in listings.
fn name(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Overview => "overview",
        PartKind::Summary => "summary",
        PartKind::Standing => "standing",
        PartKind::Pin => "pin",
        PartKind::Passage => "passage",
        PartKind::Tail => "tail",
    }
}

/// Parts what is sent as earlier turns of the conversation from what a template shows.
pub(super) fn apart(records: &[Json]) -> (Vec<Message>, Vec<Json>) {
    let is_tail = |record: &&Json| record.get("part").and_then(Json::as_str) == Some("tail");
    let message = |record: &Json| {
        let text = record.get("text").and_then(Json::as_str).unwrap_or_default();
        match record.get("speaker").and_then(Json::as_str) {
            Some("assistant") => Message::assistant(text),
            _ => Message::user(text),
        }
    };
    let (tail, memory): (Vec<&Json>, Vec<&Json>) = records.iter().partition(is_tail);
    (tail.into_iter().map(message).collect(), memory.into_iter().cloned().collect())
}

/// Returns where the passages stand that a `recall` showed.
pub(super) fn places(context: &RunContext, task: &TaskId, node: &NodeName) -> Result<Vec<Place>, StepError> {
    let Value::Records(records) = context.value(task, node)? else { return Err(bug(node, "records")) };
    let passages =
        records.iter().filter(|record| record.get("part").and_then(Json::as_str) == Some("passage"));
    Ok(passages.filter_map(|record| serde_json::from_value(record.get("place")?.clone()).ok()).collect())
}
