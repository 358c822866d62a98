//! One problem of one file, shown where it stands: the file, the line, a caret, what was expected and a remedy.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// How many problems are written out; a person mends these first, and then asks again.
const MOST_SHOWN: usize = 50;

/// Among how many words the likely one is looked for, and how many are listed where none is likely: a file from elsewhere
/// may name a hundred thousand.
const MOST_COMPARED: usize = 1000;
const MOST_LISTED: usize = 40;

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but probably does not say what was meant.
    Warning,
}

/// One problem of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file.
    pub file: PathBuf,
    /// Its text; empty where the file could not be read or is too large to be shown.
    pub source: Arc<str>,
    /// The bytes of `source` that are wrong.
    pub span: Range<usize>,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What was expected in the place of the span; may be empty.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Makes an error about the bytes `span` of `source`.
    #[must_use]
    pub fn error(file: &Path, source: &Arc<str>, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            source: Arc::clone(source),
            span,
            severity: Severity::Error,
            message: message.into(),
            label: String::new(),
            help: None,
        }
    }

    /// Makes an error about a file as a whole.
    #[must_use]
    pub fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self::error(file, &Arc::from(""), 0..0, message)
    }

    /// Says what was expected.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says what to do; nothing where there are no words for it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into()).filter(|help| !help.is_empty());
        self
    }

    /// Makes it a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Returns the line and the column, both from 1, the column in characters.
    #[must_use]
    pub fn position(&self) -> (usize, usize) {
        let before = self.source.get(..self.span.start).unwrap_or(&self.source);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).map_or(0, |line| line.chars().count());
        (before.matches('\n').count() + 1, column + 1)
    }

    /// Returns the first line of the span with its number, and the part of it that is marked, on character boundaries. No
    /// other line is shown, so no other is handed to the renderer, which reads all that it gets.
    fn shown_line(&self) -> (usize, &str, Range<usize>) {
        let mut start = self.source.floor_char_boundary(self.span.start);
        if start == self.source.len() {
            // Behind the line break that ends the text there is nothing to show.
            start = self.source.trim_end_matches(['\n', '\r']).len();
        }
        let end = self.source.ceil_char_boundary(self.span.end.max(start));
        let (before, behind) = self.source.split_at(start);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_end = behind.find('\n').map_or(self.source.len(), |at| start + at);
        let line = self.source.get(line_start..line_end).unwrap_or("").trim_end_matches('\r');
        let marked = self.source.get(start..end.min(line_end)).unwrap_or("").trim_end().len();
        let from = (start - line_start).min(line.len());
        (before.matches('\n').count() + 1, line, from..from + marked)
    }

    fn render(&self, renderer: &Renderer) -> String {
        let file = self.file.display().to_string();
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group: Group<'_> = Group::with_title(level.primary_title(self.message.as_str()));
        if self.source.is_empty() {
            group = group.element(Origin::path(file.as_str()));
        } else {
            let (number, line, marked) = self.shown_line();
            let line = without_passwords(line);
            let mut mark = AnnotationKind::Primary.span(marked);
            if !self.label.is_empty() {
                mark = mark.label(self.label.as_str());
            }
            group =
                group.element(Snippet::source(line).line_start(number).path(file.as_str()).annotation(mark));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

/// Hides the password of every address in a line, and keeps all else where it is.
fn without_passwords(line: &str) -> String {
    let mut told = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, address)) = rest.split_once("://") {
        let end = address
            .find(|sign: char| sign.is_whitespace() || matches!(sign, '"' | '\''))
            .unwrap_or(address.len());
        let (address, behind) = address.split_at_checked(end).unwrap_or((address, ""));
        told.push_str(before);
        told.push_str("://");
        let hidden = address.rsplit_once('@').map(|(person, host)| {
            let name = person.find(':').map_or(0, |at| at + 1);
            let (name, password) = person.split_at_checked(name).unwrap_or(("", person));
            [name, &"*".repeat(password.len()), "@", host].concat()
        });
        told.push_str(hidden.as_deref().unwrap_or(address));
        rest = behind;
    }
    told + rest
}

