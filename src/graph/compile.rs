//! Runs every check over a workflow and its agents and prompts, and puts the workflow together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::draft::{Draft, agent, references};
use super::variables::{self, Agents};
use super::workflow::{Node, Workflow};
use super::{check, files, order};
use crate::hash::ContentHash;
use crate::name::{AgentName, NodeName, PromptName};
use crate::prompt::PromptSet;
use crate::spec::{
    AgentSpec, Catalog, Diagnostic, Diagnostics, Located, WorkflowSpec, read_workflow, suggestion,
};

/// Compiles a workflow, given by name or by path.
///
/// # Errors
/// Everything that is wrong with the workflow, its agents and its prompts, at once, each with its place.
pub fn compile(catalog: &Catalog, workflow: &str) -> Result<Workflow, Diagnostics> {
    let (source, catalog) = catalog.resolve(workflow)?;
    let spec = read_workflow(&source)?;
    let draft = Draft::new(&spec);
    let mut problems = Vec::new();

    let located = load_agents(&draft, &catalog, &mut problems);
    let agents: Agents =
        located.iter().map(|(name, agent)| (name.clone(), Arc::new(agent.value.clone()))).collect();
    let prompts = load_prompts(&located, &catalog, &mut problems);

    // What templates read is only known when all of them could be found and compiled.
    if let Some(prompts) = &prompts {
        problems.extend(variables::not_given(&draft, &agents, prompts));
        problems.extend(variables::with_variables(&draft, &agents, prompts));
        if draft.nodes.values().filter_map(|node| agent(node.step)).all(|name| agents.contains_key(name)) {
            problems.extend(variables::unused_inputs(&draft, &agents, prompts));
        }
    }
    problems.extend(variables::hiding_inputs(&draft));
    problems.extend(check::questions(&draft));
    problems.extend(check::examples(&draft));
    problems.extend(check::several(&draft));
    problems.extend(files::paths_of_files(&draft));
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
            let nodes = assemble(&draft, &order, &agents);
            let upstream =
                draft.nodes.iter().map(|(name, node)| ((*name).clone(), read_by(node.step))).collect();
            let hash = identity(&spec.value, &agents, &prompts);
            Ok(Workflow { spec: spec.value, nodes, upstream, prompts, warnings, hash })
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
        check::splits,
        check::results,
    ];
    checks.iter().flat_map(|check| check(draft)).collect()
}

fn read_by(step: &crate::spec::StepSpec) -> Vec<NodeName> {
    let names: BTreeSet<&NodeName> = references(step).into_iter().map(|reference| reference.to).collect();
    names.into_iter().cloned().collect()
}

fn assemble(draft: &Draft<'_>, order: &[&NodeName], agents: &Agents) -> Vec<Node> {
    let one = |name: &&NodeName| {
        let node = draft.nodes.get(*name)?;
        Some(Node {
            name: node.name.clone(),
            scope: node.scope,
            step: node.step.clone(),
            value: draft.yields(node)?,
            agent: agent(node.step)
                .and_then(|name| agents.get(name))
                .map(|agent| effective(agent, node.step)),
        })
    };
    order.iter().filter_map(one).collect()
}

/// The agent as one step asks it.
fn effective(agent: &Arc<AgentSpec>, step: &crate::spec::StepSpec) -> Arc<AgentSpec> {
    let mut agent = Arc::clone(agent);
    if !step.examples().is_empty() {
        Arc::make_mut(&mut agent).examples.extend_from_slice(step.examples());
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
                problems.push(problem.label(label).help(suggestion(name.as_str(), &known)));
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
        let system = agent.value.system.iter().map(|name| ("system", name));
        for (key, name) in system.chain([("prompt", &agent.value.prompt)]) {
            if let Some(source) = catalog.prompt(name) {
                sources.insert(name.clone(), (source.file.clone(), Arc::clone(&source.text)));
            } else {
                complete = false;
                let known: Vec<&str> = catalog.prompts().collect();
                let problem = agent.error_at(&[key], format!("there is no prompt `{name}`"));
                let label = format!("expected the name of a file `prompts/{name}.tera`");
                problems.push(problem.label(label).help(suggestion(name.as_str(), &known)));
            }
        }
    }
    let compiled = PromptSet::compile(sources.into_iter().map(|(name, (file, text))| (name, file, text)));
    compiled.map_err(|why| problems.extend(why.0)).ok().filter(|_| complete)
}

/// Hashes what decides the results.
fn identity(spec: &WorkflowSpec, agents: &Agents, prompts: &PromptSet) -> ContentHash {
    let mut spec = spec.clone();
    spec.description.clear();
    spec.inputs.values_mut().for_each(|input| input.description.clear());
    let bare = |agent: &Arc<AgentSpec>| AgentSpec { description: String::new(), ..AgentSpec::clone(agent) };
    let agents: BTreeMap<&AgentName, AgentSpec> =
        agents.iter().map(|(name, agent)| (name, bare(agent))).collect();
    let texts: BTreeMap<&PromptName, Option<&str>> =
        prompts.names().map(|name| (name, prompts.text(name))).collect();
    // Structs of strings and numbers always serialize, so the fallback is never hashed.
    ContentHash::of(&serde_json::to_vec(&(spec, agents, texts)).unwrap_or_default())
}
