//! Where every key and value of a YAML text stands, and what is wrong with its form.
//!
//! A light second pass beside the deserializer: no value is built, and an alias is not followed.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use saphyr_parser::{Event, Parser, Span};

/// How deep collections may nest; the language itself needs six levels.
const DEEPEST: usize = 32;

/// How many keys and values are read. Nobody writes so many into one file, and what holds some of them against the others
/// stays quick below it.
const MOST_ENTRIES: usize = 30_000;

/// How many problems of one file are told; more help nobody.
const MOST_PROBLEMS: usize = 20;

/// One entry of a map or of a list.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The key; the position, from 0, in a list.
    pub(super) name: String,
    /// The bytes of the key; those of the value in a list.
    pub(super) key: Range<usize>,
    /// The bytes of the value.
    pub(super) value: Range<usize>,
    /// The value, where it is a scalar.
    pub(super) text: Option<String>,
    /// The entry that it is in.
    parent: Option<usize>,
}

/// A problem of form, at some bytes.
#[derive(Debug)]
pub(super) struct FormError {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
}

/// The entries of one YAML document.
#[derive(Debug, Clone, Default)]
pub(super) struct Outline {
    entries: Vec<Entry>,
    /// Every entry by the entry that it is in, and by its name.
    index: HashMap<(Option<usize>, String), usize>,
    /// The first alias, where there is one.
    pub(super) alias: Option<Range<usize>>,
    /// The byte offset of every character, and the length of the text.
    offsets: Vec<usize>,
}

/// A collection that has begun and not ended.
struct Open {
    /// The entry whose value it is.
    entry: Option<usize>,
    is_map: bool,
    /// A key that waits for its value.
    pending: Option<(String, Range<usize>)>,
    count: usize,
    /// The keys so far, in a map.
    names: HashSet<String>,
}

impl Outline {
    /// Reads `text`, which is YAML or tells where it is not.
    pub(super) fn read(text: &str) -> Result<Self, Vec<FormError>> {
        let offsets = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let mut outline = Self { entries: Vec::new(), index: HashMap::new(), alias: None, offsets };
        let mut problems = Vec::new();
        outline.collect(text, &mut problems);
        if problems.is_empty() { Ok(outline) } else { Err(problems) }
    }

