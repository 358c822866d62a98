//! A workflow while it is checked: its steps by name, and the references between them.

use std::collections::BTreeMap;

use super::workflow::{Scope, ValueKind};
use crate::name::{AgentName, NodeName};
use crate::spec::{Diagnostic, Located, StepSpec, WorkflowSpec};

/// One step under its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct DraftNode<'a> {
    pub(super) name: &'a NodeName,
    pub(super) scope: Scope,
    pub(super) step: &'a StepSpec,
}

/// One mention of a node by a step.
#[derive(Debug)]
pub(super) struct Reference<'a> {
    /// Where it stands below the step: `["over"]` or `["with", variable]`.
    pub(super) path: Vec<&'a str>,
    /// The node that is mentioned.
    pub(super) to: &'a NodeName,
    /// What it may yield.
    pub(super) accepts: &'static [ValueKind],
}

/// A workflow while it is checked.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) spec: &'a Located<WorkflowSpec>,
    pub(super) nodes: BTreeMap<&'a NodeName, DraftNode<'a>>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(spec: &'a Located<WorkflowSpec>) -> Self {
        let of = |scope, (name, step)| (name, DraftNode { name, scope, step });
        // A name given twice is reported; the one in `nodes` then stands for both.
        let archive = spec.value.archive.iter().map(|entry| of(Scope::Archive, entry));
        let nodes = spec.value.nodes.iter().map(|entry| of(Scope::Source, entry));
        Self { spec, nodes: archive.chain(nodes).collect() }
    }

    /// Makes an error about a value inside a step.
    pub(super) fn error_at(&self, node: &DraftNode<'_>, path: &[&str], message: String) -> Diagnostic {
        self.spec.error_at(&full_path(node, path), message)
    }

    /// Makes an error about a key inside a step.
    pub(super) fn error_at_key(&self, node: &DraftNode<'_>, path: &[&str], message: String) -> Diagnostic {
        self.spec.error_at_key(&full_path(node, path), message)
    }

    /// Makes an error about a step as a whole.
    pub(super) fn error_at_node(&self, node: &DraftNode<'_>, message: String) -> Diagnostic {
        self.spec.error_at_key(&[section(node.scope), node.name.as_str()], message)
    }

    /// Returns the names of the nodes that `scope` can see.
    pub(super) fn visible(&self, scope: Scope) -> Vec<&'a str> {
        self.nodes.values().filter(|node| node.scope <= scope).map(|node| node.name.as_str()).collect()
    }
}

fn full_path<'p>(node: &DraftNode<'p>, path: &[&'p str]) -> Vec<&'p str> {
    [section(node.scope), node.name.as_str(), kind(node.step)]
        .into_iter()
        .chain(path.iter().copied())
        .collect()
}

/// Returns the key under which nodes of a scope stand in the file.
pub(super) fn section(scope: Scope) -> &'static str {
    match scope {
        Scope::Source => "nodes",
        Scope::Archive => "archive",
    }
}

/// Returns the key of a step's kind.
pub(super) fn kind(step: &StepSpec) -> &'static str {
    match step {
        StepSpec::Split(_) => "split",
        StepSpec::Fold(_) => "fold",
        StepSpec::Map(_) => "map",
        StepSpec::Reduce(_) => "reduce",
        StepSpec::Call(_) => "call",
        StepSpec::Quote(_) => "quote",
        StepSpec::Gather(_) => "gather",
    }
}

/// Returns what a step yields.
pub(super) fn yields(step: &StepSpec) -> ValueKind {
    match step {
        StepSpec::Split(_) => ValueKind::Chunks,
        StepSpec::Map(_) => ValueKind::Texts,
        StepSpec::Fold(_) | StepSpec::Reduce(_) | StepSpec::Call(_) => ValueKind::Text,
        StepSpec::Quote(_) | StepSpec::Gather(_) => ValueKind::Quotes,
    }
}

/// Returns the agent that a step asks.
pub(super) fn agent(step: &StepSpec) -> Option<&AgentName> {
    match step {
        StepSpec::Split(_) | StepSpec::Gather(_) => None,
        StepSpec::Fold(step) => Some(&step.agent),
        StepSpec::Map(step) => Some(&step.agent),
        StepSpec::Reduce(step) => Some(&step.agent),
        StepSpec::Call(step) => Some(&step.agent),
        StepSpec::Quote(step) => Some(&step.agent),
    }
}

/// Returns the template variables that a step fills from other nodes.
pub(super) fn with(step: &StepSpec) -> Option<&BTreeMap<String, NodeName>> {
    match step {
        StepSpec::Split(_) | StepSpec::Quote(_) | StepSpec::Gather(_) => None,
        StepSpec::Fold(step) => Some(&step.with),
        StepSpec::Map(step) => Some(&step.with),
        StepSpec::Reduce(step) => Some(&step.with),
        StepSpec::Call(step) => Some(&step.with),
    }
}

/// Returns every node that a step reads. The `for` of a split is none: it points forward.
pub(super) fn references(step: &StepSpec) -> Vec<Reference<'_>> {
    const CHUNKS: &[ValueKind] = &[ValueKind::Chunks];
    const QUOTES: &[ValueKind] = &[ValueKind::Quotes];
    const TEXTS: &[ValueKind] = &[ValueKind::Texts];
    const SHOWN: &[ValueKind] = &[ValueKind::Text, ValueKind::Texts, ValueKind::Quotes];
    let mut all = Vec::new();
    let over = match step {
        StepSpec::Split(_) | StepSpec::Call(_) => None,
        StepSpec::Fold(step) => Some((&step.over, CHUNKS)),
        StepSpec::Map(step) => Some((&step.over, CHUNKS)),
        StepSpec::Quote(step) => Some((&step.over, CHUNKS)),
        StepSpec::Reduce(step) => Some((&step.over, TEXTS)),
        StepSpec::Gather(step) => Some((&step.over, QUOTES)),
    };
    all.extend(over.map(|(to, accepts)| Reference { path: vec!["over"], to, accepts }));
    for (variable, to) in with(step).into_iter().flatten() {
        all.push(Reference { path: vec!["with", variable.as_str()], to, accepts: SHOWN });
    }
    if let StepSpec::Call(call) = step
        && let Some(to) = &call.grounded_in
    {
        all.push(Reference { path: vec!["grounded_in"], to, accepts: QUOTES });
    }
    all
}

/// Returns what a reader in scope `to` sees of a node; `None` for chunks of many sources, which nothing reads.
pub(super) fn seen(from: &DraftNode<'_>, to: Scope) -> Option<ValueKind> {
    match (from.scope, to, yields(from.step)) {
        (Scope::Source, Scope::Archive, ValueKind::Chunks) => None,
        (Scope::Source, Scope::Archive, ValueKind::Text) => Some(ValueKind::Texts),
        (_, _, kind) => Some(kind),
    }
}
