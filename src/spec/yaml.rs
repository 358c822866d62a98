//! Text to typed value, with the place of everything in it, or one message for each thing that is wrong.

use std::collections::BTreeSet;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::diagnostic::{Diagnostic, Diagnostics, suggestion};
use super::mend::{self, Told};
use super::outline::{Entry, Outline};
use crate::name::AgentName;

/// The largest file that is read, in bytes. No workflow comes near it, and everything larger is a mistake or an attack.
pub const LARGEST_FILE: u64 = 1024 * 1024;

/// A value, the file it came from, and where in the file each part of it stands.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    file: PathBuf,
    text: Arc<str>,
    outline: Outline,
}

impl<T> Located<T> {
    /// Returns the file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the text of the file.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Returns the bytes of the value at a path of keys such as `["nodes", "read", "fold", "agent"]`: those of a scalar,
    /// or of the key of a map or a list. A path that the file does not have (a value behind an alias, a default) is
    /// answered with the nearest part of it that the file has.
    #[must_use]
    pub fn span(&self, path: &[&str]) -> Range<usize> {
        let entry = (0..=path.len()).rev().find_map(|end| self.outline.find(path.get(..end)?));
        entry.map_or(0..0, |entry| if entry.text.is_some() { entry.value.clone() } else { entry.key.clone() })
    }

    /// Returns the bytes of the key at a path of keys, or of the nearest key above it that the file has.
    #[must_use]
    pub fn key_span(&self, path: &[&str]) -> Range<usize> {
        let entry = (0..=path.len()).rev().find_map(|end| self.outline.find(path.get(..end)?));
        entry.map_or(0..0, |entry| entry.key.clone())
    }

    /// Makes an error about the value at a path.
    #[must_use]
    pub fn error_at(&self, path: &[&str], message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(&self.file, &self.text, self.span(path), message)
    }

    /// Makes an error about the key at a path.
    #[must_use]
    pub fn error_at_key(&self, path: &[&str], message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(&self.file, &self.text, self.key_span(path), message)
    }
}

/// Reads a whole file as text.
///
/// # Errors
/// One diagnostic: the file cannot be read, is larger than [`LARGEST_FILE`], or is not UTF-8.
pub fn read(file: &Path) -> Result<Arc<str>, Diagnostics> {
    let cannot = |error: std::io::Error| Diagnostic::of_file(file, format!("cannot read the file: {error}"));
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(cannot)?;
    opened.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(too_large(file).into());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Diagnostic::of_file(file, format!("the file is not UTF-8: byte {at} begins no character"))
            .help("save the file as UTF-8")
    })?;
    Ok(Arc::from(text.strip_prefix('\u{feff}').unwrap_or(&text)))
}

fn too_large(file: &Path) -> Diagnostic {
    Diagnostic::of_file(file, format!("the file is larger than {LARGEST_FILE} bytes"))
        .help("a workflow, agent or prompt is a short text; was another file meant?")
}

/// Reads `text` as YAML; `file` is only named in messages.
///
/// # Errors
/// What is wrong with the form or the types of the text, each with its exact place.
pub fn parse<T: DeserializeOwned>(file: &Path, text: &Arc<str>) -> Result<Located<T>, Diagnostics> {
    if text.len() as u64 > LARGEST_FILE {
        return Err(too_large(file).into());
    }
    let outline = Outline::read(text).map_err(|problems| {
        let diagnose = |problem: super::outline::FormError| Diagnostic {
            help: problem.help.map(ToOwned::to_owned),
            ..Diagnostic::error(file, text, problem.span, problem.message)
        };
        Diagnostics(problems.into_iter().map(diagnose).collect())
    })?;
    if let Ok(value) = serde_yaml::from_str(text) {
        Ok(Located { value, file: file.to_owned(), text: Arc::clone(text), outline })
    } else {
        let read = |rest: &str, left: &Outline| match serde_yaml::from_str::<T>(rest) {
            Ok(_) => Ok(()),
            Err(error) => {
                let problem = explain(file, text, left, &error);
                Err(Told { lacks: problem.message.starts_with(MISSING), problem: Box::new(problem) })
            }
        };
        Err(Diagnostics(mend::every_problem(text, &outline, read)))
    }
}

