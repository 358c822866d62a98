//! A run's journal as anybody may read it, whether a writer is at work or not. Writes nothing into the store.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::blobs::Blobs;
use super::entries::Entries;
use super::error::StoreError;
use super::folder::RunFolder;
use super::line;
use super::lock::WriterLock;
use super::records::{self, Lines};
use crate::hash::ContentHash;
use crate::name::RunId;

/// How much is read of the end of a journal.
const ENDING: u64 = 1 << 16;

/// A run's journal as it was at one moment.
///
/// Holds no lock and none of the records. Any number of threads may share it.
#[derive(Debug)]
pub struct JournalReader {
    run: RunId,
    path: PathBuf,
    /// How far the file of records reached at that moment.
    length: u64,
    blobs: Blobs,
    live: bool,
}

impl JournalReader {
    /// Looks how far the journal of a run has come.
    pub(super) fn open(run: RunId, folder: &RunFolder) -> Result<Self, StoreError> {
        let live = WriterLock::is_taken(&folder.lock());
        let path = folder.records();
        let length = records::length(&path)?;
        Ok(Self { run, path, length, blobs: Blobs::new(folder), live })
    }

    /// Names the run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Says whether a writer held the run when it was read.
    #[must_use]
    pub fn live(&self) -> bool {
        self.live
    }

    /// Walks the records in the order of their numbers.
    ///
    /// A record that cannot be read is an error in its place, and the walk goes on after it.
    pub fn entries<T: DeserializeOwned + Send + 'static>(
        &self,
    ) -> impl Iterator<Item = Result<(u64, T), StoreError>> + use<T> {
        Entries::new(&self.path, self.length, 0)
    }

    /// Walks the whole records among the last 64 KiB, in the order of their numbers.
    ///
    /// # Errors
    /// What the system said. Damaged records, and those of another form, are passed over.
    pub fn ending<T: DeserializeOwned>(&self) -> Result<Vec<T>, StoreError> {
        let from = records::line_after(&self.path, self.length.saturating_sub(ENDING))?;
        let mut ending = Vec::new();
        for line in Lines::open(&self.path, from..self.length)? {
            let json = line?.record().and_then(|(_, body)| line::unpack(&body));
            ending.extend(json.and_then(|json| serde_json::from_slice(&json).ok()));
        }
        Ok(ending)
    }

    /// Reads bytes back that the run's writer stored.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`], [`StoreError::DamagedBlob`], or what the system said.
    pub fn blob(&self, hash: &ContentHash) -> Result<Vec<u8>, StoreError> {
        self.blobs.get(hash)
    }
}
