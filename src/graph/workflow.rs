//! The compiled workflow: what the scheduler walks and the plan counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::hash::ContentHash;
use crate::name::{AgentName, NodeName, PromptName, WorkflowName};
use crate::prompt::PromptSet;
use crate::spec::{
    AgentSpec, Binding, Diagnostic, Diagnostics, InputSpec, Located, OutputType, RecallSpec, SourceFile,
    SplitSpec, StepSpec, WorkflowSpec,
};

/// How often a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Once for every source.
    Source,
    /// Once, after every source is done.
    Archive,
}

/// What a node yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    /// Parts of a document, in order.
    Chunks,
    /// Several texts, in order.
    Texts,
    /// One text.
    Text,
    /// Sentences of the documents, verbatim.
    Quotes,
    /// JSON values that keep a schema.
    Records,
}

impl ValueKind {
    /// Returns the type that it has as a result; `None` for what is no result.
    #[must_use]
    pub fn result(self) -> Option<OutputType> {
        match self {
            Self::Text => Some(OutputType::Text),
            Self::Quotes => Some(OutputType::Quotes),
            Self::Records => Some(OutputType::Records),
            Self::Chunks | Self::Texts => None,
        }
    }
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chunks => "chunks",
            Self::Texts => "several texts",
            Self::Text => "one text",
            Self::Quotes => "quotes",
            Self::Records => "records",
        })
    }
}

/// One node of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name, unique in the workflow.
    pub name: NodeName,
    /// How often it runs.
    pub scope: Scope,
    /// What it does.
    pub step: StepSpec,
    /// What it yields each time it runs.
    pub value: ValueKind,
    /// The agent it asks, with the step's own demonstrations; none for a step that asks no agent.
    pub agent: Option<Arc<AgentSpec>>,
    /// Where the values of the inputs come from that the step sees, by the names that it sees them under.
    pub inputs: BTreeMap<String, Binding>,
    /// The nodes whose values a `workflow` step collects, in order; none for any other.
    pub collects: Vec<NodeName>,
}

impl Node {
    /// Returns the key of its kind of step.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.step.kind()
    }

    /// Returns the inputs as the step sees them, given those of the run, but for those that another node fills.
    #[must_use]
    pub fn given(&self, inputs: &BTreeMap<String, String>) -> BTreeMap<&str, String> {
        let value = |binding: &Binding| match binding {
            Binding::Text(text) => Some(text.clone()),
            Binding::Input { input } => inputs.get(input).cloned(),
            Binding::Node { .. } => None,
        };
        self.inputs.iter().filter_map(|(name, binding)| Some((name.as_str(), value(binding)?))).collect()
    }

    /// Returns the variables of its prompt that other nodes fill; none for a step that has none.
    pub fn with(&self) -> impl Iterator<Item = (&String, &NodeName)> {
        super::draft::with(&self.step).into_iter().flatten()
    }
}

/// A workflow in which every name is known, every value fits its reader, and nothing waits for itself.
#[derive(Debug, Clone)]
pub struct Workflow {
    pub(super) spec: WorkflowSpec,
    pub(super) nodes: Vec<Node>,
    pub(super) upstream: BTreeMap<NodeName, Vec<NodeName>>,
    pub(super) prompts: PromptSet,
    pub(super) warnings: Diagnostics,
    pub(super) hash: ContentHash,
    /// The files of the agents, for what can only be held against a model.
    pub(super) agents: BTreeMap<AgentName, Located<AgentSpec>>,
    /// Where agents and steps name models: each an error without a message yet.
    pub(super) models: Vec<(String, Diagnostic)>,
    /// The files of the workflow and of those that are put into it, its own first.
    pub(super) sources: Vec<SourceFile>,
}

impl Workflow {
    /// Takes in what a workflow that is put into this one brings beside its nodes.
    pub(super) fn join(&mut self, inner: &Self) {
        self.prompts.join(&inner.prompts);
        self.agents.extend(inner.agents.clone());
        self.models.extend(inner.models.iter().cloned());
        let new = |source: &&SourceFile| self.sources.iter().all(|known| known.file != source.file);
        let sources: Vec<SourceFile> = inner.sources.iter().filter(new).cloned().collect();
        self.sources.extend(sources);
    }

    /// Returns the files of the workflow and of all that it names, and that those name in turn, its own first.
    #[must_use]
    pub fn sources(&self) -> &[SourceFile] {
        &self.sources
    }

    /// Returns the files of all agents that it and those name, by name.
    #[must_use]
    pub fn agents(&self) -> &BTreeMap<AgentName, Located<AgentSpec>> {
        &self.agents
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &WorkflowName {
        &self.spec.name
    }

    /// Returns what the file says.
    #[must_use]
    pub fn spec(&self) -> &WorkflowSpec {
        &self.spec
    }

    /// Returns the inputs by name.
    #[must_use]
    pub fn inputs(&self) -> &BTreeMap<String, InputSpec> {
        &self.spec.inputs
    }

    /// Returns the nodes, each after all that it reads or waits for; those of every source before those of the archive.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// Returns a node by name.
    #[must_use]
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }

    /// Returns the nodes that a node reads or waits for, sorted by name, each once.
    pub fn upstream(&self, name: &NodeName) -> impl Iterator<Item = &NodeName> {
        self.upstream.get(name).into_iter().flatten()
    }

    /// Returns every mention of a model by an agent or a step, each with an error at its place that has no message yet.
    pub fn models(&self) -> impl Iterator<Item = (&str, &Diagnostic)> {
        self.models.iter().map(|(name, place)| (name.as_str(), place))
    }

