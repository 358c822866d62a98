//! Bringing the index up to the file of records, after a kill or damage to either.

use std::path::PathBuf;

use super::engine::{Engine, OpenFault};
use super::error::StoreError;
use super::folder::{self, RunFolder};
use super::marks::{self, Marks};
use super::records::{self, Lines, Records};
use crate::name::RunId;

/// Says what was damaged when a run was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// How many records the index was lacking and has again.
    pub restored: u64,
    /// How many records cannot be read any more.
    pub missing: u64,
    /// Where the damaged index lies now; none if it was whole.
    pub aside: Option<PathBuf>,
}

/// A run opened for its writer.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) index: Engine,
    pub(super) records: Records,
    /// The number of the next record.
    pub(super) next: u64,
    pub(super) recovery: Option<Recovery>,
}

/// Opens a run, and brings its index up to its file of records.
pub(super) fn open(run: &RunId, folder: &RunFolder) -> Result<Opened, StoreError> {
    let path = folder.records();
    let (index, marks, aside) = open_index(run, folder)?;
    let length = records::length(&path)?;
    let newest = marks.newest();
    let mut next = newest.map_or(0, |(seq, _)| seq + 1);
    // What the index knows of need not be read again, unless the index is not what this file was written with.
    let known = newest.filter(|(_, at)| marks.complete && *at < length);
    let (before, from) = known.unwrap_or((0, 0));
    let (mut end, mut whole, mut restored) = (from, 0, 0);
    for line in Lines::open(&path, from..length)? {
        let line = line?;
        end = line.end;
        let Some((seq, _)) = line.record() else { continue };
        whole += 1;
        next = next.max(seq + 1);
        if known.is_none_or(|(known, _)| seq > known) {
            marks::note(&index, (seq, line.at))
                .map_err(|source| StoreError::io(&folder.journal(), source))?;
            restored += 1;
        }
    }
    let missing = next.saturating_sub(before + whole);
    let damaged = aside.is_some() || missing > 0;
    let recovery = damaged.then_some(Recovery { restored, missing, aside });
    Ok(Opened { index, records: Records::open(path, end)?, next, recovery })
}

type Index = (Engine, Marks, Option<PathBuf>);

/// Opens the index with all that it holds. A damaged one is put aside, and an empty one takes its place.
fn open_index(run: &RunId, folder: &RunFolder) -> Result<Index, StoreError> {
    let path = folder.journal();
    let sorted = |fault| match fault {
        OpenFault::Held => StoreError::Busy { run: run.clone() },
        OpenFault::Failed(source) => StoreError::io(&path, source),
        OpenFault::Damaged(_) => StoreError::io(&path, std::io::ErrorKind::InvalidData.into()),
    };
    folder::make(&path)?;
    match Engine::open(&path) {
        Ok((index, values)) => Ok((index, Marks::of(values), None)),
        Err(OpenFault::Damaged(_)) => {
            let aside = folder.put_journal_aside()?;
            folder::make(&path)?;
            let (index, _) = Engine::open(&path).map_err(sorted)?;
            Ok((index, Marks::default(), Some(aside)))
        }
        Err(fault) => Err(sorted(fault)),
    }
}
