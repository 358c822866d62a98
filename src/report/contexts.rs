//! What stood in the context of every call, what attending to it took, and what one long chain would have taken.
//!
//! Lines are small and events are looked at one by one, so a run of any length fits.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chain::{Chain, Reading};
use crate::graph::Workflow;
use crate::run::{CallRecord, Event, ModelRecord, Plan, RunState};
use crate::text::TokenCount;

/// The version of this shape; it grows when a field changes its meaning or goes away.
const VERSION: u32 = 1;

/// What stood in the context of every call of a run, or of all turns of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contexts {
    /// The version of this shape.
    pub version: u32,
    /// The run; of a session the runs of its turns, in their order.
    pub runs: Vec<String>,
    /// The models that were asked.
    pub models: Vec<ModelLine>,
    /// Every call, in the order in which answers came.
    pub calls: Vec<ContextLine>,
    /// What the calls took together. Those that were answered before are counted as if they had been asked.
    pub calls_took: Attended,
    /// What one long chain would have taken; none where the journal does not tell.
    pub chain_took: Option<Attended>,
    /// The chains that it would have been: one for each source, and one for the archive.
    #[serde(skip)]
    chains: Vec<Chain>,
}

/// A model that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelLine {
    /// The model's identity.
    pub identity: String,
    /// The most tokens of prompt and answer together; none where the journal does not tell.
    pub window: Option<TokenCount>,
    /// The bytes of keys and values that it keeps for a token; none where that is not known.
    pub kv_bytes_per_token: Option<u64>,
}

/// What stood in the context of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContextLine {
    /// Which of the models was asked, from 0.
    pub model: usize,
    /// Tokens of the prompt.
    pub prompt_tokens: TokenCount,
    /// Tokens generated or scored.
    pub completion_tokens: TokenCount,
}

/// What attending takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attended {
    /// The most tokens that stood in one context.
    pub peak_tokens: TokenCount,
    /// Pairs of a token and one that it attends to, itself included: `n(n+1)/2` for a context that grew to `n` tokens.
    pub pairs: u64,
    /// The bytes of keys and values of the largest context; none where a model's shape is not known.
    pub kv_peak_bytes: Option<u64>,
    /// The bytes of keys and values of all contexts together.
    pub kv_sum_bytes: Option<u64>,
}

impl Attended {
    /// Adds up contexts that grew to so many tokens, each with the bytes that a token takes in it.
    pub(super) fn over(contexts: impl Iterator<Item = (u64, Option<u64>)>) -> Self {
        let none = Self { kv_peak_bytes: Some(0), kv_sum_bytes: Some(0), ..Self::default() };
        contexts.fold(none, |sum, (tokens, bytes)| {
            let kept = bytes.map(|bytes| bytes.saturating_mul(tokens));
            let both = |one: Option<u64>, join: fn(u64, u64) -> u64| Some(join(one?, kept?));
            Self {
                peak_tokens: sum.peak_tokens.max(TokenCount(tokens)),
                pairs: sum.pairs.saturating_add(pairs(tokens)),
                kv_peak_bytes: both(sum.kv_peak_bytes, u64::max),
                kv_sum_bytes: both(sum.kv_sum_bytes, u64::saturating_add),
            }
        })
    }
}

/// The pairs in a context of so many tokens: each attends to all before it and to itself.
fn pairs(tokens: u64) -> u64 {
    let tokens = u128::from(tokens);
    u64::try_from(tokens * (tokens + 1) / 2).unwrap_or(u64::MAX)
}

impl ContextLine {
    /// Returns how many tokens stood in the context at its end.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        (self.prompt_tokens + self.completion_tokens).0
    }
}

