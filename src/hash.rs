//! Content hashes: the identity of documents, chunks and requests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A BLAKE3 hash of some bytes, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash([u8; 32]);

/// Says that a text is not a content hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a content hash: expected 64 hexadecimal digits")]
pub struct HashError {
    /// The text as it was given.
    pub text: String,
}

impl ContentHash {
    /// Hashes `bytes`.
    ///
    /// ```
    /// use longhand::ContentHash;
    /// assert_eq!(ContentHash::of(b"a"), ContentHash::of(b"a"));
    /// assert_ne!(ContentHash::of(b"a"), ContentHash::of(b"b"));
    /// ```
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Begins a hash over bytes that arrive in pieces.
    #[must_use]
    pub fn streaming() -> Hasher {
        Hasher(Box::new(blake3::Hasher::new()))
    }

    /// Returns the first half, enough to tell whether bytes are what they were.
    #[must_use]
    pub fn half(&self) -> [u8; 16] {
        self.0.first_chunk().copied().unwrap_or_default()
    }

    /// Returns the first eight hexadecimal digits, enough to tell two things apart in a message.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

/// A hash under way; see [`ContentHash::streaming`].
#[derive(Debug)]
pub struct Hasher(Box<blake3::Hasher>);

impl Hasher {
    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the hash of everything taken in.
    #[must_use]
    pub fn finish(&self) -> ContentHash {
        ContentHash(*self.0.finalize().as_bytes())
    }
}

/// The two digits of a byte.
pub(crate) fn hex(byte: u8) -> [u8; 2] {
    let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
    [digit(byte >> 4), digit(byte & 15)]
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A call writes several, and formatting each byte by itself took a twentieth of its time.
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&hex(byte));
        }
        f.pad(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({})", self.short())
    }
}

impl FromStr for ContentHash {
    type Err = HashError;
    fn from_str(text: &str) -> Result<Self, HashError> {
        blake3::Hash::from_hex(text)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|_| HashError { text: text.to_owned() })
    }
}

impl TryFrom<String> for ContentHash {
    type Error = HashError;
    fn try_from(text: String) -> Result<Self, HashError> {
        text.parse()
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}
