//! Brings a run of version 1 of the store up to version 2. Knows how version 1 kept its records; nothing else does.
//!
//! Version 1 kept a record of up to 1 KiB in sled, as `=` and its JSON, and any other as `@` and a hash in sled and as a
//! file `blobs/<two digits>/<hash>.<number>`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::blobs;
use super::engine::{Engine, OpenFault};
use super::error::StoreError;
use super::folder::{self, RunFolder};
use super::line;
use super::lock::WriterLock;
use super::records::Records;
use crate::hash::ContentHash;
use crate::name::RunId;

/// The lock with which version 1 kept writers waiting for readers.
const TURN: &str = "TURN";
/// The new file of records while it is being written.
const UNDER_WAY: &str = ".records-part";

/// Rewrites the records of a run. The new file counts once it has its name, so this can be killed anywhere and begun again.
pub(super) fn bring_up(run: &RunId, folder: &RunFolder) -> Result<(), StoreError> {
    let Some(_lock) = WriterLock::take(&folder.lock())? else {
        return Err(StoreError::Busy { run: run.clone() });
    };
    let outside = outside(folder)?;
    if !folder.records().exists() {
        let part = folder.path().join(UNDER_WAY);
        let mut records = Records::open(part.clone(), 0)?;
        let found = records_of(run, folder, &outside)?;
        // What damage had left of a run in version 1 is renumbered: version 2 takes a gap for damage of its own.
        for (seq, json) in (0..).zip(found.values()) {
            let body = line::pack(json).map_err(|source| StoreError::io(&part, source))?;
            records.append(seq, &body);
            records.write_out()?;
        }
        // What it is made from is removed next.
        records.force()?;
        fs::rename(&part, folder.records()).map_err(|source| StoreError::io(&part, source))?;
    }
    let removed = |path: PathBuf| fs::remove_file(&path).map_err(|source| StoreError::io(&path, source));
    outside.into_values().flatten().try_for_each(|(_, path)| removed(path))?;
    let (turn, journal) = (folder.path().join(TURN), folder.journal());
    if turn.exists() {
        removed(turn)?;
    }
    if journal.exists() {
        fs::remove_dir_all(&journal).map_err(|source| StoreError::io(&journal, source))?;
    }
    Ok(())
}

type Outside = BTreeMap<u64, Vec<(ContentHash, PathBuf)>>;

/// Lists the records that version 1 kept in files, by number. A number can have several, of appends that failed.
fn outside(folder: &RunFolder) -> Result<Outside, StoreError> {
    let mut files = Outside::new();
    if !folder.blobs().exists() {
        return Ok(files);
    }
    for shard in folder::names(&folder.blobs())? {
        let shard = folder.blobs().join(shard);
        for name in folder::names(&shard)? {
            let Some((hash, seq)) = name.split_once('.') else { continue };
            if let (Ok(hash), Ok(seq)) = (hash.parse(), seq.parse()) {
                files.entry(seq).or_default().push((hash, shard.join(&name)));
            }
        }
    }
    Ok(files)
}

/// Reads every whole record, also from a damaged folder, which is then kept aside.
fn records_of(
    run: &RunId,
    folder: &RunFolder,
    outside: &Outside,
) -> Result<BTreeMap<u64, Vec<u8>>, StoreError> {
    let journal = folder.journal();
    folder::make(&journal)?;
    let values = match Engine::open(&journal) {
        Ok((_, values)) => values,
        Err(OpenFault::Damaged(readable)) => {
            folder.put_journal_aside()?;
            readable
        }
        Err(OpenFault::Held) => return Err(StoreError::Busy { run: run.clone() }),
        Err(OpenFault::Failed(source)) => return Err(StoreError::io(&journal, source)),
    };
    let mut records = BTreeMap::new();
    for (seq, files) in outside {
        let whole = files.iter().find_map(|(hash, path)| blobs::read(path, hash).ok());
        records.extend(whole.map(|json| (*seq, json)));
    }
    for (seq, value) in values {
        if let Some((b'=', json)) = value.split_first() {
            records.insert(seq, json.to_vec());
        }
    }
    Ok(records)
}
