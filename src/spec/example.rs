//! A demonstration: what an agent may be asked, and what a good answer is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One demonstration, sent as an earlier turn of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What was asked, as the prompt would ask it.
    pub user: String,
    /// What a good answer is, exactly as it is wanted.
    pub assistant: String,
}

impl Example {
    /// Returns the key of the part that says nothing, where one does.
    #[must_use]
    pub fn empty_part(&self) -> Option<&'static str> {
        let parts = [("user", &self.user), ("assistant", &self.assistant)];
        parts.into_iter().find(|(_, text)| text.trim().is_empty()).map(|(key, _)| key)
    }
}
