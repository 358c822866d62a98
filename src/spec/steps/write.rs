//! What a `write` step says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::NodeName;

/// Writes a value to a file below the output folder of the run, when the run ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteSpec {
    /// The node whose value is written: a text, several texts, quotes or records.
    #[schemars(with = "String")]
    pub from: NodeName,
    /// Where, seen from the output folder: a template of the inputs and, in `nodes`, of `document`. It may not lead out
    /// of the folder.
    pub path: String,
    /// How the value is written.
    #[serde(default)]
    pub format: WriteFormat,
}

/// How a value is written to a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WriteFormat {
    /// As it is read: several texts with an empty line between them, quotes one a line, records as a Markdown table.
    #[default]
    Text,
    /// JSON: a text, or a list of texts, quotes or records.
    Json,
    /// Comma-separated values with a header line, for records only (RFC 4180).
    Csv,
}
