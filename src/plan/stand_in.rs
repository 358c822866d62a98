//! A model that is counted instead of asked.

use std::ops::{Add, Sub};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::filler::filler;
use super::instance::instance;
use crate::agent::answered;
use crate::model::{
    BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelError, ModelLimits, OutputForm,
    StopReason, TokenSink, Usage,
};
use crate::step::SEAMS;
use crate::store::Recall;
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

impl Sub for Tally {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(other.calls),
            prompt: self.prompt.saturating_sub(other.prompt),
            completion: self.completion.saturating_sub(other.completion),
        }
    }
}

/// What stand-ins were asked in a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Everything.
    pub(super) all: Tally,
    /// What of it was answered before, so that a run asks no model.
    pub(super) known: Tally,
    /// A prompt was longer than its model can take.
    pub(super) too_long: bool,
}

impl Asked {
    /// Says whether every call of the task, and there was one, was answered before: then the task is known to the byte.
    pub(super) fn is_known(&self) -> bool {
        self.known.calls > 0 && self.known.calls == self.all.calls
    }
}

/// When an answer of an earlier run counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Look {
    /// Never: what is asked was made of filler, and a run will ask something else.
    #[default]
    Never,
    /// Until a question has no answer: the next ones may depend on it.
    UntilFirst,
    /// Always.
    Always,
}

/// What stand-ins were asked since it was last taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<Mutex<(Asked, Look)>>);

impl Heard {
    /// Begins a task.
    pub(super) fn begin(&self, look: Look) {
        *self.lock() = (Asked::default(), look);
    }

    /// Returns what was asked since the task began.
    pub(super) fn take(&self) -> Asked {
        self.lock().0
    }

    fn looks(&self) -> bool {
        self.lock().1 != Look::Never
    }

    fn add(&self, call: Tally, known: bool, too_long: bool) {
        let (asked, look) = &mut *self.lock();
        asked.all = asked.all + call;
        if known {
            asked.known = asked.known + call;
        } else {
            asked.too_long |= too_long;
            if *look == Look::UntilFirst {
                *look = Look::Never;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Asked, Look)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts as its model does, and answers with filler.
#[derive(Debug)]
pub(super) struct StandIn {
    model: Arc<dyn ChatModel>,
    length: Length,
    heard: Heard,
    recall: Option<Arc<Recall>>,
}

impl StandIn {
    pub(super) fn new(
        model: Arc<dyn ChatModel>,
        length: Length,
        heard: Heard,
        recall: Option<Arc<Recall>>,
    ) -> Self {
        Self { model, length, heard, recall }
    }

    /// Returns the answer that a run would take over.
    fn known(&self, request: &ChatRequest) -> Option<ChatResponse> {
        let recall = self.recall.as_ref().filter(|_| self.heard.looks())?;
        Some(answered(recall, self.model.identity(), &request.hash())?.response)
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
        let known = self.known(request);
        self.heard.add(call, known.is_some(), counted > room);
        if let Some(answer) = known {
            return Ok(answer);
        }
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
        Ok(ChatResponse { text, stop: StopReason::End, usage, scores, ..ChatResponse::default() })
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
