//! Records one after the other in a storage, each with its check. Knows nothing of what a record means.
//!
//! ```text
//! longhand <kind> <version>\n
//! record: what made the index
//! record ...
//!
//! record = length u32 | !length u32 | first 8 bytes of the BLAKE3 hash of the payload | payload
//! ```
//!
//! Numbers begin with their lowest byte. The log only grows. Half a record at its end, of an append that a kill or a
//! loss of power broke off, is cut off when the log is opened; so is a last record whose check is wrong, and zeros that
//! a file system put in place of what it had not written. Anything else that is wrong is damage, and an error.

use super::error::IndexError;
use super::storage::Storage;
use crate::ContentHash;

/// The bytes before a record's payload.
const HEAD: usize = 16;

/// As many bytes are read at once.
const WINDOW: usize = 1 << 20;

/// The longest first line that is looked for.
const LONGEST_LINE: usize = 64;

/// What the first lines of a log must say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label<'a> {
    /// Which kind of index it is.
    pub(super) kind: &'static str,
    /// The version of its records.
    pub(super) version: u32,
    /// What made the index; only the same may add to it.
    pub(super) maker: &'a str,
}

impl Label<'_> {
    fn begins(&self) -> String {
        format!("longhand {} ", self.kind)
    }

    /// The bytes of a log without records.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}{}\n", self.begins(), self.version).into_bytes();
        put(&mut bytes, self.maker.as_bytes());
        bytes
    }
}

/// A log that is open.
#[derive(Debug)]
pub(super) struct Log<S> {
    storage: S,
    part: &'static str,
    /// Where the next record begins.
    end: u64,
    /// Whether an append failed and may have left half a record behind.
    torn: bool,
    /// How many bytes were cut off when the log was opened.
    lost: u64,
}

impl<S: Storage> Log<S> {
    /// Opens the log in `storage`, which may be empty, and hands every record with its offset to `each`.
    pub(super) fn open(
        mut storage: S,
        label: &Label<'_>,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), IndexError>,
    ) -> Result<Self, IndexError> {
        let part = label.kind;
        let failed = |source| IndexError::Storage { part, source };
        let length = storage.length().map_err(failed)?;
        let bytes = label.bytes();
        let begun = begun(&storage, length, label)?;
        if !begun {
            storage.cut(0).map_err(failed)?;
            storage.append(&bytes).map_err(failed)?;
            return Ok(Self { storage, part, end: bytes.len() as u64, torn: false, lost: length });
        }
        let start = label.begins().len() + label.version.to_string().len() + 1;
        let mut reader = Reader::new(&storage, part, start as u64, length);
        let maker = reader.next()?.ok_or(IndexError::Damaged { part, offset: start as u64 })?.1;
        if maker != label.maker.as_bytes() {
            let found = String::from_utf8_lossy(maker).into_owned();
            return Err(IndexError::Maker { found, expected: label.maker.to_owned() });
        }
        while let Some((offset, payload)) = reader.next()? {
            each(offset, payload)?;
        }
        let end = reader.end();
        if end < length {
            storage.cut(end).map_err(failed)?;
        }
        Ok(Self { storage, part, end, torn: false, lost: length - end })
    }

    /// Adds a record.
    pub(super) fn append(&mut self, payload: &[u8]) -> Result<(), IndexError> {
        let part = self.part;
        let failed = |source| IndexError::Storage { part, source };
        if self.torn {
            self.storage.cut(self.end).map_err(failed)?;
        }
        let mut record = Vec::with_capacity(HEAD + payload.len());
        put(&mut record, payload);
        self.torn = true;
        self.storage.append(&record).map_err(failed)?;
        self.torn = false;
        self.end += record.len() as u64;
        Ok(())
    }

    /// Returns where the log lies.
    pub(super) fn storage(&self) -> &S {
        &self.storage
    }

    #[cfg(test)]
    pub(super) fn storage_mut(&mut self) -> &mut S {
        &mut self.storage
    }

    /// Returns how many bytes were cut off when the log was opened.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
}

