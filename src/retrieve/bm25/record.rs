//! What the log of an index of texts says, and how. Knows nothing of where the log lies.
//!
//! ```text
//! t | how many terms are new, and each of them | how many terms the text has, and of each its number and how often
//! f | position, never found again
//! ```
//!
//! Numbers are written in base 128, the lowest digit first, and those of terms as the step from the one before.

use super::Entry;

/// One record of the log.
#[derive(Debug, PartialEq)]
pub(super) enum Record {
    /// A text, at the next position.
    Text(Entry),
    /// A position to be found no more.
    Forget(usize),
}

impl Record {
    /// Reads a record; none if the bytes are none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let mut rest = rest;
        let record = match kind {
            b't' => Self::Text(entry(&mut rest)?),
            b'f' => Self::Forget(take(&mut rest)?),
            _ => return None,
        };
        rest.is_empty().then_some(record)
    }
}

/// Writes down a text.
pub(super) fn text(entry: &Entry) -> Vec<u8> {
    let mut bytes = vec![b't'];
    put(&mut bytes, entry.new.len());
    for term in &entry.new {
        put(&mut bytes, term.len());
        bytes.extend(term.bytes());
    }
    put(&mut bytes, entry.tally.len());
    let mut before = 0;
    for (term, frequency) in &entry.tally {
        put(&mut bytes, term - before);
        put(&mut bytes, *frequency as usize);
        before = *term;
    }
    bytes
}

/// Writes down that a position is to be found no more.
pub(super) fn forget(position: usize) -> Vec<u8> {
    let mut bytes = vec![b'f'];
    put(&mut bytes, position);
    bytes
}

fn entry(rest: &mut &[u8]) -> Option<Entry> {
    let mut entry = Entry::default();
    for _ in 0..take(rest)? {
        let length = take(rest)?;
        let term = rest.split_off(..length)?;
        entry.new.push(std::str::from_utf8(term).ok()?.to_owned());
    }
    let mut before = 0usize;
    let terms = take(rest)?;
    // Each takes two bytes at least, so that a number that is wrong reserves no more than there is.
    entry.tally.reserve_exact(terms.min(rest.len() / 2));
    for _ in 0..terms {
        before = before.checked_add(take(rest)?)?;
        entry.tally.push((before, u32::try_from(take(rest)?).ok()?));
    }
    Some(entry)
}

/// Adds a number to `bytes`.
fn put(bytes: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        bytes.push(low_byte(number) | 0x80);
        number >>= 7;
    }
    bytes.push(low_byte(number));
}

#[expect(clippy::cast_possible_truncation, reason = "the higher digits are written next")]
fn low_byte(number: usize) -> u8 {
    number as u8
}

/// Takes a number off the front of `bytes`; none if there is none.
fn take(bytes: &mut &[u8]) -> Option<usize> {
    let (mut number, mut shift) = (0usize, 0);
    loop {
        let byte = *bytes.split_off_first()?;
        number |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}
