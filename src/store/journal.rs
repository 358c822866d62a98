//! A run's journal as its one writer sees it. Knows nothing of what the records mean.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::blobs::Blobs;
use super::disk::Disk;
use super::engine::Engine;
use super::entries::Entries;
use super::error::StoreError;
use super::folder::RunFolder;
use super::line;
use super::lock::WriterLock;
use super::marks;
use super::records::{self, Place, Records};
use super::recovery::{self, Opened, Recovery};
use crate::hash::ContentHash;
use crate::name::RunId;

/// What [`Journal::append`] promises when it returns; [`Journal::append_forced`] promises more, whatever is chosen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The record outlives the process, however it ends.
    Kill,
    /// Nothing until [`Journal::flush`], or until the journal is dropped: for runs that nobody will resume.
    None,
}

/// A run's journal, open for writing.
///
/// Any number of threads may share it. Every method may block on the disk, for some microseconds as a rule.
/// The run stays locked to other writers until the journal is dropped.
#[derive(Debug)]
pub struct Journal {
    // Fields are dropped in this order: sled lets go of its folder before the run is unlocked.
    index: Engine,
    tail: Mutex<Tail>,
    disk: Arc<Disk>,
    blobs: Blobs,
    durability: Durability,
    recovery: Option<Recovery>,
    run: RunId,
    folder: RunFolder,
    spool: PathBuf,
    _lock: WriterLock,
}

/// A record that is with the system, and perhaps not on the disk yet.
///
/// Holds nothing of the journal that anybody waits for, so it can be forced on another thread.
#[derive(Debug)]
pub(super) struct Written {
    seq: u64,
    /// Where its line begins.
    at: u64,
    /// Where its line ends.
    end: u64,
    disk: Arc<Disk>,
}

impl Written {
    /// Returns where the record's line begins.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Waits until the record is on the disk, and all that were appended before it.
    pub(super) fn force(&self) -> Result<(), StoreError> {
        self.disk.force(self.end)
    }
}

/// Where the journal grows.
#[derive(Debug)]
struct Tail {
    records: Records,
    next: u64,
}

impl Journal {
    /// Opens the journal in a run's folder, making what is absent.
    pub(super) fn open(run: RunId, folder: &RunFolder, durability: Durability) -> Result<Self, StoreError> {
        let Some(lock) = WriterLock::take(&folder.lock())? else {
            return Err(StoreError::Busy { run });
        };
        let blobs = Blobs::new(folder);
        blobs.prepare()?;
        let Opened { index, records, next, recovery } = recovery::open(&run, folder)?;
        Ok(Self {
            index,
            disk: Arc::clone(records.disk()),
            tail: Mutex::new(Tail { records, next }),
            blobs,
            durability,
            recovery,
            run,
            folder: folder.clone(),
            spool: folder.spool(),
            _lock: lock,
        })
    }

    /// Names the run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Says what was damaged when the journal was opened; none if nothing was.
    #[must_use]
    pub fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref()
    }

    /// Returns the run's folder for files under way. Names that begin with `.blob-` are the journal's own.
    #[must_use]
    pub fn spool(&self) -> &Path {
        &self.spool
    }

    /// Appends a record and returns its sequence number. Numbers begin at 0 and have no gaps.
    ///
    /// # Errors
    /// [`StoreError::Encode`] if the record is not JSON, [`StoreError::DiskFull`], or what the system said.
    pub fn append<T: Serialize>(&self, event: &T) -> Result<u64, StoreError> {
        self.keep(event).map(|written| written.seq)
    }

    /// Appends a record with the durability of the journal.
    pub(super) fn keep<T: Serialize>(&self, event: &T) -> Result<Written, StoreError> {
        self.write(event, self.durability)
    }

    /// Appends a record, waits until it is on the disk with all that were appended before it, and returns its number: it then
    /// outlives a loss of power. Threads that wait at the same time share one wait.
    ///
    /// Blocks for as long as the device takes, milliseconds as a rule.
    ///
    /// # Errors
    /// As [`Self::append`]. Once waiting for the disk has failed it fails until the run is opened anew; the record may then
    /// be found in the journal all the same.
    pub fn append_forced<T: Serialize>(&self, event: &T) -> Result<u64, StoreError> {
        let written = self.write_out(event)?;
        written.force().map(|()| written.seq)
    }

    /// Hands a record to the system, without waiting for the disk.
    pub(super) fn write_out<T: Serialize>(&self, event: &T) -> Result<Written, StoreError> {
        let _coming = self.disk.coming();
        self.write(event, Durability::Kill)
    }

    fn write<T: Serialize>(&self, event: &T, durability: Durability) -> Result<Written, StoreError> {
        let json = serde_json::to_vec(event).map_err(|source| StoreError::Encode { source })?;
        let failed = |source| StoreError::io(&self.folder.records(), source);
        let body = line::pack(&json).map_err(failed)?;
        let mut tail = self.tail();
        let seq = tail.next;
        let at = tail.records.end();
        tail.records.append(seq, &body);
        let written = Written { seq, at, end: tail.records.end(), disk: Arc::clone(&self.disk) };
        if durability == Durability::None && !tail.records.is_due() {
            tail.next += 1;
            return Ok(written);
        }
        match tail.records.write_out() {
            Ok(places) => {
                tail.next += 1;
                self.point(places)?;
                Ok(written)
            }
            Err(error) => {
                tail.records.take_back();
                Err(error)
            }
        }
    }

    /// Makes everything appended so far outlive the process.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], or what the system said.
    pub fn flush(&self) -> Result<(), StoreError> {
        let places = self.tail().records.write_out()?;
        self.point(places)
    }

    /// Walks the records in the order of their numbers.
    ///
    /// A record that cannot be read is an error in its place, and the walk goes on after it.
    pub fn entries<T: DeserializeOwned + Send + 'static>(
        &self,
    ) -> impl Iterator<Item = Result<(u64, T), StoreError>> + use<T> {
        let failed = self.flush().err().map(Err);
        failed.into_iter().chain(self.walk())
    }

    /// Walks the records that are written.
    pub(super) fn walk<T: DeserializeOwned + Send + 'static>(&self) -> Entries<T> {
        let tail = self.tail();
        Entries::new(&self.folder.records(), tail.records.end(), tail.next)
    }

    /// Reads the record whose line begins at `at`; none where no whole one does, or one of another form.
    pub(super) fn at<T: DeserializeOwned>(&self, at: u64) -> Result<Option<T>, StoreError> {
        // It may be among what is still gathered.
        if self.durability == Durability::None {
            self.flush()?;
        }
        let body = records::at(&self.folder.records(), at)?;
        Ok(body.and_then(|body| line::unpack(&body)).and_then(|json| serde_json::from_slice(&json).ok()))
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

    /// Notes where records lie that are written: a record without a place is found again, while a place without a record
    /// would be damage.
    fn point(&self, places: Vec<Place>) -> Result<(), StoreError> {
        let failed = |source| StoreError::io(&self.folder.journal(), source);
        places.into_iter().try_for_each(|place| marks::note(&self.index, place)).map_err(failed)
    }

    /// The tail is whole between two appends, and no append panics half-way.
    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Nobody is left to be told, and nothing was promised of what is still gathered.
        self.flush().ok();
    }
}
