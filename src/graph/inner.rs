//! Sub-workflows: each is found, compiled once on its own, and put in the place of the steps that name it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::draft::{Draft, DraftNode};
use super::workflow::{Node, Scope, Workflow};
use crate::name::NodeName;
use crate::spec::{AgentSpec, Binding, Catalog, Diagnostic, SourceFile, StepSpec, SubworkflowSpec};

/// How deep workflows may stand in each other, the outermost counted.
const DEEPEST: usize = 8;

/// How many steps a workflow may have once all others are put into it: a few short files can name each other so often
/// that no machine could hold the result.
const MOST_NODES: usize = 10_000;

/// The workflows that were met while one was compiled.
#[derive(Debug, Default)]
pub(super) struct Inner {
    /// The files and names of those that are being compiled, the outermost first.
    chain: Vec<(PathBuf, String)>,
    /// Those that are compiled, by file, each with the number of levels in it; none where it is wrong, which is told
    /// already.
    known: BTreeMap<PathBuf, Option<(Arc<Workflow>, usize)>>,
}

impl Inner {
    /// Compiles the workflows that the steps of `draft` name, and returns how many levels there are.
    pub(super) fn enter(
        &mut self,
        draft: &mut Draft<'_>,
        source: &SourceFile,
        catalog: &Catalog,
        problems: &mut Vec<Diagnostic>,
    ) -> usize {
        self.chain.push((source.file.clone(), draft.spec.value.name.to_string()));
        let mut levels = 1;
        for node in draft.nodes.values().copied().collect::<Vec<_>>() {
            let known = match node.step {
                StepSpec::Workflow(step) => self.compiled(draft, &node, step, (source, catalog)),
                _ => continue,
            };
            match known {
                Ok(Some((workflow, below))) => {
                    levels = levels.max(below + 1);
                    problems.extend(workflow.warnings().0.iter().cloned());
                    draft.inner.insert(node.name, workflow);
                }
                Ok(None) => {}
                Err(why) => problems.extend(why),
            }
        }
        self.chain.pop();
        levels
    }

    /// Returns the workflow of a step with its levels; nothing where it is wrong and that is told already.
    fn compiled(
        &mut self,
        draft: &Draft<'_>,
        node: &DraftNode<'_>,
        step: &SubworkflowSpec,
        (source, catalog): (&SourceFile, &Catalog),
    ) -> Result<Option<(Arc<Workflow>, usize)>, Vec<Diagnostic>> {
        let name = step.name.as_str();
        let at_name = |message| draft.error_at(node, &["name"], message);
        if node.scope == Scope::Archive {
            let message = format!("`{name}` reads a source, and the archive is none");
            return Err(vec![draft.error_at_node(node, message).help("move this step to `nodes`")]);
        }
        let Some(found) = catalog.beside(source, &step.name) else {
            let listed = catalog.workflows();
            let known: Vec<&str> = listed.iter().map(|one| one.name.as_str()).collect();
            let problem = at_name(format!("there is no workflow `{name}`"));
            return Err(vec![problem.help(draft.suggestion(name, &known))]);
        };
        let found = found.map_err(|why| why.0)?;
        if let Some(begin) = self.chain.iter().position(|(file, _)| *file == found.file) {
            let chain: Vec<&str> =
                self.chain.iter().skip(begin).map(|(_, name)| name.as_str()).chain([name]).collect();
            let problem = at_name(format!("the workflow stands inside itself: {}", chain.join(" -> ")));
            return Err(vec![problem.label("expected another workflow")]);
        }
        if self.chain.len() >= DEEPEST {
            return Err(vec![at_name(too_deep())]);
        }
        if !self.known.contains_key(&found.file) {
            let compiled = super::compile::within(&found, catalog, self);
            let known = compiled.map(|(workflow, levels)| (Arc::new(workflow), levels));
            self.known.insert(found.file.clone(), known.as_ref().ok().cloned());
            known.map_err(|why| why.0)?;
        }
        match self.known.get(&found.file).cloned().flatten() {
            Some((_, levels)) if self.chain.len() + levels > DEEPEST => Err(vec![at_name(too_deep())]),
            known => Ok(known),
        }
    }
}

