//! What templates read, held against what their steps give them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::draft::{Draft, DraftNode, agent, named_inputs, with};
use super::files;
use super::workflow::Scope;
use crate::name::AgentName;
use crate::prompt::PromptSet;
use crate::spec::{AgentSpec, Binding, Carry, Diagnostic, StepSpec, closest};

/// The agents of a workflow; one whose file is wrong is missing.
pub(super) type Agents = BTreeMap<AgentName, Arc<AgentSpec>>;

/// What every step of a source gives its prompt: the name of the document.
const DOCUMENT: &str = "document";

/// Returns what every step of a kind gives its prompt.
#[expect(clippy::match_same_arms, reason = "a table: one line for each family of steps")]
fn built_ins(step: &StepSpec) -> &'static [&'static str] {
    match step {
        StepSpec::Filter(step) if step.agent.is_some() => &["item", "index", "count"],
        StepSpec::Fold(step) if step.rereads > 0 => &["chunk", "unit", "index", "count", "rereads"],
        StepSpec::Fold(_) => &["chunk", "unit", "index", "count"],
        StepSpec::Map(_) => &["chunk", "index", "count"],
        StepSpec::Reduce(_) => &["items"],
        StepSpec::Quote(_) => &["sentences", "unit", "index", "count"],
        StepSpec::Call(step) if step.memory.is_some() => &["memory"],
        StepSpec::Split(_) | StepSpec::Call(_) | StepSpec::Gather(_) => &[],
        StepSpec::Iterate(step) if step.carry == Carry::None => &["round", "rounds"],
        StepSpec::Iterate(step) if step.carry == Carry::Summary => {
            &["previous", "round", "rounds", "thought"]
        }
        StepSpec::Iterate(_) => &["previous", "round", "rounds"],
        StepSpec::Route(_) | StepSpec::Workflow(_) | StepSpec::Gate(_) => &[],
        StepSpec::Retrieve(_) | StepSpec::Filter(_) | StepSpec::Vote(_) | StepSpec::Write(_) => &[],
        StepSpec::Recall(_) | StepSpec::Remember(_) => &[],
        StepSpec::Rank(_) | StepSpec::Judge(_) => &["items", "count"],
        StepSpec::Extract(step) if step.over.is_some() => &["chunk", "index", "count", "schema"],
        StepSpec::Extract(_) => &["schema"],
    }
}

fn given<'a>(draft: &'a Draft<'_>, node: &'a DraftNode<'_>) -> Vec<&'a str> {
    let document = (node.scope == Scope::Source).then_some(DOCUMENT);
    let filled = with(node.step).into_iter().flat_map(|with| with.keys().map(String::as_str));
    let inputs = draft.spec.value.inputs.keys().map(String::as_str);
    built_ins(node.step).iter().copied().chain(document).chain(filled).chain(inputs).collect()
}

/// Returns what the templates of a node's agent read; `None` where the agent's file is wrong.
pub(super) fn read(node: &DraftNode<'_>, agents: &Agents, prompts: &PromptSet) -> Option<BTreeSet<String>> {
    let agent = agents.get(agent(node.step)?)?;
    Some(agent.templates().flat_map(|(_, prompt)| prompts.variables(prompt)).collect())
}

/// Reports variables that nothing gives to the template.
pub(super) fn not_given(draft: &Draft<'_>, agents: &Agents, prompts: &PromptSet) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        let Some(agent) = agent(node.step).and_then(|name| agents.get(name)) else { continue };
        let given = given(draft, node);
        for (_, prompt) in agent.templates() {
            for variable in prompts.variables(prompt).iter().filter(|name| !given.contains(&name.as_str())) {
                let message = format!("nothing gives `{variable}` to this template in node `{}`", node.name);
                let likely = draft.may_suggest().then(|| closest(variable, given.iter().copied())).flatten();
                let help = match likely {
                    Some(likely) => format!("did you mean `{likely}`?"),
                    None => format!("add `{variable}` to `inputs`, or to `with` of the node"),
                };
                let problem = prompts.error_at(prompt, variable, message);
                let label = format!("not given by a `{}` step", node.step.kind());
                problems.extend(problem.map(|problem| problem.label(label).help(help)));
            }
        }
    }
    problems
}

/// Warns of `with` variables that the templates do not read, and reports those that hide what the step itself gives.
pub(super) fn with_variables(draft: &Draft<'_>, agents: &Agents, prompts: &PromptSet) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        let Some(read) = read(node, agents, prompts) else { continue };
        for variable in with(node.step).into_iter().flat_map(BTreeMap::keys) {
            let path = ["with", variable.as_str()];
            if variable == DOCUMENT || built_ins(node.step).contains(&variable.as_str()) {
                let message = format!("`{variable}` hides what the step itself gives under that name");
                problems.push(draft.error_at_key(node, &path, message).label("expected another name"));
            } else if !read.contains(variable) {
                let message = format!("the prompt of `{}` does not use `{variable}`", node.name);
                let names: Vec<&str> = read.iter().map(String::as_str).collect();
                let problem =
                    draft.error_at_key(node, &path, message).help(draft.suggestion(variable, &names));
                problems.push(problem.warning());
            }
        }
    }
    problems
}

/// Reports inputs with a name under which some step gives its prompt something else.
pub(super) fn hiding_inputs(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let hidden = |name: &str| {
        let by_step = draft.nodes.values().find(|node| built_ins(node.step).contains(&name));
        by_step
            .map(|node| format!("node `{}`", node.name))
            .or((name == DOCUMENT).then(|| "every node".to_owned()))
    };
    let problem = |name: &String| {
        let message = format!("the input `{name}` hides what {} gives its prompt", hidden(name)?);
        Some(draft.spec.error_at_key(&["inputs", name], message).label("expected another name"))
    };
    draft.spec.value.inputs.keys().filter_map(problem).collect()
}

/// Warns of inputs that no template, no `question`, no path and no sub-workflow reads.
pub(super) fn unused_inputs(draft: &Draft<'_>, agents: &Agents, prompts: &PromptSet) -> Vec<Diagnostic> {
    let mut used = files::variables(draft);
    for node in draft.nodes.values() {
        used.extend(read(node, agents, prompts).into_iter().flatten());
        used.extend(named_inputs(node.step).into_iter().map(|(_, input)| input.to_owned()));
        if let StepSpec::Workflow(step) = node.step {
            let input = |binding: &Binding| match binding {
                Binding::Input { input } => Some(input.clone()),
                Binding::Text(_) | Binding::Node { .. } => None,
            };
            used.extend(step.inputs.values().filter_map(input));
        }
    }
    let unused = draft.spec.value.inputs.keys().filter(|name| !used.contains(*name));
    let problem = |name: &String| {
        let message = format!("no prompt and no step uses the input `{name}`");
        draft
            .spec
            .error_at_key(&["inputs", name], message)
            .help("remove it, or use it in a template")
            .warning()
    };
    unused.map(problem).collect()
}
