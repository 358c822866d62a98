//! The sessions of a store: each a folder with a journal of what is remembered, and the runs of its turns.
//!
//! ```text
//! <store>/sessions/<name>/LOCK        held exclusively by the session's one writer
//! <store>/sessions/<name>/memory/     the journal of the session, laid out like that of a run
//! <store>/sessions/<name>/runs/       a run for each turn: the session is a store of its own
//! <store>/sessions/<name>/...         files that can be made anew from the journal
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::catalogue::{REMOVED, Store};
use super::error::StoreError;
use super::folder::{self, RunFolder};
use super::journal::{Durability, Journal};
use super::lock::WriterLock;
use super::reader::JournalReader;
use super::records;
use crate::name::{RunId, SessionName};

/// The folder of a session's journal.
pub(super) const MEMORY: &str = "memory";

/// A journal that is to take the place of the session's own, once it is whole.
const REWRITTEN: &str = ".rewritten-memory";

/// What the name of a file begins with that is being written to take the place of another.
const PASSING: &str = ".new-";

/// A session, open for writing. It stays locked to other writers until this is dropped.
#[derive(Debug)]
pub struct SessionFolder {
    name: SessionName,
    path: PathBuf,
    store: Store,
    /// Never none, but while one journal takes the place of another.
    journal: Option<Journal>,
    _lock: WriterLock,
}

impl Store {
    /// Opens a session to write, beginning it if it is not there.
    ///
    /// # Errors
    /// [`StoreError::SessionBusy`] while another writer has it, [`StoreError::Denied`], [`StoreError::DiskFull`], or what the
    /// system said.
    pub fn open_session(&self, name: &SessionName) -> Result<SessionFolder, StoreError> {
        let path = self.session_path(name);
        folder::make(&path)?;
        let Some(lock) = WriterLock::take(&path.join("LOCK"))? else {
            return Err(StoreError::SessionBusy { session: name.clone() });
        };
        settle(&path)?;
        let store = Self::open(&path)?;
        let journal = Some(open_journal(&path, MEMORY)?);
        Ok(SessionFolder { name: name.clone(), path, store, journal, _lock: lock })
    }

    /// Reads a session's journal as it is now, whether or not a writer is at work in it.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], or what the system said.
    pub fn read_session(&self, name: &SessionName) -> Result<JournalReader, StoreError> {
        let path = self.session_path(name).join(MEMORY);
        if !path.is_dir() {
            let known = self.sessions()?;
            return Err(StoreError::NoSession { session: name.clone(), known });
        }
        JournalReader::open(memory_id(), &RunFolder::new(path))
    }

    /// Returns the folder of a session, which is a store that holds the runs of its turns.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], or what the system said.
    pub fn session_folder(&self, name: &SessionName) -> Result<PathBuf, StoreError> {
        self.read_session(name)?;
        Ok(self.session_path(name))
    }

    /// Lists the sessions, sorted by name.
    ///
    /// # Errors
    /// What the system said.
    pub fn sessions(&self) -> Result<Vec<SessionName>, StoreError> {
        let folder = self.root().join("sessions");
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        Ok(folder::names(&folder)?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Removes a session with everything in it.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], [`StoreError::SessionBusy`], or what the system said.
    pub fn remove_session(&self, name: &SessionName) -> Result<(), StoreError> {
        self.read_session(name)?;
        let open = self.open_session(name)?;
        let aside = self.root().join("sessions").join(format!("{REMOVED}{name}"));
        clear(&aside)?;
        // Once renamed the session is gone, whatever happens while its files are being removed.
        fs::rename(&open.path, &aside).map_err(|source| StoreError::io(&open.path, source))?;
        drop(open);
        clear(&aside)
    }

    pub(super) fn session_path(&self, name: &SessionName) -> PathBuf {
        self.root().join("sessions").join(name.as_str())
    }
}

impl SessionFolder {
    /// Names the session.
    #[must_use]
    pub fn name(&self) -> &SessionName {
        &self.name
    }

    /// Returns the store that holds the runs of the session's turns.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Opens a file that can be made anew from the journal, for reading and writing; it is made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Denied`], [`StoreError::DiskFull`], or what the system said.
    pub fn open_file(&self, name: &str) -> Result<File, StoreError> {
        folder::open_file(&self.path.join(name))
    }

    /// Returns the size of a file in bytes; 0 where it is not there.
    ///
    /// # Errors
    /// What the system said.
    pub fn file_size(&self, name: &str) -> Result<u64, StoreError> {
        records::length(&self.path.join(name))
    }

