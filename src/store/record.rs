//! The form of one value in the journal: a record, or the hash under which it lies outside.

use crate::hash::ContentHash;

/// Records up to this many bytes of JSON lie in the journal; the module's documentation says why.
pub(super) const LONGEST_INSIDE: usize = 1024;

const INSIDE: u8 = b'=';
const OUTSIDE: u8 = b'@';

/// One value of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// The record's JSON.
    Inside(Vec<u8>),
    /// The hash of the record's JSON, which lies among the blobs under this hash and the record's number.
    Outside(ContentHash),
}

impl Record {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Inside(json) => [&[INSIDE], json.as_slice()].concat(),
            Self::Outside(hash) => format!("{}{hash}", char::from(OUTSIDE)).into_bytes(),
        }
    }

    /// Reads a value back; none if it is not one.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&INSIDE, json) => Some(Self::Inside(json.to_vec())),
            (&OUTSIDE, hash) => std::str::from_utf8(hash).ok()?.parse().ok().map(Self::Outside),
            _ => None,
        }
    }
}
