//! What can keep bytes from becoming a document.

use std::io;
use std::path::{Path, PathBuf};

use crate::text::Span;

/// An input cannot be read as text.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// There is nothing at the path.
    #[error("`{}` does not exist: check the path", path.display())]
    Missing {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The path may not be read.
    #[error("`{}` may not be read: give yourself the permission to read it", path.display())]
    Denied {
        /// The file or folder.
        path: PathBuf,
    },
    /// Reading failed.
    #[error("`{}` cannot be read: check the disk and try again", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder has no file to read.
    #[error("the folder `{}` holds no file: name one that does, hidden files are passed over", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A file has no visible character.
    #[error("`{}` holds no text: leave it out", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
    },
    /// A file is not text.
    #[error("`{}` is {kind}, not text: convert it to plain text first", path.display())]
    Binary {
        /// The file.
        path: PathBuf,
        /// What it looks like, with its article.
        kind: &'static str,
    },
    /// A file is UTF-8 up to a byte that is not.
    #[error("`{}` is UTF-8 up to byte {offset} and damaged there: repair it or convert it to UTF-8", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first byte that belongs to no character.
        offset: u64,
    },
    /// A file is in no encoding that decodes it.
    #[error("`{}` looks like {encoding} but does not decode as it: convert it to UTF-8", path.display())]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// The likeliest encoding.
        encoding: &'static str,
    },
    /// A file is no longer what it was when the document was made.
    #[error("`{}` has changed since it was first read: start a new run to read it again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A span is not a part of the document.
    #[error("bytes {} to {} are no whole characters of `{}`, which has {bytes}: use a span of this document", span.start, span.end, path.display())]
    Span {
        /// The file.
        path: PathBuf,
        /// The span.
        span: Span,
        /// The length of the document's text in bytes.
        bytes: u64,
    },
    /// Extracted text cannot be kept.
    #[error("cannot keep extracted text in `{}`: check its permissions and the free space", path.display())]
    Spool {
        /// The folder for extracted text.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl IntakeError {
    /// Says what a failed operation on `path` means.
    pub(super) fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::PermissionDenied => Self::Denied { path },
            _ => Self::Read { path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_says_what_and_what_to_do() {
        let path = || PathBuf::from("a.txt");
        let failed = |kind| IntakeError::from_io(&path(), io::Error::from(kind));
        let messages: Vec<String> = [
            failed(io::ErrorKind::NotFound),
            failed(io::ErrorKind::PermissionDenied),
            failed(io::ErrorKind::TimedOut),
            IntakeError::EmptyFolder { path: path() },
            IntakeError::NoText { path: path() },
            IntakeError::Binary { path: path(), kind: "a PDF document" },
            IntakeError::Damaged { path: path(), offset: 7 },
            IntakeError::Undecodable { path: path(), encoding: "Big5" },
            IntakeError::Changed { path: path() },
            IntakeError::Span { path: path(), span: Span { start: 3, end: 9 }, bytes: 8 },
            IntakeError::Spool { path: path(), source: io::ErrorKind::StorageFull.into() },
        ]
        .iter()
        .map(ToString::to_string)
        .collect();
        insta::assert_snapshot!(messages.join("\n"), @r"
        `a.txt` does not exist: check the path
        `a.txt` may not be read: give yourself the permission to read it
        `a.txt` cannot be read: check the disk and try again
        the folder `a.txt` holds no file: name one that does, hidden files are passed over
        `a.txt` holds no text: leave it out
        `a.txt` is a PDF document, not text: convert it to plain text first
        `a.txt` is UTF-8 up to byte 7 and damaged there: repair it or convert it to UTF-8
        `a.txt` looks like Big5 but does not decode as it: convert it to UTF-8
        `a.txt` has changed since it was first read: start a new run to read it again
        bytes 3 to 9 are no whole characters of `a.txt`, which has 8: use a span of this document
        cannot keep extracted text in `a.txt`: check its permissions and the free space
        ");
    }
}
