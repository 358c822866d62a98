//! Damaged journals and blobs: what can be found again is, and the rest is named.

use std::fs;
use std::path::{Path, PathBuf};

use longhand::name::RunId;
use longhand::store::{Durability, Journal, Store, StoreError};

fn run() -> RunId {
    "hurt".parse().unwrap()
}

/// What record `seq` holds: one in three is kept outside the journal.
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

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let files =
        walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path());
    files.filter(|path| path.is_file()).collect()
}

#[test]
fn a_journal_overwritten_with_noise_is_rebuilt_from_the_records_outside_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let path = folder.path().join("runs/hurt/journal");
    for name in ["db", "conf"] {
        let length = usize::try_from(fs::metadata(path.join(name)).unwrap().len()).unwrap();
        fs::write(path.join(name), vec![0xA5; length]).unwrap();
    }
    let outside: Vec<(u64, String)> = (0..30).step_by(3).map(|seq| (seq, text(seq))).collect();

    let reader = store.read_run(&run()).unwrap();
    assert_eq!(reader.entries().collect::<Result<Vec<(u64, String)>, _>>().unwrap(), outside);
    assert_eq!(reader.recovery().unwrap().aside, None);

    let journal = store.open_run(&run(), Durability::Kill).unwrap();
    let recovery = journal.recovery().unwrap().clone();
    assert_eq!((recovery.restored, recovery.missing), (10, 18));
    assert_eq!(recovery.aside, Some(folder.path().join("runs/hurt/journal.corrupt-1")));
    assert_eq!(fs::read(recovery.aside.unwrap().join("db")).unwrap().first(), Some(&0xA5));
    assert_eq!(read(&journal), outside);
    assert_eq!(journal.append(&"goes on").unwrap(), 28);
    drop(journal);
    let journal = store.open_run(&run(), Durability::Kill).unwrap();
    assert_eq!(journal.recovery(), None);
    assert_eq!(read(&journal).len(), 11);
}

#[test]
fn damage_anywhere_in_the_journal_loses_no_record_outside_it() {
    const PLACES: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let journal = folder.path().join("runs/hurt/journal");
    let whole: Vec<(PathBuf, Vec<u8>)> =
        files_below(&journal).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    for (path, bytes) in &whole {
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for at in (0..PLACES).map(|place| used * place / PLACES) {
            let mut noise = bytes.clone();
            noise[at..(at + 64).min(bytes.len())].fill(0x5A);
            for (kind, hurt) in [("noise", noise), ("cut", bytes[..at].to_vec())] {
                fs::remove_dir_all(&journal).unwrap();
                fs::create_dir(&journal).unwrap();
                for (path, bytes) in &whole {
                    fs::write(path, bytes).unwrap();
                }
                fs::write(path, hurt).unwrap();
                let context = format!("{}: {kind} at {at}", path.display());
                let opened = store.open_run(&run(), Durability::Kill);
                let found = read(&opened.unwrap_or_else(|error| panic!("{context}: {error}")));
                assert!(found.iter().all(|(seq, found)| *found == text(*seq)), "{context}");
                assert_eq!(found.iter().filter(|(seq, _)| seq.is_multiple_of(3)).count(), 10, "{context}");
            }
        }
    }
}

#[test]
fn a_small_record_kept_outside_survives_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let journal = store.create_run(&run(), Durability::Kill).unwrap();
    journal.append_outside(&"start").unwrap();
    journal.append(&"small").unwrap();
    drop(journal);
    fs::remove_dir_all(folder.path().join("runs/hurt/journal")).unwrap();
    let journal = store.open_run(&run(), Durability::Kill).unwrap();
    assert_eq!(journal.recovery().unwrap().restored, 1);
    assert_eq!(read(&journal), [(0, "start".to_owned())]);
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

#[test]
fn a_damaged_record_outside_is_an_error_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let hurt = files_below(&folder.path().join("runs/hurt/blobs"))
        .into_iter()
        .find(|path| path.extension().is_some_and(|seq| seq == "3"))
        .unwrap();
    fs::write(&hurt, "").unwrap();
    let journal = store.open_run(&run(), Durability::Kill).unwrap();
    let failed: Vec<_> =
        journal.entries::<String>().enumerate().filter(|(_, entry)| entry.is_err()).collect();
    assert!(matches!(failed.as_slice(), [(3, Err(StoreError::DamagedBlob { .. }))]));
    assert_eq!(journal.entries::<String>().count(), 30);
}
