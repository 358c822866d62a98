//! A run's journal as anybody may read it, whether a writer is at work or not. Writes nothing into the store.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

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

/// How much before a mark is looked at to tell whether the journal is the one that it was set in.
const BEFORE: u64 = 1 << 12;

/// A place in a journal, to go on reading from there another time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalMark {
    /// Where the next line begins.
    at: u64,
    /// The number of the next record.
    next: u64,
    /// The hash of what stands before it.
    before: ContentHash,
}

/// Records with their numbers, in order.
pub type Records<T> = Box<dyn Iterator<Item = Result<(u64, T), StoreError>>>;

impl JournalMark {
    /// Returns how many records lie before it, damaged ones included.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.next
    }
}

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

    /// Sets a mark behind everything that was there when the journal was looked at. `next` is the number of records, damaged
    /// ones included. None where the last line is not whole.
    ///
    /// # Errors
    /// What the system said.
    pub fn mark(&self, next: u64) -> Result<Option<JournalMark>, StoreError> {
        let before = records::before(&self.path, self.length, BEFORE)?;
        let whole = before.last() == Some(&line::END);
        Ok(whole.then(|| JournalMark { at: self.length, next, before: ContentHash::of(&before) }))
    }

    /// Walks the records behind a mark; none where the mark was set in another journal, or the journal is shorter now.
    ///
    /// # Errors
    /// What the system said.
    pub fn entries_after<T: DeserializeOwned + Send + 'static>(
        &self,
        mark: &JournalMark,
    ) -> Result<Option<Records<T>>, StoreError> {
        let before = records::before(&self.path, mark.at, BEFORE)?;
        let same = mark.at <= self.length && ContentHash::of(&before) == mark.before;
        Ok(same.then(|| -> Records<T> {
            Box::new(Entries::within(&self.path, mark.at..self.length, mark.next))
        }))
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
