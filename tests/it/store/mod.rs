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
