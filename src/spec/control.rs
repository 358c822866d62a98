//! What the steps that steer a run must say beyond their types.

use super::condition::{Condition, Fault};
use super::diagnostic::Diagnostic;
use super::steps::{Carry, IterateSpec};
use super::validate::out_of_range;
use super::workflow::{StepSpec, WorkflowSpec};
use super::yaml::Located;

/// More repetitions than anybody waits for.
const MOST_TIMES: u32 = 100;

/// Reports what one step cannot mean; `place` is its section and its name.
pub(super) fn problems(spec: &Located<WorkflowSpec>, place: [&str; 2], step: &StepSpec) -> Vec<Diagnostic> {
    let [section, node] = place;
    match step {
        StepSpec::Iterate(step) => {
            let until = step.until.iter();
            let until = until.flat_map(|until| condition(spec, &[section, node, "iterate", "until"], until));
            let idle = idle(spec, place, step);
            until.chain(idle).collect()
        }
        StepSpec::Route(step) if step.cases.is_empty() => {
            let problem = spec.error_at_key(&[section, node, "route", "cases"], "the route has no cases");
            vec![problem.label("expected a case").help("without one, use the node of `otherwise` itself")]
        }
        StepSpec::Route(step) => {
            let case = |(number, when): (usize, &Condition)| {
                condition(spec, &[section, node, "route", "cases", &number.to_string(), "when"], when)
            };
            step.cases.iter().map(|case| &case.when).enumerate().flat_map(case).collect()
        }
        StepSpec::Workflow(step) => {
            let fits = step.times.is_none_or(|times| (1..=MOST_TIMES).contains(&times));
            let path = [section, node, "workflow", "times"];
            let problem = || out_of_range(spec, &path, &format!("from 1 to {MOST_TIMES}"));
            (!fits).then(problem).into_iter().collect()
        }
        StepSpec::Gate(step) if step.question.trim().is_empty() => {
            let path = [section, node, "gate", "question"];
            let problem = spec.error_at(&path, "the gate asks nothing");
            vec![problem.label("expected what the person is asked")]
        }
        _ => Vec::new(),
    }
}

/// Reports what has no say beside what a round carries.
fn idle(spec: &Located<WorkflowSpec>, [section, node]: [&str; 2], step: &IterateSpec) -> Option<Diagnostic> {
    let by_summary = step.carry == Carry::Summary;
    let (key, help) = if by_summary && step.until.is_some() {
        ("until", "an answer without a summary ends the rounds: remove it, or take another `carry`")
    } else if !by_summary && step.summary_tokens.is_some() {
        ("summary_tokens", "it is for `carry: summary`")
    } else {
        return None;
    };
    let message = format!("`{key}` has no say with this `carry`");
    Some(spec.error_at_key(&[section, node, "iterate", key], message).label("not read").help(help))
}

/// Reports what the condition at a path cannot mean.
pub(super) fn condition(
    spec: &Located<WorkflowSpec>,
    path: &[&str],
    condition: &Condition,
) -> Vec<Diagnostic> {
    let diagnose = |fault: Fault| {
        let below = fault.path.iter().map(String::as_str);
        let path: Vec<&str> = path.iter().copied().chain(below).collect();
        spec.error_at(&path, fault.message).label(fault.label)
    };
    condition.faults().into_iter().map(diagnose).collect()
}