fn too_deep() -> String {
    format!("workflows stand in each other more than {DEEPEST} deep")
}

/// Reports inputs of sub-workflows that do not exist, are bound to nothing that exists, or are not bound.
pub(super) fn bindings(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let outer: Vec<&str> = draft.spec.value.inputs.keys().map(String::as_str).collect();
    for (node, step, inner) in steps(draft) {
        let known: Vec<&str> = inner.inputs().keys().map(String::as_str).collect();
        for (name, binding) in &step.inputs {
            if !known.contains(&name.as_str()) {
                let message = format!("the workflow `{}` has no input `{name}`", step.name);
                let problem = draft.error_at_key(node, &["inputs", name], message);
                problems.push(problem.label("no such input").help(draft.suggestion(name, &known)));
            }
            if let Binding::Input { input } = binding
                && !outer.contains(&input.as_str())
            {
                let path = ["inputs", name, "input"];
                let problem = draft.error_at(node, &path, format!("there is no input `{input}`"));
                let label = "expected the name of an input of this workflow";
                problems.push(problem.label(label).help(draft.suggestion(input, &outer)));
            }
        }
        for (name, input) in inner.inputs() {
            if input.default.is_none() && !step.inputs.contains_key(name) {
                let message = format!("the workflow `{}` needs its input `{name}`", step.name);
                let problem = draft.error_at_node(node, message).label(format!("binds no `{name}`"));
                let help =
                    format!("add `inputs: {{{name}: ...}}`: a text, `{{input: NAME}}` or `{{node: NAME}}`");
                problems.push(problem.help(help));
            }
        }
    }
    problems
}

/// Reports steps of sub-workflows whose names would be another node's, too long or too many, and outputs that cannot
/// stand in a list.
pub(super) fn inlined(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut taken: BTreeSet<String> = draft.nodes.keys().map(ToString::to_string).collect();
    let mut count = draft.nodes.len();
    for (node, step, inner) in steps(draft) {
        let names = needed(inner);
        count += names.len() * repetitions(step).len();
        if count > MOST_NODES {
            let message = format!("with `{}` in it the workflow has more than {MOST_NODES} steps", step.name);
            problems.push(draft.error_at_node(node, message).help("repeat fewer workflows, or less often"));
            return problems;
        }
        let writes = inner.nodes().find(|one| matches!(one.step, StepSpec::Write(_)));
        if let Some(writes) = writes {
            let message =
                format!("the workflow `{}` writes a file, in its step `{}`", step.name, writes.name);
            let problem = draft.error_at(node, &["name"], message);
            problems.push(problem.label("expected one that only yields").help("write what it yields here"));
        }
        let output = inner.node(inner.output()).map(|output| output.value);
        if step.times.is_some() && output.is_some_and(|kind| kind != super::ValueKind::Text) {
            let kind = output.map(|kind| kind.to_string()).unwrap_or_default();
            let message = format!("the output of `{}` is {kind}, of which there is no list", step.name);
            let problem = draft.error_at(node, &["times"], message);
            problems.push(problem.label("expected a workflow whose output is one text"));
        }
        let all = repetitions(step).into_iter().flat_map(|n| names.iter().map(move |name| (n, *name)));
        for (repetition, name) in all {
            let full = full_name(node.name, repetition, name);
            let message = match full.parse::<NodeName>() {
                Err(error) => format!("a step of `{}` cannot be named: {error}", step.name),
                Ok(_) if taken.contains(&full) => format!("`{full}` is the name of another node"),
                Ok(_) => {
                    taken.insert(full);
                    continue;
                }
            };
            let problem = draft.error_at_node(node, message);
            let label = format!("its steps are named after it: `{full}`");
            problems.push(problem.label(label).help("give one of the two another, shorter name"));
            break;
        }
    }
    problems
}

fn steps<'d>(
    draft: &'d Draft<'_>,
) -> impl Iterator<Item = (&'d DraftNode<'d>, &'d SubworkflowSpec, &'d Workflow)> {
    draft.nodes.values().filter_map(|node| match node.step {
        StepSpec::Workflow(step) => Some((node, step, draft.inner.get(node.name)?.as_ref())),
        _ => None,
    })
}

