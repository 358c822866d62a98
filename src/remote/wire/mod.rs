//! What is sent and what comes back, in the protocol of OpenAI. Lenient towards what servers make of it: whatever is missing
//! is missing, and what is not known is kept.

use serde_json::{Map, Value, json};

use crate::model::{ChatRequest, ChatResponse, Message, OutputForm, Role, StopReason, Usage};
use crate::text::TokenCount;

/// What a model and its endpoint can be asked with. What an endpoint turns out not to know is left out from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is known or not known on its own")]
pub(super) struct Manners {
    /// Whether the longest answer is called `max_completion_tokens`, as reasoning models want it.
    pub(super) completion_tokens: bool,
    /// Whether a temperature is taken.
    pub(super) temperature: bool,
    /// Whether the form of an answer can be asked for.
    pub(super) schema: bool,
    /// Whether a stream can be asked to tell its usage.
    pub(super) stream_usage: bool,
    /// Whether a seed is taken.
    pub(super) seed: bool,
}

impl Manners {
    /// Leaves out what an endpoint says that it does not take; none where the error is about something else.
    pub(super) fn without(self, parameter: &str, reason: &str) -> Option<Self> {
        let about =
            |names: &[&str]| names.iter().any(|name| parameter.contains(name) || reason.contains(name));
        let less = if about(&["stream_options"]) {
            Self { stream_usage: false, ..self }
        } else if about(&["response_format", "json_schema", "guided_json"]) {
            Self { schema: false, ..self }
        } else if about(&["max_completion_tokens"]) && !self.completion_tokens {
            Self { completion_tokens: true, ..self }
        } else if about(&["max_completion_tokens"]) {
            Self { completion_tokens: false, ..self }
        } else if about(&["temperature"]) {
            Self { temperature: false, ..self }
        } else if about(&["seed"]) {
            Self { seed: false, ..self }
        } else {
            self
        };
        (less != self).then_some(less)
    }
}

/// Makes the body of a request.
pub(super) fn body(
    model: &str,
    request: &ChatRequest,
    most: TokenCount,
    manners: Manners,
    effort: Option<&str>,
    stream: bool,
) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), model.into());
    body.insert("messages".to_owned(), request.messages.iter().map(message).collect());
    let longest = if manners.completion_tokens { "max_completion_tokens" } else { "max_tokens" };
    body.insert(longest.to_owned(), most.0.into());
    let sampling = &request.sampling;
    let mut put = |name: &str, wanted: bool, value: Value| {
        if wanted {
            body.insert(name.to_owned(), value);
        }
    };
    put("temperature", manners.temperature, sampling.temperature.into());
    put("top_p", manners.temperature && sampling.top_p < 1.0, sampling.top_p.into());
    put("seed", manners.seed && sampling.temperature > 0.0, sampling.seed.into());
    // Not of the protocol, but of most servers of one's own.
    put("top_k", sampling.top_k > 0, sampling.top_k.into());
    put("repetition_penalty", sampling.repetition_penalty > 1.0, sampling.repetition_penalty.into());
    put("stop", !request.stop.is_empty(), request.stop.clone().into());
    put("reasoning_effort", effort.is_some(), effort.into());
    let form = match &request.output {
        OutputForm::Json(schema) => Some(response_format(schema)),
        OutputForm::Choice(choices) => Some(response_format(&json!({"type": "string", "enum": choices}))),
        OutputForm::Text | OutputForm::Score(_) => None,
    };
    put("response_format", manners.schema && form.is_some(), form.into());
    put("stream", stream, true.into());
    put("stream_options", stream && manners.stream_usage, json!({"include_usage": true}));
    body.into()
}

fn message(message: &Message) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    json!({"role": role, "content": message.content})
}

/// The key under which an answer stands that is no object itself: endpoints take objects only.
const WRAPPED: &str = "answer";

fn is_object(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object")
}

fn response_format(schema: &Value) -> Value {
    let schema = if is_object(schema) {
        schema.clone()
    } else {
        let properties = Map::from_iter([(WRAPPED.to_owned(), schema.clone())]);
        json!({
            "type": "object", "properties": properties, "required": [WRAPPED], "additionalProperties": false,
        })
    };
    let strict = is_strict(&schema);
    json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": strict}})
}

/// Says whether a schema is of the kind that can be held to by construction: every object closed, every property required.
fn is_strict(schema: &Value) -> bool {
    const UNKNOWN: [&str; 7] =
        ["allOf", "not", "oneOf", "if", "patternProperties", "dependentRequired", "$ref"];
    match schema {
        Value::Object(keys) => {
            let closed = !is_object(schema)
                || keys.get("additionalProperties") == Some(&Value::Bool(false))
                    && properties(schema).all(|name| required(schema).any(|one| one == name));
            closed && UNKNOWN.iter().all(|key| !keys.contains_key(*key)) && keys.values().all(is_strict)
        }
        Value::Array(values) => values.iter().all(is_strict),
        _ => true,
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = &str> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|all| all.keys().map(String::as_str))
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// An answer as it came, before anybody has looked whether it will do.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) reasoning: String,
    /// Why it ended, in the endpoint's word; none where it did not say.
    pub(super) finish: Option<String>,
    pub(super) usage: Option<Usage>,
    /// Whether there was any choice at all.
    pub(super) chosen: bool,
    pub(super) extra: Map<String, Value>,
}

