//! `POST /v1/embeddings`: vectors of hashed words, so that texts that share words are near each other.

use serde_json::{Value, json};

use super::behaviour::{Ability, Behaviour, Fault};
use super::chance::hash;
use super::chat::{dressed, told_prompt};
use super::ledger::Usage;
use super::wire::Reply;

/// As many numbers has a vector where the request asks for no other.
const DIMENSIONS: u64 = 32;

/// The texts of a request.
fn texts(body: &Value) -> Vec<&str> {
    match &body["input"] {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What a request costs: its texts, without anything around them.
pub(crate) fn used(behaviour: &Behaviour, body: &Value) -> Usage {
    let prompt = texts(body).into_iter().map(|text| behaviour.tokenizer.text(text)).sum();
    Usage { prompt, ..Usage::default() }
}

/// The vector of a text, of the length one. It is a pure function of the text.
pub(crate) fn right_vector(text: &str, dimensions: u64) -> Vec<f32> {
    let mut vector = vec![0.0_f32; usize::try_from(dimensions).unwrap_or(1).max(1)];
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let place = hash(word.to_lowercase().as_bytes()) % vector.len() as u64;
        if let Some(number) = usize::try_from(place).ok().and_then(|place| vector.get_mut(place)) {
            *number += 1.0;
        }
    }
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        for number in &mut vector {
            *number /= length;
        }
    } else if let Some(first) = vector.first_mut() {
        *first = 1.0;
    }
    vector
}

/// The body of the answer.
pub(crate) fn vectors(fault: &Fault, behaviour: &Behaviour, body: &Value) -> Value {
    let dimensions = body["dimensions"].as_u64().unwrap_or(DIMENSIONS);
    let data: Vec<Value> = texts(body)
        .into_iter()
        .enumerate()
        .map(|(index, text)| {
            json!({"object": "embedding", "index": index, "embedding": right_vector(text, dimensions)})
        })
        .collect();
    let mut answer = json!({"object": "list", "data": data, "model": body["model"]});
    if behaviour.can(Ability::Usage) && *fault != Fault::UsageMissing {
        let tokens = told_prompt(fault, used(behaviour, body).prompt);
        answer["usage"] = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    }
    dressed(fault, answer)
}

/// The answer as it is sent.
pub(crate) fn reply(fault: &Fault, behaviour: &Behaviour, body: &Value) -> Reply {
    Reply::json(200, &vectors(fault, behaviour, body)).damaged(fault, behaviour.drip)
}
