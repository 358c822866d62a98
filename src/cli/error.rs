//! Every error of a command: what kind it is, what hint it carries, which exit status it ends in.

use std::error::Error;
use std::fmt;
use std::process::{ExitCode, Termination};

use crate::connect::ConnectError;
use crate::run::Outcome;
use crate::spec::Diagnostics;
use crate::store::StoreError;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything asked for was done.
    Done,
    /// It could not be done, or no document could be processed.
    Failed,
    /// The command line was wrong.
    Usage,
    /// A workflow or the configuration is invalid.
    Invalid,
    /// The budget does not allow what was asked for; what was finished is kept.
    OutOfBudget,
    /// Some documents failed; the others are done.
    SomeFailed,
    /// The model could not be reached or loaded.
    Provider,
    /// The run waits for a person to decide.
    Waiting,
    /// A level that was promised is not reached.
    Missed,
    /// The run was interrupted and can be resumed.
    Interrupted,
}

impl ExitStatus {
    /// Returns the number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::OutOfBudget => 4,
            Self::SomeFailed => 5,
            Self::Provider => 6,
            Self::Waiting => 7,
            Self::Missed => 8,
            Self::Interrupted => 130,
        }
    }
}

impl From<Outcome> for ExitStatus {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Succeeded => Self::Done,
            Outcome::Partial => Self::SomeFailed,
            Outcome::Interrupted => Self::Interrupted,
            Outcome::Waiting => Self::Waiting,
            Outcome::OutOfBudget => Self::OutOfBudget,
            Outcome::NoModel => Self::Provider,
            Outcome::Failed => Self::Failed,
        }
    }
}

impl Termination for ExitStatus {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// A command failed.
#[derive(Debug)]
pub(super) struct CommandError {
    status: ExitStatus,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    hints: Vec<String>,
}

impl CommandError {
    /// An error that is fully said by `message`.
    pub(super) fn new(status: ExitStatus, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), source: None, hints: Vec::new() }
    }

    /// An error with its cause.
    pub(super) fn caused(
        status: ExitStatus,
        message: impl Into<String>,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self { status, message: message.into(), source: Some(Box::new(source)), hints: Vec::new() }
    }

    /// Adds a remedy.
    pub(super) fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(super) fn status(&self) -> ExitStatus {
        self.status
    }

    pub(super) fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn Error + 'static))
    }
}

/// Diagnostics print themselves, so they are the whole message.
impl From<Diagnostics> for CommandError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::new(ExitStatus::Invalid, diagnostics.to_string())
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            // The store is sound: it is the name that was not.
            StoreError::NoRun { .. } | StoreError::Ambiguous { .. } => {
                Self::new(ExitStatus::Usage, error.to_string()).hinted("`longhand runs list` shows all runs")
            }
            StoreError::Busy { .. } => Self::new(ExitStatus::Failed, error.to_string()),
            error => Self::caused(ExitStatus::Failed, "the store cannot be used", error),
        }
    }
}

impl From<ConnectError> for CommandError {
    fn from(error: ConnectError) -> Self {
        if let ConnectError::Script(diagnostics) = error {
            return diagnostics.into();
        }
        let hint = error.hint();
        let made = Self::caused(ExitStatus::Provider, "there is no model to ask", error);
        match hint {
            Some(hint) => made.hinted(hint),
            None => made,
        }
    }
}
