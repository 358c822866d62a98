//! What a `workflow` step says.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::name::{NodeName, WorkflowName};

/// Runs the steps of another workflow over the same source, and yields its output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubworkflowSpec {
    /// The workflow: one in the folder of this file or, where there is none of this name, one that
    /// `longhand workflows list` shows.
    #[schemars(with = "String")]
    pub name: WorkflowName,
    /// Its inputs; those that have a default may be left out.
    #[serde(default)]
    pub inputs: BTreeMap<String, Binding>,
    /// How often to run it, from 1 to 100, with all seeds raised by 0, 1, 2 and so on; the outputs are then a list of
    /// texts. Without it, it runs once and yields what its output yields.
    #[serde(default)]
    pub times: Option<u32>,
}

/// What an input of a sub-workflow is bound to: a text, `{input: NAME}` or `{node: NAME}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Binding {
    /// This text.
    Text(String),
    /// The value of an input of the outer workflow.
    Input {
        /// Its name.
        input: String,
    },
    /// The text that a node of the outer workflow yields.
    Node {
        /// Its name.
        #[schemars(with = "String")]
        node: NodeName,
    },
}

impl Binding {
    /// Returns the node that the input is bound to.
    #[must_use]
    pub fn node(&self) -> Option<&NodeName> {
        if let Self::Node { node } = self { Some(node) } else { None }
    }

    pub(super) fn node_mut(&mut self) -> Option<&mut NodeName> {
        if let Self::Node { node } = self { Some(node) } else { None }
    }
}

/// Derived for an untagged enum, reading would tell neither the place nor the nature of a mistake.
impl<'de> Deserialize<'de> for Binding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BindingVisitor)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    #[serde(default)]
    input: Option<String>,
    #[serde(default)]
    node: Option<NodeName>,
}

struct BindingVisitor;

impl<'de> Visitor<'de> for BindingVisitor {
    type Value = Binding;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, `{input: NAME}` or `{node: NAME}`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Binding, E> {
        Ok(Binding::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Binding, A::Error> {
        match Named::deserialize(MapAccessDeserializer::new(map))? {
            Named { input: Some(input), node: None } => Ok(Binding::Input { input }),
            Named { input: None, node: Some(node) } => Ok(Binding::Node { node }),
            _ => Err(A::Error::custom("a binding has exactly one of `input` and `node`")),
        }
    }
}
