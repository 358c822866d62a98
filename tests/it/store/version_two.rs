//! A store of version 2, made by the program of its first day: a run that ended, one that waits and one that was killed.
//! Once a newer version is written this is what it has to bring up.

use std::path::Path;

use longhand::run::{Event, Outcome, RunState};
use longhand::store::{Durability, IndexHealth, Ledger, Store};
use tempfile::TempDir;

use super::{copy_of, events, id, used};

const ENDED: &str = "20261127-235949-dc95f344";
const WAITING: &str = "20261127-235951-30640b47";
const KILLED: &str = "20261127-235952-5381eb2f";

fn store_two() -> TempDir {
    copy_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-2"))
}

#[test]
fn its_runs_are_read_as_they_were_written_and_go_on() {
    let folder = store_two();
    let store = Store::open(folder.path()).unwrap();
    let state = |run: &str| {
        let mut state = RunState::default();
        for event in &events(&store, run) {
            state.apply(event);
        }
        state
    };
    assert_eq!(
        (used(&events(&store, ENDED)), state(ENDED).outcome()),
        ((23, 1759, 256), Some(Outcome::Succeeded))
    );
    assert_eq!(
        (used(&events(&store, WAITING)), state(WAITING).outcome()),
        ((8, 761, 66), Some(Outcome::Waiting))
    );
    assert_eq!(state(WAITING).waiting().count(), 1);
    assert_eq!((used(&events(&store, KILLED)), state(KILLED).outcome()), ((12, 770, 149), None));

    let found = store.verify().unwrap();
    assert!(found.is_sound(), "{found:?}");
    let indexes: Vec<IndexHealth> = found.runs.iter().map(|run| run.index).collect();
    assert_eq!(indexes, [IndexHealth::Absent, IndexHealth::Whole, IndexHealth::Behind]);
    assert_eq!((found.index.entries, found.index.live, found.astray), (23, 23, 0));

    for run in [ENDED, KILLED] {
        let before = events(&store, run).len();
        let journal = store.open_run(&id(run), Durability::Kill).unwrap();
        assert_eq!(journal.recovery(), None);
        let ledger = Ledger::open(journal).unwrap();
        ledger.record(&Event::Ended { outcome: Outcome::Interrupted, ms: 1 }).unwrap();
        drop(ledger);
        assert_eq!(events(&store, run).len(), before + 1);
    }
}
