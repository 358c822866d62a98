//! What the index over all runs holds and takes, and how it is emptied. Knows nothing of what its keys are made of.

use serde::Serialize;

use super::catalogue::Store;
use super::error::StoreError;
use super::index::{Index, Places};

/// What the index over all runs holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IndexStats {
    /// Lines that are whole.
    pub entries: u64,
    /// Those of them that can be found: the newest of each key whose run is there.
    pub live: u64,
    /// Lines that are damaged or were cut off, and are passed over.
    pub damaged: u64,
    /// The runs that live entries are of.
    pub runs: u64,
    /// The size of the index in bytes. It holds no record.
    pub bytes: u64,
}

impl Store {
    /// Counts what the index over all runs holds.
    ///
    /// # Errors
    /// What the system said.
    pub fn index_stats(&self) -> Result<IndexStats, StoreError> {
        let index = Index::new(&self.cache());
        let mut entries = 0;
        let damaged = index.walk(|_| entries += 1)?;
        let places = Places::read(&index, &self.runs()?)?;
        let (live, runs) = (places.len() as u64, places.runs().len() as u64);
        Ok(IndexStats { entries, live, damaged, runs, bytes: index.bytes() })
    }

    /// Empties the index over all runs: no record of a run that is there can be found by its key any more. Runs that are
    /// worked on go on noting what they record.
    ///
    /// # Errors
    /// [`StoreError::Denied`], or what the system said.
    pub fn clear_index(&self) -> Result<(), StoreError> {
        Index::new(&self.cache()).clear()
    }
}
