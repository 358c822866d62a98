//! Bringing a store of an older version up to the newest, after a backup of all that it holds.
//!
//! Knows the order in which that is safe, not how any version keeps its records.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::catalogue::Store;
use super::error::StoreError;
use super::folder;
use super::lock::WriterLock;
use super::version;
use super::version_one;
use crate::name::RunId;

/// What [`Store::migrate`] did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migration {
    /// The version that the store had.
    pub from: u32,
    /// The version that it has now.
    pub to: u32,
    /// How many runs were brought up.
    pub runs: usize,
    /// How many sessions were brought up, each with a backup in its folder.
    pub sessions: usize,
    /// Where the store lies as it was.
    pub backup: PathBuf,
}

impl Store {
    /// Brings the store in `root` up to the newest version and says what was done; none if it has that version already.
    ///
    /// First everything is copied to `<root>/backup-<version>`, which is a store of its own: the program that wrote it reads
    /// it there. Where an earlier backup has that name, as when somebody has gone back to one, a number follows. The new
    /// version is written down last, so whoever is killed in between goes on by calling this again, and the backup is still
    /// the store as it was before the first attempt. Sessions come first, each a store of its own with a version and a backup of its own.
    ///
    /// # Errors
    /// [`StoreError::Busy`] and [`StoreError::SessionBusy`] while another process works in the store, before anything of it is changed; [`StoreError::Newer`],
    /// [`StoreError::NoVersion`], [`StoreError::Denied`], [`StoreError::DiskFull`], or what the system said.
    pub fn migrate(root: &Path) -> Result<Option<Migration>, StoreError> {
        let (store, from) = Self::at(root)?;
        let sessions = store.migrate_sessions()?;
        if from == version::KNOWN {
            let backup = root.to_owned();
            return Ok((sessions > 0).then_some(Migration { from, to: from, runs: 0, sessions, backup }));
        }
        let runs = store.runs()?;
        for run in &runs {
            free(&store, run)?;
        }
        let backup = match store.begun()? {
            Some(backup) => backup,
            None => store.back_up(from, &runs)?,
        };
        for run in &runs {
            version_one::bring_up(run, &store.folder(run))?;
        }
        version::renew(root)?;
        let begun = root.join(BEGUN);
        fs::remove_file(&begun).map_err(|source| StoreError::io(&begun, source))?;
        Ok(Some(Migration { from, to: version::KNOWN, runs: runs.len(), sessions, backup }))
    }

    /// Returns the backup of a migration that was begun and not ended: what lies here has been worked on since.
    fn begun(&self) -> Result<Option<PathBuf>, StoreError> {
        let begun = self.root().join(BEGUN);
        match fs::read_to_string(&begun) {
            // Only a name counts, whatever else the file says.
            Ok(name) => {
                let name = Path::new(name.trim()).file_name();
                Ok(name.map(|name| self.root().join(name)).filter(|backup| backup.is_dir()))
            }
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::io(&begun, source)),
        }
    }

    /// Copies a store whole, and notes that it may be worked on now.
    fn back_up(&self, version: u32, runs: &[RunId]) -> Result<PathBuf, StoreError> {
        let names = (1_u32..).map(|number| match number {
            1 => format!("{BACKUP}{version}"),
            _ => format!("{BACKUP}{version}-{number}"),
        });
        let name = names.into_iter().find(|name| !self.root().join(name).exists()).unwrap_or_default();
        let backup = self.root().join(&name);
        let part = self.root().join(format!("{UNDER_WAY}{version}"));
        if part.exists() {
            fs::remove_dir_all(&part).map_err(|source| StoreError::io(&part, source))?;
        }
        folder::make(&part.join("runs"))?;
        for run in runs {
            let _lock = free(self, run)?;
            copy(self.folder(run).path(), &part.join("runs").join(run.as_str()))?;
        }
        copy_file(&self.root().join(version::NAME), &part.join(version::NAME))?;
        fs::rename(&part, &backup).map_err(|source| StoreError::io(&part, source))?;
        let begun = self.root().join(BEGUN);
        folder::write_whole(&begun.with_extension("part"), &begun, name.as_bytes(), true)?;
        Ok(backup)
    }
}

/// How the folder of a backup begins; the version follows.
pub(super) const BACKUP: &str = "backup-";
/// How it begins until it is whole.
pub(super) const UNDER_WAY: &str = ".backup-";

/// The file that names the backup of a migration that is under way.
const BEGUN: &str = ".migrating";

fn free(store: &Store, run: &RunId) -> Result<WriterLock, StoreError> {
    WriterLock::take(&store.folder(run).lock())?.ok_or_else(|| StoreError::Busy { run: run.clone() })
}

/// Copies a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    folder::make(to)?;
    for name in folder::names(from)? {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() { copy(&from, &to)? } else { copy_file(&from, &to)? }
    }
    Ok(())
}

/// Copies a file and its permissions. No link, though that would be cheaper: some of these files are written to in place.
fn copy_file(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::copy(from, to).map(|_| ()).map_err(|source| StoreError::io(to, source))
}
