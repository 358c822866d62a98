//! `POST /v1/chat/completions`: what the model says to a request under a fault, as one JSON text or as a stream.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{instance, last, right_answer, spread};
use super::behaviour::{Ability, Behaviour, Fault, Lie};
use super::chance::hash;
use super::ledger::Usage;
use super::tokens::{limit, messages};
use super::wire::{Part, Reply};

/// Answers are of this time, so that the same request has the same answer.
const CREATED: u64 = 1_760_000_000;

/// The model's answer to one request.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    text: String,
    finish: &'static str,
    /// What is charged once all of it is produced.
    pub(crate) used: Usage,
}

/// What the model says, without a fault and without a schema's answers in turn.
pub(crate) fn sound(behaviour: &Behaviour, body: &Value) -> Said {
    let text = match behaviour.words {
        Some(words) => spread(&last(body), words),
        None => right_answer(body),
    };
    let format = &body["response_format"];
    let text = match format["type"].as_str() {
        Some("json_schema") => instance(&format["json_schema"]["schema"], &text).to_string(),
        Some("json_object") => json!({"answer": text}).to_string(),
        _ => text,
    };
    said(behaviour, body, &text)
}

/// A text as an answer within the limit of the request.
pub(crate) fn said(behaviour: &Behaviour, body: &Value, text: &str) -> Said {
    let tokenizer = behaviour.tokenizer;
    let kept = tokenizer.cut(text, limit(body).unwrap_or(u64::MAX));
    let finish = if kept.len() < text.len() { "length" } else { "stop" };
    let (prompt, completion) = (tokenizer.messages(messages(body)), tokenizer.text(kept));
    Said { text: kept.to_owned(), finish, used: Usage { prompt, cached: 0, completion } }
}

impl Said {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What a fault does to the words.
    pub(crate) fn under(self, fault: &Fault, behaviour: &Behaviour, body: &Value) -> Self {
        let shorter = |share: usize, finish| {
            let words: Vec<&str> = self.text.split_inclusive(' ').collect();
            let text: String = words.iter().take(words.len().div_ceil(share)).copied().collect();
            let used = Usage { completion: behaviour.tokenizer.text(&text), ..self.used };
            Self { text, finish, used }
        };
        match fault {
            Fault::Length => shorter(2, "length"),
            Fault::ContentFilter => shorter(8, "content_filter"),
            Fault::CutAt(tokens) if *tokens < self.used.prompt => {
                // The model sees the end of the last message, as long as the share of the prompt that is left.
                let text = last(body);
                let words: Vec<&str> = text.split_whitespace().collect();
                let share = usize::try_from(words.len() as u64 * tokens / self.used.prompt).unwrap_or(0);
                let end: Vec<&str> =
                    words.iter().skip(words.len() - share.min(words.len())).copied().collect();
                let seen = json!({"messages": [{"role": "user", "content": end.join(" ")}]});
                let answer =
                    behaviour.tokenizer.cut(&right_answer(&seen), limit(body).unwrap_or(u64::MAX)).to_owned();
                let used =
                    Usage { prompt: *tokens, cached: 0, completion: behaviour.tokenizer.text(&answer) };
                Self { text: answer, used, ..self }
            }
            _ => self,
        }
    }

    /// The usage as the answer tells it.
    fn told(&self, fault: &Fault, behaviour: &Behaviour) -> Option<Value> {
        if !behaviour.can(Ability::Usage) || *fault == Fault::UsageMissing {
            return None;
        }
        let prompt = told_prompt(fault, self.used.prompt);
        let mut told = json!({
            "prompt_tokens": prompt,
            "completion_tokens": self.used.completion,
            "total_tokens": prompt + self.used.completion,
        });
        if behaviour.prompt_cache.is_some() {
            told["prompt_tokens_details"] = json!({"cached_tokens": self.used.cached});
        }
        Some(told)
    }

    /// The body of an answer that is no stream.
    pub(crate) fn completion(&self, fault: &Fault, behaviour: &Behaviour, body: &Value) -> Value {
        let choice = json!({
            "index": 0,
            "message": {"role": "assistant", "content": self.text, "refusal": null},
            "logprobs": null,
            "finish_reason": self.finish,
        });
        dressed(
            fault,
            framed("chat.completion", &named(body), body, &json!([choice]), self.told(fault, behaviour)),
        )
    }

    /// The answer as it is sent.
    pub(crate) fn reply(&self, fault: &Fault, behaviour: &Behaviour, body: &Value) -> Reply {
        let reply = if body["stream"].as_bool().unwrap_or(false) {
            self.events(fault, behaviour, body)
        } else {
            Reply::json(200, &self.completion(fault, behaviour, body))
        };
        reply.damaged(fault, behaviour.drip)
    }

