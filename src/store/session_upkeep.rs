//! Looking after sessions: what is damaged in them, what they can do without, and their versions.
//!
//! Knows nothing of what a session's records mean. Files that are made anew from the journal, such as those of vectors, are not looked at:
//! whoever opens a session does.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::catalogue::{REMOVED, Store};
use super::compact::{remove, slim};
use super::error::StoreError;
use super::folder::{self, RunFolder};
use super::lock::WriterLock;
use super::session::{MEMORY, memory_id, settle};
use super::verify::{IndexHealth, Verification, health_of};
use crate::name::SessionName;

/// What there is of a session, and what of it is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionHealth {
    /// The session.
    pub session: SessionName,
    /// Whether a chat in it was open.
    pub live: bool,
    /// How many records of its journal are whole.
    pub records: u64,
    /// The numbers of the records that are not. What they told of is lost to the session.
    pub damaged: Vec<u64>,
    /// The index of its journal.
    pub index: IndexHealth,
    /// The runs of its turns.
    pub turns: Verification,
}

impl SessionHealth {
    /// Tells whether everything of the session is whole.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty() && self.index != IndexHealth::Damaged && self.turns.is_sound()
    }
}

/// What compacting did with sessions.
#[derive(Debug, Default)]
pub(super) struct Compacted {
    pub(super) sessions: usize,
    pub(super) runs: usize,
    pub(super) live: Vec<SessionName>,
    pub(super) damaged: Vec<SessionName>,
}

impl Store {
    /// Looks at the journal of a session and at the runs of its turns.
    pub(super) fn session_health(&self, session: &SessionName) -> Result<SessionHealth, StoreError> {
        let path = self.session_path(session);
        let live = WriterLock::is_taken(&path.join("LOCK"));
        let (own, _) = health_of::<Value>(&memory_id(), &RunFolder::new(path.join(MEMORY)), live)?;
        let turns = Self::named(path).verify()?;
        Ok(SessionHealth {
            session: session.clone(),
            live,
            records: own.records,
            damaged: own.damaged,
            index: own.index,
            turns,
        })
    }

    /// Removes what sessions can do without; those in which a chat is open are left alone.
    pub(super) fn compact_sessions(&self) -> Result<Compacted, StoreError> {
        let mut done = Compacted::default();
        for rest in self.removed_sessions()? {
            remove(&rest)?;
        }
        for session in self.sessions()? {
            let path = self.session_path(&session);
            let Some(_lock) = WriterLock::take(&path.join("LOCK"))? else {
                done.live.push(session);
                continue;
            };
            settle(&path)?;
            let memory = RunFolder::new(path.join(MEMORY));
            let mut is_whole = true;
            if memory.path().is_dir() {
                let (own, _) = health_of::<Value>(&memory_id(), &memory, false)?;
                is_whole = slim(&memory, own.keeps_all())?;
            }
            let turns = Self::named(path).compact(false)?;
            done.sessions += 1;
            done.runs += turns.runs;
            if !is_whole || !turns.damaged.is_empty() {
                done.damaged.push(session);
            }
        }
        Ok(done)
    }

    /// Brings up the sessions of older versions, and says how many there were.
    pub(super) fn migrate_sessions(&self) -> Result<usize, StoreError> {
        let mut done = 0;
        for session in self.sessions()? {
            let path = self.session_path(&session);
            let Some(_lock) = WriterLock::take(&path.join("LOCK"))? else {
                return Err(StoreError::SessionBusy { session });
            };
            done += usize::from(Self::migrate(&path)?.is_some());
        }
        Ok(done)
    }

    /// The folders of sessions whose removal was cut off.
    fn removed_sessions(&self) -> Result<Vec<PathBuf>, StoreError> {
        let folder = self.root().join("sessions");
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let names = folder::names(&folder)?;
        Ok(names.iter().filter(|name| name.starts_with(REMOVED)).map(|name| folder.join(name)).collect())
    }
}