/// The numbers of the repetitions; one without a number where the step is not repeated.
fn repetitions(step: &SubworkflowSpec) -> Vec<Option<u32>> {
    step.times.map_or_else(|| vec![None], |times| (0..times).map(Some).collect())
}

fn full_name(node: &NodeName, repetition: Option<u32>, inner: &NodeName) -> String {
    match repetition {
        None => format!("{node}.{inner}"),
        Some(number) => format!("{node}.{number}.{inner}"),
    }
}

/// The nodes of a workflow on which its output depends.
fn needed(inner: &Workflow) -> BTreeSet<&NodeName> {
    let mut needed = BTreeSet::new();
    let mut waiting = vec![inner.output()];
    while let Some(name) = waiting.pop() {
        if needed.insert(name) {
            waiting.extend(inner.upstream(name));
        }
    }
    needed
}

/// The nodes that stand for a `workflow` step, each with all that it reads, the step itself last.
pub(super) struct Inlined {
    pub(super) nodes: Vec<(Node, Vec<NodeName>)>,
    pub(super) collects: Vec<NodeName>,
}

/// Puts the steps of `inner` in the place of a step that names it. Every one of them waits for the nodes that inputs
/// are bound to and for those that the step needs: a sub-workflow begins when its inputs are there.
pub(super) fn inline(
    node: &DraftNode<'_>,
    step: &SubworkflowSpec,
    inner: &Workflow,
    needs: &[NodeName],
) -> Inlined {
    let needed = needed(inner);
    let bound = step.inputs.values().filter_map(Binding::node);
    let bound: Vec<NodeName> = bound.chain(needs).cloned().collect();
    let mut inlined = Inlined { nodes: Vec::new(), collects: Vec::new() };
    for repetition in repetitions(step) {
        // The checks have seen that every name is one; one that is not would name nothing.
        let rename = |name: &NodeName| full_name(node.name, repetition, name).parse::<NodeName>();
        for one in inner.nodes().filter(|one| needed.contains(&one.name)) {
            let Ok(name) = rename(&one.name) else { continue };
            let mut mentioned = one.step.clone();
            for mention in mentioned.nodes_mut() {
                if let Ok(renamed) = rename(mention) {
                    *mention = renamed;
                }
            }
            let seed = u64::from(repetition.unwrap_or(0));
            mentioned.reseed(seed);
            let before = inner.upstream(&one.name).filter_map(|name| rename(name).ok());
            let before: BTreeSet<NodeName> = before.chain(bound.iter().cloned()).collect();
            let made = Node {
                name,
                scope: node.scope,
                step: mentioned,
                value: one.value,
                agent: one.agent.as_ref().map(|agent| reseeded(agent, seed)),
                inputs: one
                    .inputs
                    .iter()
                    .map(|(input, binding)| (input.clone(), rebound(binding, step, inner, &rename)))
                    .collect(),
                collects: one.collects.iter().filter_map(|name| rename(name).ok()).collect(),
            };
            inlined.nodes.push((made, before.into_iter().collect()));
        }
        inlined.collects.extend(rename(inner.output()).ok());
    }
    inlined
}

/// What a binding inside `inner` is in the workflow around it.
fn rebound<E>(
    binding: &Binding,
    step: &SubworkflowSpec,
    inner: &Workflow,
    rename: &impl Fn(&NodeName) -> Result<NodeName, E>,
) -> Binding {
    match binding {
        Binding::Text(_) => binding.clone(),
        Binding::Node { node } => {
            rename(node).map_or_else(|_| binding.clone(), |node| Binding::Node { node })
        }
        Binding::Input { input } => step.inputs.get(input).cloned().unwrap_or_else(|| {
            let default = inner.inputs().get(input).and_then(|input| input.default.clone());
            Binding::Text(default.unwrap_or_default())
        }),
    }
}

fn reseeded(agent: &Arc<AgentSpec>, by: u64) -> Arc<AgentSpec> {
    let mut agent = Arc::clone(agent);
    if by > 0 {
        let sampling = &mut Arc::make_mut(&mut agent).sampling;
        sampling.seed = sampling.seed.wrapping_add(by);
    }
    agent
}
