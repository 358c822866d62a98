//! What an `extract` step says, and the schema that its records keep.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::calls::StepCalls;
use super::super::example::Example;
use crate::name::{AgentName, NodeName};

/// How often an agent is asked again after an answer that does not keep the schema.
const REPAIRS: u32 = 2;

/// Asks an agent for JSON that keeps a schema, once or once a chunk; the answers are the records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtractSpec {
    /// The node that yields chunks: one call a chunk. Without it the agent is asked once.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub over: Option<NodeName>,
    /// Who extracts. Its prompt is given `schema` (the JSON Schema as text) and, with `over`, `chunk`, `index` and
    /// `count`.
    #[schemars(with = "String")]
    pub agent: AgentName,
    /// The JSON Schema of an answer, written as YAML. Each element of an answer that is a list is a record of its own.
    pub schema: RecordSchema,
    /// How often the agent is told what is wrong with its answer and asked again, before the task fails. To 10.
    #[serde(default = "ExtractSpec::default_repairs")]
    pub repairs: u32,
    /// Further template variables: variable -> node.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub with: BTreeMap<String, NodeName>,
    /// Demonstrations, sent after those of the agent.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// How the calls are made, where that is not as the agent says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<StepCalls>,
}

impl ExtractSpec {
    fn default_repairs() -> u32 {
        REPAIRS
    }
}

/// A JSON Schema as it stands in the file. A `$ref` may lead into the schema itself and nowhere else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RecordSchema(pub serde_json::Value);

/// What is wrong with a value, and where in it that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaProblem {
    /// The keys that lead to the place; none for the value as a whole.
    pub path: Vec<String>,
    /// What is wrong.
    pub reason: String,
}

impl SchemaProblem {
    fn new(error: &jsonschema::ValidationError<'_>) -> Self {
        let pointer = error.instance_path().as_str();
        // The two escapes of JSON Pointer (RFC 6901, section 3), in the order that the standard asks for.
        let key = |part: &str| part.replace("~1", "/").replace("~0", "~");
        Self { path: pointer.split('/').skip(1).map(key).collect(), reason: error.to_string() }
    }
}

impl RecordSchema {
    /// Returns what keeps the schema from being one; `None` where it can be used.
    #[must_use]
    pub fn problem(&self) -> Option<SchemaProblem> {
        // A mere `true` or `false` is a schema, too, but says nothing about a record.
        if !self.0.is_object() {
            let reason = "expected a map with keys such as `type` and `properties`".to_owned();
            return Some(SchemaProblem { path: Vec::new(), reason });
        }
        if let Err(error) = jsonschema::meta::validate(&self.0) {
            return Some(SchemaProblem::new(&error));
        }
        let unusable = jsonschema::validator_for(&self.0).err()?;
        Some(SchemaProblem { path: Vec::new(), reason: unusable.to_string() })
    }

    /// Returns everything in which `value` breaks the schema.
    #[must_use]
    pub fn broken_by(&self, value: &serde_json::Value) -> Vec<SchemaProblem> {
        match jsonschema::validator_for(&self.0) {
            Ok(validator) => validator.iter_errors(value).map(|error| SchemaProblem::new(&error)).collect(),
            Err(error) => vec![SchemaProblem { path: Vec::new(), reason: error.to_string() }],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_told_from_what_is_none_at_its_place() {
        let good = RecordSchema(json!({"type": "object", "properties": {"day": {"type": "string"}}}));
        assert_eq!(good.problem(), None);
        let bad = RecordSchema(json!({"type": "object", "properties": {"a/b": {"type": "strng"}}}));
        assert_eq!(bad.problem().unwrap().path, ["properties", "a/b", "type"]);
        assert!(RecordSchema(json!("object")).problem().is_some());
        let away = RecordSchema(json!({"$ref": "https://example.com/schema.json"}));
        assert!(away.problem().is_some(), "nothing is fetched");
    }

    #[test]
    fn a_value_is_held_against_the_schema() {
        let schema = RecordSchema(json!({"type": "array", "items": {"required": ["day"]}}));
        assert_eq!(schema.broken_by(&json!([{"day": 1}])), []);
        let broken = schema.broken_by(&json!([{"day": 1}, {}]));
        assert_eq!(broken[0].path, ["1"]);
        assert!(broken[0].reason.contains("day"), "{}", broken[0].reason);
    }
}
