//! What prompts are counted with where nothing is asked.

use std::fmt;
use std::sync::Arc;

use super::chat::{BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelLimits, TokenSink};
use super::error::ModelError;
use crate::text::{TokenCount, TokenCounter};

/// How long prompts are for a model, and how long they may be: the part of a model that costs no computing.
pub trait Measure: fmt::Debug + Send + Sync {
    /// Returns what the model can take and give.
    fn limits(&self) -> ModelLimits;

    /// Returns the model's own way to count tokens.
    fn counter(&self) -> &dyn TokenCounter;

    /// Counts the tokens of the whole prompt that `messages` become, chat template included.
    ///
    /// # Errors
    /// [`ModelError::Template`] where the messages cannot be rendered.
    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError>;
}

impl Measure for Arc<dyn ChatModel> {
    fn limits(&self) -> ModelLimits {
        self.as_ref().limits()
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.as_ref().counter()
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        self.as_ref().prompt_tokens(messages)
    }
}

/// A model of which no more is there than it takes to count its tokens. It answers nothing.
#[derive(Debug)]
pub struct Unasked {
    identity: String,
    measure: Arc<dyn Measure>,
}

impl Unasked {
    /// Puts `measure` in the place of the model with this identity.
    #[must_use]
    pub fn new(identity: String, measure: Arc<dyn Measure>) -> Self {
        Self { identity, measure }
    }
}

impl ChatModel for Unasked {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn limits(&self) -> ModelLimits {
        self.measure.limits()
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.measure.counter()
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        self.measure.prompt_tokens(messages)
    }

    fn chat<'a>(
        &'a self,
        _: &'a ChatRequest,
        _: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        let reason = "only what counts its tokens was loaded".to_owned();
        Box::pin(async move { Err(ModelError::Compute { reason }) })
    }
}
