//! What tasks yielded is handed out whole, whether it is held in memory or read back from the journal.

use std::fs;

use longhand::name::NodeName;
use longhand::run::{Event, Kept, Slot, TaskId, Value};
use longhand::store::{Durability, Ledger, Store, StoreError};

use super::id;

fn node() -> NodeName {
    "read".parse().unwrap()
}

fn yields(source: u32, value: &Value) -> Event {
    Event::Done { task: TaskId { slot: Slot::Source(source), node: node() }, value: value.clone() }
}

fn is_held(ledger: &Ledger, source: u32) -> bool {
    ledger.read(|state| matches!(state.kept(&node(), Slot::Source(source)), Some(Kept::Here(_))))
}

/// A list too large to be held, a small one, and a large text, which is held all the same.
fn values() -> [Value; 4] {
    let record = serde_json::json!({ "name": "Ingrid", "notes": ["x".repeat(2000)] });
    [
        Value::Texts(vec!["a note ".repeat(40); 30]),
        Value::Texts(vec!["a note".to_owned()]),
        Value::Text("a summary ".repeat(900)),
        Value::Records(vec![record]),
    ]
}

#[test]
fn large_lists_are_read_back_and_all_else_is_held() {
    for durability in [Durability::Kill, Durability::None] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let check = |ledger: &Ledger| {
            for (source, value) in (0..).zip(values()) {
                assert_eq!(ledger.value(&node(), Slot::Source(source)).unwrap(), Some(value), "{source}");
            }
            assert_eq!([0, 1, 2, 3].map(|source| is_held(ledger, source)), [false, true, true, false]);
            assert_eq!(ledger.value(&node(), Slot::Archive).unwrap(), None);
        };
        let ledger = Ledger::open(store.create_run(&id("one"), durability).unwrap()).unwrap();
        for (source, value) in (0..).zip(values()) {
            ledger.record(&yields(source, &value)).unwrap();
        }
        check(&ledger);
        drop(ledger);
        check(&Ledger::open(store.open_run(&id("one"), durability).unwrap()).unwrap());
    }
}

#[test]
fn nothing_is_read_back_where_nothing_is_kept() {
    let ledger = Ledger::unkept();
    for (source, value) in (0..).zip(values()) {
        ledger.record(&yields(source, &value)).unwrap();
        assert_eq!(ledger.value(&node(), Slot::Source(source)).unwrap(), Some(value));
    }
}

#[test]
fn a_value_that_is_damaged_meanwhile_is_named_and_never_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let ledger = Ledger::open(store.create_run(&id("one"), Durability::Kill).unwrap()).unwrap();
    ledger.record(&yields(0, &values()[0])).unwrap();
    let path = folder.path().join("runs/one/records");
    let mut bytes = fs::read(&path).unwrap();
    bytes[60] ^= 1;
    fs::write(&path, bytes).unwrap();
    let lost = ledger.value(&node(), Slot::Source(0)).unwrap_err();
    assert!(matches!(lost, StoreError::LostValue { .. }));
    insta::assert_snapshot!(lost, @"what `read` yielded cannot be read back from the journal: resume the run to have it made again");
    drop(ledger);
    let again = Ledger::open(store.open_run(&id("one"), Durability::Kill).unwrap()).unwrap();
    assert_eq!((again.lost(), again.value(&node(), Slot::Source(0)).unwrap()), (1, None), "it is made again");
}
