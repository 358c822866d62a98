//! The compiled workflow: what the scheduler walks and the plan counts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::hash::ContentHash;
use crate::name::{NodeName, WorkflowName};
use crate::prompt::PromptSet;
use crate::spec::{AgentSpec, Binding, Diagnostics, InputSpec, StepSpec, WorkflowSpec};

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

/// A workflow in which every name is known, every value fits its reader, and nothing waits for itself.
#[derive(Debug, Clone)]
pub struct Workflow {
    pub(super) spec: WorkflowSpec,
    pub(super) nodes: Vec<Node>,
    pub(super) upstream: BTreeMap<NodeName, Vec<NodeName>>,
    pub(super) prompts: PromptSet,
    pub(super) warnings: Diagnostics,
    pub(super) hash: ContentHash,
}

impl Workflow {
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

    /// Returns the nodes, each after all that it reads; those of every source before those of the archive.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// Returns a node by name.
    #[must_use]
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }

    /// Returns the nodes that a node reads, sorted by name, each once.
    pub fn upstream(&self, name: &NodeName) -> impl Iterator<Item = &NodeName> {
        self.upstream.get(name).into_iter().flatten()
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

    /// Returns what is probably not as it was meant.
    #[must_use]
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }

    /// Returns the identity of all that decides the results: steps, inputs, agents and prompts, but no description and
    /// no comment of a YAML file.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        self.hash
    }
}
