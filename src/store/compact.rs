//! Giving disk space back: what can be made anew, what killed processes left behind, and entries that lead nowhere.
//!
//! Records are never rewritten: a run keeps every event that it ever had.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::catalogue::{REMOVED, Store};
use super::error::StoreError;
use super::folder::{self, RunFolder};
use super::index::{Index, Places};
use super::lock::WriterLock;
use super::migrate::{BACKUP, UNDER_WAY};
use crate::name::{RunId, SessionName};

/// What [`Store::compact`] did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compaction {
    /// How many runs were looked through.
    pub runs: usize,
    /// The runs that were left alone, because a writer was at work in them.
    pub live: Vec<RunId>,
    /// The runs that keep their own index, because records are damaged and it knows how many there were.
    pub damaged: Vec<RunId>,
    /// How many sessions were looked through; the runs of their turns count as runs.
    pub sessions: usize,
    /// The sessions that were left alone, because a chat in them is open.
    pub live_sessions: Vec<SessionName>,
    /// The sessions that keep indexes, because records in them are damaged.
    pub damaged_sessions: Vec<SessionName>,
    /// How many entries the index over all runs had.
    pub entries_before: u64,
    /// How many it has now.
    pub entries_after: u64,
    /// How many bytes of the disk the store took.
    pub bytes_before: u64,
    /// How many it takes now.
    pub bytes_after: u64,
    /// How many backups of older versions lie in the store.
    pub backups: usize,
}

impl Store {
    /// Removes what the store can do without, and says how much that was.
    ///
    /// That is: the index of each run, which is made anew when the run is next opened; indexes that were put aside because
    /// they were damaged; files that killed processes left under way; runs whose removal was cut off; entries of the index
    /// over all runs that lead to runs which are gone, or stand twice; and, if `backups`, what [`Store::migrate`] kept. The same of
    /// every session, its journal and the runs of its turns.
    ///
    /// Runs that are worked on are left alone, and while there are any, so is the index over all runs; so are sessions that are open.
    ///
    /// # Errors
    /// [`StoreError::Denied`], or what the system said. What was removed until then stays removed.
    pub fn compact(&self, backups: bool) -> Result<Compaction, StoreError> {
        let bytes_before = folder::allocated(self.root());
        self.finish()?;
        let sessions = self.compact_sessions()?;
        let (mut live, mut damaged) = (Vec::new(), Vec::new());
        let names = self.runs()?;
        for run in &names {
            let folder = self.folder(run);
            let Some(_lock) = WriterLock::take(&folder.lock())? else {
                live.push(run.clone());
                continue;
            };
            if !slim(&folder, self.health(run, false)?.0.keeps_all())? {
                damaged.push(run.clone());
            }
        }
        let index = Index::new(&self.cache());
        let mut entries_before = 0;
        index.walk(|_| entries_before += 1)?;
        let mut entries_after = entries_before;
        if live.is_empty() {
            entries_after = index.rewrite(&Places::read(&index, &names)?)?;
        }
        Ok(Compaction {
            runs: names.len() - live.len() + sessions.runs,
            sessions: sessions.sessions,
            live_sessions: sessions.live,
            damaged_sessions: sessions.damaged,
            live,
            damaged,
            entries_before,
            entries_after,
            bytes_before,
            backups: self.look_after_backups(backups)?,
            bytes_after: folder::allocated(self.root()),
        })
    }

    /// Removes the rest of runs whose removal was cut off, and of backups that were never whole.
    fn finish(&self) -> Result<(), StoreError> {
        for (folder, begins) in [(self.root().join("runs"), REMOVED), (self.root().to_owned(), UNDER_WAY)] {
            let names = folder::names(&folder)?;
            let rest = names.iter().filter(|name| name.starts_with(begins));
            rest.map(|name| folder.join(name)).try_for_each(|path| remove(&path))?;
        }
        Ok(())
    }

    /// Removes the backups if told so, and says how many are left.
    fn look_after_backups(&self, remove_them: bool) -> Result<usize, StoreError> {
        let mut left = 0;
        for name in folder::names(self.root())?.iter().filter(|name| name.starts_with(BACKUP)) {
            if remove_them {
                remove(&self.root().join(name))?;
            } else {
                left += 1;
            }
        }
        Ok(left)
    }
}

/// Removes what a journal's folder can do without, and says whether its index is among that: once records are lost, it alone knows how
/// many there were.
pub(super) fn slim(folder: &RunFolder, keeps_all: bool) -> Result<bool, StoreError> {
    sweep(folder)?;
    if keeps_all {
        remove(&folder.journal())?;
    }
    Ok(keeps_all)
}

/// Removes what was put aside or left under way in a run. Names of files under way begin with a point.
fn sweep(folder: &RunFolder) -> Result<(), StoreError> {
    let aside = folder::names(folder.path())?;
    for name in aside.iter().filter(|name| name.starts_with(folder::ASIDE) || name.starts_with('.')) {
        remove(&folder.path().join(name))?;
    }
    if folder.spool().is_dir() {
        for name in folder::names(&folder.spool())?.iter().filter(|name| name.starts_with('.')) {
            remove(&folder.spool().join(name))?;
        }
    }
    Ok(())
}

/// Removes a file, or a folder with all that is in it; what is not there is as good as removed.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io(path, source)),
        _ => Ok(()),
    }
}
