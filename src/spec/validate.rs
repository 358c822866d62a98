//! What a file must say beyond its types: version, name and ranges.

use super::agent::AgentSpec;
use super::control;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::workflow::{StepSpec, WorkflowSpec};
use super::yaml::Located;

/// The version of the language that this program reads.
const VERSION: u32 = 1;

/// Checks a workflow file on its own.
pub(super) fn workflow(spec: &Located<WorkflowSpec>) -> Result<(), Diagnostics> {
    let mut problems = Vec::new();
    problems.extend(version(spec, spec.value.version));
    problems.extend(name(spec, spec.value.name.as_str()));
    let steps = [("nodes", &spec.value.nodes), ("archive", &spec.value.archive)];
    for (section, steps) in steps {
        for (node, step) in steps {
            let at = |kind: &'static str, key: &'static str| [section, node.as_str(), kind, key];
            let zero = match step {
                StepSpec::Split(split) => (split.max_tokens == Some(0)).then(|| at("split", "max_tokens")),
                StepSpec::Quote(quote) if quote.propose == Some(0) => Some(at("quote", "propose")),
                StepSpec::Quote(quote) => (quote.keep_tokens == 0).then(|| at("quote", "keep_tokens")),
                StepSpec::Gather(gather) => (gather.keep_tokens == 0).then(|| at("gather", "keep_tokens")),
                _ => None,
            };
            problems.extend(zero.map(|path| out_of_range(spec, &path, "at least 1")));
            if let StepSpec::Quote(quote) = step
                && !(0.0..=1.0).contains(&quote.at_least)
            {
                problems.push(out_of_range(spec, &at("quote", "at_least"), "from 0 to 1"));
            }
            problems.extend(control::problems(spec, [section, node.as_str()], step));
        }
    }
    answer(problems)
}

/// Checks an agent file on its own.
pub(super) fn agent(spec: &Located<AgentSpec>) -> Result<(), Diagnostics> {
    let mut problems = Vec::new();
    problems.extend(version(spec, spec.value.version));
    problems.extend(name(spec, spec.value.name.as_str()));
    let sampling = &spec.value.sampling;
    let ranges = [
        ("temperature", (0.0..=2.0).contains(&sampling.temperature), "from 0 to 2"),
        ("top_p", sampling.top_p > 0.0 && sampling.top_p <= 1.0, "above 0, to 1"),
        ("repetition_penalty", (1.0..=2.0).contains(&sampling.repetition_penalty), "from 1 to 2"),
    ];
    for (key, _, range) in ranges.iter().filter(|(_, fits, _)| !fits) {
        problems.push(out_of_range(spec, &["sampling", key], range));
    }
    if spec.value.max_output == 0 {
        problems.push(out_of_range(spec, &["max_output"], "at least 1"));
    }
    answer(problems)
}

fn answer(problems: Vec<Diagnostic>) -> Result<(), Diagnostics> {
    if problems.is_empty() { Ok(()) } else { Err(Diagnostics(problems)) }
}

pub(super) fn out_of_range<T>(spec: &Located<T>, path: &[&str], range: &str) -> Diagnostic {
    let key = path.last().copied().unwrap_or_default();
    spec.error_at(path, format!("`{key}` is out of range")).label(format!("expected a number {range}"))
}

fn version<T>(spec: &Located<T>, found: u32) -> Option<Diagnostic> {
    (found != VERSION).then(|| {
        spec.error_at(&["version"], format!("version {found} of the language is not known"))
            .label(format!("expected {VERSION}"))
    })
}

fn name<T>(spec: &Located<T>, found: &str) -> Option<Diagnostic> {
    let stem = spec.file().file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    (found != stem).then(|| {
        spec.error_at(&["name"], format!("the name `{found}` is not the name of the file"))
            .label(format!("expected `{stem}`"))
            .help("a file is found by its name: rename one of the two")
    })
}
