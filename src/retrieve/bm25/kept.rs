//! An index of texts that outlives the process. Knows nothing of scores.

use super::postings::{Posting, Postings};
use super::record::{self, Record};
use super::{Bm25, MOST_POSITIONS};
use crate::retrieve::error::IndexError;
use crate::retrieve::log::{Label, Log};
use crate::retrieve::storage::Storage;
use crate::retrieve::terms::RULES;

/// The version of the records.
const VERSION: u32 = 1;

/// A [`Bm25`] that lies in a storage: whatever is pushed or forgotten is written there first.
///
/// The texts themselves are not kept, only how often each term stands in which.
///
/// ```
/// use longhand::retrieve::KeptBm25;
/// let mut index = KeptBm25::open(Vec::new())?;
/// index.push("Dogs bark.")?;
/// assert_eq!(index.index().top("dog", 5).len(), 1);
/// # Ok::<(), longhand::retrieve::IndexError>(())
/// ```
#[derive(Debug)]
pub struct KeptBm25<S> {
    index: Bm25,
    log: Log<S>,
}

impl<S: Storage> KeptBm25<S> {
    /// Opens the index in a storage, or begins one in an empty storage.
    ///
    /// Half a record at the end is cut off; [`KeptBm25::lost`] says how much.
    ///
    /// # Errors
    ///
    /// Returns an error if the storage holds something else, was written with other rules for terms, or is damaged; or if
    /// it cannot be read.
    pub fn open(storage: S) -> Result<Self, IndexError> {
        let label = Label { kind: "terms", version: VERSION, maker: RULES };
        let mut index = Bm25::default();
        let mut loose = Vec::new();
        let log = Log::open(storage, &label, |offset, payload| {
            Record::read(payload)
                .and_then(|record| replay(&mut index, &mut loose, &record))
                .ok_or(IndexError::Damaged { part: "terms", offset })
        })?;
        index.postings = Postings::pack(&loose, index.vocabulary.len());
        Ok(Self { index, log })
    }

    /// Returns the index to ask.
    #[must_use]
    pub fn index(&self) -> &Bm25 {
        &self.index
    }

    /// Returns where the index lies, for example to force a file to the disk.
    #[must_use]
    pub fn storage(&self) -> &S {
        self.log.storage()
    }

    /// Returns how many bytes at the end of the storage were cut off when the index was opened.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.log.lost()
    }

    /// Adds a text, and returns its position.
    ///
    /// # Errors
    ///
    /// Returns an error, and adds nothing, if the index is full or the text cannot be written.
    pub fn push(&mut self, text: &str) -> Result<usize, IndexError> {
        if self.index.len() >= MOST_POSITIONS {
            return Err(IndexError::Full { most: MOST_POSITIONS });
        }
        let entry = self.index.entry(text);
        self.log.append(&record::text(&entry))?;
        self.index.add(&entry);
        Ok(self.index.len() - 1)
    }

    /// Takes a text out of every search to come, for good; `false` if there is none or it is out already.
    ///
    /// # Errors
    ///
    /// Returns an error, and forgets nothing, if that cannot be written.
    pub fn forget(&mut self, position: usize) -> Result<bool, IndexError> {
        if !self.index.holds(position) {
            return Ok(false);
        }
        self.log.append(&record::forget(position))?;
        Ok(self.index.forget(position))
    }
}

/// Does what a record says, and puts its postings with the others; none if it cannot have been written so.
fn replay(index: &mut Bm25, loose: &mut Vec<(u32, Posting)>, record: &Record) -> Option<()> {
    match record {
        Record::Text(entry) => {
            let terms = index.vocabulary.len() + entry.new.len();
            if entry.tally.iter().any(|(term, _)| *term >= terms) {
                return None;
            }
            let position = index.add_text(entry);
            for (term, frequency) in &entry.tally {
                loose.push((u32::try_from(*term).ok()?, Posting { position, frequency: *frequency }));
            }
            Some(())
        }
        Record::Forget(position) => index.forget(*position).then_some(()),
    }
}
