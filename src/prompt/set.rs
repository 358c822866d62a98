//! The set of templates that a workflow uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use tera::{Context, ErrorKind, Tera};

use crate::name::PromptName;
use crate::spec::{Diagnostic, Diagnostics};

/// A prompt could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// There is no such prompt in the set.
    #[error("there is no prompt `{name}`")]
    Unknown {
        /// The name that was asked for.
        name: PromptName,
    },
    /// The template and the values do not fit.
    #[error("the prompt `{name}` cannot be rendered: {reason}")]
    Render {
        /// The prompt.
        name: PromptName,
        /// What the template engine said.
        reason: String,
    },
}

/// The values that a template is rendered with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Variables(serde_json::Map<String, serde_json::Value>);

impl Variables {
    /// Sets a variable. A value that is no JSON (a map with keys that are no texts) becomes null.
    pub fn set(&mut self, name: impl Into<String>, value: impl Serialize) {
        self.0.insert(name.into(), serde_json::to_value(value).unwrap_or_default());
    }

    /// Sets a variable, and returns the whole.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.set(name, value);
        self
    }

    pub(super) fn values(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.0
    }

    /// Returns a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&serde_json::Value> {
        self.0.get(name)
    }
}

impl From<serde_json::Map<String, serde_json::Value>> for Variables {
    fn from(values: serde_json::Map<String, serde_json::Value>) -> Self {
        Self(values)
    }
}

/// More variables than anybody gives a prompt: every step that uses it is held against each of them.
const MOST_VARIABLES: usize = 200;

#[derive(Clone)]
struct Template {
    file: PathBuf,
    text: Arc<str>,
    /// What it reads, each with the place of its first use.
    variables: BTreeMap<String, Range<usize>>,
}

/// Compiled templates. Undefined variables are errors, and nothing is escaped: a prompt is not HTML.
#[derive(Clone)]
pub struct PromptSet {
    engine: Tera,
    templates: BTreeMap<PromptName, Template>,
}

impl fmt::Debug for PromptSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.templates.keys()).finish()
    }
}

impl PromptSet {
    /// Compiles templates, each given by its name, file and text. The newlines that end a file are not part of it.
    ///
    /// # Errors
    /// Every template that is not one, with the place in its file.
    pub fn compile(
        sources: impl Iterator<Item = (PromptName, PathBuf, Arc<str>)>,
    ) -> Result<Self, Diagnostics> {
        let mut engine = Tera::new();
        engine.autoescape_on(Vec::<&str>::new());
        let mut templates = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, file, text) in sources {
            let added = engine.add_raw_template(name.as_str(), text.trim_end_matches(['\n', '\r']));
            let found = added.and_then(|()| engine.get_template_variables(name.as_str()));
            match found {
                Ok(found) if found.len() > MOST_VARIABLES => {
                    let message = format!("the template reads {} variables", found.len());
                    let problem = Diagnostic::error(&file, &text, 0..first_line(&text), message);
                    problems.push(problem.label(format!("expected at most {MOST_VARIABLES}")));
                }
                Ok(found) => {
                    let place = |variable: &str| first_use(&text, variable).unwrap_or(0..0);
                    let variables = found.into_iter().map(|name| (name.to_owned(), place(name))).collect();
                    templates.insert(name, Template { file, text, variables });
                }
                Err(error) => problems.push(explain(&file, &text, &error)),
            }
        }
        if problems.is_empty() { Ok(Self { engine, templates }) } else { Err(Diagnostics(problems)) }
    }

    /// Takes in the templates of another set. One of a name that is here already is the same: both sets are of one
    /// catalog.
    pub fn join(&mut self, other: &Self) {
        for (name, template) in &other.templates {
            // It compiled in the other set, so it does here.
            let text = template.text.trim_end_matches(['\n', '\r']);
            if self.engine.add_raw_template(name.as_str(), text).is_ok() {
                self.templates.insert(name.clone(), template.clone());
            }
        }
    }

    /// Returns the names of the variables that a template reads; none for a prompt that is not in the set.
    #[must_use]
    pub fn variables(&self, name: &PromptName) -> BTreeSet<String> {
        let template = self.templates.get(name);
        template.map(|template| template.variables.keys().cloned().collect()).unwrap_or_default()
    }

    /// Renders a prompt.
    ///
    /// # Errors
    /// [`PromptError::Unknown`], or [`PromptError::Render`] where a variable is missing or of the wrong kind.
    pub fn render(&self, name: &PromptName, variables: &Variables) -> Result<String, PromptError> {
        if !self.templates.contains_key(name) {
            return Err(PromptError::Unknown { name: name.clone() });
        }
        let failed = |error: tera::Error| PromptError::Render { name: name.clone(), reason: reason(&error) };
        let context = Context::from_serialize(&variables.0).map_err(failed)?;
        self.engine.render(name.as_str(), &context).map_err(failed)
    }

    /// Returns the names of the prompts, sorted.
    pub fn names(&self) -> impl Iterator<Item = &PromptName> {
        self.templates.keys()
    }

    /// Returns the text of a template as it stands in its file.
    #[must_use]
    pub fn text(&self, name: &PromptName) -> Option<&str> {
        self.templates.get(name).map(|template| &*template.text)
    }

    /// Makes an error about the first use of a variable in a template; `None` for a prompt that is not in the set.
    #[must_use]
    pub fn error_at(&self, name: &PromptName, variable: &str, message: String) -> Option<Diagnostic> {
        let template = self.templates.get(name)?;
        let span = template.variables.get(variable).cloned().unwrap_or(0..0);
        Some(Diagnostic::error(&template.file, &template.text, span, message))
    }
}

