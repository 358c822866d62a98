//! A workflow while it is checked: its steps by name, and the references between them.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::workflow::{Scope, ValueKind, Workflow};
use crate::name::{AgentName, NodeName};
use crate::spec::{
    Binding, Diagnostic, Located, RouteSpec, Several, StepSpec, WorkflowSpec, WriteFormat, suggestion,
};

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
    /// Where it stands below the step: `["over"]`, `["cases", "0", "take"]` or `["with", variable]`.
    path: Vec<Cow<'a, str>>,
    /// The node that is mentioned.
    pub(super) to: &'a NodeName,
    /// What it may yield.
    pub(super) accepts: &'static [ValueKind],
}

impl<'a> Reference<'a> {
    fn new(key: &'a str, to: &'a NodeName, accepts: &'static [ValueKind]) -> Self {
        Self { path: vec![Cow::Borrowed(key)], to, accepts }
    }

    fn below(mut self, key: impl Into<Cow<'a, str>>) -> Self {
        self.path.push(key.into());
        self
    }

    /// Returns the keys that lead to it below the step.
    pub(super) fn path(&self) -> Vec<&str> {
        self.path.iter().map(Cow::as_ref).collect()
    }
}

/// What the kind of a step's value hangs on.
#[derive(Debug, Clone, Copy)]
enum Yields<'a> {
    /// It is always of this kind.
    Always(ValueKind),
    /// It is of the kind of this node's value, which has to be one of these.
    As(&'a NodeName, &'static [ValueKind]),
    /// It is of the kind of the output of the step's own workflow.
    Inner,
}

/// A workflow while it is checked.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) spec: &'a Located<WorkflowSpec>,
    pub(super) nodes: BTreeMap<&'a NodeName, DraftNode<'a>>,
    /// The workflows that steps name, by the node of the step; one that is wrong is missing.
    pub(super) inner: BTreeMap<&'a NodeName, Arc<Workflow>>,
    /// For how many unknown words a likely one may still be looked for.
    suggestions: Cell<usize>,
}

/// For how many unknown words of a workflow the likely one is looked for. Far fewer are ever shown, and a file from
/// elsewhere may misspell ten thousand.
const MOST_SUGGESTIONS: usize = 500;

impl<'a> Draft<'a> {
    pub(super) fn new(spec: &'a Located<WorkflowSpec>) -> Self {
        let of = |scope, (name, step)| (name, DraftNode { name, scope, step });
        // A name given twice is reported; the one in `nodes` then stands for both.
        let archive = spec.value.archive.iter().map(|entry| of(Scope::Archive, entry));
        let nodes = spec.value.nodes.iter().map(|entry| of(Scope::Source, entry));
        let nodes = archive.chain(nodes).collect();
        Self { spec, nodes, inner: BTreeMap::new(), suggestions: Cell::new(MOST_SUGGESTIONS) }
    }

    /// Returns the remedy for an unknown word; nothing where there are so many that nobody reads this one.
    pub(super) fn suggestion(&self, word: &str, known: &[&str]) -> String {
        if self.may_suggest() { suggestion(word, known) } else { String::new() }
    }

    /// Tells whether a likely word may be looked for once more.
    pub(super) fn may_suggest(&self) -> bool {
        let left = self.suggestions.get();
        self.suggestions.set(left.saturating_sub(1));
        left > 0
    }

    /// Returns what has to be there before a node can run: what it reads, what `needs` names and, for a split, what the
    /// prompt of its reader shows beside the chunk, because the room for a chunk is what that leaves.
    pub(super) fn upstream(&self, node: &DraftNode<'a>) -> BTreeSet<&'a NodeName> {
        let beside = match node.step {
            StepSpec::Split(split) => self.nodes.get(&split.reader).and_then(|reader| with(reader.step)),
            StepSpec::Recall(recall) => self.nodes.get(&recall.reader).and_then(|reader| with(reader.step)),
            _ => None,
        };
        let beside = beside.into_iter().flat_map(BTreeMap::values);
        let read = references(node.step).into_iter().map(|reference| reference.to);
        read.chain(beside).chain(self.needs(node.name)).collect()
    }

    /// Returns the nodes that `needs` names for a node.
    pub(super) fn needs(&self, node: &NodeName) -> &'a [NodeName] {
        self.spec.value.needs.get(node).map_or(&[], Several::nodes)
    }

