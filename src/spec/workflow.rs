//! What a workflow file says, before anything in it is looked up.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calls::StepCalls;
use super::example::Example;
use super::input::InputSpec;
use super::output_type::OutputType;
use super::steps::{
    Amount, CallSpec, ExtractSpec, FilterSpec, FoldSpec, GateSpec, IterateSpec, JudgeSpec, RankSpec,
    RecallSpec, RememberSpec, RetrieveSpec, RouteSpec, Several, SplitSpec, SubworkflowSpec, VoteSpec,
    WriteSpec,
};
use crate::name::{AgentName, NodeName, WorkflowName};

/// A workflow: named steps over documents. `nodes` run once for every source, `archive` once over all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowSpec {
    /// The version of the language; 1.
    pub version: u32,
    /// The name under which the workflow is called.
    #[schemars(with = "String")]
    pub name: WorkflowName,
    /// One line that says what the workflow does.
    #[serde(default)]
    pub description: String,
    /// What the person who runs it may set with `-p key=value`.
    #[serde(default)]
    pub inputs: BTreeMap<String, InputSpec>,
    /// The steps that run for every source (one document, or all documents read as one).
    #[serde(with = "serde_yaml::with::singleton_map_recursive")]
    #[schemars(with = "BTreeMap<String, StepSpec>")]
    pub nodes: BTreeMap<NodeName, StepSpec>,
    /// The steps that run once, after every source is done, over the outputs of `nodes`.
    #[serde(default, with = "serde_yaml::with::singleton_map_recursive")]
    #[schemars(with = "BTreeMap<String, StepSpec>")]
    pub archive: BTreeMap<NodeName, StepSpec>,
    /// What else has to be there before a node begins, although the node does not read it: node -> one node, or a list.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Several>")]
    pub needs: BTreeMap<NodeName, Several>,
    /// The node of `nodes` whose value is the result for a source.
    #[schemars(with = "String")]
    pub output: NodeName,
    /// What kind of value `output` yields; the compiler holds the node against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_type: Option<OutputType>,
    /// The node of `archive` whose value is the result for the whole archive.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub overview: Option<NodeName>,
    /// What kind of value `overview` yields; the compiler holds the node against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview_type: Option<OutputType>,
}

/// One step, written as a map with one key: the kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepSpec {
    /// Cuts every document into chunks that fit the prompt of the step that reads them.
    Split(SplitSpec),
    /// Reads chunks in order with one agent, each call handing its answer to the next.
    Fold(FoldSpec),
    /// Reads every chunk with one agent, independently.
    Map(MapSpec),
    /// Merges texts with one agent, as many as fit at a time, until one is left.
    Reduce(ReduceSpec),
    /// Asks one agent once.
    Call(CallSpec),
    /// Scores the sentences of chunks, by words and by an agent, and hands the most useful ones on verbatim.
    Quote(QuoteSpec),
    /// Gathers the quotes or the records of several sources into one list.
    Gather(GatherSpec),
    /// Asks one agent again and again, until its answer meets a condition.
    Iterate(IterateSpec),
    /// Yields the value of one of several nodes, chosen by a text.
    Route(RouteSpec),
    /// Runs the steps of another workflow over the same source.
    Workflow(SubworkflowSpec),
    /// Shows a text to a person and hands it on once it is approved.
    Gate(GateSpec),
    /// Keeps the chunks that share most words with a question.
    Retrieve(RetrieveSpec),
    /// Puts chunks, texts, quotes or records into the order in which an agent finds them good.
    Rank(RankSpec),
    /// Keeps the chunks, texts, quotes or records of which an agent says yes.
    Filter(FilterSpec),
    /// Takes the text that most nodes gave.
    Vote(VoteSpec),
    /// Lets an agent choose one of several texts.
    Judge(JudgeSpec),
    /// Asks an agent for records that keep a JSON Schema.
    Extract(ExtractSpec),
    /// Writes a value to a file of its own when the run ends.
    Write(WriteSpec),
    /// Looks up in the session's memory what has to do with a text.
    Recall(RecallSpec),
    /// Hands an answer on and has the session remember it.
    Remember(RememberSpec),
}

