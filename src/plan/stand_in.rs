//! A model that is counted instead of asked.

use std::ops::Add;
use std::sync::{Arc, Mutex, PoisonError};

use super::filler::filler;
use super::instance::instance;
use crate::model::{
    BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelError, ModelLimits, OutputForm,
    StopReason, TokenSink, Usage,
};
use crate::step::SEAMS;
use crate::text::{TokenCount, TokenCounter};

/// How long the answers of a rehearsal are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Length {
    /// This share of the longest.
    Usual(f64),
    /// As long as the request allows.
    Longest,
}

/// Calls and their tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) calls: u64,
    pub(super) prompt: TokenCount,
    pub(super) completion: TokenCount,
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            prompt: self.prompt + other.prompt,
            completion: self.completion + other.completion,
        }
    }
}

/// What stand-ins were asked since it was last taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<Mutex<(Tally, bool)>>);

impl Heard {
    /// Returns what was asked, and whether a prompt was longer than its model can take.
    pub(super) fn take(&self) -> (Tally, bool) {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, call: Tally, too_long: bool) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.0 = heard.0 + call;
        heard.1 |= too_long;
    }
}

/// Counts as its model does, and answers with filler.
#[derive(Debug)]
pub(super) struct StandIn {
    model: Arc<dyn ChatModel>,
    length: Length,
    heard: Heard,
}

impl StandIn {
    pub(super) fn new(model: Arc<dyn ChatModel>, length: Length, heard: Heard) -> Self {
        Self { model, length, heard }
    }

    fn answer(&self, request: &ChatRequest) -> Result<ChatResponse, ModelError> {
        let counted = self.model.prompt_tokens(&request.messages)?;
        let room = room(&self.limits(), request.max_output);
        let most = request.most(self.counter());
        let (prompt, completion) = match (self.length, &request.output) {
            (Length::Longest, _) => (counted + SEAMS, most),
            // What is scored is known, whatever the model thinks of it.
            (Length::Usual(_), OutputForm::Score(_)) => (counted, most),
            (Length::Usual(share), _) => (counted, part(most, share)),
        };
        // A model refuses what it cannot hold, so no prompt is longer than that.
        let call = Tally { calls: 1, prompt: prompt.min(room), completion };
        self.heard.add(call, counted > room);
        let (text, scores) = match &request.output {
            OutputForm::Text => (filler(completion, self.counter()), Vec::new()),
            OutputForm::Json(schema) => (instance(schema, completion, self.counter()), Vec::new()),
            OutputForm::Choice(choices) => {
                (choices.first().cloned().unwrap_or_default(), vec![-1.0; choices.len()])
            }
            OutputForm::Score(text) => (text.clone(), vec![-1.0]),
        };
        let usage = Usage {
            prompt_tokens: call.prompt,
            cached_prompt_tokens: TokenCount(0),
            completion_tokens: completion,
        };
        Ok(ChatResponse { text, stop: StopReason::End, usage, scores })
    }
}

/// Returns how long a prompt can be that leaves room for its answer.
pub(super) fn room(limits: &ModelLimits, answer: TokenCount) -> TokenCount {
    limits.context.saturating_sub(answer)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "answers have far fewer than 2^53 tokens, and a share is from 0 to 1"
)]
fn part(most: TokenCount, share: f64) -> TokenCount {
    TokenCount((most.0 as f64 * share).round() as u64).min(most)
}

impl ChatModel for StandIn {
    fn identity(&self) -> &str {
        self.model.identity()
    }

    fn limits(&self) -> ModelLimits {
        self.model.limits()
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.model.counter()
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        self.model.prompt_tokens(messages)
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        _: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        Box::pin(async move { self.answer(request) })
    }
}
