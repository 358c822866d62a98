//! A store of version 1, made by the program of that time: a run that ended and one that was killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use longhand::run::{Event, Outcome, RunState};
use longhand::store::{Durability, Ledger, Store, StoreError};
use tempfile::TempDir;

use super::{copy_of, events, id, used};

fn store_one() -> TempDir {
    copy_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-1"))
}

/// Opens the store once it has been brought up.
fn brought_up(folder: &Path) -> Store {
    let done = Store::migrate(folder).unwrap().unwrap();
    assert_eq!((done.from, done.to, done.runs), (1, 2, 2));
    assert_eq!(done.backup, folder.join("backup-1"));
    Store::open(folder).unwrap()
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
    files.map(|path| (path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap())).collect()
}

const ENDED: (usize, u64, u64) = (6, 1835, 261);
const KILLED: (usize, u64, u64) = (4, 1374, 171);

#[test]
fn its_runs_are_brought_up_to_version_two_and_go_on() {
    let folder = store_one();
    let store = brought_up(folder.path());
    assert_eq!(fs::read_to_string(folder.path().join("VERSION")).unwrap(), "longhand store 2\n");
    assert_eq!(used(&events(&store, "ended")), ENDED);
    assert_eq!(used(&events(&store, "killed")), KILLED);
    let run = folder.path().join("runs/ended");
    assert!(!run.join("TURN").exists() && !run.join("journal").exists());
    let left = walkdir::WalkDir::new(run.join("blobs"))
        .into_iter()
        .filter(|e| e.as_ref().unwrap().file_type().is_file());
    assert_eq!(left.count(), 0, "every record is in one file");

    let journal = store.open_run(&id("killed"), Durability::Kill).unwrap();
    assert_eq!(journal.recovery(), None);
    let ledger = Ledger::open(journal).unwrap();
    assert_eq!(ledger.read(RunState::outcome), None);
    ledger.record(&Event::Ended { outcome: Outcome::Interrupted, ms: 1 }).unwrap();
    drop(ledger);
    assert_eq!(events(&store, "killed").last(), Some(&Event::Ended { outcome: Outcome::Interrupted, ms: 1 }));
}

#[test]
fn being_killed_while_it_is_brought_up_does_no_harm() {
    let folder = store_one();
    // One run is through but for the removal of what it was made from, the other is half written.
    let old = store_one();
    brought_up(folder.path());
    let runs = folder.path().join("runs");
    fs::rename(old.path().join("runs/ended/journal"), runs.join("ended/journal")).unwrap();
    fs::remove_dir_all(runs.join("killed")).unwrap();
    fs::rename(old.path().join("runs/killed"), runs.join("killed")).unwrap();
    fs::write(runs.join("killed/.records-part"), "half a").unwrap();
    fs::write(folder.path().join("VERSION"), "longhand store 1\n").unwrap();
    fs::write(folder.path().join(".migrating"), "backup-1").unwrap();
    let store = brought_up(folder.path());
    assert_eq!(used(&events(&store, "ended")), ENDED);
    assert_eq!(used(&events(&store, "killed")), KILLED);
    assert!(!runs.join("killed/.records-part").exists());
    assert_eq!(store.open_run(&id("ended"), Durability::Kill).unwrap().recovery(), None);
}

#[test]
fn a_damaged_run_keeps_what_lay_outside_its_journal() {
    let folder = store_one();
    let journal = folder.path().join("runs/ended/journal");
    for name in ["db", "conf"] {
        fs::write(journal.join(name), [0xA5; 3000]).unwrap();
    }
    let store = brought_up(folder.path());
    assert_eq!(used(&events(&store, "ended")), ENDED, "calls lay outside");
    assert!(folder.path().join("runs/ended/journal.corrupt-1/db").exists());
}

#[test]
fn a_run_that_is_still_written_to_is_left_alone() {
    let folder = store_one();
    let lock = fs::File::open(folder.path().join("runs/killed/LOCK")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(Store::migrate(folder.path()), Err(StoreError::Busy { .. })));
    assert_eq!(files(folder.path()), files(store_one().path()), "nothing was changed");
    lock.unlock().unwrap();
    let store = brought_up(folder.path());
    assert_eq!(used(&events(&store, "killed")), KILLED);
}

#[test]
fn it_is_left_alone_until_somebody_says_so_and_then_backed_up_first() {
    let folder = store_one();
    let refused = Store::open(folder.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Older { found: 1, known: 2, .. }));
    let message = refused.to_string().replace(&folder.path().display().to_string(), "STORE");
    insta::assert_snapshot!(message, @"the store `STORE` has version 1, and this longhand works with version 2: `longhand store migrate` backs it up and brings it to that version");
    assert_eq!(files(folder.path()), files(store_one().path()));

    // What a process left behind that was killed while it made the backup.
    fs::create_dir_all(folder.path().join(".backup-1/runs/half")).unwrap();
    brought_up(folder.path());
    assert_eq!(files(&folder.path().join("backup-1")), files(store_one().path()));
    assert!(!folder.path().join(".backup-1").exists());
    assert_eq!(Store::migrate(folder.path()).unwrap(), None, "there is nothing left to do");
    assert_eq!(Store::open(folder.path()).unwrap().runs().unwrap(), [id("ended"), id("killed")]);

    // Killed in between, it goes on, and the backup stays what it was before the first attempt.
    fs::write(folder.path().join("VERSION"), "longhand store 1\n").unwrap();
    fs::write(folder.path().join(".migrating"), "backup-1").unwrap();
    brought_up(folder.path());
    assert_eq!(files(&folder.path().join("backup-1")), files(store_one().path()));
    assert!(!folder.path().join(".migrating").exists());
}

#[test]
fn a_store_that_was_put_back_and_worked_on_gets_a_backup_of_its_own() {
    let folder = store_one();
    brought_up(folder.path());
    let (runs, backup) = (folder.path().join("runs"), folder.path().join("backup-1"));
    fs::remove_dir_all(&runs).unwrap();
    fs::rename(store_one().path().join("runs"), &runs).unwrap();
    fs::write(folder.path().join("VERSION"), "longhand store 1\n").unwrap();
    fs::write(runs.join("ended/new"), "since then").unwrap();
    let done = Store::migrate(folder.path()).unwrap().unwrap();
    assert_eq!(done.backup, folder.path().join("backup-1-2"));
    assert_eq!(fs::read_to_string(done.backup.join("runs/ended/new")).unwrap(), "since then");
    assert!(!backup.join("runs/ended/new").exists());
}
