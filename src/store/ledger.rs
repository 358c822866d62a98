//! The journal of a run together with what it adds up to.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, RuntimeFlavor};

use super::{Journal, Recall, StoreError};
use crate::hash::ContentHash;
use crate::name::NodeName;
use crate::run::{Event, Kept, RunState, Slot, Value};

/// Sees every event once it is in the journal.
pub type Observer = Box<dyn Fn(&Event) + Send + Sync>;

/// Says under which key an event can be found again, where it can.
pub type KeyOf = dyn Fn(&Event) -> Option<ContentHash>;

/// Where an event was recorded; nowhere, if nothing is kept.
#[derive(Debug, Clone, Copy)]
pub struct Recorded {
    at: Option<u64>,
}

/// A run's journal and its state: an event is appended first and takes effect second.
pub struct Ledger {
    /// None where nothing is kept.
    journal: Option<Journal>,
    state: Mutex<RunState>,
    lost: u64,
    observer: Option<Observer>,
    recall: Option<Recall>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("journal", &self.journal).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Reads what the journal holds. Damaged records are counted and left out: what they told of is done again.
    ///
    /// # Errors
    /// [`StoreError`] where the journal cannot be read.
    pub fn open(journal: Journal) -> Result<Self, StoreError> {
        Self::read_in(journal, |_, _| ())
    }

    /// Reads what the journal holds, as [`Self::open`] does, and finds records of every run by their keys from then on: see
    /// [`Self::recall`]. `key_of` says which of this run's own can be found.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn recalling(journal: Journal, mut recall: Recall, key_of: &KeyOf) -> Result<Self, StoreError> {
        recall.begin(journal.run().clone());
        let own = |event: &Event, at: u64| {
            if let Some(key) = key_of(event) {
                recall.remember(&key, at);
            }
        };
        let ledger = Self::read_in(journal, own)?;
        Ok(Self { recall: Some(recall), ..ledger })
    }

    fn read_in(journal: Journal, mut see: impl FnMut(&Event, u64)) -> Result<Self, StoreError> {
        let mut state = RunState::default();
        let mut lost = 0;
        journal.flush()?;
        let mut entries = journal.walk::<Event>();
        while let Some(entry) = entries.next() {
            match entry {
                Ok((_, event)) => {
                    state.apply_from(&event, entries.at());
                    see(&event, entries.at());
                }
                Err(StoreError::DamagedRecord { .. }) => lost += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(Self { journal: Some(journal), state: Mutex::new(state), lost, observer: None, recall: None })
    }

    /// Begins a ledger that keeps nothing: for what is only tried.
    #[must_use]
    pub fn unkept() -> Self {
        Self { journal: None, state: Mutex::default(), lost: 0, observer: None, recall: None }
    }

    /// Returns the journal; none where nothing is kept.
    #[must_use]
    pub fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// Says how many records of the journal were damaged when it was opened.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
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
    pub fn record(&self, event: &Event) -> Result<Recorded, StoreError> {
        let written = self.journal.as_ref().map(|journal| journal.keep(event)).transpose()?;
        let at = written.map(|written| written.at());
        self.take_effect(event, at);
        Ok(Recorded { at })
    }

    /// Journals `event`, waits until it is on the disk, then applies it: for what was paid for.
    ///
    /// When this returns, a loss of power loses nothing of it, nor of what was recorded before. Where the future is
    /// dropped, the event may be in the journal without having taken effect.
    ///
    /// # Errors
    /// As [`Self::record`], and [`StoreError::Io`] where the runtime ends meanwhile.
    pub async fn record_forced(&self, event: &Event) -> Result<Recorded, StoreError> {
        let mut at = None;
        if let Some(journal) = &self.journal {
            let written = journal.write_out(event)?;
            at = Some(written.at());
            // The disk takes milliseconds, in which the runtime has other tasks to go on with. A runtime of several threads gives
            // them to another thread, so that nobody has to be woken before and after the wait; one of a single thread cannot.
            if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
                tokio::task::block_in_place(|| written.force())?;
            } else {
                let forced = tokio::task::spawn_blocking(move || written.force()).await;
                forced.map_err(|error| StoreError::io(journal.spool(), std::io::Error::other(error)))??;
            }
        }
        self.take_effect(event, at);
        Ok(Recorded { at })
    }

    /// Returns the way to records of every run by their keys; none where this run is to have nothing of others.
    #[must_use]
    pub fn recall(&self) -> Option<&Recall> {
        self.recall.as_ref()
    }

    /// Lets later calls of this run and every later run find what was recorded. If that fails it is only not found.
    pub fn offer(&self, key: &ContentHash, recorded: Recorded) {
        if let (Some(recall), Some(at)) = (&self.recall, recorded.at) {
            recall.offer(key, at);
        }
    }

    /// Returns the value that `node` yielded over `slot`, if it has. One that is not held in memory is read back.
    ///
    /// # Errors
    /// [`StoreError::LostValue`] where it cannot be read back, or what the system said.
    pub fn value(&self, node: &NodeName, slot: Slot) -> Result<Option<Value>, StoreError> {
        let kept = self.read(|state| state.kept(node, slot).cloned());
        let at = match kept {
            None => return Ok(None),
            Some(Kept::Here(value)) => return Ok(Some(value)),
            Some(Kept::At(at)) => at,
        };
        let read = self.journal.as_ref().map(|journal| journal.at::<Event>(at)).transpose()?.flatten();
        match read {
            Some(Event::Done { value, .. }) => Ok(Some(value)),
            _ => Err(StoreError::LostValue { node: node.clone(), slot }),
        }
    }

    fn take_effect(&self, event: &Event, at: Option<u64>) {
        match at {
            Some(at) => self.state().apply_from(event, at),
            None => self.state().apply(event),
        }
        if let Some(observer) = &self.observer {
            observer(event);
        }
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