    /// Returns what is in a file that can be made anew from the journal; none where it is not there.
    ///
    /// # Errors
    /// What the system said.
    pub fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(|source| StoreError::io(&path, source)),
        }
    }

    /// Puts bytes in the place of a file that can be made anew from the journal. A process that is killed meanwhile leaves the
    /// old ones or the new ones.
    ///
    /// # Errors
    /// [`StoreError::Denied`], [`StoreError::DiskFull`], or what the system said.
    pub fn replace_file(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let aside = self.path.join(format!("{PASSING}{name}"));
        folder::write_whole(&aside, &self.path.join(name), bytes, false)
    }

    /// Removes a file that can be made anew from the journal, where it is there.
    ///
    /// # Errors
    /// What the system said.
    pub fn remove_file(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io(&path, error)),
            _ => Ok(()),
        }
    }

    /// Returns the session's journal.
    ///
    /// # Errors
    /// [`StoreError::Io`] where an earlier [`Self::rewrite`] failed half-way; opening the session again mends it.
    pub fn journal(&self) -> Result<&Journal, StoreError> {
        let gone = || StoreError::io(&self.path.join(MEMORY), std::io::ErrorKind::NotFound.into());
        self.journal.as_ref().ok_or_else(gone)
    }

    /// Puts a journal of these records in the place of the session's own, and removes that one's files. A process that is killed
    /// meanwhile leaves the one or the other.
    ///
    /// # Errors
    /// [`StoreError::Encode`], [`StoreError::DiskFull`], or what the system said.
    pub fn rewrite<T: Serialize>(&mut self, events: &[T]) -> Result<(), StoreError> {
        let (new, old) = (self.path.join(REWRITTEN), self.path.join(MEMORY));
        clear(&new)?;
        let journal = open_journal(&self.path, REWRITTEN)?;
        if let Some((last, before)) = events.split_last() {
            for event in before {
                journal.append(event)?;
            }
            // Before the old one goes the new one has to be on the disk.
            journal.append_forced(last)?;
        }
        drop(journal);
        self.journal = None;
        let removed = self.path.join(format!("{REMOVED}{MEMORY}"));
        clear(&removed)?;
        fs::rename(&old, &removed).map_err(|source| StoreError::io(&old, source))?;
        fs::rename(&new, &old).map_err(|source| StoreError::io(&new, source))?;
        clear(&removed)?;
        self.journal = Some(open_journal(&self.path, MEMORY)?);
        Ok(())
    }
}

/// Brings to its end what a process that was killed had begun.
pub(super) fn settle(session: &Path) -> Result<(), StoreError> {
    let (new, old) = (session.join(REWRITTEN), session.join(MEMORY));
    if new.is_dir() && !old.is_dir() {
        fs::rename(&new, &old).map_err(|source| StoreError::io(&new, source))?;
    }
    clear(&new)?;
    for name in folder::names(session)?.iter().filter(|name| name.starts_with(PASSING)) {
        let path = session.join(name);
        fs::remove_file(&path).map_err(|source| StoreError::io(&path, source))?;
    }
    clear(&session.join(format!("{REMOVED}{MEMORY}")))
}

pub(super) fn clear(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io(folder, error)),
        _ => Ok(()),
    }
}

fn open_journal(session: &Path, folder: &str) -> Result<Journal, StoreError> {
    let path = session.join(folder);
    folder::make(&path)?;
    Journal::open(memory_id(), &RunFolder::new(path), Durability::Kill)
}

/// A session's journal is laid out like that of a run, and errors call it by this name.
pub(super) fn memory_id() -> RunId {
    #[expect(clippy::expect_used, reason = "a constant that the test below parses")]
    MEMORY.parse().expect("a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(store: &Store, name: &SessionName) -> Vec<String> {
        let reader = store.read_session(name).unwrap();
        reader
            .entries::<serde_json::Value>()
            .filter_map(|e| e.unwrap().1.as_str().map(str::to_owned))
            .collect()
    }

    /// Tells whether any file below a folder holds these bytes.
    fn holds(folder: &Path, needle: &[u8]) -> bool {
        let files = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
        let mut files = files.filter(|entry| entry.file_type().is_file());
        files.any(|file| fs::read(file.path()).unwrap().windows(needle.len()).any(|part| part == needle))
    }

    #[test]
    fn a_session_has_one_writer_and_any_reader() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let name: SessionName = "mia".parse().unwrap();
        assert!(matches!(store.read_session(&name), Err(StoreError::NoSession { .. })));
        let session = store.open_session(&name).unwrap();
        session.journal().unwrap().append(&"one").unwrap();
        assert!(matches!(store.open_session(&name), Err(StoreError::SessionBusy { .. })));
        assert_eq!(texts(&store, &name), ["one"]);
        drop(session);
        assert_eq!(store.sessions().unwrap(), std::slice::from_ref(&name));
        assert!(store.open_session(&name).is_ok());
        store.remove_session(&name).unwrap();
        assert_eq!(store.sessions().unwrap(), []);
    }

    #[test]
    fn a_rewritten_journal_leaves_no_byte_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let name: SessionName = "mia".parse().unwrap();
        let mut session = store.open_session(&name).unwrap();
        for text in ["keep this", "xyzzy-secret", "and this"] {
            session.journal().unwrap().append(&text).unwrap();
        }
        assert!(holds(folder.path(), b"xyzzy-secret"), "short records are not compressed");
        session.rewrite(&["keep this", "and this"]).unwrap();
        session.journal().unwrap().append(&"more").unwrap();
        assert_eq!(texts(&store, &name), ["keep this", "and this", "more"]);
        drop(session);
        assert!(!holds(folder.path(), b"xyzzy-secret"));
    }

    #[test]
    fn a_rewrite_that_was_cut_off_is_either_not_begun_or_done() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let name: SessionName = "mia".parse().unwrap();
        let session = store.open_session(&name).unwrap();
        session.journal().unwrap().append(&"old").unwrap();
        let path = session.path.clone();
        let new = open_journal(&path, REWRITTEN).unwrap();
        new.append(&"new").unwrap();
        drop((session, new));
        drop(store.open_session(&name).unwrap());
        assert_eq!(texts(&store, &name), ["old"], "killed before the old one was put aside");
        let new = open_journal(&path, REWRITTEN).unwrap();
        new.append(&"new").unwrap();
        drop(new);
        fs::rename(path.join(MEMORY), path.join(format!("{REMOVED}{MEMORY}"))).unwrap();
        drop(store.open_session(&name).unwrap());
        assert_eq!(texts(&store, &name), ["new"], "killed between the two");
        assert!(!path.join(format!("{REMOVED}{MEMORY}")).exists());
    }
}
