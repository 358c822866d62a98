//! Validated names: what a node, an agent, a prompt, a workflow and a run may be called.
//!
//! A name that exists as one of these types is known to be safe as a map key, a file name and a word in a message.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name in bytes. It keeps file names derived from names far below every file system's limit.
const LONGEST: usize = 64;

/// Says why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name: expected 1 to {LONGEST} letters, digits, `-`, `_` or `.`, beginning with a letter or digit"
)]
pub struct NameError {
    /// The text as it was given.
    pub text: String,
}

fn check(text: &str) -> Result<(), NameError> {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
    let rest = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if first && rest && text.len() <= LONGEST { Ok(()) } else { Err(NameError { text: text.to_owned() }) }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                check(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// Names one node of a workflow.
    NodeName
}
name! {
    /// Names an agent: `agents/<name>.yaml`.
    AgentName
}
name! {
    /// Names a prompt template: `prompts/<name>.tera`.
    PromptName
}
name! {
    /// Names a workflow: `workflows/<name>.yaml`.
    WorkflowName
}
name! {
    /// Names one execution of a workflow, for example `20261123-081502-7f3a`.
    RunId
}
name! {
    /// Names a chat that goes on over many turns.
    SessionName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_letters_digits_and_three_signs() {
        for good in ["a", "chain-of-agents", "v1.2_x", "0"] {
            assert!(good.parse::<NodeName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "a b", "a/b", "a\\b", "..", "a\0b", "a\nb", "é", &"x".repeat(65)] {
            assert!(bad.parse::<NodeName>().is_err(), "{bad}");
        }
    }
}