impl StepSpec {
    /// Returns the key of its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Split(_) => "split",
            Self::Fold(_) => "fold",
            Self::Map(_) => "map",
            Self::Reduce(_) => "reduce",
            Self::Call(_) => "call",
            Self::Quote(_) => "quote",
            Self::Gather(_) => "gather",
            Self::Iterate(_) => "iterate",
            Self::Route(_) => "route",
            Self::Workflow(_) => "workflow",
            Self::Gate(_) => "gate",
            Self::Retrieve(_) => "retrieve",
            Self::Rank(_) => "rank",
            Self::Filter(_) => "filter",
            Self::Vote(_) => "vote",
            Self::Judge(_) => "judge",
            Self::Extract(_) => "extract",
            Self::Write(_) => "write",
            Self::Recall(_) => "recall",
            Self::Remember(_) => "remember",
        }
    }

    /// Returns the demonstrations that a step adds to those of its agent.
    #[must_use]
    pub fn examples(&self) -> &[Example] {
        match self {
            Self::Fold(step) => &step.examples,
            Self::Map(step) => &step.examples,
            Self::Reduce(step) => &step.examples,
            Self::Call(step) => &step.examples,
            Self::Quote(step) => &step.examples,
            Self::Rank(step) => &step.examples,
            Self::Filter(step) => &step.examples,
            Self::Judge(step) => &step.examples,
            Self::Extract(step) => &step.examples,
            Self::Iterate(step) => &step.examples,
            Self::Split(_)
            | Self::Gather(_)
            | Self::Retrieve(_)
            | Self::Vote(_)
            | Self::Write(_)
            | Self::Recall(_)
            | Self::Remember(_)
            | Self::Route(_)
            | Self::Workflow(_)
            | Self::Gate(_) => &[],
        }
    }

    /// Returns how a step makes its calls, where it says so.
    #[must_use]
    pub fn calls(&self) -> Option<&StepCalls> {
        match self {
            Self::Fold(FoldSpec { calls, .. })
            | Self::Map(MapSpec { calls, .. })
            | Self::Reduce(ReduceSpec { calls, .. })
            | Self::Call(CallSpec { calls, .. })
            | Self::Quote(QuoteSpec { calls, .. })
            | Self::Rank(RankSpec { calls, .. })
            | Self::Filter(FilterSpec { calls, .. })
            | Self::Judge(JudgeSpec { calls, .. })
            | Self::Extract(ExtractSpec { calls, .. })
            | Self::Iterate(IterateSpec { calls, .. }) => calls.as_ref(),
            Self::Split(_)
            | Self::Gather(_)
            | Self::Retrieve(_)
            | Self::Vote(_)
            | Self::Write(_)
            | Self::Recall(_)
            | Self::Remember(_)
            | Self::Route(_)
            | Self::Workflow(_)
            | Self::Gate(_) => None,
        }
    }

    /// Returns its numbers that an input may say, each with its key and the largest that it may be.
    #[must_use]
    pub fn amounts(&self) -> Vec<(&'static str, &Amount, u64)> {
        match self {
            Self::Split(step) => {
                step.max_tokens.iter().map(|most| ("max_tokens", most, Amount::MOST_TOKENS)).collect()
            }
            Self::Iterate(step) => {
                let tokens = [("round_tokens", &step.round_tokens), ("summary_tokens", &step.summary_tokens)];
                let tokens = tokens.into_iter().filter_map(|(key, most)| Some((key, most.as_ref()?)));
                std::iter::once(("at_most", &step.at_most, Amount::MOST_ROUNDS))
                    .chain(tokens.map(|(key, most)| (key, most, Amount::MOST_TOKENS)))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the step without what does not decide what is asked: how its calls are made, and what they may use.
    #[must_use]
    pub fn deciding(&self) -> Self {
        let mut step = self.clone();
        if let Self::Fold(FoldSpec { calls, .. })
        | Self::Map(MapSpec { calls, .. })
        | Self::Reduce(ReduceSpec { calls, .. })
        | Self::Call(CallSpec { calls, .. })
        | Self::Quote(QuoteSpec { calls, .. })
        | Self::Rank(RankSpec { calls, .. })
        | Self::Filter(FilterSpec { calls, .. })
        | Self::Judge(JudgeSpec { calls, .. })
        | Self::Extract(ExtractSpec { calls, .. })
        | Self::Iterate(IterateSpec { calls, .. }) = &mut step
        {
            *calls = calls.as_ref().map(StepCalls::deciding).filter(|calls| *calls != StepCalls::default());
        }
        step
    }
}

/// Reads every chunk on its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapSpec {
    /// The node that yields the chunks.
    #[schemars(with = "String")]
    pub over: NodeName,
    /// The reader. Its prompt is given `chunk`, `index` and `count`.
    #[schemars(with = "String")]
    pub agent: AgentName,
    /// Further template variables: variable -> node.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub with: BTreeMap<String, NodeName>,
    /// Demonstrations, sent after those of the agent.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// How the calls are made, where that is not as the agent says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<StepCalls>,
}

/// Merges texts, level by level, until one is left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReduceSpec {
    /// The node that yields the texts; in `archive`, a node of `nodes` yields one text a source.
    #[schemars(with = "String")]
    pub over: NodeName,
    /// The merger. Its prompt is given `items`, a list of texts.
    #[schemars(with = "String")]
    pub agent: AgentName,
    /// Further template variables: variable -> node.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub with: BTreeMap<String, NodeName>,
    /// Demonstrations, sent after those of the agent.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// How the calls are made, where that is not as the agent says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<StepCalls>,
}

