//! What a file must say beyond its types: version, name and ranges.

use std::path::{Component, Path};

use super::agent::AgentSpec;
use super::calls::StepCalls;
use super::config::{BudgetSpec, Config};
use super::control::{self, condition};
use super::diagnostic::{Diagnostic, Diagnostics};
use super::input::{InputKind, InputSpec};
use super::steps::{Amount, RecordSchema};
use super::workflow::{StepSpec, WorkflowSpec};
use super::yaml::Located;

/// The version of the language that this program reads.
const VERSION: u32 = 1;

/// More steps, and more inputs, than anybody writes into one file; checks that hold all against all stay quick below it.
const MOST_STEPS: usize = 1000;

/// Reports a workflow file with so many steps or inputs that nothing else is looked at.
pub(super) fn size(spec: &Located<WorkflowSpec>) -> Option<Diagnostic> {
    let steps = spec.value.nodes.len() + spec.value.archive.len();
    let inputs = spec.value.inputs.len();
    let (key, count, what) = if steps > MOST_STEPS {
        ("nodes", steps, "steps")
    } else if inputs > MOST_STEPS {
        ("inputs", inputs, "inputs")
    } else {
        return None;
    };
    let problem = spec.error_at_key(&[key], format!("the workflow has {count} {what}"));
    let help = "put parts of it into workflows of their own, and name them in `workflow` steps";
    Some(problem.label(format!("expected at most {MOST_STEPS}")).help(help))
}

/// Checks a workflow file on its own.
pub(super) fn workflow(spec: &Located<WorkflowSpec>) -> Result<(), Diagnostics> {
    let mut problems = Vec::new();
    problems.extend(version(spec, spec.value.version));
    problems.extend(name(spec, spec.value.name.as_str()));
    problems.extend(spec.value.inputs.iter().filter_map(|(name, given)| input(spec, name, given)));
    let steps = [("nodes", &spec.value.nodes), ("archive", &spec.value.archive)];
    for (section, steps) in steps {
        for (node, step) in steps {
            let at = |kind: &'static str, key: &'static str| [section, node.as_str(), kind, key];
            for (kind, key, fits, range) in ranges(step) {
                problems.extend((!fits).then(|| out_of_range(spec, &at(kind, key), range)));
            }
            if let Some((kind, keys)) = one_of(step) {
                let message = format!("`{kind}` needs exactly one of {keys}");
                problems.push(
                    spec.error_at_key(&[section, node.as_str(), kind], message)
                        .label("expected one of the two"),
                );
            }
            if let StepSpec::Filter(filter) = step
                && let Some(keep_if) = &filter.keep_if
            {
                problems.extend(condition(spec, &at("filter", "keep_if"), keep_if));
                let idle = [
                    ("with", !filter.with.is_empty()),
                    ("examples", !filter.examples.is_empty()),
                    ("calls", filter.calls.is_some()),
                ];
                for (key, _) in idle.into_iter().filter(|(_, given)| *given) {
                    let problem = spec.error_at_key(&at("filter", key), format!("`{key}` is for an agent"));
                    problems.push(problem.label("nobody is asked here"));
                }
            }
            for (key, _, range) in
                step.calls().map(StepCalls::ranges).into_iter().flatten().filter(|(_, fits, _)| !fits)
            {
                problems.push(out_of_range(
                    spec,
                    &[section, node.as_str(), step.kind(), "calls", key],
                    range,
                ));
            }
            let of_step = step.calls().and_then(|calls| calls.model.as_deref());
            problems.extend(of_step.and_then(|model| {
                model_outside(spec, &[section, node.as_str(), step.kind(), "calls", "model"], model)
            }));
            for (key, amount, most) in step.amounts() {
                if amount.number().is_some_and(|number| !(1..=most).contains(&number)) {
                    let range = if most == Amount::MOST_TOKENS { "at least 1" } else { "from 1 to 1000" };
                    problems.push(out_of_range(spec, &at(step.kind(), key), range));
                }
            }
            if let StepSpec::Extract(extract) = step {
                problems.extend(schema(spec, &at("extract", "schema"), &extract.schema));
            }
            problems.extend(control::problems(spec, [section, node.as_str()], step));
        }
    }
    answer(problems)
}

/// Checks one input of a workflow.
fn input(spec: &Located<WorkflowSpec>, name: &str, given: &InputSpec) -> Option<Diagnostic> {
    let choice = given.kind == InputKind::Choice;
    if choice && given.choices.is_empty() {
        let problem =
            spec.error_at_key(&["inputs", name], format!("the input `{name}` has nothing to choose from"));
        return Some(problem.label("expected `choices`").help("add `choices: [one, another]`"));
    }
    if !choice && !given.choices.is_empty() {
        let message = format!("the input `{name}` has choices and is no choice");
        let problem = spec.error_at_key(&["inputs", name, "choices"], message);
        return Some(problem.label("not read").help("add `type: choice`, or remove the choices"));
    }
    let expected = given.value(given.default.as_deref()?).err()?;
    let message = format!("the default of the input `{name}` is not one of its values");
    Some(spec.error_at(&["inputs", name, "default"], message).label(format!("expected {expected}")))
}

