//! Verifying and compacting: damage is found and named, space is given back, and no event is lost.

use std::fs::{self, File};
use std::path::Path;

use longhand::run::{Event, Outcome};
use longhand::store::{Durability, IndexHealth, Store};

use super::{events, id};

fn event(ms: u64) -> Event {
    Event::Ended { outcome: Outcome::Interrupted, ms }
}

fn fill(store: &Store, run: &str, records: u64) {
    let journal = store.create_run(&id(run), Durability::Kill).unwrap();
    (0..records).for_each(|ms| assert_eq!(journal.append(&event(ms)).unwrap(), ms));
}

fn expected(records: u64) -> Vec<Event> {
    (0..records).map(event).collect()
}

/// Changes one byte in the middle of the `line`th line of a file.
fn hurt_line(path: &Path, line: usize) {
    let mut bytes = fs::read(path).unwrap();
    let begins = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(line - 1).unwrap().0;
    bytes[begins + 30] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_store_in_which_all_is_whole_verifies_and_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    fill(&store, "one", 20);
    let live = store.create_run(&id("two"), Durability::Kill).unwrap();
    live.append(&event(0)).unwrap();
    live.put_blob(b"blob").unwrap();
    let journal = folder.path().join("runs/one/journal/db");
    let before = fs::metadata(&journal).unwrap().modified().unwrap();
    let found = store.verify().unwrap();
    assert!(found.is_sound());
    assert_eq!(fs::metadata(&journal).unwrap().modified().unwrap(), before);
    let [one, two] = found.runs.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.records, one.blobs, one.live, one.index), (20, 0, false, IndexHealth::Whole));
    assert_eq!((two.records, two.blobs, two.live, two.index), (1, 1, true, IndexHealth::Unchecked));
}

#[test]
fn every_kind_of_damage_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for run in ["blob", "cut", "index", "line", "sound"] {
        fill(&store, run, 20);
    }
    let runs = folder.path().join("runs");
    let journal = store.open_run(&id("blob"), Durability::Kill).unwrap();
    let hash = journal.put_blob(b"blob").unwrap();
    drop(journal);
    let shard = hash.to_string()[..2].to_owned();
    fs::write(runs.join("blob/blobs").join(shard).join(hash.to_string()), b"other").unwrap();
    hurt_line(&runs.join("line/records"), 7);
    for name in ["db", "conf"] {
        let path = runs.join("index/journal").join(name);
        let length = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
        fs::write(path, vec![0xA5; length]).unwrap();
    }
    let cut = File::options().write(true).open(runs.join("cut/records")).unwrap();
    cut.set_len(cut.metadata().unwrap().len() * 3 / 4).unwrap();

    let found = store.verify().unwrap();
    assert!(!found.is_sound());
    let [blob, cut, index, line, sound] = found.runs.as_slice() else { panic!("{found:?}") };
    assert_eq!((blob.damaged_blobs.as_slice(), blob.blobs, blob.is_sound()), ([hash].as_slice(), 0, false));
    assert_eq!((line.damaged.as_slice(), line.records), ([7].as_slice(), 19));
    assert_eq!((index.index, index.records, index.damaged.len()), (IndexHealth::Damaged, 20, 0));
    let lost: Vec<u64> = (cut.records..20).collect();
    assert!(!lost.is_empty());
    assert_eq!(cut.damaged, lost, "the index knows how many there were");
    assert!(sound.is_sound());
}

#[test]
fn compacting_gives_space_back_and_keeps_every_event() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    fill(&store, "one", 20);
    fill(&store, "live", 5);
    fill(&store, "hurt", 20);
    hurt_line(&folder.path().join("runs/hurt/records"), 3);
    let live = store.open_run(&id("live"), Durability::Kill).unwrap();
    let one = folder.path().join("runs/one");
    fs::write(one.join("spool/.tmpAb12"), "left by a process that was killed").unwrap();
    fs::write(one.join("spool/stdin"), "what the run reads").unwrap();
    fs::create_dir_all(one.join("journal.corrupt-1")).unwrap();
    fs::create_dir_all(folder.path().join("runs/.removed-old/blobs")).unwrap();
    fs::create_dir_all(folder.path().join("backup-1/runs")).unwrap();

    let done = store.compact(false).unwrap();
    assert_eq!((done.runs, done.live, done.damaged), (2, vec![id("live")], vec![id("hurt")]));
    assert_eq!(done.backups, 1);
    assert!(done.bytes_after < done.bytes_before);
    assert!(!one.join("journal").exists() && !one.join("journal.corrupt-1").exists());
    assert!(!one.join("spool/.tmpAb12").exists() && one.join("spool/stdin").exists());
    assert!(!folder.path().join("runs/.removed-old").exists());
    assert!(
        folder.path().join("runs/hurt/journal/db").exists(),
        "it alone knows how many records there were"
    );
    drop(live);

    assert_eq!(events(&store, "one"), expected(20));
    assert_eq!(store.verify().unwrap().runs[2].index, IndexHealth::Absent);
    let journal = store.open_run(&id("one"), Durability::Kill).unwrap();
    assert_eq!(journal.recovery(), None, "an index that is not there is no damage");
    assert_eq!(journal.append(&event(20)).unwrap(), 20);
    drop(journal);
    assert_eq!(events(&store, "one"), expected(21));
    assert_eq!(store.compact(true).unwrap().backups, 0);
    assert!(!folder.path().join("backup-1").exists());
}