    /// Returns what a node yields; `None` where that hangs on a node that is missing or yields what the step cannot take,
    /// or on a circle.
    pub(super) fn yields(&self, node: &DraftNode<'_>) -> Option<ValueKind> {
        self.yields_within(node, self.nodes.len())
    }

    fn yields_within(&self, node: &DraftNode<'_>, hops: usize) -> Option<ValueKind> {
        match yields(node.step) {
            Yields::Always(kind) => Some(kind),
            Yields::As(name, kinds) => {
                let from = self.nodes.get(name)?;
                let kind = self.yields_within(from, hops.checked_sub(1)?)?;
                seen(from.scope, node.scope, kind).filter(|kind| kinds.contains(kind))
            }
            Yields::Inner => {
                let inner = self.inner.get(node.name)?;
                inner.node(inner.output()).map(|output| output.value)
            }
        }
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
    [section(node.scope), node.name.as_str(), node.step.kind()]
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

/// Returns what a step yields.
#[expect(clippy::match_same_arms, reason = "a table: one line for each family of steps")]
fn yields(step: &StepSpec) -> Yields<'_> {
    match step {
        StepSpec::Split(_) | StepSpec::Retrieve(_) => Yields::Always(ValueKind::Chunks),
        StepSpec::Map(_) => Yields::Always(ValueKind::Texts),
        StepSpec::Fold(_)
        | StepSpec::Reduce(_)
        | StepSpec::Call(_)
        | StepSpec::Vote(_)
        | StepSpec::Judge(_)
        | StepSpec::Write(_)
        | StepSpec::Remember(_) => Yields::Always(ValueKind::Text),
        StepSpec::Quote(_) => Yields::Always(ValueKind::Quotes),
        StepSpec::Gather(step) => Yields::As(&step.over, GATHERED),
        StepSpec::Rank(step) => Yields::As(&step.over, THINGS),
        StepSpec::Filter(step) => Yields::As(&step.over, THINGS),
        StepSpec::Extract(_) | StepSpec::Recall(_) => Yields::Always(ValueKind::Records),
        StepSpec::Iterate(_) | StepSpec::Gate(_) => Yields::Always(ValueKind::Text),
        StepSpec::Route(step) => Yields::As(&step.otherwise, ANY),
        StepSpec::Workflow(step) if step.times.is_some() => Yields::Always(ValueKind::Texts),
        StepSpec::Workflow(_) => Yields::Inner,
    }
}

/// Tells whether every prompt of a step holds one chunk, so that the prompt bounds how large a chunk may be.
pub(super) fn reads_chunk_by_chunk(step: &StepSpec) -> bool {
    match step {
        StepSpec::Fold(_) | StepSpec::Map(_) | StepSpec::Quote(_) => true,
        StepSpec::Filter(step) => step.agent.is_some(),
        StepSpec::Extract(step) => step.over.is_some(),
        _ => false,
    }
}

/// Returns the inputs that a step names by keys of its own, each with the key.
pub(super) fn named_inputs(step: &StepSpec) -> Vec<(&'static str, &str)> {
    let question = match step {
        StepSpec::Quote(step) => step.question.as_deref(),
        StepSpec::Retrieve(step) => step.question.as_deref(),
        StepSpec::Recall(step) => Some(step.question.as_str()),
        StepSpec::Remember(step) => Some(step.question.as_str()),
        _ => None,
    };
    let amounts = step.amounts().into_iter();
    let amounts = amounts.filter_map(|(key, amount, _)| Some((key, amount.input()?)));
    question.map(|question| ("question", question)).into_iter().chain(amounts).collect()
}

/// Returns the agent that a step asks.
#[expect(clippy::match_same_arms, reason = "a table: one line for each family of steps")]
pub(super) fn agent(step: &StepSpec) -> Option<&AgentName> {
    match step {
        StepSpec::Split(_) | StepSpec::Gather(_) => None,
        StepSpec::Route(_) | StepSpec::Workflow(_) | StepSpec::Gate(_) => None,
        StepSpec::Iterate(step) => Some(&step.agent),
        StepSpec::Retrieve(_) | StepSpec::Vote(_) | StepSpec::Write(_) => None,
        StepSpec::Recall(_) | StepSpec::Remember(_) => None,
        StepSpec::Rank(step) => Some(&step.agent),
        StepSpec::Filter(step) => step.agent.as_ref(),
        StepSpec::Judge(step) => Some(&step.agent),
        StepSpec::Extract(step) => Some(&step.agent),
        StepSpec::Fold(step) => Some(&step.agent),
        StepSpec::Map(step) => Some(&step.agent),
        StepSpec::Reduce(step) => Some(&step.agent),
        StepSpec::Call(step) => Some(&step.agent),
        StepSpec::Quote(step) => Some(&step.agent),
    }
}

/// Returns the template variables that a step fills from other nodes.
#[expect(clippy::match_same_arms, reason = "a table: one line for each family of steps")]
pub(super) fn with(step: &StepSpec) -> Option<&BTreeMap<String, NodeName>> {
    match step {
        StepSpec::Split(_) | StepSpec::Quote(_) | StepSpec::Gather(_) => None,
        StepSpec::Route(_) | StepSpec::Workflow(_) | StepSpec::Gate(_) => None,
        StepSpec::Iterate(step) => Some(&step.with),
        StepSpec::Retrieve(_) | StepSpec::Vote(_) | StepSpec::Write(_) => None,
        StepSpec::Recall(_) | StepSpec::Remember(_) => None,
        StepSpec::Rank(step) => Some(&step.with),
        StepSpec::Filter(step) => Some(&step.with),
        StepSpec::Judge(step) => Some(&step.with),
        StepSpec::Extract(step) => Some(&step.with),
        StepSpec::Fold(step) => Some(&step.with),
        StepSpec::Map(step) => Some(&step.with),
        StepSpec::Reduce(step) => Some(&step.with),
        StepSpec::Call(step) => Some(&step.with),
    }
}

const CHUNKS: &[ValueKind] = &[ValueKind::Chunks];
const QUOTES: &[ValueKind] = &[ValueKind::Quotes];
const TEXTS: &[ValueKind] = &[ValueKind::Texts];
const TEXT: &[ValueKind] = &[ValueKind::Text];
const ANY_TEXT: &[ValueKind] = &[ValueKind::Text, ValueKind::Texts];
const RECORDS: &[ValueKind] = &[ValueKind::Records];
const GATHERED: &[ValueKind] = &[ValueKind::Quotes, ValueKind::Records];
const THINGS: &[ValueKind] = &[ValueKind::Chunks, ValueKind::Texts, ValueKind::Quotes, ValueKind::Records];
const WRITTEN: &[ValueKind] = &[ValueKind::Text, ValueKind::Texts, ValueKind::Quotes, ValueKind::Records];
const ANY: &[ValueKind] =
    &[ValueKind::Text, ValueKind::Texts, ValueKind::Quotes, ValueKind::Records, ValueKind::Chunks];
const SHOWN: &[ValueKind] = ANY;

/// Returns every node that a step reads. The `for` of a split is none: it points forward.
pub(super) fn references(step: &StepSpec) -> Vec<Reference<'_>> {
    let mut all = main_references(step);
    for (variable, to) in with(step).into_iter().flatten() {
        all.push(Reference::new("with", to, SHOWN).below(variable.as_str()));
    }
    all
}

