//! Holding all that a store has against its checks. Changes nothing in it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::blobs;
use super::catalogue::Store;
use super::engine::{Engine, OpenFault};
use super::entries::Entries;
use super::error::StoreError;
use super::folder::{self, RunFolder};
use super::index::{Index, Places};
use super::marks::Marks;
use super::migrate;
use super::records::{self, Place};
use super::session_upkeep::SessionHealth;
use super::upkeep::IndexStats;
use super::version;
use crate::hash::ContentHash;
use crate::name::RunId;
use crate::run::Event;

/// What [`Store::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The version of the store.
    pub version: u32,
    /// Every run, sorted by name.
    pub runs: Vec<RunHealth>,
    /// The index over all runs.
    pub index: IndexStats,
    /// How many entries of that index lead to no whole record. What they stand for is asked anew.
    pub astray: u64,
    /// Every session, sorted by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<SessionHealth>,
}

/// What there is of a run, and what of it is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunHealth {
    /// The run.
    pub run: RunId,
    /// Whether a writer was at work in it.
    pub live: bool,
    /// How many records are whole.
    pub records: u64,
    /// The numbers of the records that are not. What they told of is done again when the run goes on.
    pub damaged: Vec<u64>,
    /// The run's own index.
    pub index: IndexHealth,
    /// How many blobs are whole.
    pub blobs: u64,
    /// The blobs that are not.
    pub damaged_blobs: Vec<ContentHash>,
}

/// The state of a run's own index. It holds nothing that the records do not, and is made anew from them where it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexHealth {
    /// It tells where the records are.
    Whole,
    /// It lacks some, as after a kill; they are noted again when the run is next opened.
    Behind,
    /// There is none; it is made when the run is next opened.
    Absent,
    /// It cannot be read, or tells wrongly; it is made anew when the run is next opened.
    Damaged,
    /// A writer has it open.
    Unchecked,
}

impl Verification {
    /// Tells whether everything is whole.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.runs.iter().all(RunHealth::is_sound)
            && self.index.damaged == 0
            && self.astray == 0
            && self.sessions.iter().all(SessionHealth::is_sound)
    }
}

impl RunHealth {
    /// Tells whether everything of the run is whole.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.keeps_all() && self.index != IndexHealth::Damaged
    }

    /// Tells whether nothing is lost that the run ever had.
    pub(super) fn keeps_all(&self) -> bool {
        self.damaged.is_empty() && self.damaged_blobs.is_empty()
    }
}

/// Where the whole records of a run are, by number.
pub(super) type Found = BTreeMap<u64, u64>;

impl Store {
    /// Reads every record and every blob of every run and of every session, and the indexes over them, and tells what is damaged.
    ///
    /// A run that is worked on is read as far as it had come.
    ///
    /// # Errors
    /// What the system said. Damage is no error here.
    pub fn verify(&self) -> Result<Verification, StoreError> {
        let index = Index::new(&self.cache());
        let stats = self.index_stats()?;
        let names = self.runs()?;
        let places = Places::read(&index, &names)?;
        let mut noted: HashMap<&RunId, Vec<u64>> = HashMap::new();
        for (run, at) in places.iter() {
            noted.entry(run).or_default().push(at);
        }
        let (mut runs, mut astray) = (Vec::new(), 0);
        for run in &names {
            let (health, found) = self.health(run, self.read_run(run)?.live())?;
            if let Some(noted) = noted.get(run) {
                let mut there: Vec<u64> = found.into_values().collect();
                there.sort_unstable();
                astray += noted.iter().filter(|at| there.binary_search(at).is_err()).count() as u64;
            }
            runs.push(health);
        }
        let sessions = self.sessions()?;
        let sessions =
            sessions.iter().map(|session| self.session_health(session)).collect::<Result<_, _>>()?;
        Ok(Verification { version: version::KNOWN, runs, index: stats, astray, sessions })
    }