/// Everything found wrong at once; never empty where it is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Tells whether any of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|one| one.severity == Severity::Error)
    }

    /// Tells whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sorts by severity, file and position, and drops what is said twice.
    pub(crate) fn tidy(&mut self) {
        // Problems of one file share its text, and neither path nor text is compared then: there may be many of them.
        let same_file = |a: &Diagnostic, b: &Diagnostic| {
            Arc::ptr_eq(&a.source, &b.source) && a.file.as_os_str() == b.file.as_os_str()
        };
        self.0.sort_by(|a, b| {
            let files = || if same_file(a, b) { Ordering::Equal } else { a.file.cmp(&b.file) };
            let places = || (a.span.start, &a.message).cmp(&(b.span.start, &b.message));
            a.severity.cmp(&b.severity).then_with(files).then_with(places)
        });
        self.0.dedup_by(|a, b| {
            let said = |one: &Diagnostic| (one.span.clone(), one.severity);
            said(a) == said(b)
                && (&a.message, &a.label, &a.help) == (&b.message, &b.label, &b.help)
                && (same_file(a, b) || (&a.file, &a.source) == (&b.file, &b.source))
        });
    }

    /// Renders all of them for a terminal that shows colours.
    #[must_use]
    pub fn coloured(&self) -> String {
        self.render(&Renderer::styled().decor_style(DecorStyle::Ascii))
    }

    fn render(&self, renderer: &Renderer) -> String {
        let shown = self.0.iter().take(MOST_SHOWN).map(|one| one.render(renderer));
        let left = self.0.len().saturating_sub(MOST_SHOWN);
        let rest = (left > 0).then(|| format!("and {left} more"));
        shown.chain(rest).collect::<Vec<_>>().join("\n\n")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain().decor_style(DecorStyle::Ascii)))
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self(vec![one])
    }
}

/// Returns the candidate that `word` was most likely meant to be, among the first thousand.
#[must_use]
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .take(MOST_COMPARED)
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Returns the remedy for an unknown word: the likely one, or those that there are.
#[must_use]
pub fn suggestion(word: &str, candidates: &[&str]) -> String {
    match closest(word, candidates.iter().copied()) {
        Some(likely) => format!("did you mean `{likely}`?"),
        None if candidates.is_empty() => "there is none to choose from".to_owned(),
        None => format!("known: {}", listed(candidates)),
    }
}

/// Returns words as a list in a sentence, and how many there are beyond those that anybody reads.
pub(super) fn listed(words: &[impl AsRef<str>]) -> String {
    let shown: Vec<String> =
        words.iter().take(MOST_LISTED).map(|one| format!("`{}`", one.as_ref())).collect();
    let left = words.len().saturating_sub(MOST_LISTED);
    let rest = if left > 0 { format!(" and {left} more") } else { String::new() };
    shown.join(", ") + &rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_an_address_is_shown_to_nobody() {
        let line =
            "m: {base_url: \"http://me:p@ss@host/v1\", a: http://token@b/c, d: http://e:80/f} # 'x://y'";
        let told =
            "m: {base_url: \"http://me:****@host/v1\", a: http://*****@b/c, d: http://e:80/f} # 'x://y'";
        assert_eq!(without_passwords(line), told);
        let one = Diagnostic::error(Path::new("x.yaml"), &Arc::from(line), 0..1, "no");
        assert!(!Diagnostics::from(one).to_string().contains("p@ss"));
    }

    #[test]
    fn a_diagnostic_shows_the_line_and_counts_columns_in_characters() {
        let source: Arc<str> = Arc::from("a: 1\né: two\n");
        let one = Diagnostic::error(Path::new("x.yaml"), &source, 9..12, "not a number").label("a number");
        assert_eq!(one.position(), (2, 4));
        let shown = Diagnostics::from(one.help("write `2`")).to_string();
        for part in ["error: not a number", "x.yaml:2:4", "é: two", "^^^ a number", "help: write `2`"] {
            assert!(shown.contains(part), "{part} in\n{shown}");
        }
    }

    #[test]
    fn a_span_outside_the_source_is_shown_at_its_end() {
        let source: Arc<str> = Arc::from("a");
        let one = Diagnostic::error(Path::new("x.yaml"), &source, 70..90, "m");
        assert!(Diagnostics::from(one).to_string().contains("x.yaml:1:"));
    }

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        assert_eq!(closest("agnt", ["over", "agent"]), Some("agent"));
        assert_eq!(closest("zebra", ["over", "agent"]), None);
    }
}
