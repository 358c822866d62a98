//! Why a call gave no answer.

use crate::budget::Refusal;
use crate::model::ModelError;
use crate::prompt::PromptError;
use crate::store::StoreError;

/// A logical call failed.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The prompt could not be rendered.
    #[error("agent `{agent}` has no prompt for this call")]
    Prompt {
        /// The agent.
        agent: String,
        /// What the template said.
        source: PromptError,
    },
    /// The model gave no answer.
    #[error("agent `{agent}` got no answer")]
    Model {
        /// The agent.
        agent: String,
        /// What the model said.
        source: ModelError,
    },
    /// No model that the agent may ask will answer any call, until a person does something about it.
    #[error("agent `{agent}` has no model to ask: {reason}")]
    Closed {
        /// The agent.
        agent: String,
        /// What each of them said.
        reason: String,
        /// A remedy.
        hint: Option<String>,
    },
    /// The answer could not be journaled, so nothing may depend on it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run was told to stop before the call was made.
    #[error("stopped before the call was made")]
    Stopped,
    /// The call may use more than the budget leaves.
    #[error(transparent)]
    OutOfBudget(Refusal),
    /// The agent names a model that the run did not connect to.
    #[error("agent `{agent}` wants a model that is not connected: `{model}`")]
    NoModel {
        /// The agent.
        agent: String,
        /// The model it names.
        model: String,
    },
}