/// Returns the agents that the steps of a workflow file name, also of one whose form or types are wrong.
#[must_use]
pub fn mentioned_agents(text: &str) -> BTreeSet<AgentName> {
    let Ok(outline) = Outline::read(text) else { return BTreeSet::new() };
    let named = outline.entries().iter().filter(|entry| entry.name == "agent");
    named.filter_map(|entry| entry.text.as_deref()?.parse().ok()).collect()
}

/// How the message of a missing key begins.
const MISSING: &str = "missing key";
/// Writes a value as YAML.
#[must_use]
pub fn write(value: &impl serde::Serialize) -> String {
    // Structs of strings, numbers, lists and maps always serialize, so the fallback is never written.
    serde_yaml::to_string(value).unwrap_or_default()
}

/// Says in the language's own words what the deserializer found, and where.
fn explain(file: &Path, text: &Arc<str>, outline: &Outline, error: &serde_yaml::Error) -> Diagnostic {
    let full = error.to_string();
    let place = error.location().map(|l| format!(" at line {} column {}", l.line(), l.column()));
    let full = place.as_ref().and_then(|place| full.strip_suffix(place.as_str())).unwrap_or(&full);
    // The deserializer counts bytes, the outline's parser counts characters.
    let at = error.location().map_or(0, |location| location.index());
    let make = |span: Range<usize>, message: String| Diagnostic::error(file, text, span, message);
    let part = |marker: &str| full.find(marker).and_then(|start| full.get(start + marker.len()..));

    if let Some(rest) = part("unknown field `").or_else(|| part("unknown variant `")) {
        let is_key = full.contains("unknown field `");
        let (word, expected) = rest.split_once('`').unwrap_or((rest, ""));
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let is_step = known.contains(&"fold");
        let what = if is_key {
            "unknown key"
        } else if is_step {
            "unknown step"
        } else {
            "unknown value"
        };
        let span = named(outline, at, word).unwrap_or(at..at);
        let label = if is_key { "no such key here" } else { "not one of the known words" };
        return make(span, format!("{what} `{word}`")).label(label).help(suggestion(word, &known));
    }
    if let Some(name) = part("missing field `").and_then(|rest| rest.split('`').next()) {
        let span = outline.entries().iter().find(|e| e.value.start == at).map_or(0..0, |e| e.key.clone());
        let label = format!("needs a key `{name}`");
        return make(span, format!("{MISSING} `{name}`")).label(label);
    }
    if let Some((found, expected)) = part("invalid type: ").and_then(|rest| rest.split_once(", expected ")) {
        let expected = expectation(expected);
        let span = value_at(outline, at).map_or(at..at, |entry| entry.value.clone());
        let found = match found {
            "unit variant" => "a word",
            "sequence" => "a list",
            "map" => "a map",
            "unit value" => "nothing",
            other => other,
        };
        return make(span, format!("expected {expected}, found {found}"))
            .label(format!("expected {expected}"));
    }
    if full.contains("expected map with a single key") {
        let entry = value_at(outline, at);
        let span = entry.map_or(at..at, |entry| entry.key.clone());
        let (message, help) = if entry.is_some_and(|entry| is_step(outline, entry)) {
            ("a step has exactly one kind", "give every step a name of its own below `nodes`")
        } else {
            ("exactly one key stands here", "several conditions go into `all: [...]` or `any: [...]`")
        };
        return make(span, message.to_owned()).label("expected one key").help(help);
    }
    if full.contains("a binding has exactly one") {
        let span = value_at(outline, at).map_or(at..at, |entry| entry.key.clone());
        return make(span, "an input is bound to one thing".to_owned()).label("expected `input` or `node`");
    }
    if let Some(start) = full.find('`').filter(|_| full.contains("is not a name")) {
        let rest = full.get(start + 1..).unwrap_or("");
        let (word, why) = rest.split_once("` is not a name: ").unwrap_or((rest, ""));
        let span = spelled(outline, at, word).unwrap_or(at..at);
        if word.is_empty() {
            return make(span, "a name is missing".to_owned()).label(why);
        }
        return make(span, format!("`{word}` is not a name")).label(why);
    }
    if let Some((word, why)) = part("`").and_then(|rest| rest.split_once("` is not a length of time: ")) {
        let span = spelled(outline, at, word).unwrap_or(at..at);
        return make(span, format!("`{word}` is not a length of time")).label(why);
    }
    if full.contains("repetition limit exceeded") || full.contains("recursion limit exceeded") {
        let span = outline.alias.clone().unwrap_or(at..at);
        return make(span, "aliases repeat too much".to_owned()).help("write the values out");
    }
    make(at..at, full.to_owned())
}

