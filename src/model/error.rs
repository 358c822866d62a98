//! What can go wrong between a request and its answer.

use std::path::PathBuf;

use crate::text::TokenCount;

/// A model could not be loaded, or could not answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The prompt and the room for its answer do not fit the window.
    #[error(
        "the prompt has {prompt} tokens and its answer needs {reserved}: {over} more than the window of {context} holds"
    )]
    PromptTooLong {
        /// Tokens of the rendered prompt.
        prompt: TokenCount,
        /// Tokens reserved for the answer.
        reserved: TokenCount,
        /// The model's window.
        context: TokenCount,
        /// By how many tokens the sum passes the window.
        over: TokenCount,
    },
    /// The chat template could not be rendered.
    #[error("the model's chat template cannot be rendered: {reason}")]
    Template {
        /// What the template engine said.
        reason: String,
    },
    /// The requested form of the answer is not one that the model can be held to.
    #[error("the answer cannot be held to that form: {reason}")]
    Form {
        /// What is wrong with the form.
        reason: String,
    },
    /// The model file cannot be used.
    #[error("cannot load the model `{}`: {reason}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what was expected.
        reason: String,
    },
    /// The computation failed.
    #[error("the model failed while computing: {reason}")]
    Compute {
        /// What the engine said.
        reason: String,
    },
    /// A scripted model has no answer for a request.
    #[error("the scripted model has no rule for this request")]
    NoRule,
}

impl ModelError {
    /// Makes [`Self::PromptTooLong`] where `prompt` and `reserved` pass `context`.
    ///
    /// # Errors
    /// The error itself, where they do not fit.
    pub fn check_fits(prompt: TokenCount, reserved: TokenCount, context: TokenCount) -> Result<(), Self> {
        let over = (prompt + reserved).saturating_sub(context);
        if over == TokenCount(0) {
            Ok(())
        } else {
            Err(Self::PromptTooLong { prompt, reserved, context, over })
        }
    }
}
