//! The journal of a run together with what it adds up to.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Journal, StoreError};
use crate::run::{Event, RunState};

/// Sees every event once it is in the journal.
pub type Observer = Box<dyn Fn(&Event) + Send + Sync>;

/// A run's journal and its state: an event is appended first and takes effect second.
pub struct Ledger {
    /// None where nothing is kept.
    journal: Option<Journal>,
    state: Mutex<RunState>,
    observer: Option<Observer>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("journal", &self.journal).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Reads what the journal holds.
    ///
    /// # Errors
    /// [`StoreError`] where an entry cannot be read.
    pub fn open(journal: Journal) -> Result<Self, StoreError> {
        let mut state = RunState::default();
        for entry in journal.entries::<Event>() {
            let (_, event) = entry?;
            state.apply(&event);
        }
        Ok(Self { journal: Some(journal), state: Mutex::new(state), observer: None })
    }

    /// Begins a ledger that keeps nothing: for what is only tried.
    #[must_use]
    pub fn unkept() -> Self {
        Self { journal: None, state: Mutex::default(), observer: None }
    }

    /// Shows every further event to `observer`, once it is journaled.
    #[must_use]
    pub fn observed(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Journals `event`, then applies it.
    ///
    /// When this returns, killing the process loses nothing of it.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be written; the state is then as before.
    pub fn record(&self, event: &Event) -> Result<(), StoreError> {
        if let Some(journal) = &self.journal {
            journal.append(event)?;
        }
        self.state().apply(event);
        if let Some(observer) = &self.observer {
            observer(event);
        }
        Ok(())
    }

    /// Looks at the state.
    pub fn read<T>(&self, look: impl FnOnce(&RunState) -> T) -> T {
        look(&self.state())
    }

    /// A state is whole between two events, whatever happened to the thread that looked at it last.
    fn state(&self) -> MutexGuard<'_, RunState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
