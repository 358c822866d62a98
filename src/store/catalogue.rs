//! The store's folder and the runs in it. Knows where runs lie, not what their journals hold.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::folder::{self, RunFolder};
use super::index::Index;
use super::journal::{Durability, Journal};
use super::lock::WriterLock;
use super::reader::JournalReader;
use super::recall::Recall;
use super::version;
use crate::name::RunId;

/// How the folder of a run begins that is being removed.
pub(super) const REMOVED: &str = ".removed-";
/// How many similar runs an error names.
const SIMILAR: usize = 3;

/// A folder with runs. Holds no lock: any number of processes may have the same store open.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    runs: PathBuf,
}

impl Store {
    /// Opens the store in `root`, creating it if absent. An older store is left as it is: see [`Store::migrate`].
    ///
    /// # Errors
    /// [`StoreError::Older`], [`StoreError::Newer`] or [`StoreError::NoVersion`] if this is not a store that this program
    /// can work with, [`StoreError::Denied`], [`StoreError::DiskFull`], or what the system said.
    ///
    /// ```
    /// use longhand::store::{Durability, Store};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let store = Store::open(folder.path())?;
    /// let journal = store.create_run(&"first".parse()?, Durability::Kill)?;
    /// journal.append(&"something happened")?;
    /// let events: Vec<(u64, String)> = journal.entries().collect::<Result<_, _>>()?;
    /// assert_eq!(events, [(0, "something happened".to_owned())]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let (store, found) = Self::at(root)?;
        if found < version::KNOWN {
            return Err(StoreError::Older { found, known: version::KNOWN, path: store.root });
        }
        Ok(store)
    }

    /// Names the store in `root` without looking at it, for what changes nothing.
    pub(super) fn named(root: PathBuf) -> Self {
        Self { runs: root.join("runs"), root }
    }

    /// Finds the store in `root`, creating it if absent, and tells its version.
    pub(super) fn at(root: &Path) -> Result<(Self, u32), StoreError> {
        folder::make(root)?;
        let runs = root.join("runs");
        let found = version::ensure(root, runs.exists())?;
        folder::make(&runs)?;
        Ok((Self { root: root.to_owned(), runs }, found))
    }

    /// Begins a run and opens its journal.
    ///
    /// # Errors
    /// [`StoreError::RunExists`], [`StoreError::Denied`], [`StoreError::DiskFull`], or what the system said.
    pub fn create_run(&self, run: &RunId, durability: Durability) -> Result<Journal, StoreError> {
        let folder = self.folder(run);
        if !folder::make_new(folder.path())? {
            return Err(StoreError::RunExists { run: run.clone() });
        }
        Journal::open(run.clone(), &folder, durability)
    }

    /// Opens a run's journal to go on writing. Where it is damaged it is rebuilt: see [`Journal::recovery`].
    ///
    /// # Errors
    /// [`StoreError::NoRun`], [`StoreError::Busy`] while another writer has it, [`StoreError::Denied`],
    /// [`StoreError::DiskFull`], or what the system said.
    pub fn open_run(&self, run: &RunId, durability: Durability) -> Result<Journal, StoreError> {
        self.existing(run).and_then(|folder| Journal::open(run.clone(), &folder, durability))
    }

    /// Reads a run as it is now, whether or not a writer is at work in it.
    ///
    /// Changes nothing in the store.
    ///
    /// # Errors
    /// [`StoreError::NoRun`], or what the system said.
    pub fn read_run(&self, run: &RunId) -> Result<JournalReader, StoreError> {
        self.existing(run).and_then(|folder| JournalReader::open(run.clone(), &folder))
    }

    /// Lists the runs, sorted by name.
    ///
    /// # Errors
    /// What the system said.
    pub fn runs(&self) -> Result<Vec<RunId>, StoreError> {
        if !self.runs.is_dir() {
            return Ok(Vec::new());
        }
        Ok(folder::names(&self.runs)?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Finds the one run whose name is `prefix` or begins with it.
    ///
    /// # Errors
    /// [`StoreError::NoRun`] if there is none, [`StoreError::Ambiguous`] if there are several, or what the system
    /// said.
    pub fn resolve(&self, prefix: &str) -> Result<RunId, StoreError> {
        let mut matches = self.runs()?;
        if let Some(run) = matches.iter().find(|run| run.as_str() == prefix) {
            return Ok(run.clone());
        }
        matches.retain(|run| !prefix.is_empty() && run.as_str().starts_with(prefix));
        match matches.as_slice() {
            [] => Err(self.no_run(prefix)),
            [run] => Ok(run.clone()),
            _ => Err(StoreError::Ambiguous { prefix: prefix.to_owned(), matches }),
        }
    }

    /// Removes a run with everything in it.
    ///
    /// # Errors
    /// [`StoreError::NoRun`], [`StoreError::Busy`] while a writer has it, or what the system said.
    pub fn remove(&self, run: &RunId) -> Result<(), StoreError> {
        let folder = self.existing(run)?;
        let Some(_lock) = WriterLock::take(&folder.lock())? else {
            return Err(StoreError::Busy { run: run.clone() });
        };
        // Once renamed the run is gone, whatever happens while its files are being removed.
        let aside = self.runs.join(format!("{REMOVED}{run}"));
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(|source| StoreError::io(&aside, source))?;
        }
        fs::rename(folder.path(), &aside).map_err(|source| StoreError::io(folder.path(), source))?;
        fs::remove_dir_all(&aside).map_err(|source| StoreError::io(&aside, source))
    }

    /// Returns the way to the records of all runs by their keys. Reads nothing yet.
    #[must_use]
    pub fn recall(&self) -> Recall {
        Recall::new(self.clone())
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the index over all runs.
    pub(super) fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    pub(super) fn open_index(&self) -> Result<File, StoreError> {
        folder::make_new(&self.cache())?;
        Index::new(&self.cache()).open()
    }

    pub(super) fn folder(&self, run: &RunId) -> RunFolder {
        RunFolder::new(self.runs.join(run.as_str()))
    }

    fn existing(&self, run: &RunId) -> Result<RunFolder, StoreError> {
        let folder = self.folder(run);
        if folder.path().is_dir() { Ok(folder) } else { Err(self.no_run(run.as_str())) }
    }

    fn no_run(&self, run: &str) -> StoreError {
        // A store that cannot be listed has nothing to offer; that the run is not there is the error that counts.
        let mut similar = self.runs().unwrap_or_default();
        similar.retain(|other| likeness(run, other) * 2 >= run.len().max(2));
        similar.sort_by_key(|other| std::cmp::Reverse(likeness(run, other)));
        similar.truncate(SIMILAR);
        StoreError::NoRun { run: run.to_owned(), similar }
    }
}

/// Counts the bytes with which both begin. Names of runs begin with a date, so this finds those of the same day.
fn likeness(run: &str, other: &RunId) -> usize {
    run.bytes().zip(other.as_str().bytes()).take_while(|(a, b)| a == b).count()
}
