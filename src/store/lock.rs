//! Who may write to a run. Advisory locks: the system drops them with the process.
//!
//! Knows nothing of journals; a lock is on a file that holds no bytes. Locks are given back by name, not by closing
//! the file: a process that is being spawned has a copy of every open file for a moment, and would keep the lock.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::error::StoreError;
use super::folder;

/// How often a writer tries for its lock. A reader that asks whether the run lives holds the lock for microseconds.
const TRIES: u32 = 25;
const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// The right to write to a run, as long as it lives.
#[derive(Debug)]
pub(super) struct WriterLock(#[expect(dead_code, reason = "held, never looked at")] HeldLock);

/// A lock on a file, given back when dropped.
#[derive(Debug)]
pub(super) struct HeldLock(File);

impl Drop for HeldLock {
    fn drop(&mut self) {
        // If this fails the lock goes with the file, which is closed next.
        self.0.unlock().ok();
    }
}

impl WriterLock {
    /// Takes the lock, or says that another has it.
    pub(super) fn take(path: &Path) -> Result<Option<Self>, StoreError> {
        let file = folder::open_file(path)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self(HeldLock(file)))),
                Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::Error(source)) => return Err(StoreError::io(path, source)),
            }
        }
        Ok(None)
    }

    /// Says whether a writer holds the lock now.
    pub(super) fn is_taken(path: &Path) -> bool {
        // Without the file no writer has ever been here.
        let Ok(file) = File::open(path) else { return false };
        match file.try_lock_shared() {
            Ok(()) => {
                drop(HeldLock(file));
                false
            }
            Err(TryLockError::WouldBlock) => true,
            // Without locks nobody can tell; a reader is then as careful as beside no writer.
            Err(TryLockError::Error(_)) => false,
        }
    }
}
