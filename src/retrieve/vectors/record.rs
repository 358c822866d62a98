//! What the log of an index of vectors says, and how. Knows nothing of where the log lies.
//!
//! ```text
//! v | for each vector: scale f32 | error f32 | check of its row u32 | one byte for each number
//! f | position u32, never found again
//! c | length u32: positions from there on were lost, and are given anew
//! ```

use super::codes::Code;
use crate::ContentHash;

/// The bytes of a code before its steps.
const CODE_HEAD: usize = 12;

/// One record of the log.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    /// The codes of vectors, at the next positions.
    Vectors(Vec<Code>),
    /// A position to be found no more.
    Forget(usize),
    /// How many positions are left after a loss.
    Cut(usize),
}

impl Record {
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Vectors(codes) => {
                let mut bytes = vec![b'v'];
                for code in codes {
                    bytes.extend(code.scale.to_le_bytes());
                    bytes.extend(code.error.to_le_bytes());
                    bytes.extend(code.row_check.to_le_bytes());
                    bytes.extend(code.steps.iter().map(|step| step.cast_unsigned()));
                }
                bytes
            }
            Self::Forget(position) => numbered(b'f', *position),
            Self::Cut(length) => numbered(b'c', *length),
        }
    }

    /// Reads a record; none if the bytes are none.
    pub(super) fn read(bytes: &[u8], dimensions: usize) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let number = || Some(u32::from_le_bytes(rest.try_into().ok()?) as usize);
        match kind {
            b'v' => {
                let codes = rest.chunks_exact(CODE_HEAD + dimensions);
                if !codes.remainder().is_empty() {
                    return None;
                }
                codes.map(read_code).collect::<Option<_>>().map(Self::Vectors)
            }
            b'f' => number().map(Self::Forget),
            b'c' => number().map(Self::Cut),
            _ => None,
        }
    }
}

fn read_code(bytes: &[u8]) -> Option<Code> {
    let (head, steps) = bytes.split_at_checked(CODE_HEAD)?;
    let [scale, error, row_check] = head.as_chunks::<4>().0 else { return None };
    let steps = steps.iter().map(|step| step.cast_signed()).collect();
    let (scale, error) = (f32::from_le_bytes(*scale), f32::from_le_bytes(*error));
    Some(Code { scale, error, row_check: u32::from_le_bytes(*row_check), steps })
}

fn numbered(kind: u8, number: usize) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    bytes
}

/// Returns what tells whether the bytes of a row are what they were.
pub(super) fn row_check(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(ContentHash::of(bytes).half().first_chunk().copied().unwrap_or_default())
}
