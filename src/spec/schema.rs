//! JSON Schema of the files, for editors and scripts.

use super::agent::AgentSpec;
use super::workflow::WorkflowSpec;

/// A kind of file that people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaKind {
    /// `workflows/NAME.yaml`.
    Workflow,
    /// `agents/NAME.yaml`.
    Agent,
}

/// Returns the JSON Schema of a kind of file.
#[must_use]
pub fn schema(kind: SchemaKind) -> serde_json::Value {
    match kind {
        SchemaKind::Workflow => schemars::schema_for!(WorkflowSpec).to_value(),
        SchemaKind::Agent => schemars::schema_for!(AgentSpec).to_value(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_writes_a_step_as_a_map_with_one_key() {
        let schema = schema(SchemaKind::Workflow);
        let first = &schema["$defs"]["StepSpec"]["oneOf"][0];
        assert_eq!(first["required"], serde_json::json!(["split"]));
        assert_eq!(first["additionalProperties"], serde_json::json!(false));
    }
}
