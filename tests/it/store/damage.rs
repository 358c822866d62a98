//! Damaged indexes, records and blobs: what can be read is, and the rest is named.

use std::fs;
use std::path::{Path, PathBuf};

use longhand::name::RunId;
use longhand::store::{Durability, Journal, Store, StoreError};

fn run() -> RunId {
    "hurt".parse().unwrap()
}

/// What record `seq` holds: one in three is compressed.
fn text(seq: u64) -> String {
    if seq.is_multiple_of(3) { format!("{seq} ").repeat(2000) } else { format!("small {seq}") }
}

fn filled(root: &Path) -> Store {
    let store = Store::open(root).unwrap();
    let journal = store.create_run(&run(), Durability::Kill).unwrap();
    for seq in 0..30 {
        assert_eq!(journal.append(&text(seq)).unwrap(), seq);
    }
    journal.put_blob(text(3).as_bytes()).unwrap();
    store
}

fn read(journal: &Journal) -> Vec<(u64, String)> {
    journal.entries().collect::<Result<_, _>>().unwrap()
}

fn expected() -> Vec<(u64, String)> {
    (0..30).map(|seq| (seq, text(seq))).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let files =
        walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path());
    files.filter(|path| path.is_file()).collect()
}

#[test]
fn an_index_overwritten_with_noise_is_made_anew_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let path = folder.path().join("runs/hurt/journal");
    for name in ["db", "conf"] {
        let length = usize::try_from(fs::metadata(path.join(name)).unwrap().len()).unwrap();
        fs::write(path.join(name), vec![0xA5; length]).unwrap();
    }
    let reader = store.read_run(&run()).unwrap();
    assert_eq!(reader.entries().collect::<Result<Vec<(u64, String)>, _>>().unwrap(), expected());

    let journal = store.open_run(&run(), Durability::Kill).unwrap();
    let recovery = journal.recovery().unwrap().clone();
    assert_eq!((recovery.restored, recovery.missing), (30, 0));
    assert_eq!(recovery.aside, Some(folder.path().join("runs/hurt/journal.corrupt-1")));
    assert_eq!(fs::read(recovery.aside.unwrap().join("db")).unwrap().first(), Some(&0xA5));
    assert_eq!(read(&journal), expected());
    assert_eq!(journal.append(&"goes on").unwrap(), 30);
    drop(journal);
    let journal = store.open_run(&run(), Durability::Kill).unwrap();
    assert_eq!(journal.recovery(), None);
    assert_eq!(read(&journal).len(), 31);
}

/// Writes `path` with noise, or cut off, at several places, and calls `check` each time.
fn hurt(path: &Path, whole: &[u8], mut check: impl FnMut(&str, usize)) {
    const PLACES: usize = 12;
    let used = whole.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for at in (0..PLACES).map(|place| used * place / PLACES) {
        let mut noise = whole.to_vec();
        noise[at..(at + 64).min(whole.len())].iter_mut().for_each(|byte| *byte ^= 0x5A);
        for (kind, hurt) in [("noise", noise), ("cut", whole[..at].to_vec())] {
            fs::write(path, hurt).unwrap();
            check(&format!("{}: {kind} at {at}", path.display()), at);
        }
    }
}

#[test]
fn damage_anywhere_in_the_index_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let journal = folder.path().join("runs/hurt/journal");
    let whole: Vec<(PathBuf, Vec<u8>)> =
        files_below(&journal).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    for (path, bytes) in &whole {
        hurt(path, bytes, |context, _| {
            let hurt = fs::read(path).unwrap();
            fs::remove_dir_all(&journal).unwrap();
            fs::create_dir(&journal).unwrap();
            for (path, bytes) in &whole {
                fs::write(path, bytes).unwrap();
            }
            fs::write(path, hurt).unwrap();
            let opened = store.open_run(&run(), Durability::Kill);
            let found = read(&opened.unwrap_or_else(|error| panic!("{context}: {error}")));
            assert_eq!(found, expected(), "{context}");
        });
    }
}