/// Tells whether the log has its first lines; one that a kill met while it wrote them has none.
fn begun(storage: &impl Storage, length: u64, label: &Label<'_>) -> Result<bool, IndexError> {
    let expected = label.bytes();
    let mut found =
        vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(expected.len().max(LONGEST_LINE))];
    let part = label.kind;
    storage.read_at(0, &mut found).map_err(|source| IndexError::Storage { part, source })?;
    if found.len() < expected.len() && expected.starts_with(&found) {
        return Ok(false);
    }
    let begins = label.begins();
    let line = found.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line.get(..LONGEST_LINE).unwrap_or(line)).into_owned();
    let Some(version) = line.strip_prefix(&begins) else {
        return Err(IndexError::Foreign { found: line, expected: begins });
    };
    if version != label.version.to_string() {
        return Err(IndexError::Version { found: version.to_owned(), expected: label.version });
    }
    Ok(true)
}

/// Adds a record with `payload` to `bytes`.
fn put(bytes: &mut Vec<u8>, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    bytes.extend(length.to_le_bytes());
    bytes.extend((!length).to_le_bytes());
    bytes.extend(check(payload));
    bytes.extend(payload);
}

/// Returns what tells whether bytes are what they were.
pub(super) fn check(bytes: &[u8]) -> [u8; 8] {
    ContentHash::of(bytes).half().first_chunk().copied().unwrap_or_default()
}

/// Reads records through a window of bytes.
struct Reader<'a, S> {
    storage: &'a S,
    part: &'static str,
    /// Where the window begins.
    start: u64,
    window: Vec<u8>,
    /// How much of the window was handed out.
    used: usize,
    length: u64,
}

impl<'a, S: Storage> Reader<'a, S> {
    fn new(storage: &'a S, part: &'static str, start: u64, length: u64) -> Self {
        Self { storage, part, start, window: Vec::new(), used: 0, length }
    }

    /// Where the record begins that was not handed out.
    fn end(&self) -> u64 {
        self.start + self.used as u64
    }

    /// Returns the next record with its offset; none at the end and at half a record.
    fn next(&mut self) -> Result<Option<(u64, &[u8])>, IndexError> {
        let (offset, part) = (self.end(), self.part);
        let left = self.length.saturating_sub(offset);
        if left < HEAD as u64 {
            return Ok(None);
        }
        self.fill(HEAD)?;
        let head = self.window.get(self.used..self.used + HEAD).unwrap_or_default();
        let (length, rest) = head.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let (inverse, sum) = rest.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let (length, inverse, sum) =
            (u32::from_le_bytes(*length), u32::from_le_bytes(*inverse), sum.to_vec());
        if length != !inverse {
            return if self.zeros()? { Ok(None) } else { Err(IndexError::Damaged { part, offset }) };
        }
        if left - (HEAD as u64) < u64::from(length) {
            return Ok(None);
        }
        let size = HEAD + length as usize;
        self.fill(size)?;
        let payload = self.window.get(self.used + HEAD..self.used + size).unwrap_or_default();
        if sum != check(payload) {
            return if left == size as u64 { Ok(None) } else { Err(IndexError::Damaged { part, offset }) };
        }
        self.used += size;
        Ok(Some((offset, payload)))
    }

    /// Sees to it that `size` bytes lie in the window that were not handed out.
    fn fill(&mut self, size: usize) -> Result<(), IndexError> {
        if self.window.len() - self.used >= size {
            return Ok(());
        }
        let start = self.end();
        let left = usize::try_from(self.length.saturating_sub(start)).unwrap_or(usize::MAX);
        self.window.resize(size.max(WINDOW).min(left), 0);
        let part = self.part;
        self.storage
            .read_at(start, &mut self.window)
            .map_err(|source| IndexError::Storage { part, source })?;
        (self.start, self.used) = (start, 0);
        Ok(())
    }

    /// Tells whether only zeros are left.
    fn zeros(&mut self) -> Result<bool, IndexError> {
        let part = self.part;
        let mut at = self.end();
        let mut bytes = vec![0; WINDOW];
        while at < self.length {
            let left = usize::try_from(self.length - at).unwrap_or(usize::MAX).min(WINDOW);
            bytes.truncate(left);
            self.storage.read_at(at, &mut bytes).map_err(|source| IndexError::Storage { part, source })?;
            if bytes.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += left as u64;
        }
        Ok(true)
    }
}
