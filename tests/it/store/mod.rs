//! The store as its callers meet it: order, locks, kills, damage, full disks.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod catalogue;
mod child;
mod damage;
mod full;
mod journal;
mod kill;
mod upkeep;
mod values;
mod version_one;
mod version_two;

use std::fs;
use std::path::Path;

use longhand::name::RunId;
use longhand::run::Event;
use longhand::store::{Store, StoreError};
use tempfile::TempDir;

fn id(run: &str) -> RunId {
    run.parse().unwrap()
}

/// A copy of a folder, to be changed.
fn copy_of(fixture: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in walkdir::WalkDir::new(fixture).min_depth(1) {
        let entry = entry.unwrap();
        let to = copy.path().join(entry.path().strip_prefix(fixture).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir(to).unwrap();
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
    copy
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