    fn events(&self, fault: &Fault, behaviour: &Behaviour, body: &Value) -> Reply {
        let event = |value: &Value| format!("data: {value}\n\n").into_bytes();
        // The request is long, and it is the same for every event.
        let id = named(body);
        let chunk = |delta: &Value, finish: Option<&str>| {
            let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish});
            event(&dressed(fault, framed("chat.completion.chunk", &id, body, &json!([choice]), None)))
        };
        let word = |text: &str, tokens: u64| Part {
            bytes: chunk(&json!({"content": text}), None),
            wait: behaviour.per_word,
            tokens,
        };
        let at_once = |bytes: Vec<u8>, tokens: u64| Part { bytes, wait: Duration::ZERO, tokens };

        let mut parts = vec![at_once(chunk(&json!({"role": "assistant", "content": ""}), None), 0)];
        let mut produced = 0;
        for text in self.text.split_inclusive(' ') {
            produced += text.len();
            let tokens = self.text.get(..produced).map_or(0, |text| self.so_far(behaviour, text));
            parts.push(word(text, tokens));
        }
        parts.push(at_once(chunk(&json!({}), Some(self.finish)), self.used.completion));
        let wanted = body["stream_options"]["include_usage"].as_bool().unwrap_or(false);
        if let Some(usage) = self.told(fault, behaviour).filter(|_| wanted) {
            let last = dressed(fault, framed("chat.completion.chunk", &id, body, &json!([]), Some(usage)));
            parts.push(at_once(event(&last), 0));
        }
        parts.push(at_once(b"data: [DONE]\n\n".to_vec(), 0));
        let reply = Reply::events(parts);
        if *fault == Fault::NeverEnding { reply.for_ever(word("again ", 1)) } else { reply }
    }

    /// The tokens of what is produced so far. A long answer is not counted anew for each of its words.
    fn so_far(&self, behaviour: &Behaviour, text: &str) -> u64 {
        if self.text.len() <= 4096 {
            return behaviour.tokenizer.text(text);
        }
        (self.used.completion * text.len() as u64).div_ceil(self.text.len() as u64)
    }
}

/// The tokens of a prompt as an answer tells them.
pub(crate) fn told_prompt(fault: &Fault, prompt: u64) -> u64 {
    match fault {
        Fault::UsageLying(Lie::One) => 1,
        Fault::UsageLying(Lie::Times(times)) => prompt * times,
        _ => prompt,
    }
}

/// The name of the answer to a request.
fn named(body: &Value) -> String {
    format!("chatcmpl-{:016x}", hash(body.to_string().as_bytes()))
}

/// What stands around the choices.
fn framed(object: &str, id: &str, body: &Value, choices: &Value, usage: Option<Value>) -> Value {
    let mut framed = json!({
        "id": id,
        "object": object,
        "created": CREATED,
        "model": body["model"],
        "choices": choices,
    });
    if let Some(usage) = usage {
        framed["usage"] = usage;
    }
    framed
}

/// What a fault does to the keys of an answer.
pub(crate) fn dressed(fault: &Fault, mut value: Value) -> Value {
    match fault {
        Fault::EmptyChoices => {
            for list in ["choices", "data"] {
                if let Some(list) = value.get_mut(list) {
                    *list = json!([]);
                }
            }
        }
        Fault::MissingFields => bare(&mut value),
        Fault::ExtraFields => rich(&mut value),
        _ => {}
    }
    value
}

/// Leaves what a reader cannot do without.
fn bare(value: &mut Value) {
    let without =
        ["id", "object", "created", "model", "index", "logprobs", "role", "refusal", "total_tokens"];
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !without.contains(&key.as_str()));
            map.values_mut().for_each(bare);
        }
        Value::Array(list) => list.iter_mut().for_each(bare),
        _ => {}
    }
}

/// Adds keys that servers add.
fn rich(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(rich);
            if map.contains_key("content") {
                map.insert("reasoning_content".into(), json!("The question is easy."));
                map.insert("annotations".into(), json!([]));
            }
            if map.contains_key("object") {
                map.insert("provider".into(), json!("somebody"));
                map.insert("system_fingerprint".into(), json!("fp_0"));
                map.insert("service_tier".into(), json!("default"));
            }
            map.insert("x_unknown".into(), json!({"of": ["some", "server", 1.5, null]}));
        }
        Value::Array(list) => list.iter_mut().for_each(rich),
        _ => {}
    }
}