impl PromptSet {
    /// Makes an error about a template as a whole, at its first line; `None` for a prompt that is not in the set.
    #[must_use]
    pub fn error_of(&self, name: &PromptName, message: String) -> Option<Diagnostic> {
        let template = self.templates.get(name)?;
        Some(Diagnostic::error(&template.file, &template.text, 0..first_line(&template.text), message))
    }
}

/// Returns where the first line of a text ends.
fn first_line(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

pub(super) fn reason(error: &tera::Error) -> String {
    let full = match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => report.message().to_owned(),
        other => other.to_string(),
    };
    let first = full.lines().next().unwrap_or("").trim_start_matches("error: ");
    let mut letters = first.chars();
    letters.next().map(|letter| letter.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Finds the place in a report that the engine hands out as text only, as `--> name:line:column`.
fn reported_place(text: &str, report: &str) -> Option<usize> {
    let place = report.lines().find_map(|line| line.trim_start().strip_prefix("--> "))?;
    let mut numbers = place.trim_end().rsplit(':').map(str::parse::<usize>);
    let column = numbers.next()?.ok()?;
    let line = numbers.next()?.ok()?;
    let start: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let before = text.get(start..)?.chars().take(column.checked_sub(1)?);
    Some(start + before.map(char::len_utf8).sum::<usize>())
}

fn explain(file: &Path, text: &Arc<str>, error: &tera::Error) -> Diagnostic {
    let message = format!("this is not a template: {}", reason(error));
    match error.kind() {
        ErrorKind::SyntaxError(report) => Diagnostic::error(file, text, report.span().range.clone(), message),
        other => {
            let at = reported_place(text, &other.to_string()).unwrap_or(0);
            Diagnostic::error(file, text, at..at + 1, message)
        }
    }
}

/// Finds the first use of a variable as a whole word between template marks.
fn first_use(text: &str, variable: &str) -> Option<Range<usize>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut inside, mut seen) = (false, 0);
    text.match_indices(variable).map(|(at, found)| at..at + found.len()).find(|range| {
        // No text is searched twice for marks: the word may stand in it a million times.
        let between = text.get(seen..range.start).unwrap_or("");
        let opened = between.rfind("{{").max(between.rfind("{%"));
        let closed = between.rfind("}}").max(between.rfind("%}"));
        if opened != closed {
            inside = opened > closed;
        }
        seen = range.start;
        let before = text.get(..range.start).unwrap_or("");
        let after = text.get(range.end..).unwrap_or("");
        inside && !before.ends_with(|c| is_word(c) || c == '.') && !after.starts_with(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Result<PromptSet, Diagnostics> {
        PromptSet::compile([("p".parse().unwrap(), PathBuf::from("p.tera"), Arc::from(text))].into_iter())
    }

    fn name() -> PromptName {
        "p".parse().unwrap()
    }

    #[test]
    fn a_document_is_a_value_and_nothing_in_it_is_escaped_or_run() {
        let text = "<b> & \"q\" {{ secret }} {% for %}";
        let rendered =
            set("[{{ chunk }}]\n\n").unwrap().render(&name(), &Variables::default().with("chunk", text));
        assert_eq!(rendered.unwrap(), format!("[{text}]"));
    }

    #[test]
    fn a_missing_variable_is_an_error_and_names_itself() {
        let error = set("a {{ chunk }}").unwrap().render(&name(), &Variables::default()).unwrap_err();
        assert!(error.to_string().contains("chunk"), "{error}");
    }

    #[test]
    fn variables_are_those_that_the_template_does_not_bind_itself() {
        let set =
            set("{% if q %}{{ q }}{% endif %}{% for s in list %}{{ s.text }}{{ loop.index }}{% endfor %}")
                .unwrap();
        assert_eq!(set.variables(&name()), ["list", "q"].map(str::to_owned).into());
    }

    #[test]
    fn a_broken_template_is_told_with_its_line() {
        let told = set("first\n{{ chunk | nosuchfilter }}\n").unwrap_err();
        assert_eq!(told.0[0].position().0, 2, "{told}");
        let told = set("first\n{% if x %}\n").unwrap_err();
        assert!(told.to_string().contains("p.tera:"), "{told}");
    }

    #[test]
    fn the_first_use_of_a_variable_is_a_whole_word_in_a_mark() {
        let text = "chunk {{ chunks }} {{ a.chunk }} {% if chunk %}";
        assert_eq!(first_use(text, "chunk"), Some(39..44));
    }
}