    /// Looks at one run, and not at its index while a writer is at work in it.
    pub(super) fn health(&self, run: &RunId, live: bool) -> Result<(RunHealth, Found), StoreError> {
        health_of::<Event>(run, &self.folder(run), live)
    }
}

/// Looks at one journal whose records have this form.
pub(super) fn health_of<T: DeserializeOwned + Send + 'static>(
    run: &RunId,
    folder: &RunFolder,
    live: bool,
) -> Result<(RunHealth, Found), StoreError> {
    let (found, mut damaged) = records_of::<T>(folder)?;
    let index = if live { IndexHealth::Unchecked } else { index_of(folder, &found, &mut damaged)? };
    let (blobs, damaged_blobs) = blobs_of(folder)?;
    let records = found.len() as u64;
    Ok((RunHealth { run: run.clone(), live, records, damaged, index, blobs, damaged_blobs }, found))
}

/// Finds the records that are whole and have their form, and the numbers of the others.
fn records_of<T: DeserializeOwned + Send + 'static>(
    folder: &RunFolder,
) -> Result<(Found, Vec<u64>), StoreError> {
    let path = folder.records();
    let mut entries = Entries::<T>::new(&path, records::length(&path)?, 0);
    let (mut found, mut damaged) = (Found::new(), Vec::new());
    while let Some(entry) = entries.next() {
        match entry {
            Ok((seq, _)) => _ = found.insert(seq, entries.at()),
            Err(StoreError::DamagedRecord { seq, .. } | StoreError::Decode { seq, .. }) => damaged.push(seq),
            Err(error) => return Err(error),
        }
    }
    Ok((found, damaged))
}

/// Looks at a copy of the index: opening it writes to it. Where it knows of records beyond the end of the file, they are
/// counted as damaged.
fn index_of(folder: &RunFolder, found: &Found, damaged: &mut Vec<u64>) -> Result<IndexHealth, StoreError> {
    if !folder.journal().is_dir() {
        return Ok(IndexHealth::Absent);
    }
    let aside = tempfile::tempdir().map_err(|source| StoreError::io(&std::env::temp_dir(), source))?;
    let copy = aside.path().join("journal");
    migrate::copy(&folder.journal(), &copy)?;
    let values = match Engine::open(&copy) {
        Ok((_, values)) => values,
        Err(OpenFault::Damaged(_) | OpenFault::Held) => return Ok(IndexHealth::Damaged),
        Err(OpenFault::Failed(source)) => return Err(StoreError::io(&copy, source)),
    };
    let marks = Marks::of(values);
    let end =
        found.last_key_value().map_or(0, |(seq, _)| seq + 1).max(damaged.last().map_or(0, |seq| seq + 1));
    let known = marks.newest().map_or(0, |(seq, _)| seq + 1);
    damaged.extend(end..known);
    let wrong = |(seq, at): &Place| found.get(seq).is_some_and(|found| found != at);
    Ok(match known.cmp(&end) {
        _ if marks.all.iter().any(wrong) => IndexHealth::Damaged,
        Ordering::Less => IndexHealth::Behind,
        Ordering::Equal | Ordering::Greater => IndexHealth::Whole,
    })
}

/// Counts the blobs that are whole and names the others.
fn blobs_of(folder: &RunFolder) -> Result<(u64, Vec<ContentHash>), StoreError> {
    let (mut whole, mut damaged) = (0, Vec::new());
    if !folder.blobs().is_dir() {
        return Ok((whole, damaged));
    }
    for shard in folder::names(&folder.blobs())? {
        let shard = folder.blobs().join(shard);
        for name in folder::names(&shard)? {
            let Ok(hash) = name.parse() else { continue };
            match blobs::read(&shard.join(name), &hash) {
                Ok(_) => whole += 1,
                Err(StoreError::DamagedBlob { .. }) => damaged.push(hash),
                Err(error) => return Err(error),
            }
        }
    }
    Ok((whole, damaged))
}
