//! Runs every check over a workflow and its agents and prompts, and puts the workflow together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::draft::{Draft, DraftNode, agent};
use super::inner::{self, Inner};
use super::variables::{self, Agents};
use super::workflow::{Node, Workflow};
use super::{carried, check, files, needs, order, routes};
use crate::hash::ContentHash;
use crate::name::{AgentName, NodeName, PromptName};
use crate::prompt::PromptSet;
use crate::spec::{
    AgentSpec, Binding, Catalog, Diagnostic, Diagnostics, Located, SourceFile, StepSpec, WorkflowSpec,
    mentioned_agents, read_with_faults, suggestion,
};

/// Compiles a workflow, given by name or by path.
///
/// # Errors
/// Everything that is wrong with the workflow, its agents and its prompts, at once, each with its place.
pub fn compile(catalog: &Catalog, workflow: &str) -> Result<Workflow, Diagnostics> {
    let (source, catalog) = catalog.resolve(workflow)?;
    within(&source, &catalog, &mut Inner::default()).map(|(workflow, _)| workflow)
}

/// Compiles one file, alone or inside others, and returns with it how many levels of workflows there are in it.
pub(super) fn within(
    source: &SourceFile,
    catalog: &Catalog,
    around: &mut Inner,
) -> Result<(Workflow, usize), Diagnostics> {
    let (spec, mut problems) = read_with_faults(source).map_err(|why| with_files(why, source, catalog))?;
    let mut draft = Draft::new(&spec);
    let levels = around.enter(&mut draft, source, catalog, &mut problems);

    let located = load_agents(&draft, catalog, &mut problems);
    let agents: Agents =
        located.iter().map(|(name, agent)| (name.clone(), Arc::new(agent.value.clone()))).collect();
    let prompts = load_prompts(&located, catalog, &mut problems);

    // What templates read is only known when all of them could be found and compiled.
    if let Some(prompts) = &prompts {
        let misspelt = variables::not_given(&draft, &agents, prompts);
        problems.extend(variables::with_variables(&draft, &agents, prompts));
        // A template that misspells a variable does not read it either, and is told of that once.
        if misspelt.is_empty() {
            problems.extend(carried::unread(&draft, &agents, prompts));
        }
        problems.extend(misspelt);
        if draft.nodes.values().filter_map(|node| agent(node.step)).all(|name| agents.contains_key(name)) {
            problems.extend(variables::unused_inputs(&draft, &agents, prompts));
        }
    }
    problems.extend(variables::hiding_inputs(&draft));
    problems.extend(check::questions(&draft));
    problems.extend(inner::bindings(&draft));
    problems.extend(inner::inlined(&draft));
    problems.extend(routes::unreachable(&draft));
    problems.extend(check::examples(&draft));
    problems.extend(check::several(&draft));
    problems.extend(files::paths_of_files(&draft));
    problems.extend(carried::growing(&draft));
    problems.extend(needs::idle(&draft));
    problems.extend(needs::unread(&draft));
    let wiring = wiring(&draft);
    // With a wire missing, what hangs on it only seems unused.
    if wiring.is_empty() {
        problems.extend(check::unused_nodes(&draft));
    }
    problems.extend(wiring);
    let order = order::order(&draft).map_err(|circles| problems.extend(circles)).unwrap_or_default();

    let mut warnings = Diagnostics(problems);
    warnings.tidy();
    match prompts {
        Some(prompts) if !warnings.has_errors() => {
            let hash = identity(&draft, &agents, &prompts);
            let models = named_models(&draft, &located);
            let assembled = assemble(&draft, &order, &agents);
            let upstream = assembled.iter().map(|(node, before)| (node.name.clone(), before.clone()));
            let upstream = upstream.collect();
            let nodes = assembled.into_iter().map(|(node, _)| node).collect();
            let inner: Vec<Arc<Workflow>> = draft.inner.values().cloned().collect();
            let sources = vec![source.clone()];
            let (spec, agents) = (spec.value, located);
            let mut workflow =
                Workflow { spec, nodes, upstream, prompts, warnings, hash, agents, models, sources };
            for inner in &inner {
                workflow.join(inner);
            }
            Ok((workflow, levels))
        }
        _ => Err(warnings),
    }
}

/// Runs the checks of what reads what.
fn wiring(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let checks = [
        check::empty,
        check::given_twice,
        check::unknown_nodes,
        check::scopes,
        check::kinds,
        routes::branch_kinds,
        check::splits,
        check::recalls,
        check::results,
        check::promises,
        needs::unknown,
        needs::scopes,
    ];
    checks.iter().flat_map(|check| check(draft)).collect()
}

/// Returns the models that steps and agents name, each with its place.
fn named_models(
    draft: &Draft<'_>,
    agents: &BTreeMap<AgentName, Located<AgentSpec>>,
) -> Vec<(String, Diagnostic)> {
    let of_steps = draft.nodes.values().filter_map(|node| {
        let model = node.step.calls()?.model.clone()?;
        Some((model, draft.error_at(node, &["calls", "model"], String::new())))
    });
    let of_agents = agents.values().filter_map(|agent| {
        let model = agent.value.model.clone()?;
        Some((model, agent.error_at(&["model"], String::new())))
    });
    of_steps.chain(of_agents).collect()
}

/// Makes the nodes in order, each with all that it reads; a sub-workflow's steps come before the step that names it.
fn assemble(draft: &Draft<'_>, order: &[&NodeName], agents: &Agents) -> Vec<(Node, Vec<NodeName>)> {
    let mut assembled = Vec::new();
    for node in order.iter().filter_map(|name| draft.nodes.get(*name)) {
        let Some(mut made) = assemble_one(draft, node, agents) else { continue };
        let mut before: Vec<NodeName> = draft.upstream(node).into_iter().cloned().collect();
        if let (StepSpec::Workflow(step), Some(workflow)) = (node.step, draft.inner.get(node.name)) {
            let inlined = inner::inline(node, step, workflow, draft.needs(node.name));
            assembled.extend(inlined.nodes);
            before.clone_from(&inlined.collects);
            made.collects = inlined.collects;
        }
        assembled.push((made, before));
    }
    assembled
}

