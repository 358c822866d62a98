//! A run's journal as its one writer sees it. Knows nothing of what the records mean.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::blobs::Blobs;
use super::commit::GroupCommit;
use super::engine::Engine;
use super::error::StoreError;
use super::folder::RunFolder;
use super::lock::{Turnstile, WriterLock};
use super::record::{LONGEST_INSIDE, Record};
use super::recovery::{self, Recovery};
use crate::hash::ContentHash;
use crate::name::RunId;

/// What an append promises when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The record outlives the process, however it ends.
    Kill,
    /// Nothing until [`Journal::flush`]: for runs that nobody will resume.
    None,
}

/// A run's journal, open for writing.
///
/// Any number of threads may share it. Every method may block on the disk, for well below a millisecond as a rule.
/// The run stays locked to other writers until the journal is dropped.
#[derive(Debug)]
pub struct Journal {
    // Fields are dropped in this order: sled lets go of its folder before the run is unlocked.
    engine: Engine,
    blobs: Blobs,
    commit: GroupCommit,
    turnstile: Turnstile,
    next: AtomicU64,
    durability: Durability,
    recovery: Option<Recovery>,
    run: RunId,
    path: PathBuf,
    spool: PathBuf,
    _lock: WriterLock,
}

impl Journal {
    /// Opens the journal in a run's folder, making what is absent.
    pub(super) fn open(run: RunId, folder: &RunFolder, durability: Durability) -> Result<Self, StoreError> {
        let Some(lock) = WriterLock::take(&folder.lock())? else {
            return Err(StoreError::Busy { run });
        };
        let blobs = Blobs::new(folder);
        blobs.prepare()?;
        let turnstile = Turnstile::open(&folder.turn())?;
        let (engine, next, recovery) = recovery::open(&run, folder, &blobs)?;
        Ok(Self {
            engine,
            blobs,
            commit: GroupCommit::default(),
            turnstile,
            next: AtomicU64::new(next),
            durability,
            recovery,
            run,
            path: folder.journal(),
            spool: folder.spool(),
            _lock: lock,
        })
    }

    /// Names the run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Says what was put right when the journal was opened; none if nothing had to be.
    #[must_use]
    pub fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref()
    }

    /// Returns the run's folder for files under way. Names that begin with `.blob-` are the journal's own.
    #[must_use]
    pub fn spool(&self) -> &Path {
        &self.spool
    }

    /// Appends a record and returns its sequence number, counted from 0.
    ///
    /// Numbers grow in the order in which appends begin. One may have no record, after an append that failed.
    ///
    /// # Errors
    /// [`StoreError::Encode`] if the record is not JSON, [`StoreError::DiskFull`], or what the system said. Once
    /// a flush has failed every later append fails too.
    pub fn append<T: Serialize>(&self, event: &T) -> Result<u64, StoreError> {
        let json = encode(event)?;
        let outside = json.len() > LONGEST_INSIDE;
        self.append_json(json, outside)
    }

    /// Appends a record as [`Self::append`] does, but keeps it outside the journal whatever its size.
    ///
    /// Such a record survives damage to the journal. Use it for what nothing can redo, such as the start of a run.
    ///
    /// # Errors
    /// Those of [`Self::append`].
    pub fn append_outside<T: Serialize>(&self, event: &T) -> Result<u64, StoreError> {
        self.append_json(encode(event)?, true)
    }

    /// Makes everything appended so far outlive the process.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], or what the system said.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.commit.wait(|| self.engine.flush()).map_err(|source| StoreError::io(&self.path, source))
    }

    /// Walks the records in the order of their numbers.
    ///
    /// A record that cannot be read is an error in its place, and the walk goes on after it.
    pub fn entries<T: DeserializeOwned>(&self) -> impl Iterator<Item = Result<(u64, T), StoreError>> + '_ {
        self.engine.values().map(|value| {
            let (seq, bytes) = value.map_err(|source| StoreError::io(&self.path, source))?;
            Ok((seq, decode(&self.path, &self.blobs, seq, &bytes)?))
        })
    }

    /// Stores bytes outside the journal and returns the name to find them by. Equal bytes are stored once.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], or what the system said.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<ContentHash, StoreError> {
        self.blobs.put(bytes)
    }

    /// Reads bytes back that [`Self::put_blob`] stored.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`], [`StoreError::DamagedBlob`], or what the system said.
    pub fn blob(&self, hash: &ContentHash) -> Result<Vec<u8>, StoreError> {
        self.blobs.get(hash)
    }

    fn append_json(&self, json: Vec<u8>, outside: bool) -> Result<u64, StoreError> {
        self.turnstile.pass();
        let seq = self.next.fetch_add(1, Ordering::Relaxed);
        let record =
            if outside { Record::Outside(self.blobs.put_record(seq, &json)?) } else { Record::Inside(json) };
        if let Err(source) = self.engine.insert(seq, &record.to_bytes()) {
            if let Record::Outside(hash) = &record {
                self.blobs.take_back(seq, hash);
            }
            return Err(StoreError::io(&self.path, source));
        }
        if self.durability == Durability::Kill {
            self.flush()?;
        }
        Ok(seq)
    }
}

fn encode<T: Serialize>(event: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(event).map_err(|source| StoreError::Encode { source })
}

/// Reads one value of the journal at `path` as a record.
pub(super) fn decode<T: DeserializeOwned>(
    path: &Path,
    blobs: &Blobs,
    seq: u64,
    bytes: &[u8],
) -> Result<T, StoreError> {
    let json = match Record::from_bytes(bytes) {
        Some(Record::Inside(json)) => json,
        Some(Record::Outside(hash)) => blobs.get_record(seq, &hash)?,
        // Not a value of any kind: the parser's own words say what it is instead.
        None => bytes.to_vec(),
    };
    serde_json::from_slice(&json).map_err(|source| StoreError::Decode { seq, path: path.to_owned(), source })
}
