//! One pass over bytes that should be UTF-8: are they, what is their hash, do they say anything. Knows no other encoding.

use std::io::{self, Read};

use crate::hash::{ContentHash, Hasher};
use crate::text::{InvalidUtf8, Utf8Stream};

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// How many bytes are read at a time.
pub(super) const BLOCK: usize = 64 * 1024;

/// So many characters beyond ASCII before the first bad byte do not come about by chance in another encoding.
const CERTAINLY_UTF8: usize = 8;

/// What a pass over a text found.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) hash: ContentHash,
    /// The length of the text in bytes.
    pub(super) bytes: u64,
    /// The length of the byte order mark before it.
    pub(super) skip: u64,
    /// Whether it has a visible character.
    pub(super) visible: bool,
    /// Whether it has a NUL character, which no text has.
    pub(super) nul: bool,
}

/// How a pass over bytes ended.
#[derive(Debug)]
pub(super) enum Survey {
    /// All are UTF-8.
    Text(Facts),
    /// They are UTF-8 up to an offset, and evidently meant to be.
    Damaged(u64),
    /// They are in another encoding; the first bad byte is at the offset.
    Foreign(u64),
}

/// Facts under way, over text that arrives in parts.
#[derive(Debug)]
pub(super) struct Tally {
    hasher: Hasher,
    bytes: u64,
    visible: bool,
    nul: bool,
    beyond_ascii: usize,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { hasher: ContentHash::streaming(), bytes: 0, visible: false, nul: false, beyond_ascii: 0 }
    }

    pub(super) fn add(&mut self, text: &str) {
        self.hasher.update(text.as_bytes());
        self.bytes += text.len() as u64;
        self.visible = self.visible || !text.trim_start().is_empty();
        self.nul = self.nul || text.as_bytes().contains(&0);
        self.beyond_ascii += text.bytes().filter(|b| *b >= 0xC0).count();
    }

    pub(super) fn facts(&self, skip: u64) -> Facts {
        Facts { hash: self.hasher.finish(), bytes: self.bytes, skip, visible: self.visible, nul: self.nul }
    }
}

/// Reads `reader` to its end, or to the first byte that is not UTF-8.
pub(super) fn survey(reader: &mut impl Read) -> io::Result<Survey> {
    let (mut stream, mut tally) = (Utf8Stream::default(), Tally::new());
    let mut block = Vec::with_capacity(BLOCK);
    let mut skip = 0;
    let verdict = |error: InvalidUtf8, tally: &Tally, skip: u64| {
        let offset = error.offset + skip;
        if tally.beyond_ascii >= CERTAINLY_UTF8 || skip > 0 {
            Survey::Damaged(offset)
        } else {
            Survey::Foreign(offset)
        }
    };
    for first in std::iter::once(true).chain(std::iter::repeat(false)) {
        block.clear();
        if reader.by_ref().take(BLOCK as u64).read_to_end(&mut block)? == 0 {
            break;
        }
        let mut bytes = block.as_slice();
        if let Some(rest) = bytes.strip_prefix(MARK).filter(|_| first) {
            bytes = rest;
            skip = MARK.len() as u64;
        }
        if let Err(error) = stream.push(bytes, |text| tally.add(text)) {
            return Ok(verdict(error, &tally, skip));
        }
    }
    Ok(match stream.finish() {
        Ok(()) => Survey::Text(tally.facts(skip)),
        Err(error) => verdict(error, &tally, skip),
    })
}
