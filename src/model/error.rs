//! What can go wrong between a request and its answer.

use std::path::PathBuf;
use std::time::Duration;

use super::chat::Usage;
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
    /// The answer broke off, or was none.
    #[error("the answer is of no use: {reason}")]
    Broken {
        /// What came, and what was expected.
        reason: String,
        /// What it used all the same, where that is known.
        usage: Option<Usage>,
    },
    /// The provider holds the answer back.
    #[error("the provider's filter holds the answer back")]
    Filtered {
        /// What it used all the same, where that is known.
        usage: Option<Usage>,
    },
    /// The endpoint does not take this request.
    #[error("the endpoint refuses the request with status {status}: {reason}")]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// What it said, in a line.
        reason: String,
    },
    /// The endpoint does not accept the key.
    #[error("the endpoint does not accept the key: {reason}")]
    Unauthorized {
        /// What it said, in a line.
        reason: String,
    },
    /// The endpoint does not know the model, or nothing answers at the address.
    #[error("the endpoint knows no such model or address: {reason}")]
    Missing {
        /// What it said, in a line.
        reason: String,
    },
    /// What was paid for is used up, which no waiting mends.
    #[error("what the endpoint was paid for is used up: {reason}")]
    OutOfQuota {
        /// What it said, in a line.
        reason: String,
    },
    /// The endpoint cut the prompt without saying so: its answer is about a part of what it was sent.
    #[error(
        "the endpoint read only {read} of the prompt's {counted} tokens and did not say so: its window seems to hold \
         {read} tokens"
    )]
    Cut {
        /// Tokens of the prompt.
        counted: TokenCount,
        /// Tokens that the endpoint says it read.
        read: TokenCount,
        /// What it used.
        usage: Usage,
    },
    /// A scripted model has no answer for a request.
    #[error("the scripted model has no rule for this request")]
    NoRule,
}

/// What a try that gave no answer has to be paid with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// Nothing: nothing was computed.
    Nothing,
    /// So much.
    Used(Usage),
    /// Nobody knows; at worst all that was set aside for it.
    Unknown,
}

impl ModelError {
    /// Tells whether the same call may be answered when it is made again.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::TimedOut { .. } | Self::Broken { .. })
    }

    /// Tells whether no other call of this model will be answered either, until a person does something about it.
    #[must_use]
    pub fn is_for_all(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized { .. } | Self::Missing { .. } | Self::OutOfQuota { .. } | Self::Cut { .. }
        )
    }

    /// Tells what has to be paid although there is no answer.
    #[must_use]
    pub fn charge(&self) -> Charge {
        match self {
            Self::TimedOut { .. } => Charge::Unknown,
            Self::Broken { usage, .. } | Self::Filtered { usage } => {
                usage.map_or(Charge::Unknown, Charge::Used)
            }
            Self::Cut { usage, .. } => Charge::Used(*usage),
            _ => Charge::Nothing,
        }
    }

    /// Returns a remedy for what is wrong with a whole endpoint.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unauthorized { .. } => Some(
                "set the environment variable that `api_key_env` names, `OPENAI_API_KEY` by default"
                    .to_owned(),
            ),
            Self::Missing { .. } => Some(
                "`longhand doctor MODEL` tells what the endpoint knows; look at `model` and `base_url`"
                    .to_owned(),
            ),
            Self::OutOfQuota { .. } => {
                Some("top the account up, or name another model with `--model`".to_owned())
            }
            Self::Cut { read, .. } => Some(format!(
                "write `context: {read}` at the model in `longhand.yaml`, or give the server a larger window"
            )),
            _ => None,
        }
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
