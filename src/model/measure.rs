//! What a prompt is held against before anything is asked.

use std::fmt;
use std::sync::Arc;

use super::chat::{ChatModel, Message, ModelLimits};
use super::error::ModelError;
use crate::text::TokenCount;

/// How long prompts are for a model, and how long they may be: the part of a model that costs no computing.
pub trait Measure: fmt::Debug + Send + Sync {
    /// Returns what the model can take and give.
    fn limits(&self) -> ModelLimits;

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

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        self.as_ref().prompt_tokens(messages)
    }
}
