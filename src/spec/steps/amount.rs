//! A number of a step that the person who runs the workflow may set.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A whole number: `10`, or the value of an input of the type `integer`, `{input: rounds}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    /// The number itself.
    Number(u64),
    /// The input that says it.
    Input(FromInput),
}

/// The input that a number is taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FromInput {
    /// Its name.
    pub input: String,
}

/// Derived for an untagged enum, reading would tell neither the place nor the nature of a mistake.
impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl<'de> Visitor<'de> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0, or `{input: NAME}`")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Amount, E> {
        Ok(Amount::Number(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Amount, E> {
        u64::try_from(number)
            .map(Amount::Number)
            .map_err(|_| E::invalid_type(Unexpected::Signed(number), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Amount, A::Error> {
        FromInput::deserialize(MapAccessDeserializer::new(map)).map(Amount::Input)
    }
}

impl Amount {
    /// The largest number of rounds.
    pub const MOST_ROUNDS: u64 = 1000;
    /// The largest number of tokens of a prompt or an answer.
    pub const MOST_TOKENS: u64 = u32::MAX as u64;

    /// Returns the number, where it stands in the workflow.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Input(_) => None,
        }
    }

    /// Returns the name of the input, where one says it.
    #[must_use]
    pub fn input(&self) -> Option<&str> {
        match self {
            Self::Number(_) => None,
            Self::Input(from) => Some(&from.input),
        }
    }

    /// Returns the number, given the values of the inputs; none where the input's value is no whole number from 0.
    #[must_use]
    pub fn of<K: Borrow<str> + Ord>(&self, inputs: &BTreeMap<K, String>) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Input(from) => inputs.get(from.input.as_str())?.trim().parse().ok(),
        }
    }
}
