//! What a text must be like for a step to do one thing or the other: pure, and compiled when the file is read.
//!
//! A bad pattern is no error of the deserializer: it is kept with its reason, so that the check of the file can report
//! every one of them at once, each at its own place.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A condition on a text, written as a map with one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// These words stand in the text, exactly as they are written here.
    Contains(String),
    /// This regular expression matches somewhere in the text; `(?i)` at its beginning takes upper and lower case as one.
    Matches(#[schemars(with = "String")] Pattern),
    /// The text is exactly this, blanks and line breaks around it aside.
    Equals(String),
    /// The condition in it does not hold.
    Not(Box<Self>),
    /// At least one of these holds.
    Any(Vec<Self>),
    /// Each of these holds.
    All(Vec<Self>),
}

/// A regular expression, compiled once.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    compiled: Result<Regex, String>,
}

/// Something that a condition cannot mean, and where below the condition it stands.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) path: Vec<String>,
    pub(super) message: String,
    pub(super) label: &'static str,
}

impl Condition {
    /// Tells whether `text` meets the condition.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        match self {
            Self::Contains(part) => text.contains(part.as_str()),
            Self::Matches(pattern) => pattern.compiled.as_ref().is_ok_and(|regex| regex.is_match(text)),
            Self::Equals(whole) => text.trim() == whole.trim(),
            Self::Not(condition) => !condition.holds(text),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(text)),
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(text)),
        }
    }

    /// Returns everything in the condition that cannot be meant.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.collect(&mut Vec::new(), &mut faults);
        faults
    }

    fn collect(&self, path: &mut Vec<String>, faults: &mut Vec<Fault>) {
        let key = self.key();
        path.push(key.to_owned());
        let mut report = |message, label| faults.push(Fault { path: path.clone(), message, label });
        match self {
            Self::Contains(part) if part.is_empty() => {
                report("every text contains nothing".to_owned(), "expected a text");
            }
            Self::Any(conditions) | Self::All(conditions) if conditions.is_empty() => {
                report(format!("`{key}` has no conditions"), "expected a list of conditions");
            }
            Self::Matches(Pattern { compiled: Err(reason), .. }) => {
                report(format!("this is no regular expression: {reason}"), "expected a regular expression");
            }
            Self::Not(condition) => condition.collect(path, faults),
            Self::Any(conditions) | Self::All(conditions) => {
                for (number, condition) in conditions.iter().enumerate() {
                    path.push(number.to_string());
                    condition.collect(path, faults);
                    path.pop();
                }
            }
            Self::Contains(_) | Self::Matches(_) | Self::Equals(_) => {}
        }
        path.pop();
    }

    fn key(&self) -> &'static str {
        match self {
            Self::Contains(_) => "contains",
            Self::Matches(_) => "matches",
            Self::Equals(_) => "equals",
            Self::Not(_) => "not",
            Self::Any(_) => "any",
            Self::All(_) => "all",
        }
    }
}

impl Pattern {
    /// Tells whether the pattern is one of those that match every text at a glance.
    pub(super) fn is_met_by_every_text(&self) -> bool {
        matches!(self.text.as_str(), "" | ".*" | "(?s).*" | "(?s).*?" | ".*?")
    }

    fn new(text: String) -> Self {
        let compiled = Regex::new(&text).map_err(|error| reason(&error));
        Self { text, compiled }
    }
}

/// The last line of a report is the reason; the lines before it draw the pattern, which the diagnostic does itself.
fn reason(error: &regex::Error) -> String {
    let full = error.to_string();
    let last = full.lines().last().unwrap_or("");
    let mut letters = last.trim_start_matches("error: ").chars();
    letters.next().map(|letter| letter.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in super::super) fn condition(text: &str) -> Condition {
        serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(text))
            .unwrap()
    }

    #[test]
    fn every_form_means_what_it_says() {
        let cases = [
            ("contains: yes", "well, yes.", "Yes"),
            ("matches: '(?i)^\\s*yes\\b'", " YES, it is", "yesterday"),
            ("equals: 'yes '", "\nyes\n", "yes."),
            ("not: {contains: yes}", "no", "yes"),
            ("any: [{equals: a}, {equals: b}]", "b", "c"),
            ("all: [{contains: a}, {not: {contains: b}}]", "a", "ab"),
        ];
        for (form, fits, does_not) in cases {
            let condition = condition(form);
            assert!(condition.holds(fits), "{form}: {fits}");
            assert!(!condition.holds(does_not), "{form}: {does_not}");
            assert!(condition.faults().is_empty(), "{form}");
        }
    }

    #[test]
    fn every_fault_is_found_at_its_place() {
        let faults =
            condition("any: [{matches: '('}, {all: []}, {not: {contains: ''}}, {equals: ''}]").faults();
        let places: Vec<String> = faults.iter().map(|fault| fault.path.join("/")).collect();
        assert_eq!(places, ["any/0/matches", "any/1/all", "any/2/not/contains"]);
        assert_eq!(faults[0].message, "this is no regular expression: unclosed group");
    }

    #[test]
    fn a_pattern_that_would_fill_the_memory_is_a_fault() {
        let faults = condition("matches: '((a{1000}){1000}){1000}'").faults();
        assert!(faults[0].message.contains("size limit"), "{}", faults[0].message);
    }

    pub(in super::super) fn conditions() -> impl Strategy<Value = Condition> {
        let leaf = "[ab]{1,2}".prop_flat_map(|text| {
            prop_oneof![
                Just(Condition::Contains(text.clone())),
                Just(Condition::Matches(Pattern::new(text.clone()))),
                Just(Condition::Equals(text)),
            ]
        });
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|one| Condition::Not(Box::new(one))),
                prop::collection::vec(inner.clone(), 1..3).prop_map(Condition::Any),
                prop::collection::vec(inner, 1..3).prop_map(Condition::All),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_and_means_the_same(one in conditions(), text in "[ab ]{0,5}") {
            let written = serde_json::to_string(&one).unwrap();
            let read = condition(&written);
            prop_assert_eq!(&read, &one);
            prop_assert_eq!(read.holds(&text), one.holds(&text));
            prop_assert_eq!(Condition::Not(Box::new(read)).holds(&text), !one.holds(&text));
        }
    }
}