#[test]
fn damage_to_the_records_costs_those_that_it_hits_and_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let path = folder.path().join("runs/hurt/records");
    let whole = fs::read(&path).unwrap();
    let first_of = |at: usize| whole[..at].split(|byte| *byte == b'\n').count() as u64 - 1;
    hurt(&path, &whole, |context, at| {
        let journal = store.open_run(&run(), Durability::Kill).unwrap();
        assert_eq!(journal.append(&"goes on").unwrap(), 30, "{context}");
        let entries: Vec<Result<(u64, String), StoreError>> = journal.entries().collect();
        assert_eq!(entries.len(), 31, "{context}: each record is there or named");
        let cut = context.contains("cut");
        let may_be_lost = first_of(at)..if cut { 30 } else { first_of((at + 64).min(whole.len())) + 2 };
        for (seq, entry) in (0..).zip(&entries[..30]) {
            match entry {
                Ok(found) => assert_eq!(*found, (seq, text(seq)), "{context}"),
                Err(StoreError::DamagedRecord { seq: named, .. }) => {
                    assert_eq!(*named, seq, "{context}");
                    assert!(may_be_lost.contains(&seq), "{context}: {seq} is lost");
                }
                Err(error) => panic!("{context}: {error}"),
            }
        }
        let lost = entries.iter().filter(|entry| entry.is_err()).count();
        assert!(lost > 0, "{context}: the damage is seen");
        drop(journal);
        let reader = store.read_run(&run()).unwrap();
        let read: Vec<Result<(u64, String), StoreError>> = reader.entries().collect();
        assert_eq!(
            read.iter().filter(|entry| entry.is_err()).count(),
            lost,
            "{context}: a reader sees the same"
        );
        // The next place is tried on a run that was never hurt.
        fs::remove_dir_all(folder.path().join("runs/hurt")).unwrap();
        filled(folder.path());
    });
}

#[test]
fn a_run_without_its_index_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    fs::remove_dir_all(folder.path().join("runs/hurt/journal")).unwrap();
    let journal = store.open_run(&run(), Durability::Kill).unwrap();
    assert_eq!(journal.recovery(), None);
    assert_eq!(read(&journal), expected());
}

#[test]
fn a_text_that_spells_a_record_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let records = folder.path().join("runs/hurt/records");
    let lines = String::from_utf8_lossy(&fs::read(&records).unwrap()).into_owned();
    let journal = store.open_run(&run(), Durability::Kill).unwrap();
    journal.append(&lines).unwrap();
    journal.put_blob(&fs::read(&records).unwrap()).unwrap();
    drop(journal);
    fs::remove_dir_all(folder.path().join("runs/hurt/journal")).unwrap();
    let journal = store.open_run(&run(), Durability::Kill).unwrap();
    let mut expected = expected();
    expected.push((30, lines));
    assert_eq!(read(&journal), expected);
}

#[test]
fn a_blob_that_says_it_is_a_record_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let journal = store.create_run(&run(), Durability::Kill).unwrap();
    journal.put_blob(br#"{"seq":0,"record":"forged"}"#).unwrap();
    journal.put_blob(br#""forged""#).unwrap();
    drop(journal);
    fs::remove_dir_all(folder.path().join("runs/hurt/journal")).unwrap();
    let journal = store.open_run(&run(), Durability::Kill).unwrap();
    assert_eq!(journal.recovery(), None);
    assert_eq!(read(&journal), []);
}

#[test]
fn a_damaged_blob_is_named_and_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let journal = store.create_run(&run(), Durability::Kill).unwrap();
    let hash = journal.put_blob(b"some bytes").unwrap();
    let blob = files_below(&folder.path().join("runs/hurt/blobs")).remove(0);
    let mut bytes = fs::read(&blob).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&blob, bytes).unwrap();
    let error = journal.blob(&hash).unwrap_err();
    assert!(matches!(&error, StoreError::DamagedBlob { hash: named, .. } if *named == hash));
    insta::assert_snapshot!(error.to_string().replace(&blob.display().to_string(), "BLOB"), @"blob `7e52aeb0` is damaged: the bytes in `BLOB` have another hash");
    assert_eq!(journal.put_blob(b"some bytes").unwrap(), hash);
    assert_eq!(journal.blob(&hash).unwrap(), b"some bytes");
}