    fn collect(&mut self, text: &str, problems: &mut Vec<FormError>) {
        let mut open: Vec<Open> = Vec::new();
        let mut documents = 0;
        let mut parser = Parser::new_from_str(text);
        while let Some(next) = parser.next_event()
            && problems.len() < MOST_PROBLEMS
        {
            let (event, span) = match next {
                Ok((event, span)) => (event, self.bytes(span)),
                Err(error) => {
                    problems.push(self.scan_error(text, error.marker().index(), error.info()));
                    return;
                }
            };
            if self.entries.len() >= MOST_ENTRIES {
                problems.push(too_many(span));
                return;
            }
            match event {
                Event::Scalar(value, ..) => self.scalar(&mut open, value.into_owned(), span, problems),
                Event::Alias(_) => {
                    self.alias.get_or_insert_with(|| span.clone());
                    self.scalar(&mut open, String::new(), span, problems);
                }
                Event::MappingStart(..) | Event::SequenceStart(..) => {
                    if open.len() >= DEEPEST {
                        problems.push(too_deep(span));
                        return;
                    }
                    let is_map = matches!(event, Event::MappingStart(..));
                    let entry = self.begin(&mut open, span);
                    open.push(Open { entry, is_map, pending: None, count: 0, names: HashSet::new() });
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    let entry = open.pop().and_then(|closed| closed.entry);
                    if let Some(entry) = entry.and_then(|index| self.entries.get_mut(index)) {
                        let whole = text.get(entry.value.start..span.end).unwrap_or("");
                        entry.value.end = entry.value.start + whole.trim_end().len();
                    }
                }
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let message = "a second document begins in the file".to_owned();
                        problems.push(FormError {
                            span,
                            message,
                            help: Some("write each into a file of its own"),
                        });
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    /// Takes a scalar: a key, a value of a map, or an element of a list.
    fn scalar(&mut self, open: &mut [Open], text: String, span: Range<usize>, problems: &mut Vec<FormError>) {
        let Some(top) = open.last_mut() else { return };
        if top.is_map && top.pending.is_none() {
            if !top.names.insert(text.clone()) {
                problems.push(FormError {
                    span: span.clone(),
                    message: format!("the key `{text}` is given twice"),
                    help: Some("keep one of the two"),
                });
            }
            top.pending = Some((text, span));
        } else if let Some(index) = self.begin(open, span)
            && let Some(entry) = self.entries.get_mut(index)
        {
            entry.text = Some(text);
        }
    }

    /// Makes the entry of a value that begins, unless it is the document itself or a key that is no scalar.
    fn begin(&mut self, open: &mut [Open], span: Range<usize>) -> Option<usize> {
        let top = open.last_mut()?;
        let (name, key) = if top.is_map {
            top.pending.take().unwrap_or_else(|| (String::new(), span.clone()))
        } else {
            (top.count.to_string(), span.clone())
        };
        top.count += 1;
        self.index.insert((top.entry, name.clone()), self.entries.len());
        self.entries.push(Entry { name, key, value: span, text: None, parent: top.entry });
        Some(self.entries.len() - 1)
    }

    fn scan_error(&self, text: &str, index: usize, info: &str) -> FormError {
        let at = self.offset(index);
        let line_start =
            text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        let line = text.get(line_start..).unwrap_or("");
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line.find('\t').filter(|tab| *tab < indent) {
            return FormError {
                span: line_start + tab..line_start + tab + 1,
                message: "a tab stands in the indentation".to_owned(),
                help: Some("indent with spaces"),
            };
        }
        // The scanner looks ahead and has a limit of its own, far above ours.
        if info.contains("recursion limit") {
            return too_deep(at..at);
        }
        FormError { span: at..at, message: format!("this is not YAML: {info}"), help: None }
    }

    /// Returns the byte offset of the character at `index`.
    fn offset(&self, index: usize) -> usize {
        self.offsets.get(index).or(self.offsets.last()).copied().unwrap_or(0)
    }

    fn bytes(&self, span: Span) -> Range<usize> {
        self.offset(span.start.index())..self.offset(span.end.index())
    }

    /// Finds the entry at a path of keys.
    pub(super) fn find(&self, path: &[&str]) -> Option<&Entry> {
        let mut parent = None;
        for name in path {
            parent = Some(*self.index.get(&(parent, (*name).to_owned()))?);
        }
        parent.and_then(|index| self.entries.get(index))
    }

    /// Returns all entries, in the order of the text.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the position of the entry that an entry is in.
    pub(super) fn parent(&self, index: usize) -> Option<usize> {
        self.entries.get(index)?.parent
    }

    /// Returns the positions of the entries directly in an entry, or in the document.
    pub(super) fn children(&self, of: Option<usize>) -> impl Iterator<Item = usize> {
        self.entries.iter().enumerate().filter(move |(_, entry)| entry.parent == of).map(|(index, _)| index)
    }

    /// Returns the positions of the entries beside an entry, its own included.
    pub(super) fn siblings(&self, index: usize) -> impl Iterator<Item = usize> {
        self.children(self.parent(index))
    }

    /// Returns the position of the smallest entry in which some bytes begin; none where only the document holds them.
    pub(super) fn innermost(&self, span: &Range<usize>) -> Option<usize> {
        if span.is_empty() && span.start == 0 {
            return None;
        }
        let holds = |entry: &Entry| {
            let end = entry.value.end.max(entry.key.end);
            entry.key.start <= span.start && (span.start < end || span.start == entry.key.start)
        };
        // Entries stand in the order of the text, so a later one that holds the bytes lies deeper.
        self.entries.iter().rposition(holds)
    }
}

fn too_many(span: Range<usize>) -> FormError {
    let help = "put parts of it into files of their own; a workflow names others in `workflow` steps";
    let message = format!("the file has more than {MOST_ENTRIES} keys and values");
    FormError { span, message, help: Some(help) }
}

fn too_deep(span: Range<usize>) -> FormError {
    FormError { span, message: format!("nested deeper than {DEEPEST} levels"), help: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_value_is_found_at_its_bytes() {
        let text = "é: 1\nb:\n  - x: two\n  - {y: [3]}\n";
        let outline = Outline::read(text).unwrap();
        let at = |path: &[&str]| outline.find(path).map(|entry| &text[entry.value.clone()]);
        assert_eq!(at(&["é"]), Some("1"));
        assert_eq!(at(&["b", "0", "x"]), Some("two"));
        assert_eq!(at(&["b", "1", "y", "0"]), Some("3"));
        assert_eq!(at(&["b", "1"]), Some("{y: [3]}"));
        assert_eq!(&text[outline.find(&["b", "0", "x"]).unwrap().key.clone()], "x");
        assert!(outline.find(&["b", "2"]).is_none());
    }

    #[test]
    fn a_deep_text_is_refused_without_a_deep_stack() {
        let problems = Outline::read(&"[".repeat(100_000)).unwrap_err();
        assert!(problems[0].message.contains("deeper than 32"), "{}", problems[0].message);
        let problems = Outline::read(&format!("{}{}", "[".repeat(33), "]".repeat(33))).unwrap_err();
        assert_eq!(problems[0].span.start, DEEPEST);
    }
}
