//! The records of a run as its readers see them: in order, with an error in the place of each that cannot be read.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::ahead::{Ahead, Content, Decoded};
use super::error::StoreError;
use super::records::Lines;

/// A walk over the records of a run.
///
/// Numbers have no gaps, so a number that is passed over is a record that was damaged.
#[derive(Debug)]
pub(super) struct Entries<T> {
    path: PathBuf,
    lines: Option<Ahead<T>>,
    /// The number that the next whole line should have.
    next: u64,
    /// How many records there are known to have been.
    known: u64,
    /// Numbers that were passed over and are to be told of, before `found`.
    lost: Range<u64>,
    found: Option<Result<(u64, T), StoreError>>,
    /// Where the line of the last record begins that was read.
    at: u64,
}

impl<T: DeserializeOwned + Send + 'static> Entries<T> {
    /// Walks over the first `length` bytes of the file at `path`, in which at least `known` records must be.
    pub(super) fn new(path: &Path, length: u64, known: u64) -> Self {
        Self { known, ..Self::within(path, 0..length, 0) }
    }

    /// Walks over a part of the file at `path`, which begins with the line of the record `next`.
    pub(super) fn within(path: &Path, part: Range<u64>, next: u64) -> Self {
        let (at, length) = (part.start, part.end.saturating_sub(part.start));
        let (lines, found) = match Lines::open(path, part) {
            Ok(lines) => (Some(Ahead::new(lines, length)), None),
            Err(error) => (None, Some(Err(error))),
        };
        Self { path: path.to_owned(), lines, next, known: next, lost: 0..0, found, at }
    }

    fn take_in(&mut self, line: Decoded<T>) {
        // The number of a damaged line shows once the next one is read; at the end of the file, there was at least one.
        let Some((seq, content)) = line.record else {
            self.known = self.known.max(self.next + 1);
            return;
        };
        self.at = line.at;
        self.lost = self.next..seq;
        self.next = seq + 1;
        self.found = Some(match content {
            Content::Whole(record) => Ok((seq, record)),
            Content::Damaged => Err(self.damaged(seq)),
            Content::Other(source) => Err(StoreError::Decode { seq, path: self.path.clone(), source }),
        });
    }

    /// Returns where the line begins of the record that was handed out last.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    fn damaged(&self, seq: u64) -> StoreError {
        StoreError::DamagedRecord { seq, path: self.path.clone() }
    }
}

impl<T: DeserializeOwned + Send + 'static> Iterator for Entries<T> {
    type Item = Result<(u64, T), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(seq) = self.lost.next() {
                return Some(Err(self.damaged(seq)));
            }
            if let Some(found) = self.found.take() {
                return Some(found);
            }
            match self.lines.as_mut().and_then(Iterator::next) {
                Some(Ok(line)) => self.take_in(line),
                Some(Err(error)) => {
                    self.lines = None;
                    return Some(Err(error));
                }
                None if self.lines.is_some() && self.next < self.known => {
                    self.lost = self.next..self.known;
                    self.next = self.known;
                }
                None => return None,
            }
        }
    }
}
