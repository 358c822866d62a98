//! One node, or a list of nodes.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor, value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::NodeName;

/// The nodes that a step reads side by side, written as one name or as a list of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Several {
    /// One node, written without a list.
    One(NodeName),
    /// A list of nodes.
    List(Vec<NodeName>),
}

impl Several {
    /// Returns the nodes in the order of the file.
    #[must_use]
    pub fn nodes(&self) -> &[NodeName] {
        match self {
            Self::One(node) => std::slice::from_ref(node),
            Self::List(nodes) => nodes,
        }
    }
}

impl Serialize for Several {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(node) => node.serialize(serializer),
            Self::List(nodes) => nodes.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Several {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nodes;
        impl<'de> Visitor<'de> for Nodes {
            type Value = Several;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a node or a list of nodes")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Several, E> {
                text.parse().map(Several::One).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, nodes: A) -> Result<Several, A::Error> {
                Deserialize::deserialize(value::SeqAccessDeserializer::new(nodes)).map(Several::List)
            }
        }
        deserializer.deserialize_any(Nodes)
    }
}

impl JsonSchema for Several {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Several".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One node, or a list of nodes.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
        })
    }
}
