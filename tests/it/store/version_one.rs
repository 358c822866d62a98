//! A store of version 1, made by the program of that time: a run that ended and one that was killed.

use std::fs;
use std::path::Path;

use longhand::name::RunId;
use longhand::run::{Event, Outcome, RunState};
use longhand::store::{Durability, Ledger, Store, StoreError};
use tempfile::TempDir;

/// A copy of the store, which opening it changes.
fn store_one() -> TempDir {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-1");
    let copy = tempfile::tempdir().unwrap();
    for entry in walkdir::WalkDir::new(&fixture).min_depth(1) {
        let entry = entry.unwrap();
        let to = copy.path().join(entry.path().strip_prefix(&fixture).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir(to).unwrap();
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
    copy
}

fn id(run: &str) -> RunId {
    run.parse().unwrap()
}

fn events(store: &Store, run: &str) -> Vec<Event> {
    let entries = store.read_run(&id(run)).unwrap().entries();
    entries.map(|entry: Result<(u64, Event), StoreError>| entry.unwrap().1).collect()
}

/// Calls, tokens of prompts and tokens of answers: what the program of that time told of the same runs.
fn used(events: &[Event]) -> (usize, u64, u64) {
    let calls: Vec<_> =
        events.iter().filter_map(|e| if let Event::Called(call) = e { Some(call) } else { None }).collect();
    let usage =
        |of: fn(&longhand::model::Usage) -> u64| calls.iter().map(|call| of(&call.response.usage)).sum();
    (calls.len(), usage(|usage| usage.prompt_tokens.0), usage(|usage| usage.completion_tokens.0))
}

const ENDED: (usize, u64, u64) = (6, 1835, 261);
const KILLED: (usize, u64, u64) = (4, 1374, 171);

#[test]
fn its_runs_are_brought_up_to_version_two_and_go_on() {
    let folder = store_one();
    let store = Store::open(folder.path()).unwrap();
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
    Store::open(folder.path()).unwrap();
    let runs = folder.path().join("runs");
    fs::rename(old.path().join("runs/ended/journal"), runs.join("ended/journal")).unwrap();
    fs::remove_dir_all(runs.join("killed")).unwrap();
    fs::rename(old.path().join("runs/killed"), runs.join("killed")).unwrap();
    fs::write(runs.join("killed/.records-part"), "half a").unwrap();
    fs::write(folder.path().join("VERSION"), "longhand store 1\n").unwrap();
    let store = Store::open(folder.path()).unwrap();
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
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(used(&events(&store, "ended")), ENDED, "calls lay outside");
    assert!(folder.path().join("runs/ended/journal.corrupt-1/db").exists());
}

#[test]
fn a_run_that_is_still_written_to_is_left_alone() {
    let folder = store_one();
    let lock = fs::File::open(folder.path().join("runs/killed/LOCK")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Busy { .. })));
    assert_eq!(fs::read_to_string(folder.path().join("VERSION")).unwrap(), "longhand store 1\n");
    lock.unlock().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(used(&events(&store, "killed")), KILLED);
}