fn assemble_one(draft: &Draft<'_>, node: &DraftNode<'_>, agents: &Agents) -> Option<Node> {
    let own = |name: &String| (name.clone(), Binding::Input { input: name.clone() });
    Some(Node {
        name: node.name.clone(),
        scope: node.scope,
        step: node.step.clone(),
        value: draft.yields(node)?,
        agent: agent(node.step).and_then(|name| agents.get(name)).map(|agent| effective(agent, node.step)),
        inputs: draft.spec.value.inputs.keys().map(own).collect(),
        collects: Vec::new(),
    })
}

/// The agent as one step asks it.
fn effective(agent: &Arc<AgentSpec>, step: &StepSpec) -> Arc<AgentSpec> {
    let mut agent = Arc::clone(agent);
    if !step.examples().is_empty() {
        Arc::make_mut(&mut agent).examples.extend_from_slice(step.examples());
    }
    if let Some(calls) = step.calls() {
        let agent = Arc::make_mut(&mut agent);
        agent.calls = agent.calls.but(calls);
        agent.max_output = calls.max_output.unwrap_or(agent.max_output);
        if calls.model.is_some() {
            agent.model.clone_from(&calls.model);
        }
        if let Some(sampling) = &calls.sampling {
            agent.sampling = sampling.clone();
        }
    }
    agent
}

/// Reads the agents that the steps name, and reports the ones that do not exist or are wrong.
fn load_agents(
    draft: &Draft<'_>,
    catalog: &Catalog,
    problems: &mut Vec<Diagnostic>,
) -> BTreeMap<AgentName, Located<AgentSpec>> {
    let mut agents = BTreeMap::new();
    for node in draft.nodes.values() {
        let Some(name) = agent(node.step).filter(|name| !agents.contains_key(*name)) else { continue };
        match catalog.agent(name) {
            Some(Ok(agent)) => {
                agents.insert(name.clone(), agent);
            }
            Some(Err(why)) => problems.extend(why.0),
            None => {
                let listed = catalog.agents();
                let known: Vec<&str> = listed.iter().map(|agent| agent.name.as_str()).collect();
                let problem = draft.error_at(node, &["agent"], format!("there is no agent `{name}`"));
                let label = format!("expected the name of a file `agents/{name}.yaml`");
                problems.push(problem.label(label).help(draft.suggestion(name.as_str(), &known)));
            }
        }
    }
    agents
}

/// Compiles the templates that the agents name; `None` where one of them does not exist or is wrong.
fn load_prompts(
    agents: &BTreeMap<AgentName, Located<AgentSpec>>,
    catalog: &Catalog,
    problems: &mut Vec<Diagnostic>,
) -> Option<PromptSet> {
    let mut sources: BTreeMap<PromptName, _> = BTreeMap::new();
    let mut complete = true;
    for agent in agents.values() {
        for (path, name) in agent.value.templates() {
            if let Some(source) = catalog.prompt(name) {
                sources.insert(name.clone(), (source.file.clone(), Arc::clone(&source.text)));
            } else {
                complete = false;
                let known: Vec<&str> = catalog.prompts().collect();
                let problem = agent.error_at(path, format!("there is no prompt `{name}`"));
                let label = format!("expected the name of a file `prompts/{name}.tera`");
                problems.push(problem.label(label).help(suggestion(name.as_str(), &known)));
            }
        }
    }
    let compiled = PromptSet::compile(sources.into_iter().map(|(name, (file, text))| (name, file, text)));
    compiled.map_err(|why| problems.extend(why.0)).ok().filter(|_| complete)
}

/// Adds to what is wrong with a workflow file that cannot be read what is wrong with the agents that it names and with
/// their prompts: a person mends all files at once.
fn with_files(mut why: Diagnostics, source: &SourceFile, catalog: &Catalog) -> Diagnostics {
    let mut agents = BTreeMap::new();
    for name in mentioned_agents(&source.text) {
        match catalog.agent(&name) {
            Some(Ok(agent)) => {
                agents.insert(name, agent);
            }
            Some(Err(of_agent)) => why.0.extend(of_agent.0),
            None => {}
        }
    }
    load_prompts(&agents, catalog, &mut why.0);
    why
}

/// Hashes what decides the results.
fn identity(draft: &Draft<'_>, agents: &Agents, prompts: &PromptSet) -> ContentHash {
    let mut spec: WorkflowSpec = draft.spec.value.clone();
    spec.description.clear();
    // Promises that are kept: they decide nothing.
    (spec.output_type, spec.overview_type) = (None, None);
    spec.inputs.values_mut().for_each(|input| input.description.clear());
    spec.nodes.values_mut().chain(spec.archive.values_mut()).for_each(|step| *step = step.deciding());
    let agents: BTreeMap<&AgentName, AgentSpec> =
        agents.iter().map(|(name, agent)| (name, agent.deciding())).collect();
    let texts: BTreeMap<&PromptName, Option<&str>> =
        prompts.names().map(|name| (name, prompts.text(name))).collect();
    let inner: Vec<ContentHash> = draft.inner.values().map(|workflow| workflow.hash()).collect();
    // Structs of strings and numbers always serialize, so the fallback is never hashed.
    ContentHash::of(&serde_json::to_vec(&(spec, agents, texts, inner)).unwrap_or_default())
}
