//! Processes killed while they append, and readers beside them.

use std::sync::atomic::{AtomicBool, Ordering};

use longhand::name::RunId;
use longhand::store::{Durability, Store, StoreError};
use serde_json::{Value, json};

use super::child::Writer;

/// What the writer appends as record `seq`: mostly small, every fifth one large.
pub(super) fn event(seq: u64) -> Value {
    let length = if seq.is_multiple_of(5) { 20_000 } else { 10 + seq % 900 };
    json!({ "seq": seq, "text": "é".repeat(usize::try_from(length).unwrap()) })
}

fn entries(store: &Store, run: &RunId) -> Vec<(u64, Value)> {
    store.read_run(run).unwrap().entries().collect::<Result<_, _>>().unwrap()
}

/// Checks that the records are those that were appended, from 0 on without a gap, and returns how many.
fn check(entries: &[(u64, Value)]) -> u64 {
    for (expected, (seq, value)) in (0..).zip(entries) {
        assert_eq!((*seq, value), (expected, &event(expected)));
    }
    entries.len() as u64
}

#[test]
fn a_kill_loses_no_acked_record() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let run: RunId = "killed".parse().unwrap();
    drop(store.create_run(&run, Durability::Kill).unwrap());
    let mut acked = 0;
    for round in 0_u64..20 {
        let mut writer = Writer::start(folder.path(), &run);
        // More is ordered than is waited for, so that the kill meets an append at work.
        let wait_for = 1 + round * 7 % 13;
        writer.order(40);
        for _ in 0..wait_for {
            assert_eq!(writer.acked(), Some(acked), "round {round}");
            acked += 1;
        }
        for late in writer.kill() {
            assert_eq!(late, acked, "round {round}");
            acked += 1;
        }
        drop(store.open_run(&run, Durability::Kill).unwrap());
        let found = check(&entries(&store, &run));
        assert!(found == acked || found == acked + 1, "round {round}: {acked} acked, {found} found");
        acked = found;
    }
}

#[test]
fn a_run_is_read_while_another_process_appends() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let run: RunId = "live".parse().unwrap();
    drop(store.create_run(&run, Durability::Kill).unwrap());
    let mut writer = Writer::start(folder.path(), &run);
    writer.order(400);
    for at_least in 1..=20 {
        writer.acked().unwrap();
        let reader = store.read_run(&run).unwrap();
        assert!(reader.live());
        let read: Vec<_> = reader.entries().collect::<Result<_, _>>().unwrap();
        assert!(check(&read) >= at_least);
    }
    let error = store.open_run(&run, Durability::Kill).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }));
    assert!(matches!(store.remove(&run), Err(StoreError::Busy { .. })));
    insta::assert_snapshot!(error, @"run `live` is held by another writer: wait until it ends, or stop it");
    writer.kill();
    assert!(!store.read_run(&run).unwrap().live());
}

#[test]
fn a_writer_that_never_rests_does_not_keep_readers_out() {
    const BEFORE: u64 = 8000;
    // Reading all of them takes far longer than an append.
    let text = |seq: u64| format!("{seq:01000}");
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let run: RunId = "busy".parse().unwrap();
    let journal = store.create_run(&run, Durability::None).unwrap();
    (0..BEFORE).for_each(|seq| assert_eq!(journal.append(&text(seq)).unwrap(), seq));
    drop(journal);
    let journal = store.open_run(&run, Durability::Kill).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for seq in (BEFORE..).take_while(|_| !done.load(Ordering::Relaxed)) {
                journal.append(&text(seq)).unwrap();
            }
        });
        // Read before anything is checked, so that a failure ends the writer too.
        let read: Vec<_> = (0..4).map(|_| store.read_run(&run)).collect();
        done.store(true, Ordering::Relaxed);
        let mut before = BEFORE;
        for reader in read {
            let entries: Vec<(u64, String)> = reader.unwrap().entries().collect::<Result<_, _>>().unwrap();
            assert!((0..).zip(&entries).all(|(at, (seq, found))| *seq == at && *found == text(at)));
            let now = entries.len() as u64;
            assert!(now >= before, "{before} records became {now}");
            before = now;
        }
    });
}
