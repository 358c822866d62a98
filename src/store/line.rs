//! The form of one record in the file of records: a line.
//!
//! ```text
//! check (16 bytes) | number (8 bytes) | `=` JSON, or `z` length (4 bytes) and zstd of the JSON | line feed
//! ```
//!
//! No line feed stands within a line: bytes that are one are written as two others. A line can therefore only begin after
//! one, and no document, whatever it says, can pass for a record. After damage the next line feed is a fresh start. The
//! check covers the number, the bytes and the place of the line, so that a line counts only where it was written.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

use crate::hash::ContentHash;

/// What ends a line.
pub(super) const END: u8 = b'\n';
/// Begins the two bytes that stand for a byte that may not stand in a line.
const ESCAPE: u8 = 0x1B;
/// What such a byte is changed by.
const CHANGE: u8 = 0x40;

const CHECK: usize = 16;
const NUMBER: usize = 8;

const PLAIN: u8 = b'=';
const PACKED: u8 = b'z';

/// JSON below this many bytes is kept as it is: there is little to gain.
const SHORTEST_PACKED: usize = 512;
/// The fastest of zstd's ordinary levels: a call waits while its record is compressed.
const LEVEL: i32 = 1;

/// Prepares a record's JSON for its line: all that can be done without knowing where it will stand.
pub(super) fn pack(json: &[u8]) -> io::Result<Vec<u8>> {
    thread_local! {
        // Making one takes longer than using it.
        static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    }
    let length = u32::try_from(json.len()).ok().filter(|_| json.len() >= SHORTEST_PACKED);
    let Some(length) = length else { return Ok([&[PLAIN], json].concat()) };
    let packed = COMPRESSOR.with_borrow_mut(|compressor| {
        if compressor.is_none() {
            *compressor = Some(Compressor::new(LEVEL)?);
        }
        compressor.as_mut().map_or_else(|| zstd::bulk::compress(json, LEVEL), |made| made.compress(json))
    })?;
    Ok([[PACKED].as_slice(), &length.to_le_bytes(), &packed].concat())
}

/// Reads back what [`pack`] prepared; none if it did not.
pub(super) fn unpack(body: &[u8]) -> Option<Vec<u8>> {
    thread_local! {
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    match body.split_first()? {
        (&PLAIN, json) => Some(json.to_vec()),
        (&PACKED, rest) => {
            let (length, packed) = rest.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            DECOMPRESSOR.with_borrow_mut(|decompressor| {
                if decompressor.is_none() {
                    *decompressor = Decompressor::new().ok();
                }
                decompressor.as_mut()?.decompress(packed, length).ok()
            })
        }
        _ => None,
    }
}

/// Appends the line that a packed record has at the place `at`.
pub(super) fn write(line: &mut Vec<u8>, at: u64, seq: u64, body: &[u8]) {
    line.reserve(CHECK + NUMBER + body.len() + body.len() / 64);
    escape(line, &check(at, seq, body));
    escape(line, &seq.to_le_bytes());
    escape(line, body);
    line.push(END);
}

/// Reads the line that stands at `at`, without its line feed, as a number and a packed record; none where it is damaged.
pub(super) fn read(line: &[u8], at: u64) -> Option<(u64, Vec<u8>)> {
    let mut plain = unescape(line)?;
    let (found, rest) = plain.split_first_chunk::<CHECK>()?;
    let (seq, body) = rest.split_first_chunk::<NUMBER>()?;
    let seq = u64::from_le_bytes(*seq);
    let whole = *found == check(at, seq, body);
    // What is left is moved to the front, which takes less than room of its own.
    whole.then(|| {
        plain.drain(..CHECK + NUMBER);
        (seq, plain)
    })
}

fn check(at: u64, seq: u64, body: &[u8]) -> [u8; CHECK] {
    let mut hasher = ContentHash::streaming();
    hasher.update(&at.to_le_bytes());
    hasher.update(&seq.to_le_bytes());
    hasher.update(body);
    hasher.finish().half()
}

fn is_escaped(byte: u8) -> bool {
    byte == END || byte == ESCAPE
}

fn escape(line: &mut Vec<u8>, plain: &[u8]) {
    for part in plain.split_inclusive(|byte| is_escaped(*byte)) {
        match part.split_last() {
            Some((last, before)) if is_escaped(*last) => {
                line.extend_from_slice(before);
                line.extend([ESCAPE, last ^ CHANGE]);
            }
            _ => line.extend_from_slice(part),
        }
    }
}

fn unescape(line: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(line.len());
    let mut parts = line.split(|byte| *byte == ESCAPE);
    plain.extend_from_slice(parts.next()?);
    for part in parts {
        let (changed, rest) = part.split_first()?;
        plain.push(Some(changed ^ CHANGE).filter(|byte| is_escaped(*byte))?);
        plain.extend_from_slice(rest);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(at: u64, seq: u64, json: &[u8]) -> Vec<u8> {
        let mut line = Vec::new();
        write(&mut line, at, seq, &pack(json).unwrap());
        line
    }

    proptest! {
        #[test]
        fn any_bytes_come_back_and_never_end_their_line(
            json in prop::collection::vec(prop_oneof![Just(END), Just(ESCAPE), any::<u8>()], 0..2000),
            at in any::<u64>(),
            seq in any::<u64>(),
        ) {
            let line = written(at, seq, &json);
            let (end, line) = line.split_last().unwrap();
            prop_assert_eq!(*end, END);
            prop_assert!(!line.contains(&END));
            let (found, body) = read(line, at).unwrap();
            prop_assert_eq!((found, unpack(&body).unwrap()), (seq, json));
            prop_assert_eq!(read(line, at.wrapping_add(1)), None, "a line counts only where it was written");
        }

        #[test]
        fn any_damage_is_seen(json in prop::collection::vec(any::<u8>(), 0..600), hurt in any::<prop::sample::Index>(), by in 1_u8..) {
            let mut line = written(7, 3, &json);
            line.pop();
            let hurt = hurt.index(line.len());
            line[hurt] ^= by;
            prop_assert_eq!(read(&line, 7), None);
        }
    }
}