/// Returns the numbers of a step: the kind, the key, whether it fits, and what was expected.
fn ranges(step: &StepSpec) -> Vec<(&'static str, &'static str, bool, &'static str)> {
    const POSITIVE: &str = "at least 1";
    match step {
        StepSpec::Fold(fold) => vec![("fold", "rereads", fold.rereads <= 100, "from 0 to 100")],
        StepSpec::Quote(quote) => vec![
            ("quote", "propose", quote.propose != Some(0), POSITIVE),
            ("quote", "keep_tokens", quote.keep_tokens > 0, POSITIVE),
            ("quote", "at_least", (0.0..=1.0).contains(&quote.at_least), "from 0 to 1"),
        ],
        StepSpec::Gather(gather) => vec![("gather", "keep_tokens", gather.keep_tokens != Some(0), POSITIVE)],
        StepSpec::Retrieve(retrieve) => vec![
            ("retrieve", "top", retrieve.top > 0, POSITIVE),
            ("retrieve", "keep_tokens", retrieve.keep_tokens != Some(0), POSITIVE),
        ],
        StepSpec::Rank(rank) => vec![
            ("rank", "window", rank.window != 1, "of at least 2, or 0 for all at once"),
            (
                "rank",
                "step",
                rank.window == 0 || (1..=rank.window).contains(&rank.step),
                "from 1 to `window`",
            ),
            ("rank", "top", rank.top != Some(0), POSITIVE),
        ],
        StepSpec::Recall(recall) => vec![
            ("recall", "prompt_tokens", recall.prompt_tokens > 0, POSITIVE),
            ("recall", "tail", recall.tail <= 100, "from 0 to 100"),
        ],
        StepSpec::Extract(extract) => vec![("extract", "repairs", extract.repairs <= 10, "from 0 to 10")],
        _ => Vec::new(),
    }
}

/// Returns the kind of a step and the two keys of which it must have exactly one, where it has none or both.
fn one_of(step: &StepSpec) -> Option<(&'static str, &'static str)> {
    match step {
        StepSpec::Retrieve(step) if step.question.is_some() == step.from.is_some() => {
            Some(("retrieve", "`question` and `from`"))
        }
        StepSpec::Filter(step) if step.agent.is_some() == step.keep_if.is_some() => {
            Some(("filter", "`agent` and `keep_if`"))
        }
        _ => None,
    }
}

/// Reports a schema that is none, at its place inside the file.
fn schema(spec: &Located<WorkflowSpec>, path: &[&str], schema: &RecordSchema) -> Option<Diagnostic> {
    let problem = schema.problem()?;
    let place: Vec<&str> = path.iter().copied().chain(problem.path.iter().map(String::as_str)).collect();
    let error = spec.error_at(&place, "this is not a JSON Schema").label(problem.reason);
    Some(error.help("see https://json-schema.org/understanding-json-schema"))
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
    for (number, key) in
        spec.value.examples.iter().enumerate().filter_map(|(at, one)| Some((at, one.empty_part()?)))
    {
        let message = format!("`{key}` of a demonstration is empty");
        problems
            .push(spec.error_at(&["examples", &number.to_string(), key], message).label("expected a text"));
    }
    for (key, _, range) in spec.value.calls.ranges().iter().filter(|(_, fits, _)| !fits) {
        problems.push(out_of_range(spec, &["calls", key], range));
    }
    let model = spec.value.model.as_deref();
    problems.extend(model.and_then(|model| model_outside(spec, &["model"], model)));
    if spec.value.max_output == 0 {
        problems.push(out_of_range(spec, &["max_output"], "at least 1"));
    }
    answer(problems)
}

/// Reports a model that is a path out of the folder which it is seen from: files from elsewhere name nothing there.
fn model_outside<T>(spec: &Located<T>, path: &[&str], model: &str) -> Option<Diagnostic> {
    let file = Path::new(model.strip_prefix("scripted:").unwrap_or(model));
    let leaves = file.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
    let problem = || spec.error_at(path, "the model lies outside of the project's folder");
    let label = "expected a name, or a path below the folder";
    let help = "list the file under a name in `longhand.yaml`, and write that name here";
    leaves.then(|| problem().label(label).help(help))
}

/// Checks a settings file on its own.
pub(super) fn config(spec: &Located<Config>) -> Result<(), Diagnostics> {
    let models = spec.value.models.iter().flat_map(|(name, model)| super::model::check(spec, name, model));
    answer(budget(spec).into_iter().chain(models).collect())
}

/// Checks what a settings file allows a run to use.
fn budget(spec: &Located<Config>) -> Vec<Diagnostic> {
    let BudgetSpec { max_tokens, max_cost, document } = spec.value.budget;
    let limits: [(&[&str], _, _); 2] = [
        (&["budget"], max_tokens, max_cost),
        (&["budget", "document"], document.max_tokens, document.max_cost),
    ];
    let mut problems = Vec::new();
    for (path, tokens, usd) in limits {
        if tokens == Some(0) {
            problems.push(out_of_range(spec, &[path, &["max_tokens"]].concat(), "at least 1"));
        }
        if usd.is_some_and(|usd| !(usd.is_finite() && usd >= 0.0)) {
            problems.push(out_of_range(spec, &[path, &["max_cost"]].concat(), "of US dollars, at least 0"));
        }
    }
    problems
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