impl Answer {
    /// Reads a reply that came in one piece.
    pub(super) fn whole(reply: Value) -> Self {
        let mut answer = Self::default();
        answer.take(reply, "message");
        answer
    }

    /// Takes in the next event of a stream, and returns what it adds to the text.
    pub(super) fn event(&mut self, event: Value) -> String {
        let before = self.text.len();
        self.take(event, "delta");
        self.text.get(before..).unwrap_or("").to_owned()
    }

    fn take(&mut self, reply: Value, said: &str) {
        let Value::Object(mut reply) = reply else { return };
        if let Some(usage) = reply.get("usage").and_then(usage) {
            self.usage = Some(usage);
        }
        let choices = reply.shift_remove("choices");
        let first = match choices {
            Some(Value::Array(choices)) => choices.into_iter().next(),
            _ => None,
        };
        if let Some(Value::Object(mut choice)) = first {
            self.chosen = true;
            if let Some(Value::String(finish)) = choice.remove("finish_reason") {
                self.finish = Some(finish);
            }
            if let Some(Value::Object(said)) = choice.remove(said) {
                self.said(said);
            }
            choice.remove("index");
            self.keep(choice);
        }
        reply.shift_remove("object");
        self.keep(reply);
    }

    fn said(&mut self, mut said: Map<String, Value>) {
        self.text.push_str(&said.remove("content").map(text).unwrap_or_default());
        for key in ["reasoning_content", "reasoning"] {
            // Some send the same under both names.
            if let Some(thought) = said.remove(key).map(text).filter(|thought| !thought.is_empty()) {
                self.reasoning.push_str(&thought);
                break;
            }
        }
        for key in ["role", "reasoning", "reasoning_content"] {
            said.remove(key);
        }
        if let Some(Value::String(refusal)) = said.get("refusal") {
            self.text.push_str(refusal);
        }
        self.keep(said);
    }

    /// Keeps what is not known. What says nothing is not kept.
    fn keep(&mut self, more: Map<String, Value>) {
        self.extra.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }

    /// Says why it ended; none where it did not end by itself.
    pub(super) fn stop(&self) -> Option<StopReason> {
        match self.finish.as_deref()? {
            "length" | "max_tokens" | "model_length" => Some(StopReason::Length),
            _ => Some(StopReason::End),
        }
    }

    pub(super) fn is_filtered(&self) -> bool {
        self.finish.as_deref() == Some("content_filter")
    }

    /// Makes the answer that the program works with.
    pub(super) fn response(mut self, request: &ChatRequest, usage: Usage) -> ChatResponse {
        let stop = self.stop().unwrap_or_default();
        if self.reasoning.is_empty()
            && let Some((thought, rest)) = thought(&self.text)
        {
            (self.reasoning, self.text) = (thought.to_owned(), rest.to_owned());
        }
        let wrapped = match &request.output {
            OutputForm::Json(schema) => !is_object(schema),
            OutputForm::Choice(_) => true,
            OutputForm::Text | OutputForm::Score(_) => false,
        };
        match unwrapped(&self.text).filter(|_| wrapped) {
            Some(Value::String(inner)) => self.text = inner,
            Some(inner) => self.text = inner.to_string(),
            None => {}
        }
        let reasoning = Some(self.reasoning).filter(|reasoning| !reasoning.is_empty());
        ChatResponse { text: self.text, stop, usage, scores: Vec::new(), reasoning, extra: self.extra }
    }
}

/// A text, or the parts of one.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str).or_else(|| part.as_str()))
            .collect(),
        _ => String::new(),
    }
}

/// Tells what was thought apart from what was said, where a server sends both as one text.
fn thought(text: &str) -> Option<(&str, &str)> {
    let (thought, rest) = text.trim_start().strip_prefix("<think>")?.split_once("</think>")?;
    Some((thought.trim(), rest.trim_start()))
}

fn unwrapped(text: &str) -> Option<Value> {
    let Ok(Value::Object(mut object)) = serde_json::from_str(text) else { return None };
    let inner = object.remove(WRAPPED)?;
    object.is_empty().then_some(inner)
}

/// Reads what a call used; none where prompt or answer are missing.
pub(super) fn usage(usage: &Value) -> Option<Usage> {
    let number = |path: &[&str]| {
        let found = path.iter().try_fold(usage, |value, key| value.get(key));
        found.and_then(Value::as_u64).map(TokenCount)
    };
    let cached =
        number(&["prompt_tokens_details", "cached_tokens"]).or_else(|| number(&["prompt_cache_hit_tokens"]));
    Some(Usage {
        prompt_tokens: number(&["prompt_tokens"])?,
        cached_prompt_tokens: cached.unwrap_or_default(),
        completion_tokens: number(&["completion_tokens"])?,
    })
}

/// Finds the choice that an answer means: the whole of it, or its beginning, whatever the case.
pub(super) fn choice<'a>(answer: &str, choices: &'a [String]) -> Option<&'a String> {
    let bare = |text: &str| text.trim_matches(|sign: char| !sign.is_alphanumeric()).to_lowercase();
    let said = bare(answer);
    let begins = |choice: &&String| {
        let choice = bare(choice);
        let rest = said.strip_prefix(choice.as_str());
        !choice.is_empty() && rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    let exact = choices.iter().find(|choice| choice.trim() == answer.trim());
    exact.or_else(|| choices.iter().filter(begins).max_by_key(|choice| choice.len()))
}

#[cfg(test)]
mod tests;
