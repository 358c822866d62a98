//! What a `gate` step says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::NodeName;

/// Shows a text to a person and hands it on once it is approved, as it is or edited; a rejection ends the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateSpec {
    /// The node that yields the text.
    #[schemars(with = "String")]
    pub show: NodeName,
    /// What the person is asked.
    pub question: String,
}
