//! A document: text that stands in a file, read by span. Knows nothing of how it was found.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Take};
use std::path::PathBuf;
use std::time::SystemTime;

use super::IntakeError;
use crate::hash::ContentHash;
use crate::text::{DocumentIndex, Span};

/// A text that longhand reads; its bytes stay on disk.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its position in reading order.
    pub index: DocumentIndex,
    /// What messages call it: its path below the given folder with `/`, or the given file's name, with folders
    /// before it where another document has that name; `stdin` for standard input.
    pub name: String,
    /// The file that was given or found; `None` for standard input.
    pub path: Option<PathBuf>,
    /// The hash of its text.
    pub hash: ContentHash,
    /// The length of its text in bytes of UTF-8.
    pub bytes: u64,
    /// Where its text stands.
    pub(super) source: Source,
}

/// A file that holds UTF-8 from some byte on, as it was when it was surveyed.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) file: PathBuf,
    /// The length of the byte order mark, which is not text.
    pub(super) skip: u64,
    pub(super) stamp: Stamp,
}

/// What shows that a file was written to: its length and the time of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), modified: metadata.modified().ok() }
    }
}

impl Document {
    /// Opens the whole text, as UTF-8 without a byte order mark.
    ///
    /// # Errors
    /// [`IntakeError::Changed`] where the file is not what it was, [`IntakeError::Missing`], [`IntakeError::Denied`] and
    /// [`IntakeError::Read`] where it cannot be opened.
    pub fn reader(&self) -> Result<Take<File>, IntakeError> {
        self.open(0, self.bytes)
    }

    /// Reads the text at `span`, and nothing else of the file.
    ///
    /// # Errors
    /// Those of [`Self::reader`], and [`IntakeError::Span`] where the span passes the end or cuts a character.
    pub fn read(&self, span: Span) -> Result<String, IntakeError> {
        let outside = || IntakeError::Span { path: self.source.file.clone(), span, bytes: self.bytes };
        if span.start > span.end || span.end > self.bytes {
            return Err(outside());
        }
        let mut bytes = Vec::new();
        self.open(span.start, span.len())?
            .read_to_end(&mut bytes)
            .map_err(|error| IntakeError::from_io(&self.source.file, error))?;
        if bytes.len() as u64 != span.len() {
            return Err(self.changed());
        }
        String::from_utf8(bytes).map_err(|_| outside())
    }

    fn open(&self, start: u64, length: u64) -> Result<Take<File>, IntakeError> {
        let opened = || -> io::Result<(File, Stamp)> {
            let mut file = File::open(&self.source.file)?;
            let stamp = Stamp::of(&file.metadata()?);
            file.seek(SeekFrom::Start(self.source.skip.saturating_add(start)))?;
            Ok((file, stamp))
        };
        let (file, stamp) = opened().map_err(|error| IntakeError::from_io(&self.source.file, error))?;
        if stamp == self.source.stamp { Ok(file.take(length)) } else { Err(self.changed()) }
    }

    fn changed(&self) -> IntakeError {
        IntakeError::Changed { path: self.source.file.clone() }
    }
}
