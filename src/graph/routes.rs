//! What can be wrong with a route beyond what it reads.

use super::draft::{Draft, branches, seen};
use super::workflow::ValueKind;
use crate::spec::{Diagnostic, StepSpec};

/// Reports cases that can never be taken, because one before has the same condition.
pub(super) fn unreachable(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        let StepSpec::Route(route) = node.step else { continue };
        for (number, case) in route.cases.iter().enumerate() {
            let before = route.cases.iter().take(number).position(|earlier| earlier.when == case.when);
            let Some(before) = before else { continue };
            let path = ["cases", &number.to_string(), "when"];
            let message = format!("this case is never taken: case {} has the same condition", before + 1);
            let problem = draft.error_at_key(node, &path, message).label("expected another condition");
            problems.push(problem.help("the first case that fits is taken"));
        }
    }
    problems
}

/// Reports routes whose branches do not all yield the same kind of value.
pub(super) fn branch_kinds(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        let StepSpec::Route(route) = node.step else { continue };
        let mut first: Option<(ValueKind, &str)> = None;
        for branch in branches(route) {
            let Some(to) = draft.nodes.get(branch.to).filter(|to| to.scope <= node.scope) else { continue };
            let kind = draft.yields(to).and_then(|kind| seen(to.scope, node.scope, kind));
            let Some(kind) = kind else { continue };
            match first {
                None => first = Some((kind, branch.to.as_str())),
                Some((expected, other)) if expected != kind => {
                    let message = format!("`{}` yields {kind}, and `{other}` yields {expected}", branch.to);
                    let problem = draft.error_at(node, &branch.path(), message);
                    let label = format!("expected a node that yields {expected}");
                    problems.push(problem.label(label).help("all branches of a route yield the same"));
                    break;
                }
                Some(_) => {}
            }
        }
    }
    problems
}
