//! Putting a journal back together from the records that lie outside it. Knows the engine and the blobs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::blobs::Blobs;
use super::engine::{Engine, OpenFault};
use super::error::StoreError;
use super::folder::{self, RunFolder};
use super::record::Record;
use crate::name::RunId;

/// Says what was put right when a run was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// How many records were found outside the journal and put back.
    pub restored: u64,
    /// How many numbers before the last record have none. Most are small records lost to damage; an append that
    /// failed or was killed half-way leaves such a gap too.
    pub missing: u64,
    /// Where the damaged journal lies now; none if it was whole and only lacked records, as after a kill between
    /// the two halves of an append, or if it was only read.
    pub aside: Option<PathBuf>,
}

/// Opens a run's journal for its writer, rebuilding it where it is damaged.
pub(super) fn open(
    run: &RunId,
    run_folder: &RunFolder,
    blobs: &Blobs,
) -> Result<(Engine, u64, Option<Recovery>), StoreError> {
    let journal = run_folder.journal();
    let failed = |source| StoreError::io(&journal, source);
    let sorted = |fault| match fault {
        OpenFault::Held => StoreError::Busy { run: run.clone() },
        OpenFault::Failed(source) => failed(source),
        OpenFault::Damaged(_) => failed(std::io::ErrorKind::InvalidData.into()),
    };
    folder::make(&journal)?;
    let (engine, mut values, aside) = match Engine::open(&journal, false) {
        Ok((engine, values)) => (engine, BTreeMap::from_iter(values), None),
        Err(OpenFault::Damaged(readable)) => {
            let aside = run_folder.put_journal_aside()?;
            folder::make(&journal)?;
            let (engine, _) = Engine::open(&journal, false).map_err(sorted)?;
            readable.iter().try_for_each(|(seq, value)| engine.insert(*seq, value)).map_err(failed)?;
            (engine, BTreeMap::from_iter(readable), Some(aside))
        }
        Err(fault) => return Err(sorted(fault)),
    };
    let found = missing_records(blobs, &values)?;
    found.iter().try_for_each(|(seq, value)| engine.insert(*seq, value)).map_err(failed)?;
    let restored = found.len() as u64;
    values.extend(found);
    let next = values.last_key_value().map_or(0, |(last, _)| last + 1);
    if restored == 0 && aside.is_none() {
        return Ok((engine, next, None));
    }
    engine.flush().map_err(failed)?;
    let missing = next - values.len() as u64;
    Ok((engine, next, Some(Recovery { restored, missing, aside })))
}

/// Finds the whole records among the blobs that `values` does not have.
pub(super) fn missing_records(
    blobs: &Blobs,
    values: &BTreeMap<u64, Vec<u8>>,
) -> Result<BTreeMap<u64, Vec<u8>>, StoreError> {
    let mut found = BTreeMap::new();
    for (seq, hash) in blobs.records()? {
        if !values.contains_key(&seq) && blobs.get_record(seq, &hash).is_ok() {
            found.insert(seq, Record::Outside(hash).to_bytes());
        }
    }
    Ok(found)
}
