//! What kind of value a workflow promises as a result.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutputType {
    /// One text.
    Text,
    /// Sentences of documents, word for word.
    Quotes,
    /// JSON values that kept a schema.
    Records,
}

impl OutputType {
    /// Returns the word for it in a file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Quotes => "quotes",
            Self::Records => "records",
        }
    }
}

impl fmt::Display for OutputType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "one text",
            Self::Quotes => "quotes",
            Self::Records => "records",
        })
    }
}
