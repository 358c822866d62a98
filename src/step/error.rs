//! Why a task did not end in a value.

use crate::agent::AgentError;
use crate::budget::Refusal;
use crate::intake::IntakeError;
use crate::memory::MemoryError;
use crate::store::StoreError;
use crate::text::{SplitError, TokenCount};

/// A task failed or was stopped.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The run was told to stop; the task is open.
    #[error("stopped")]
    Stopped,
    /// The task waits for a person; it is open.
    #[error("waiting for a person")]
    Waiting,
    /// The next call may use more than the budget leaves. Where it is the budget of the run, the task is open.
    #[error(transparent)]
    OutOfBudget(Refusal),
    /// No model is left to ask: no other task will fare better. The task is open.
    #[error("agent `{agent}` has no model to ask: {reason}")]
    Closed {
        /// The agent.
        agent: String,
        /// What each of its models said.
        reason: String,
        /// A remedy.
        hint: Option<String>,
    },
    /// A person rejected what was shown.
    #[error("rejected{}", because(.reason))]
    Rejected {
        /// Why, in the person's words; may be empty.
        reason: String,
    },
    /// The journal could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A call failed.
    #[error(transparent)]
    Agent(AgentError),
    /// The value of an input is not one that a step can do with.
    #[error("the input `{input}` is `{value}`: expected a whole number from 1 to {most}")]
    Amount {
        /// The input.
        input: String,
        /// Its value.
        value: String,
        /// The largest that it may be.
        most: u64,
    },
    /// A document could not be read.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// A document could not be cut into chunks.
    #[error("cannot split `{document}`")]
    Split {
        /// The document's name.
        document: String,
        /// What stood in the way.
        source: SplitError,
    },
    /// A document is not what it was when the run began.
    #[error("`{document}` changed while it was read: start a new run over it")]
    Changed {
        /// The document's name.
        document: String,
    },
    /// The prompt of a reader leaves no room for a chunk.
    #[error(
        "the prompt of agent `{agent}` leaves no room for text: it has {fixed} tokens without any, {reserved} are \
         reserved for notes and answer, and the window holds {context}"
    )]
    NoRoom {
        /// The agent.
        agent: String,
        /// Tokens of the prompt without a chunk.
        fixed: TokenCount,
        /// Tokens reserved for what is carried and for the answer.
        reserved: TokenCount,
        /// The window.
        context: TokenCount,
    },
    /// An answer that was to be remembered is empty.
    #[error("node `{node}` has nothing to remember: the answer is empty")]
    NothingSaid {
        /// The node.
        node: String,
    },
    /// The session's memory could not be asked.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// Two texts do not fit into one prompt, so they cannot be merged.
    #[error("agent `{agent}` cannot merge: two of its texts do not fit into one prompt of {context} tokens")]
    CannotMerge {
        /// The agent.
        agent: String,
        /// The window.
        context: TokenCount,
    },
    /// An agent's answers never kept the schema.
    #[error(
        "agent `{agent}` gave no answer that keeps the schema, asked {attempts} times; the last answer was refused: \
         {problem}; it was: {answer}"
    )]
    NotValid {
        /// The agent.
        agent: String,
        /// How often it was asked.
        attempts: u32,
        /// What is wrong with the last answer.
        problem: String,
        /// The last answer, shortened.
        answer: String,
    },
    /// A file cannot be written where a step wants it.
    #[error("node `{node}` cannot write `{path}`: {reason}")]
    Path {
        /// The node.
        node: String,
        /// The path, seen from the output folder.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value was not of the kind that the compiler had checked.
    #[error("node `{node}` yielded no {expected}: this is a defect of longhand")]
    Bug {
        /// The node.
        node: String,
        /// The kind of value expected.
        expected: &'static str,
    },
    /// The step broke down.
    #[error("node `{node}` broke down: {said}: this is a defect of longhand, please report it")]
    Panicked {
        /// The node.
        node: String,
        /// What the panic said.
        said: String,
    },
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

impl From<AgentError> for StepError {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::Stopped => Self::Stopped,
            AgentError::Store(error) => Self::Store(error),
            AgentError::OutOfBudget(refusal) => Self::OutOfBudget(refusal),
            AgentError::Closed { agent, reason, hint } => Self::Closed { agent, reason, hint },
            error => Self::Agent(error),
        }
    }
}