/// Scores the sentences of chunks, by words and by an agent, and hands the most useful ones on verbatim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteSpec {
    /// The node that yields the chunks.
    #[schemars(with = "String")]
    pub over: NodeName,
    /// The worker. Its prompt is given `sentences` (each with `number` and `text`), `unit` (the quotes so far,
    /// each with `text`), `index` and `count`.
    #[schemars(with = "String")]
    pub agent: AgentName,
    /// How many tokens of quotes are handed on at most; beyond it the least useful are dropped first.
    pub keep_tokens: u64,
    /// What makes a sentence useful.
    #[serde(default)]
    pub score: QuoteScore,
    /// The input that holds the question; without one, or with an empty one, sentences that stand for the whole
    /// document are chosen.
    #[serde(default)]
    pub question: Option<String>,
    /// How many sentences are put before the agent at most, those that share most words with the question or, without
    /// one, with the document: a cheap pointer proposes and a costly one decides, so a book costs no more calls than a
    /// letter. At least 1; without it every sentence is put before the agent.
    #[serde(default)]
    pub propose: Option<u32>,
    /// Nothing is quoted where no single sentence holds this share of the question, its words weighted by how rare they
    /// are in the source. From 0 to 1.
    #[serde(default)]
    pub at_least: f32,
    /// Demonstrations, sent after those of the agent.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// How the calls are made, where that is not as the agent says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<StepCalls>,
}

/// What makes a sentence useful.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuoteScore {
    /// Words shared with the question (BM25) or, without a question, with the rest of the document (centrality). The
    /// agent is not asked.
    Words,
    /// How much likelier the agent finds the question after reading the sentence: one call for each sentence, whose
    /// prompt must not hold the question. Without a question, as `words`.
    Likelihood,
    /// The number that the agent chooses among the sentences of a chunk, added up with words: one call for each chunk.
    Choice,
    /// Words and likelihood, added up. Without a question, as `words`.
    #[default]
    Fused,
}

/// Gathers quotes or records into one list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatherSpec {
    /// A node that yields quotes or records; in `archive`, a node of `nodes` yields those of every source.
    #[schemars(with = "String")]
    pub over: NodeName,
    /// How many tokens to keep at most, shared evenly between the sources first; without it everything is kept.
    #[serde(default)]
    pub keep_tokens: Option<u64>,
}
