//! Waiting until records are on the disk, as a power-safe append does. Knows a file and how far it is written, not what it
//! holds.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::error::StoreError;

/// How long a wait is put off for lines that are about to be written: far less than a wait takes on most devices.
const PATIENCE: Duration = Duration::from_micros(150);

/// The file of records as the disk has it. Threads that wait at the same time share one wait.
#[derive(Debug)]
pub(super) struct Disk {
    path: PathBuf,
    file: File,
    /// How far the file is written, as the system knows it. It only grows.
    written: AtomicU64,
    /// How many threads are about to write a line that they will wait for.
    coming: AtomicUsize,
    forced: Mutex<Forced>,
}

/// A line that is about to be written, until dropped.
#[derive(Debug)]
pub(super) struct Coming<'a>(&'a Disk);

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.0.coming.fetch_sub(1, Ordering::AcqRel);
    }
}

#[derive(Debug, Default)]
struct Forced {
    /// How far the file is known to be on the disk.
    end: u64,
    /// Whether the disk also knows the folders that lead to the file.
    reachable: bool,
    /// A wait has failed. The system reports a failed write once and then takes the pages for clean, so that nothing this
    /// file says afterwards could be believed.
    failed: Option<io::ErrorKind>,
}

impl Disk {
    pub(super) fn new(path: PathBuf, file: File, written: u64) -> Self {
        Self {
            path,
            file,
            written: AtomicU64::new(written),
            coming: AtomicUsize::new(0),
            forced: Mutex::default(),
        }
    }

    /// Says that a line is about to be written that will be waited for.
    pub(super) fn coming(&self) -> Coming<'_> {
        self.coming.fetch_add(1, Ordering::AcqRel);
        Coming(self)
    }

    /// Says that the file is written up to `end`.
    pub(super) fn wrote(&self, end: u64) {
        self.written.fetch_max(end, Ordering::Release);
    }

    /// Waits until the file is on the disk up to `end`, and can be found there.
    pub(super) fn force(&self, end: u64) -> Result<(), StoreError> {
        // Whoever gets the lock next finds that the wait before it covered its bytes, too, or waits for all that were
        // written meanwhile.
        let mut forced = self.forced.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = forced.failed {
            return Err(StoreError::io(&self.path, kind.into()));
        }
        if forced.end >= end {
            return Ok(());
        }
        // While the system writes a page out, it may let nobody write to it: who is not let in now waits a whole turn longer.
        let began = Instant::now();
        while self.coming.load(Ordering::Acquire) > 0 && began.elapsed() < PATIENCE {
            thread::yield_now();
        }
        let written = self.written.load(Ordering::Acquire);
        let reachable = || if forced.reachable { Ok(()) } else { force_folders(&self.path) };
        if let Err(source) = self.file.sync_data().and_then(|()| reachable()) {
            forced.failed = Some(source.kind());
            return Err(StoreError::io(&self.path, source));
        }
        forced.reachable = true;
        forced.end = written;
        Ok(())
    }
}

/// Waits until the disk knows the name of `path` and of every folder on the way to it. What lies above the store may be
/// closed to this user, and need not be asked: it was there before.
fn force_folders(path: &Path) -> io::Result<()> {
    for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
        // Only some systems let a folder be opened and forced; the others keep names by themselves.
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            Err(source) if !is_unable(&source) => return Err(source),
            _ => {}
        }
    }
    Ok(())
}

fn is_unable(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, IsADirectory, PermissionDenied, ReadOnlyFilesystem, Unsupported};
    matches!(error.kind(), InvalidInput | IsADirectory | PermissionDenied | ReadOnlyFilesystem | Unsupported)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use super::*;

    fn disk(path: &Path) -> Disk {
        Disk::new(path.to_owned(), File::create(path).unwrap(), 0)
    }

    #[test]
    fn one_wait_covers_all_that_was_written_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let disk = disk(&folder.path().join("records"));
        (&disk.file).write_all(b"three lines").unwrap();
        disk.wrote(11);
        disk.force(4).unwrap();
        assert_eq!(disk.forced.lock().unwrap().end, 11);
        disk.wrote(20);
        disk.force(11).unwrap();
        assert_eq!(disk.forced.lock().unwrap().end, 11, "nothing was waited for");
        disk.wrote(15);
        disk.force(12).unwrap();
        assert_eq!(disk.forced.lock().unwrap().end, 20, "what is written never becomes less");
    }

    #[test]
    fn threads_that_wait_at_the_same_time_all_get_what_they_wait_for() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(disk(&folder.path().join("records")));
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let disk = Arc::clone(&disk);
                scope.spawn(move || {
                    for line in 1..20 {
                        let end = line * 8 + thread;
                        disk.wrote(end);
                        disk.force(end).unwrap();
                        assert!(disk.forced.lock().unwrap().end >= end);
                    }
                });
            }
        });
    }

    /// The other end of a pipe cannot be forced, so this fails as a broken device does.
    #[cfg(unix)]
    #[test]
    fn after_a_failure_nothing_is_believed_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        let (_reader, writer) = io::pipe().unwrap();
        let disk = Disk::new(path.clone(), File::from(std::os::fd::OwnedFd::from(writer)), 0);
        disk.wrote(5);
        assert!(disk.force(5).is_err());
        let disk = Disk { file: File::create(&path).unwrap(), ..disk };
        assert!(disk.force(5).is_err(), "the file is well again, but what was written to it may be lost");
    }
}