impl Contexts {
    /// Reads the events of a run, in their order. Without its workflow, as it was, nobody knows which chunk a call read.
    #[must_use]
    pub fn of(
        run: &str,
        workflow: Option<&Workflow>,
        events: impl IntoIterator<Item: Borrow<Event>>,
    ) -> Self {
        let mut state = RunState::default();
        let mut models = Models::default();
        let mut calls = Vec::new();
        let mut reading = workflow.map(Reading::new);
        for event in events {
            let event = event.borrow();
            state.apply(event);
            match event {
                Event::Started { plan, models: known, .. } => {
                    models.known.clone_from(known.as_ref());
                    if let Some((reading, workflow)) = reading.as_mut().zip(workflow) {
                        reading.begin(workflow, plan);
                    }
                }
                Event::Called(call) => {
                    let line = models.line_of(call, state.plan());
                    calls.push(line);
                    if let Some(reading) = &mut reading {
                        reading.take(call, line.model, &state);
                    }
                }
                _ => {}
            }
        }
        let chains = reading.map(Reading::chains).unwrap_or_default();
        Self::from_parts(vec![run.to_owned()], models.lines, calls, chains)
    }

    /// Joins the turns of a session, in their order. One long chain is then the whole chat in one context.
    #[must_use]
    pub fn joined(turns: impl IntoIterator<Item = Self>) -> Self {
        let mut models: Vec<ModelLine> = Vec::new();
        let (mut runs, mut calls) = (Vec::new(), Vec::new());
        let mut whole: Option<Chain> = None;
        let mut told = true;
        for turn in turns {
            runs.extend(turn.runs);
            told &= turn.calls.is_empty() || !turn.chains.is_empty();
            let at: Vec<usize> = turn.models.into_iter().map(|model| position(&mut models, model)).collect();
            let place = |model: usize| at.get(model).copied().unwrap_or_default();
            calls.extend(turn.calls.iter().map(|line| ContextLine { model: place(line.model), ..*line }));
            for chain in turn.chains {
                let chain = Chain { model: place(chain.model), ..chain };
                whole = Some(whole.map_or(chain, |whole| whole.then(&chain)));
            }
        }
        Self::from_parts(runs, models, calls, whole.filter(|_| told).into_iter().collect())
    }

    fn from_parts(
        runs: Vec<String>,
        models: Vec<ModelLine>,
        calls: Vec<ContextLine>,
        chains: Vec<Chain>,
    ) -> Self {
        let bytes = |model: usize| models.get(model).and_then(|model| model.kv_bytes_per_token);
        let calls_took = Attended::over(calls.iter().map(|call| (call.tokens(), bytes(call.model))));
        let lengths = chains.iter().map(|chain| (chain.tokens(), bytes(chain.model)));
        let chain_took = (!chains.is_empty()).then(|| Attended::over(lengths));
        Self { version: VERSION, runs, models, calls, calls_took, chain_took, chains }
    }

    /// Returns how many chains are meant by one long chain: one for each source, and one for the archive.
    #[must_use]
    pub fn chains(&self) -> usize {
        self.chains.len()
    }
}

/// The models of a run, as calls name them.
#[derive(Default)]
struct Models {
    known: BTreeMap<String, ModelRecord>,
    lines: Vec<ModelLine>,
}

impl Models {
    fn line_of(&mut self, call: &CallRecord, plan: Option<&Plan>) -> ContextLine {
        let found = self.lines.iter().position(|line| line.identity == call.model);
        let model = found.unwrap_or_else(|| {
            let known = self.known.get(&call.model);
            // Older journals tell a window only where one was asked for.
            let asked = plan.filter(|plan| plan.model_identity == call.model).and_then(|plan| plan.window);
            self.lines.push(ModelLine {
                identity: call.model.clone(),
                window: known.map(|known| known.window).or(asked.map(TokenCount)),
                kv_bytes_per_token: known.and_then(|known| known.kv_bytes),
            });
            self.lines.len() - 1
        });
        let usage = call.response.usage;
        ContextLine { model, prompt_tokens: usage.prompt_tokens, completion_tokens: usage.completion_tokens }
    }
}

/// Finds a model among those that are known, or adds it.
fn position(models: &mut Vec<ModelLine>, model: ModelLine) -> usize {
    if let Some(at) = models.iter().position(|known| *known == model) {
        return at;
    }
    models.push(model);
    models.len() - 1
}
