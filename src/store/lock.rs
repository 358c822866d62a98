//! Who may write to a run, and when a reader may copy it. Advisory locks: the system drops them with the process.
//!
//! Knows nothing of journals; a lock is on a file that holds no bytes. Locks are given back by name, not by closing
//! the file: a process that is being spawned has a copy of every open file for a moment, and would keep the lock.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::folder;

/// How often a writer tries for its lock. A reader that asks whether the run lives holds the lock for microseconds.
const TRIES: u32 = 25;
const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// The longest that writers wait for a reader. A copy takes milliseconds; a reader that was stopped in the middle
/// must not stop the run, and would find out that its copy is of no use.
const LONGEST_COPY: Duration = Duration::from_secs(1);

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

/// Where writers wait while a reader copies, so that a busy writer cannot keep readers out.
#[derive(Debug)]
pub(super) struct Turnstile {
    file: File,
}

impl Turnstile {
    /// Opens the writer's side.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        folder::open_file(path).map(|file| Self { file })
    }

    /// Lets a writer through once no reader copies, or once it has waited long enough.
    pub(super) fn pass(&self) {
        let mut since = None;
        while let Err(TryLockError::WouldBlock) = self.file.try_lock() {
            if since.get_or_insert_with(Instant::now).elapsed() > LONGEST_COPY {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        // A lock that cannot be given back is dropped with the file; until then it only keeps readers waiting.
        self.file.unlock().ok();
    }

    /// Keeps writers out until the returned lock is dropped.
    ///
    /// A file system without locks gives none, which is no harm: a reader checks its copy anyway.
    pub(super) fn close(path: &Path) -> Option<HeldLock> {
        let file = File::open(path).ok()?;
        file.lock_shared().ok()?;
        Some(HeldLock(file))
    }
}
