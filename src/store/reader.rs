//! A run's journal as anybody may read it, whether a writer is at work or not. Writes nothing into the store.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::blobs::Blobs;
use super::engine::{Engine, OpenFault};
use super::error::StoreError;
use super::folder::{self, RunFolder};
use super::journal::decode;
use super::lock::{Turnstile, WriterLock};
use super::recovery::{self, Recovery};
use crate::hash::ContentHash;
use crate::name::RunId;

/// How often a copy is tried. The first may meet an append under way; the second finds writers waiting.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// A run's journal as it was at one moment.
///
/// Holds the small records in memory and no lock. Any number of threads may share it.
#[derive(Debug)]
pub struct JournalReader {
    run: RunId,
    path: PathBuf,
    values: BTreeMap<u64, Vec<u8>>,
    blobs: Blobs,
    live: bool,
    recovery: Option<Recovery>,
}

impl JournalReader {
    /// Copies the journal of a run and reads the copy.
    pub(super) fn open(run: RunId, folder: &RunFolder) -> Result<Self, StoreError> {
        let live = WriterLock::is_taken(&folder.lock());
        let path = folder.journal();
        let blobs = Blobs::new(folder);
        let copy = tempfile::Builder::new()
            .prefix("longhand-journal-")
            .tempdir()
            .map_err(|source| StoreError::io(&std::env::temp_dir(), source))?;
        let whole = copy.path().join("journal");
        copy_steadily(&run, folder, &whole)?;
        let (values, damaged) = match Engine::open(&whole, true) {
            Ok((_, values)) => (BTreeMap::from_iter(values), false),
            Err(OpenFault::Damaged(readable)) => (BTreeMap::from_iter(readable), true),
            Err(OpenFault::Failed(source)) => return Err(StoreError::io(&path, source)),
            Err(OpenFault::Held) => return Err(StoreError::Unsteady { run }),
        };
        let mut reader = Self { run, path, values, blobs, live, recovery: None };
        // Beside a writer a record outside the journal may be one that is being appended.
        if damaged || !live {
            reader.recover(damaged)?;
        }
        Ok(reader)
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

    /// Says what of the records had to be found outside the journal; nothing was changed on disk.
    #[must_use]
    pub fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref()
    }

    /// Walks the records in the order of their numbers.
    ///
    /// A record that cannot be read is an error in its place, and the walk goes on after it.
    pub fn entries<T: DeserializeOwned>(&self) -> impl Iterator<Item = Result<(u64, T), StoreError>> + '_ {
        self.values.iter().map(|(seq, bytes)| Ok((*seq, decode(&self.path, &self.blobs, *seq, bytes)?)))
    }

    /// Reads bytes back that the run's writer stored.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`], [`StoreError::DamagedBlob`], or what the system said.
    pub fn blob(&self, hash: &ContentHash) -> Result<Vec<u8>, StoreError> {
        self.blobs.get(hash)
    }

    fn recover(&mut self, damaged: bool) -> Result<(), StoreError> {
        let found = recovery::missing_records(&self.blobs, &self.values)?;
        let restored = found.len() as u64;
        if restored > 0 || damaged {
            self.values.extend(found);
            let next = self.values.last_key_value().map_or(0, |(last, _)| last + 1);
            let missing = next - self.values.len() as u64;
            self.recovery = Some(Recovery { restored, missing, aside: None });
        }
        Ok(())
    }
}

/// Copies a journal such that the copy is what the folder held at one moment.
///
/// Every byte is looked at twice, all of them a first time before any a second time. If nothing differs, nothing
/// changed between the last first look and the first second look.
fn copy_steadily(run: &RunId, folder: &RunFolder, to: &Path) -> Result<(), StoreError> {
    let from = folder.journal();
    let _writers_wait = Turnstile::close(&folder.turn());
    for tried in 0..TRIES {
        if tried > 0 {
            thread::sleep(BETWEEN_TRIES);
        }
        match copy_once(&from, to) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // sled removes files of its own as it goes; a run made a moment ago has no journal yet.
            Err(source) if source.kind() == io::ErrorKind::NotFound => {}
            // Only the copy takes space.
            Err(source) if source.kind() == io::ErrorKind::StorageFull => {
                return Err(StoreError::io(to, source));
            }
            Err(source) => return Err(StoreError::io(&from, source)),
        }
    }
    if from.exists() { Err(StoreError::Unsteady { run: run.clone() }) } else { folder::make(to) }
}

/// Copies the files and says whether they were the same before and after.
fn copy_once(from: &Path, to: &Path) -> io::Result<bool> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir(to)?;
    let files = list(from)?;
    for name in &files {
        let target = to.join(name);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from.join(name), target)?;
    }
    for name in &files {
        if !same(&from.join(name), &to.join(name))? {
            return Ok(false);
        }
    }
    Ok(list(from)? == files)
}

/// Lists the files below a folder by their path within it, sorted.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_file()
            && let Ok(name) = entry.path().strip_prefix(folder)
        {
            files.push(name.to_owned());
        }
    }
    Ok(files)
}

fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        Read::by_ref(&mut one).take(1 << 16).read_to_end(&mut left)?;
        Read::by_ref(&mut other).take(1 << 16).read_to_end(&mut right)?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}