/// Returns the nodes that a step reads by keys of its own.
fn main_references(step: &StepSpec) -> Vec<Reference<'_>> {
    match step {
        StepSpec::Split(_) | StepSpec::Iterate(_) | StepSpec::Recall(_) => Vec::new(),
        StepSpec::Call(step) => {
            let grounds = step.grounded_in.iter().map(|to| Reference::new("grounded_in", to, QUOTES));
            grounds.chain(step.memory.iter().map(|to| Reference::new("memory", to, RECORDS))).collect()
        }
        StepSpec::Remember(step) => {
            let recalled = step.recalled.iter().map(|to| Reference::new("recalled", to, RECORDS));
            let summary = step.summary.iter().map(|to| Reference::new("summary", to, TEXT));
            std::iter::once(Reference::new("answer", &step.answer, TEXT))
                .chain(recalled)
                .chain(summary)
                .collect()
        }
        StepSpec::Fold(step) => vec![Reference::new("over", &step.over, CHUNKS)],
        StepSpec::Map(step) => vec![Reference::new("over", &step.over, CHUNKS)],
        StepSpec::Quote(step) => vec![Reference::new("over", &step.over, CHUNKS)],
        StepSpec::Reduce(step) => vec![Reference::new("over", &step.over, TEXTS)],
        StepSpec::Gather(step) => vec![Reference::new("over", &step.over, GATHERED)],
        StepSpec::Retrieve(step) => {
            let from = step.from.iter().map(|to| Reference::new("from", to, TEXT));
            std::iter::once(Reference::new("over", &step.over, CHUNKS)).chain(from).collect()
        }
        StepSpec::Rank(step) => vec![Reference::new("over", &step.over, THINGS)],
        StepSpec::Filter(step) => vec![Reference::new("over", &step.over, THINGS)],
        StepSpec::Vote(step) => several(&step.over),
        StepSpec::Judge(step) => several(&step.over),
        StepSpec::Extract(step) => step.over.iter().map(|to| Reference::new("over", to, CHUNKS)).collect(),
        StepSpec::Write(step) => {
            let accepts = if step.format == WriteFormat::Csv { RECORDS } else { WRITTEN };
            vec![Reference::new("from", &step.from, accepts)]
        }
        StepSpec::Gate(step) => vec![Reference::new("show", &step.show, TEXT)],
        StepSpec::Route(step) => {
            std::iter::once(Reference::new("on", &step.on, TEXT)).chain(branches(step)).collect()
        }
        StepSpec::Workflow(step) => step.inputs.iter().filter_map(bound).collect(),
    }
}

