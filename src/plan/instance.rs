//! JSON that keeps a schema, to stand for an answer that nobody has given yet.

use serde_json::{Map, Value, json};

use super::filler::filler;
use crate::text::{TokenCount, TokenCounter};

/// How deep a schema is followed. One that refers to itself ends here.
const DEEPEST: usize = 16;

/// Returns JSON text that keeps the schema, where it is one of the plain kind, and has at least `length` tokens, where the
/// schema allows that: lists are filled, and texts where there is no list.
pub(super) fn instance(schema: &Value, length: TokenCount, counter: &dyn TokenCounter) -> String {
    let one = made(schema, schema, 0);
    let long = |value: &Value| counter.count(&value.to_string()) >= length;
    let mut whole = one;
    if let Value::Array(items) = &mut whole
        && let Some(item) = items.first().cloned()
    {
        // One item more than are needed, for counts of joined texts do not add up.
        let each = counter.count(&format!("{item},")).0.max(1);
        let most = schema.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let count = (length.0 / each + 1).min(most);
        items.resize(usize::try_from(count).unwrap_or(usize::MAX), item);
    } else if !long(&whole) {
        lengthen(&mut whole, &filler(length, counter));
    }
    whole.to_string()
}

/// Puts `text` into the place of the first text.
fn lengthen(value: &mut Value, text: &str) -> bool {
    match value {
        Value::String(old) if old == WORD => {
            text.clone_into(old);
            true
        }
        Value::Object(map) => map.values_mut().any(|inner| lengthen(inner, text)),
        Value::Array(items) => items.iter_mut().any(|inner| lengthen(inner, text)),
        _ => false,
    }
}

const WORD: &str = "word";

fn made(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth == DEEPEST {
        return Value::Null;
    }
    let key = |name: &str| schema.get(name);
    if let Some(place) = key("$ref").and_then(Value::as_str).and_then(|place| place.strip_prefix('#')) {
        return root.pointer(place).map_or(Value::Null, |inner| made(inner, root, depth + 1));
    }
    if let Some(value) = key("const") {
        return value.clone();
    }
    if let Some(value) = key("enum").and_then(Value::as_array).and_then(|all| all.first()) {
        return value.clone();
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = key(several).and_then(Value::as_array).and_then(|all| all.first()) {
            return made(first, root, depth + 1);
        }
    }
    let kind = match key("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        kind => kind.and_then(Value::as_str),
    };
    match kind {
        Some("array") => {
            let least = key("minItems").and_then(Value::as_u64).unwrap_or(0).max(1);
            let item = key("items").map_or(json!(WORD), |items| made(items, root, depth + 1));
            Value::Array(vec![item; usize::try_from(least).unwrap_or(1)])
        }
        Some("integer" | "number") => key("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("string") => json!(WORD),
        Some("object") | None => {
            let properties = key("properties").and_then(Value::as_object);
            let made = |(name, inner): (&String, &Value)| (name.clone(), made(inner, root, depth + 1));
            Value::Object(
                properties.map(|all| all.iter().map(made).collect::<Map<_, _>>()).unwrap_or_default(),
            )
        }
        // `null`, and whatever is no type at all.
        Some(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::RecordSchema;
    use crate::text::ApproximateCounter;

    #[test]
    fn what_is_made_keeps_its_schema_and_is_long_enough() {
        let row = json!({"type": "object", "required": ["day", "n"], "additionalProperties": false, "properties": {
            "day": {"type": "string"}, "n": {"type": "integer", "minimum": 3}, "kind": {"enum": ["a", "b"]}}});
        for schema in [row.clone(), json!({"type": "array", "items": row, "minItems": 2})] {
            let text = instance(&schema, TokenCount(200), &ApproximateCounter);
            assert!(ApproximateCounter.count(&text).0 >= 200, "{text}");
            assert_eq!(RecordSchema(schema).broken_by(&serde_json::from_str(&text).unwrap()), []);
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_comes_to_an_end() {
        let schema = json!({"type": "object", "properties": {"inner": {"$ref": "#"}}});
        assert!(instance(&schema, TokenCount(5), &ApproximateCounter).starts_with("{\"inner\":"));
    }
}