    /// Returns the file of an agent; `None` for one that is not asked.
    #[must_use]
    pub fn agent(&self, name: &AgentName) -> Option<&Located<AgentSpec>> {
        self.agents.get(name)
    }

    /// Returns the compiled prompts.
    #[must_use]
    pub fn prompts(&self) -> &PromptSet {
        &self.prompts
    }

    /// Returns the node whose value is the result for a source.
    #[must_use]
    pub fn output(&self) -> &NodeName {
        &self.spec.output
    }

    /// Returns the node whose value is the result for the whole archive.
    #[must_use]
    pub fn overview(&self) -> Option<&NodeName> {
        self.spec.overview.as_ref()
    }

    /// Returns the type of the result for a source, promised or not.
    #[must_use]
    pub fn output_type(&self) -> Option<OutputType> {
        self.node(self.output())?.value.result()
    }

    /// Returns the type of the result for the whole archive, promised or not; `None` where there is none.
    #[must_use]
    pub fn overview_type(&self) -> Option<OutputType> {
        self.node(self.overview()?)?.value.result()
    }

    /// Returns what is probably not as it was meant.
    #[must_use]
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }

    /// Returns a node and all nodes that depend on it.
    #[must_use]
    pub fn downstream(&self, name: &NodeName) -> BTreeSet<NodeName> {
        let mut found = BTreeSet::from([name.clone()]);
        // Every node comes after all that it reads, so one pass is enough.
        for node in &self.nodes {
            if self.upstream(&node.name).any(|read| found.contains(read)) {
                found.insert(node.name.clone());
            }
        }
        found
    }

    /// Returns the inputs that decide what a node asks; those of a split are those of the step that it splits for.
    #[must_use]
    pub fn inputs_of(&self, node: &Node) -> BTreeSet<String> {
        let amounts = node.step.amounts().into_iter().filter_map(|(_, amount, _)| amount.input());
        let amounts: BTreeSet<&str> = amounts.collect();
        // A step of a sub-workflow sees the inputs of the run under the names of its own workflow.
        let outer = |used: &dyn Fn(&String) -> bool| -> BTreeSet<String> {
            let input = |(name, binding): (&String, &Binding)| match binding {
                Binding::Input { input } if used(name) => Some(input.clone()),
                _ => None,
            };
            node.inputs.iter().filter_map(input).collect()
        };
        let question = match &node.step {
            StepSpec::Split(split) => {
                let of_reader = self.node(&split.reader).map(|reader| self.inputs_of(reader));
                let own = outer(&|name| amounts.contains(name.as_str()));
                return of_reader.into_iter().flatten().chain(own).collect();
            }
            StepSpec::Quote(quote) => quote.question.clone(),
            StepSpec::Retrieve(retrieve) => retrieve.question.clone(),
            StepSpec::Recall(recall) => Some(recall.question.clone()),
            StepSpec::Remember(remember) => Some(remember.question.clone()),
            StepSpec::Fold(_)
            | StepSpec::Map(_)
            | StepSpec::Reduce(_)
            | StepSpec::Call(_)
            | StepSpec::Gather(_)
            | StepSpec::Rank(_)
            | StepSpec::Filter(_)
            | StepSpec::Vote(_)
            | StepSpec::Judge(_)
            | StepSpec::Extract(_)
            | StepSpec::Iterate(_)
            | StepSpec::Route(_)
            | StepSpec::Workflow(_)
            | StepSpec::Gate(_)
            | StepSpec::Write(_) => None,
        };
        let read: BTreeSet<String> =
            Self::prompts_of(node).flat_map(|prompt| self.prompts.variables(prompt)).collect();
        // What an answer may say is held against all inputs, and a file may be named by any of them.
        let all = match &node.step {
            StepSpec::Call(call) => call.grounded_in.is_some(),
            StepSpec::Write(_) => true,
            _ => false,
        };
        outer(&|name| {
            let asked = Some(name) == question.as_ref() || read.contains(name);
            all || asked || amounts.contains(name.as_str())
        })
    }

    fn prompts_of(node: &Node) -> impl Iterator<Item = &PromptName> {
        let agent = node.agent.as_ref();
        agent.into_iter().flat_map(|agent| agent.templates().map(|(_, prompt)| prompt))
    }

    /// Returns the identity of every node: its step, its agent and its prompts; a split has that of its reader, too.
    #[must_use]
    pub fn node_hashes(&self) -> BTreeMap<NodeName, ContentHash> {
        self.nodes.iter().map(|node| (node.name.clone(), self.node_hash(node))).collect()
    }

    fn node_hash(&self, node: &Node) -> ContentHash {
        let agent = node.agent.as_ref().map(|agent| agent.deciding());
        let texts: Vec<Option<&str>> =
            Self::prompts_of(node).map(|prompt| self.prompts.text(prompt)).collect();
        let reader = match &node.step {
            StepSpec::Split(SplitSpec { reader, .. }) | StepSpec::Recall(RecallSpec { reader, .. }) => {
                self.node(reader).map(|reader| self.node_hash(reader))
            }
            _ => None,
        };
        // Structs of strings and numbers always serialize, so the fallback is never hashed.
        ContentHash::of(
            &serde_json::to_vec(&(node.step.deciding(), &node.inputs, &node.collects, agent, texts, reader))
                .unwrap_or_default(),
        )
    }

    /// Returns the identity of all that decides the results: steps, inputs, agents and prompts, but no description and
    /// no comment of a YAML file.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        self.hash
    }
}