/// Finds the key or the value that begins at a byte and is spelled `word`.
fn named(outline: &Outline, at: usize, word: &str) -> Option<Range<usize>> {
    outline.entries().iter().find_map(|entry| {
        if entry.key.start == at && entry.name == word {
            Some(entry.key.clone())
        } else if entry.value.start == at && entry.text.as_deref() == Some(word) {
            Some(entry.value.clone())
        } else {
            None
        }
    })
}

/// Tells whether an entry is a step: one right below a section of steps.
fn is_step(outline: &Outline, entry: &Entry) -> bool {
    let below =
        |section: &&str| outline.find(&[section, &entry.name]).is_some_and(|one| one.key == entry.key);
    ["nodes", "archive"].iter().any(below)
}

fn value_at(outline: &Outline, at: usize) -> Option<&Entry> {
    outline.entries().iter().find(|entry| entry.value.start == at)
}

/// Finds the first key or value spelled `word` at or after a byte.
fn spelled(outline: &Outline, at: usize, word: &str) -> Option<Range<usize>> {
    let is_word = |text: &str| text == word || (word.is_empty() && text == "~");
    outline.entries().iter().filter(|entry| entry.value.end >= at).find_map(|entry| {
        if entry.name == word {
            Some(entry.key.clone())
        } else if entry.text.as_deref().is_some_and(is_word) {
            Some(if entry.value.is_empty() { entry.key.clone() } else { entry.value.clone() })
        } else {
            None
        }
    })
}

/// Says without the names of Rust types what was expected.
fn expectation(expected: &str) -> String {
    match expected {
        "u32" | "u64" | "usize" => "a whole number, not negative".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" => "a text".to_owned(),
        "newtype variant" | "a map" => "a map".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") => "a map".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::WorkflowSpec;

    fn told(text: &str) -> Diagnostic {
        let text: Arc<str> = Arc::from(text);
        parse::<WorkflowSpec>(Path::new("w.yaml"), &text).unwrap_err().0.remove(0)
    }

    fn pointed(one: &Diagnostic) -> &str {
        &one.source[one.span.clone()]
    }

    #[test]
    fn places_are_exact_behind_characters_of_several_bytes() {
        let text = "# é 漢字 🦀\nversion: 1\nname: w\nnodes:\n  é: {splt: {for: r}}\noutput: r\n";
        assert_eq!(pointed(&told(text)), "é");
        let one = told(&text.replace("  é", "  c"));
        assert_eq!((pointed(&one), one.position()), ("splt", (5, 7)));
        let one = told(&text.replace("  é: {splt: {for: r}}", "  c: {split: {for: r, max_tokens: 漢}}"));
        assert_eq!((pointed(&one), one.position()), ("漢", (5, 35)));
    }

    #[test]
    fn a_value_behind_an_alias_is_placed_at_the_nearest_key() {
        let text: Arc<str> = Arc::from(
            "version: 1\nname: w\nnodes:\n  c: {split: &s {for: r}}\n  d: {split: *s}\noutput: c\n",
        );
        let spec = parse::<WorkflowSpec>(Path::new("w.yaml"), &text).unwrap();
        assert_eq!(&text[spec.span(&["nodes", "c", "split", "for"])], "r");
        assert_eq!(&text[spec.span(&["nodes", "d", "split", "for"])], "*s");
        assert_eq!(&text[spec.key_span(&["nodes", "d", "split", "for"])], "split");
    }

    #[test]
    fn an_alias_that_repeats_itself_is_placed_at_the_first_alias() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            let line = format!("a{level}: &a{level} [{aliases}]\n");
            bomb += &line;
        }
        let text: Arc<str> = Arc::from(bomb);
        let problems = parse::<serde_json::Value>(Path::new("w.yaml"), &text).unwrap_err();
        assert_eq!(pointed(&problems.0[0]), "*a0");
        assert_eq!(problems.0[0].message, "aliases repeat too much");
    }

    #[test]
    fn an_empty_text_lacks_its_first_key() {
        assert_eq!(told("").message, "missing key `version`");
        assert_eq!(told("[]").message, "expected a map, found a list");
        assert!(told("a: b\n---\nc: d\n").message.contains("second document"));
    }
}
