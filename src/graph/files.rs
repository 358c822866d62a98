//! What the paths of `write` steps say: a template of known names that stays inside the output folder.

use std::collections::BTreeSet;

use super::draft::{Draft, DraftNode};
use super::workflow::Scope;
use crate::prompt::Line;
use crate::spec::{Diagnostic, StepSpec};

/// What a path in `nodes` may name beside the inputs.
const DOCUMENT: &str = "document";

fn paths<'a>(draft: &'a Draft<'_>) -> impl Iterator<Item = (&'a DraftNode<'a>, &'a str)> {
    draft.nodes.values().filter_map(|node| match node.step {
        StepSpec::Write(write) => Some((node, write.path.as_str())),
        _ => None,
    })
}

/// Returns the variables that the paths of `write` steps read.
pub(super) fn variables(draft: &Draft<'_>) -> BTreeSet<String> {
    paths(draft).filter_map(|(_, path)| Line::compile(path).ok()).flat_map(|line| line.variables()).collect()
}

/// Reports paths that are no templates, that read what nothing gives, and that lead out of the output folder.
pub(super) fn paths_of_files(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let inputs = draft.spec.value.inputs.keys().map(String::as_str);
    let mut problems = Vec::new();
    for (node, path) in paths(draft) {
        let at = |message: String| draft.error_at(node, &["path"], message);
        // What a variable may bring is looked at when the run begins; what stands in the file is looked at here.
        let leaves = path.starts_with(['/', '\\']) || path.split(['/', '\\']).any(|part| part.trim() == "..");
        if leaves {
            let problem = at(format!("`{path}` leads out of the output folder"));
            problems.push(problem.label("expected a path below the folder of `-o`"));
        } else if path.trim().is_empty() || path.ends_with('/') {
            problems
                .push(at("the path names no file".to_owned()).label("expected, for example, `table.csv`"));
        }
        let line = match Line::compile(path) {
            Ok(line) => line,
            Err(reason) => {
                problems.push(at(format!("this is not a template: {reason}")));
                continue;
            }
        };
        let document = (node.scope == Scope::Source).then_some(DOCUMENT);
        let known: Vec<&str> = inputs.clone().chain(document).collect();
        for variable in line.variables().iter().filter(|name| !known.contains(&name.as_str())) {
            let problem = at(format!("nothing gives `{variable}` to this path"));
            let label = "expected inputs, or `document` in a step of `nodes`";
            problems.push(problem.label(label).help(draft.suggestion(variable, &known)));
        }
    }
    problems
}
