//! What the model says: a pure function of the request, so that a client's result can be held against it.

use serde_json::{Map, Value, json};

use super::tokens::{content, messages};

/// The most words of an answer.
const WORDS: usize = 40;

/// References deeper than this are not followed: a schema may name itself.
const DEEPEST: usize = 12;

/// The answer of a sound model without a limit: up to forty words, spread evenly over those of the last message.
///
/// A limit of the request cuts it, and a schema takes its place; [`super::Provider::right_answer`] knows both.
pub(crate) fn right_answer(body: &Value) -> String {
    let text = last(body);
    let count = text.split_whitespace().count().min(WORDS);
    spread(&text, count)
}

/// The text of the last message.
pub(crate) fn last(body: &Value) -> String {
    messages(body).last().map(content).unwrap_or_default()
}

/// So many words, spread evenly over those of a text. Words come again where there are too few.
pub(crate) fn spread(text: &str, count: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return "nothing".to_owned();
    }
    let chosen =
        (0..count).filter_map(|number| words.get((number * words.len() / count) % words.len()).copied());
    chosen.collect::<Vec<_>>().join(" ")
}

/// A minimal instance of a simple schema, with an answer where there is room for a text.
pub(crate) fn instance(schema: &Value, said: &str) -> Value {
    built(schema, schema, said, 0)
}

fn built(root: &Value, schema: &Value, said: &str, depth: usize) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    let within = |inner: &Value| built(root, inner, said, depth + 1);
    if let Some(reference) = schema["$ref"].as_str() {
        let found = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return found.map_or(Value::Null, within);
    }
    if let Some(fixed) = schema.get("const") {
        return fixed.clone();
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema[choice].get(0) {
            return within(first);
        }
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("array") => {
            let count = schema["minItems"].as_u64().unwrap_or(0);
            (0..count).map(|_| within(&schema["items"])).collect()
        }
        Some("string") => text(schema, said),
        Some("integer" | "number") => number(schema),
        Some("boolean") => json!(false),
        Some("null") => Value::Null,
        _ => object(schema, within),
    }
}

/// The required properties and no others.
fn object(schema: &Value, within: impl Fn(&Value) -> Value) -> Value {
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    let names = required.iter().filter_map(Value::as_str);
    Value::Object(
        names.map(|name| (name.to_owned(), within(&schema["properties"][name]))).collect::<Map<_, _>>(),
    )
}

/// As much of the answer as fits, and more where that is too short.
fn text(schema: &Value, said: &str) -> Value {
    let length = |key: &str| schema[key].as_u64().and_then(|length| usize::try_from(length).ok());
    let mut text: String = said.chars().take(length("maxLength").unwrap_or(80)).collect();
    let missing = length("minLength").unwrap_or(0).saturating_sub(text.chars().count());
    text.extend(std::iter::repeat_n('x', missing));
    Value::String(text)
}

/// The smallest number that is allowed.
fn number(schema: &Value) -> Value {
    let above = schema["exclusiveMinimum"].as_i64().map(|bound| json!(bound + 1));
    above.or_else(|| schema.get("minimum").cloned()).unwrap_or_else(|| json!(0))
}
