//! The inputs of a workflow: what kind of value each takes, and whether a value is one.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::diagnostic::listed;

/// One input of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// What kind of value it takes.
    #[serde(default, rename = "type")]
    pub kind: InputKind,
    /// The values that an input of the type `choice` may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "scalars")]
    #[schemars(with = "Vec<Scalar>")]
    pub choices: Vec<String>,
    /// The value where none is given; an input without a default must be given.
    #[serde(default, deserialize_with = "scalar")]
    #[schemars(with = "Option<Scalar>")]
    pub default: Option<String>,
    /// One line that says what the input is for.
    #[serde(default)]
    pub description: String,
}

/// What kind of value an input takes. In a template a number is a number and a boolean is true or false.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InputKind {
    /// Any text.
    #[default]
    Text,
    /// A whole number.
    Integer,
    /// A number, such as `0.5`.
    Number,
    /// `true` or `false`.
    Boolean,
    /// One of `choices`.
    Choice,
}

impl InputSpec {
    /// Returns a value as templates see it.
    ///
    /// # Errors
    /// What was expected, in words, where the value is not of the input's type.
    pub fn value(&self, text: &str) -> Result<serde_json::Value, String> {
        let bare = text.trim();
        match self.kind {
            InputKind::Text => Ok(text.into()),
            InputKind::Integer => {
                bare.parse::<i64>().map(Into::into).map_err(|_| "a whole number, such as `3`".to_owned())
            }
            InputKind::Number => {
                let number = bare.parse::<f64>().ok().filter(|number| number.is_finite());
                number.map(Into::into).ok_or_else(|| "a number, such as `0.5`".to_owned())
            }
            InputKind::Boolean => {
                bare.parse::<bool>().map(Into::into).map_err(|_| "`true` or `false`".to_owned())
            }
            InputKind::Choice if self.choices.iter().any(|choice| choice == bare) => Ok(bare.into()),
            InputKind::Choice => Err(format!("one of {}", listed(&self.choices))),
        }
    }
}

/// What a person may write where a text is wanted: YAML reads `3` and `true` as something else.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes what is read and is never made")]
enum Scalar {
    Text(String),
    Number(f64),
    Boolean(bool),
}

/// A scalar of any type as it is written.
struct Written(String);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;
        impl Visitor<'_> for AsText {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, `true` or `false`")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Written, E> {
                Ok(Written(value.to_owned()))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Written, E> {
                Ok(Written(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Written, E> {
                Ok(Written(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Written, E> {
                Ok(Written(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Written, E> {
                Ok(Written(value.to_string()))
            }
        }
        deserializer.deserialize_any(AsText)
    }
}

fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Written>::deserialize(deserializer)?.map(|written| written.0))
}

fn scalars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<Written>::deserialize(deserializer)?.into_iter().map(|written| written.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &str) -> InputSpec {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn a_default_is_a_text_however_yaml_reads_it() {
        assert_eq!(input("{type: integer, default: 3}").default.as_deref(), Some("3"));
        assert_eq!(input("{type: boolean, default: true}").default.as_deref(), Some("true"));
        assert_eq!(input("{default: \"\"}").default.as_deref(), Some(""));
        assert_eq!(input("{}").default, None);
        assert_eq!(input("{type: choice, choices: [1, two]}").choices, ["1", "two"]);
    }

    #[test]
    fn a_value_is_of_its_type_or_says_what_was_expected() {
        assert_eq!(input("{type: integer}").value(" 7\n"), Ok(7.into()));
        assert_eq!(input("{type: number}").value("0.5"), Ok(0.5.into()));
        assert_eq!(input("{type: boolean}").value("false"), Ok(false.into()));
        assert_eq!(input("{}").value(" kept \n"), Ok(" kept \n".into()));
        assert_eq!(input("{type: choice, choices: [a, b]}").value("b"), Ok("b".into()));
        assert_eq!(input("{type: choice, choices: [a, b]}").value("c"), Err("one of `a`, `b`".to_owned()));
        for (kind, wrong) in [("integer", "0.5"), ("number", "much"), ("number", "inf"), ("boolean", "yes")] {
            assert!(input(&format!("{{type: {kind}}}")).value(wrong).is_err(), "{kind} {wrong}");
        }
    }
}
