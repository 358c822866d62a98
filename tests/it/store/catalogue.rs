//! Stores, their versions, and the runs in them.

use std::fs;
use std::path::Path;

use longhand::name::RunId;
use longhand::store::{Durability, Store, StoreError};

fn id(name: &str) -> RunId {
    name.parse().unwrap()
}

fn with_runs(folder: &Path, names: &[&str]) -> Store {
    let store = Store::open(folder).unwrap();
    for name in names {
        store.create_run(&id(name), Durability::None).unwrap();
    }
    store
}

fn message(folder: &Path, error: &StoreError) -> String {
    error.to_string().replace(&folder.display().to_string(), "STORE")
}

#[test]
fn runs_are_listed_in_order_and_found_by_how_they_begin() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_runs(folder.path(), &["20261124-1", "20261123-2", "20261123-1", "20261123-11"]);
    let names: Vec<String> = store.runs().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["20261123-1", "20261123-11", "20261123-2", "20261124-1"]);
    assert_eq!(store.resolve("20261124").unwrap(), id("20261124-1"));
    assert_eq!(store.resolve("20261123-1").unwrap(), id("20261123-1"), "a whole name is not ambiguous");
    let many = store.resolve("20261123").unwrap_err();
    insta::assert_snapshot!(many, @"`20261123` begins the names of 3 runs: write more of the name, such as `20261123-1`");
    insta::assert_snapshot!(store.resolve("20261125").unwrap_err(), @"there is no run `20261125` in this store: similar are `20261123-1`, `20261123-11`, `20261123-2`");
    insta::assert_snapshot!(store.resolve("x").unwrap_err(), @"there is no run `x` in this store");
    assert!(matches!(store.resolve(""), Err(StoreError::NoRun { .. })));
}

#[test]
fn a_run_is_created_once_and_opened_only_if_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_runs(folder.path(), &["one"]);
    let twice = store.create_run(&id("one"), Durability::Kill).unwrap_err();
    insta::assert_snapshot!(twice, @"run `one` exists already: choose another name, or remove it");
    let absent = store.open_run(&id("oNe"), Durability::Kill).unwrap_err();
    insta::assert_snapshot!(absent, @"there is no run `oNe` in this store");
    assert!(matches!(store.read_run(&id("two")), Err(StoreError::NoRun { .. })));
    assert!(matches!(store.remove(&id("two")), Err(StoreError::NoRun { .. })));
}

#[test]
fn a_second_writer_of_the_same_process_is_refused_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_runs(folder.path(), &[]);
    let first = store.create_run(&id("one"), Durability::Kill).unwrap();
    assert!(matches!(store.open_run(&id("one"), Durability::Kill), Err(StoreError::Busy { .. })));
    drop(first);
    store.open_run(&id("one"), Durability::Kill).unwrap();
}

#[test]
fn a_removed_run_is_gone_and_its_name_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_runs(folder.path(), &["one", "two"]);
    let held = store.open_run(&id("one"), Durability::Kill).unwrap();
    held.append(&1).unwrap();
    assert!(matches!(store.remove(&id("one")), Err(StoreError::Busy { .. })));
    drop(held);
    store.remove(&id("one")).unwrap();
    assert_eq!(store.runs().unwrap(), [id("two")]);
    let again = store.create_run(&id("one"), Durability::Kill).unwrap();
    assert_eq!(again.entries::<u8>().count(), 0);
}

#[test]
fn a_folder_with_other_files_becomes_a_store() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("README.md"), "what lies here").unwrap();
    Store::open(folder.path()).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("VERSION")).unwrap(), "longhand store 2\n");
}

#[test]
fn versions_that_are_newer_or_unreadable_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    with_runs(folder.path(), &[]);
    let version = folder.path().join("VERSION");
    let refused = |text: &[u8]| {
        fs::write(&version, text).unwrap();
        message(folder.path(), &Store::open(folder.path()).unwrap_err())
    };
    insta::assert_snapshot!(refused(b"longhand store 3\n"), @"the store `STORE` has version 3, and this longhand knows versions up to 2: update longhand, or name another store with `--store`");
    insta::assert_snapshot!(refused(b"\xff\x00garbage"), @r#"`STORE/VERSION` should say the version of the store, such as `longhand store 2`, but says `\u{fffd}\u{0}garbage`: restore the file, or name another store with `--store`"#);
    insta::assert_snapshot!(refused(b""), @"`STORE/VERSION` should say the version of the store, such as `longhand store 2`, but says ``: restore the file, or name another store with `--store`");
    insta::assert_snapshot!(refused(b"longhand store 0"), @"`STORE/VERSION` should say the version of the store, such as `longhand store 2`, but says `longhand store 0`: restore the file, or name another store with `--store`");
    fs::remove_file(&version).unwrap();
    let missing = Store::open(folder.path()).unwrap_err();
    assert!(matches!(missing, StoreError::NoVersion { .. }), "a store with runs has a version");
}

#[test]
fn a_store_that_cannot_be_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file.join("store")).unwrap_err();
    insta::assert_snapshot!(message(folder.path(), &error), @"`STORE/file` is a file: expected a folder, or a name that is free; name another store with `--store`");
}

#[cfg(unix)]
#[test]
fn only_the_owner_reaches_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let store = with_runs(&root, &[]);
    let journal = store.create_run(&id("one"), Durability::Kill).unwrap();
    journal.append(&"x".repeat(5000)).unwrap();
    journal.put_blob(b"blob").unwrap();
    drop(journal);
    for entry in walkdir::WalkDir::new(&root) {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        let expected = if entry.file_type().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}", entry.path().display());
    }
    for part in ["VERSION", "runs/one/LOCK", "runs/one/records", "runs/one/journal/db"] {
        assert!(root.join(part).is_file(), "{part}");
    }
}
