//! Reads on after a mistake: the deserializer stops at the first one, so the text is read again without the entry that
//! was wrong, until nothing more is found.
//!
//! Knows nothing of what the entries mean. Bytes are blanked and never removed, so every place stays what it was.

use std::borrow::Cow;

use super::diagnostic::Diagnostic;
use super::outline::{Entry, Outline};

/// How often a text is read again; more problems than that help nobody.
const MOST: usize = 20;

/// How many bytes are read again at most, so that the mistakes of a long file take no longer than those of a short one.
const MOST_BYTES: usize = 256 * 1024;

/// A problem that the deserializer found, put into the language's own words.
pub(super) struct Told {
    pub(super) problem: Box<Diagnostic>,
    /// Whether a key is missing: no mistake where the entry with that key was blanked.
    pub(super) lacks: bool,
}

/// Returns every problem that `read` finds in `text`, each once, in the order in which they were found.
pub(super) fn every_problem(
    text: &str,
    outline: &Outline,
    read: impl Fn(&str, &Outline) -> Result<(), Told>,
) -> Vec<Diagnostic> {
    let mut rest = text.to_owned();
    let mut left = Cow::Borrowed(outline);
    let mut blanked = vec![false; outline.entries().len()];
    let mut problems = Vec::new();
    let times = (MOST_BYTES / text.len().max(1)).clamp(1, MOST);
    for time in 1..=times {
        let Err(told) = read(&rest, &left) else { break };
        let entry = outline.innermost(&told.problem.span);
        let ours = told.lacks && outline.children(entry).any(|child| is_set(&blanked, child));
        if !ours {
            problems.push(*told.problem);
        }
        let Some(mut wrong) = entry.filter(|wrong| !is_set(&blanked, *wrong)) else { break };
        if let Some(flag) = blanked.get_mut(wrong) {
            *flag = true;
        }
        // A map or a list of which nothing is left would be read as nothing, which nobody wrote.
        while outline.siblings(wrong).all(|sibling| is_set(&blanked, sibling)) {
            let Some(parent) = outline.parent(wrong) else { return problems };
            wrong = parent;
            if let Some(flag) = blanked.get_mut(wrong) {
                *flag = true;
            }
        }
        let Some(entry) = outline.entries().get(wrong).filter(|_| time < times) else { break };
        rest = without(&rest, entry);
        // A name that an alias elsewhere repeats is gone now, say: what follows would be our own doing.
        let Ok(now) = Outline::read(&rest) else { break };
        left = Cow::Owned(now);
    }
    problems
}

fn is_set(flags: &[bool], index: usize) -> bool {
    flags.get(index).copied().unwrap_or(false)
}

/// Blanks an entry, with the comma behind it or the dash before it.
fn without(text: &str, entry: &Entry) -> String {
    let (mut start, mut end) = (entry.key.start, entry.value.end.max(entry.key.end));
    let behind = text.get(end..).unwrap_or("");
    let space = behind.len() - behind.trim_start().len();
    if behind.get(space..).is_some_and(|next| next.starts_with(',')) {
        end += space + 1;
    }
    if entry.key == entry.value {
        let before = text.get(..start).unwrap_or("").trim_end_matches(' ');
        start = before.strip_suffix('-').map_or(start, str::len);
    }
    let blank: String = text
        .get(start..end)
        .unwrap_or("")
        .bytes()
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
        .collect();
    [text.get(..start).unwrap_or(""), &blank, text.get(end..).unwrap_or("")].concat()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use crate::spec::{AgentSpec, WorkflowSpec, parse};

    fn told<T: serde::de::DeserializeOwned>(text: &str) -> Vec<(String, (usize, usize))> {
        let problems = parse::<T>(Path::new("w.yaml"), &Arc::from(text)).err().unwrap();
        problems.0.iter().map(|problem| (problem.message.clone(), problem.position())).collect()
    }

    #[test]
    fn every_mistake_of_a_file_is_told_and_none_that_follows_from_another() {
        let text = "versoin: 1\nname: 7up!\nnodes:\n  a: {splt: {for: b}}\n  b:\n    fold:\n      ovr: a\n      \
                    agent: worker\n      order: sideways\n  c: {map: {over: a, agent: [x]}}\noutput: b\n";
        let expected = [
            ("unknown key `versoin`", (1, 1)),
            ("`7up!` is not a name", (2, 7)),
            ("unknown step `splt`", (4, 7)),
            ("unknown key `ovr`", (7, 7)),
            ("unknown value `sideways`", (9, 14)),
        ];
        let found = told::<WorkflowSpec>(text);
        for (message, place) in expected {
            assert!(found.iter().any(|(said, at)| said == message && *at == place), "{message}: {found:?}");
        }
        assert_eq!(found.len(), 6, "{found:?}");
    }

    #[test]
    fn elements_of_a_list_and_entries_in_braces_are_left_out_one_by_one() {
        let text = "version: 1\nname: a\nprompt: p\nmax_output: 5\nsampling: {temperature: hot, sed: 4, top_p: low}\n\
                    stop:\n  - [1]\n  - end\n  - {}\n";
        let found = told::<AgentSpec>(text);
        let lines: Vec<usize> = found.iter().map(|(_, (line, _))| *line).collect();
        assert_eq!(lines, [5, 5, 5, 7, 9], "{found:?}");
    }

    #[test]
    fn a_mistake_behind_an_anchor_ends_the_search_without_a_false_problem() {
        let text = "version: 1\nname: w\nnodes:\n  a: &a {splt: {for: b}}\n  b: *a\noutput: b\n";
        let found = told::<WorkflowSpec>(text);
        assert!(found.iter().all(|(said, _)| said == "unknown step `splt`"), "{found:?}");
    }
}
