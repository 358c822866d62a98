//! `split`: cuts every document of a source into chunks that fit the prompt of the step that reads them.
//!
//! The budget of a chunk is the reader's window, less its rendered prompt without any text, less the room for the
//! communication unit where the reader carries one, less the reader's answer. Chain-of-Agents (arXiv 2406.02818,
//! Algorithm 2) subtracts the prompt only; without the other two a prompt could pass the window.

use super::StepError;
use super::context::{RunContext, bug};
use super::extract::{SENT_BACK, schema_text};
use crate::graph::Node;
use crate::model::ModelLimits;
use crate::prompt::Variables;
use crate::run::{TaskId, Value};
use crate::spec::{AgentSpec, Amount, ChunkEnd, FoldSpec, Keep, SplitSpec, StepSpec};
use crate::text::{Chunk, Splitter, TokenCount};

/// Tokens set aside for what joining texts can add: byte-pair encodings are not additive at the seams of a prompt, and
/// the numbers of a chunk are rendered with more digits the more chunks there are.
pub const SEAMS: TokenCount = TokenCount(16);

/// What a numbered sentence costs beyond its own text: number, full stop, spaces, line break.
const NUMBERING_SHARE: u64 = 5;

pub(super) fn run(context: &RunContext, task: &TaskId, spec: &SplitSpec) -> Result<Value, StepError> {
    let reader = context.node(&spec.reader)?;
    let most = spec.max_tokens.as_ref().map(|most| context.amount(task, most, Amount::MOST_TOKENS));
    let most = most.transpose()?.map(TokenCount);
    let budget = match (budget(context, task, reader)?, most) {
        (Some(budget), most) => most.map_or(budget, |most| budget.min(most)),
        // The compiler asks for `max_tokens` where no prompt of the reader bounds a chunk.
        (None, most) => most.ok_or_else(|| bug(&reader.name, "reader"))?,
    };
    let counter = match &reader.agent {
        Some(agent) => context.models.of(agent)?.counter(),
        None => context.models.default_model().counter(),
    };
    let mut chunks = Vec::new();
    for index in source(context, task)? {
        let document = context.document(*index).ok_or_else(|| bug(&task.node, "document"))?;
        let failed = |source| StepError::Split { document: document.name.clone(), source };
        let before = chunks.len();
        let splitter = Splitter::new(document.reader()?, budget, counter);
        let splitter = match spec.at {
            ChunkEnd::Sentences => splitter,
            ChunkEnd::Paragraphs => splitter.at_paragraphs(),
        };
        for piece in splitter {
            let piece = piece.map_err(failed)?;
            chunks.push(Chunk { document: *index, span: piece.span, tokens: piece.tokens, hash: piece.hash });
            if spec.keep == Keep::First {
                break;
            }
        }
        tracing::debug!(document = %document.name, chunks = chunks.len() - before, budget = budget.0, "split");
    }
    Ok(Value::Chunks(chunks))
}

fn source<'a>(context: &'a RunContext, task: &TaskId) -> Result<&'a super::Source, StepError> {
    let crate::run::Slot::Source(index) = task.slot else { return Err(bug(&task.node, "source")) };
    let source = usize::try_from(index).ok().and_then(|index| context.sources.get(index));
    source.ok_or_else(|| bug(&task.node, "source"))
}

/// How a window is shared between what every prompt of a reader holds and the text of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The rendered prompt without the text of a chunk.
    pub fixed: TokenCount,
    /// What is set aside for the answer, for what is carried along and for the seams.
    pub reserved: TokenCount,
    /// What is left for the text of a chunk.
    pub left: TokenCount,
}

/// Returns how many tokens of text one prompt of `reader` can hold; `None` for a step that does not read chunk by chunk.
fn budget(context: &RunContext, task: &TaskId, reader: &Node) -> Result<Option<TokenCount>, StepError> {
    let Some(agent) = reader.agent.as_deref() else { return Ok(None) };
    let limits = context.models.of(agent)?.limits();
    let none = std::collections::BTreeMap::new();
    let with = match &reader.step {
        StepSpec::Fold(fold) => &fold.with,
        StepSpec::Map(map) => &map.with,
        StepSpec::Quote(_) => &none,
        StepSpec::Filter(filter) => &filter.with,
        StepSpec::Extract(extract) => &extract.with,
        _ => return Ok(None),
    };
    let variables = context.variables(task, with)?;
    let tokens = |variables: &Variables| context.caller().prompt_tokens(agent, variables);
    let Some(Room { fixed, reserved, left }) = room(&reader.step, agent, &limits, variables, tokens)? else {
        return Ok(None);
    };
    if left == TokenCount(0) {
        let agent = agent.name.to_string();
        return Err(StepError::NoRoom { agent, fixed, reserved, context: limits.context });
    }
    Ok(Some(left))
}

/// Returns how the window of `limits` is shared where `step` reads chunk by chunk with `agent`, and `None` where it does
/// not. `variables` are those that do not change from chunk to chunk, and `tokens` counts a rendered prompt.
///
/// # Errors
/// What `tokens` returns.
pub fn room<E>(
    step: &StepSpec,
    agent: &AgentSpec,
    limits: &ModelLimits,
    mut variables: Variables,
    tokens: impl Fn(&Variables) -> Result<TokenCount, E>,
) -> Result<Option<Room>, E> {
    let answer = TokenCount(agent.max_output).min(limits.max_output);
    let unit = match step {
        StepSpec::Fold(_) => answer,
        StepSpec::Quote(quote) => TokenCount(quote.keep_tokens),
        // An answer that breaks the schema is sent back together with what is wrong with it.
        StepSpec::Extract(extract) if extract.repairs > 0 => answer + TokenCount(SENT_BACK),
        StepSpec::Map(_) | StepSpec::Filter(_) | StepSpec::Extract(_) => TokenCount(0),
        _ => return Ok(None),
    };
    variables.set("chunk", "");
    variables.set("item", "");
    if let StepSpec::Extract(extract) = step {
        variables.set("schema", schema_text(&extract.schema));
    }
    if let StepSpec::Fold(FoldSpec { rereads, .. }) = step
        && *rereads > 0
    {
        variables.set("rereads", u64::from(*rereads));
    }
    variables.set("index", 1_000_000_u64);
    variables.set("count", 1_000_000_u64);
    // A prompt has other words around the unit than without one, so the longer of the two is what counts.
    let mut fixed = TokenCount(0);
    for carried in [false, true] {
        if matches!(step, StepSpec::Quote(_)) {
            variables.set("sentences", Vec::<serde_json::Value>::new());
            let quote = serde_json::json!({ "text": "", "document": "" });
            variables.set("unit", if carried { vec![quote] } else { Vec::new() });
        } else {
            variables.set("unit", if carried { "." } else { "" });
        }
        fixed = fixed.max(tokens(&variables)?);
    }
    let reserved = answer + unit + SEAMS;
    let left = limits.context.saturating_sub(fixed + reserved);
    let left = match step {
        // Every sentence gains a number, so a part of the room goes to numbering.
        StepSpec::Quote(_) => TokenCount(left.0 - left.0 / NUMBERING_SHARE),
        _ => left,
    };
    Ok(Some(Room { fixed, reserved, left }))
}
