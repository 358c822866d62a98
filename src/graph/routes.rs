//! What can be wrong with a route beyond what it reads.

use super::draft::{Draft, branches, seen};
use super::workflow::ValueKind;
use crate::spec::{CaseSpec, Condition, Diagnostic, StepSpec};

/// How many cases of a route are held against each other; a person writes fewer.
const MOST_COMPARED: usize = 64;

/// Reports cases and an `otherwise` that no text can reach.
pub(super) fn unreachable(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        let StepSpec::Route(route) = node.step else { continue };
        let mut all = None;
        for (number, case) in route.cases.iter().enumerate().take(MOST_COMPARED) {
            let before = route.cases.get(..number).unwrap_or(&[]);
            let reason = why_never(before, &case.when).or_else(|| {
                let (first, second) = all?;
                Some(format!("cases {first} and {second} together take every text"))
            });
            let pair = || before.iter().position(|first| first.when.leaves_nothing_with(&case.when));
            all = all.or_else(|| Some((pair()? + 1, number + 1)));
            let Some(reason) = reason else { continue };
            let path = ["cases", &number.to_string(), "when"];
            let problem = draft.error_at_key(node, &path, format!("this case is never taken: {reason}"));
            let problem = problem.label("expected another condition");
            problems.push(problem.help("the first case that fits is taken"));
        }
        if let Some(all) = route.cases.iter().position(|case| takes_all(&case.when)) {
            let message = format!("this branch is never taken: case {} takes every text", all + 1);
            let problem = draft.error_at_key(node, &["otherwise"], message);
            problems.push(problem.label("never reached").help("remove the case, and name its node here"));
        }
    }
    problems
}

fn takes_all(when: &Condition) -> bool {
    Condition::Not(Box::new(when.clone())).holds_never()
}

/// Says why no text that each of the cases before leaves can meet a condition; `None` where one may.
fn why_never(before: &[CaseSpec], when: &Condition) -> Option<String> {
    if let Some(same) = before.iter().position(|earlier| earlier.when == *when) {
        return Some(format!("case {} has the same condition", same + 1));
    }
    if when.holds_never() {
        return Some("no text meets its condition".to_owned());
    }
    let wider = before.iter().position(|earlier| when.implies(&earlier.when))?;
    Some(format!("case {} takes every text that meets its condition", wider + 1))
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
