//! What can go wrong between a request and its answer.

use std::path::PathBuf;
use std::time::Duration;

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
    /// The model did not answer, for a reason that may pass.
    #[error("the model did not answer: {reason}")]
    Unavailable {
        /// What was said or seen.
        reason: String,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The model took too long.
    #[error("the model {} within {} s", if *.idle { "wrote nothing more" } else { "did not finish its answer" }, limit.as_secs())]
    TimedOut {
        /// The time that it had.
        limit: Duration,
        /// Whether the answer had begun, and nothing more of it came.
        idle: bool,
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
    /// Tells whether the same call may be answered when it is made again.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::TimedOut { .. })
    }

    /// Tells whether work may have been done, and charged, although there is no answer.
    #[must_use]
    pub fn may_have_cost(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    /// Returns how long the model asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

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