/// One node is to give several texts; each of several nodes may give one.
fn several(over: &Several) -> Vec<Reference<'_>> {
    let of_list = |(at, to): (usize, _)| Reference::new("over", to, ANY_TEXT).below(at.to_string());
    match over {
        Several::One(to) => vec![Reference::new("over", to, TEXTS)],
        Several::List(nodes) => match nodes.as_slice() {
            [only] => vec![Reference::new("over", only, TEXTS).below("0")],
            nodes => nodes.iter().enumerate().map(of_list).collect(),
        },
    }
}

/// The node that an input of a sub-workflow is bound to.
fn bound<'a>((input, binding): (&'a String, &'a Binding)) -> Option<Reference<'a>> {
    let to = binding.node()?;
    Some(Reference::new("inputs", to, TEXT).below(input.as_str()).below("node"))
}

/// Returns the nodes that a route can take, that of `otherwise` last.
pub(super) fn branches(route: &RouteSpec) -> impl Iterator<Item = Reference<'_>> {
    let case = |(number, to)| Reference::new("cases", to, ANY).below(usize::to_string(&number)).below("take");
    let cases = route.cases.iter().map(|case| &case.take).enumerate().map(case);
    cases.chain([Reference::new("otherwise", &route.otherwise, ANY)])
}

/// Returns what a reader in scope `to` sees of a value of some kind that a node in scope `from` yields; `None` for
/// chunks of many sources, which nothing reads.
pub(super) fn seen(from: Scope, to: Scope, kind: ValueKind) -> Option<ValueKind> {
    match (from, to, kind) {
        (Scope::Source, Scope::Archive, ValueKind::Chunks) => None,
        (Scope::Source, Scope::Archive, ValueKind::Text) => Some(ValueKind::Texts),
        (_, _, kind) => Some(kind),
    }
}
