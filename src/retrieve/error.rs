//! What can go wrong with an index that is kept. Knows places in bytes, not the files that they lie in.

use std::io;

/// An index could not be opened, read or added to.
///
/// Whoever has the texts can make an index anew, so every error but [`IndexError::Storage`] leaves that way open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The bytes are not those of such an index.
    #[error("the bytes should begin with `{expected}`, but begin with `{found}`: not an index of this kind")]
    Foreign {
        /// The beginning of the bytes.
        found: String,
        /// What an index of this kind begins with.
        expected: String,
    },
    /// Another version of the program wrote the index.
    #[error("the index has version {found}, expected {expected}: make it anew")]
    Version {
        /// The version of the index.
        found: String,
        /// The version that this program writes.
        expected: u32,
    },
    /// The index was made by something else: another embedder, another length, other rules for terms.
    #[error("the index was made by `{found}`, expected `{expected}`: make it anew")]
    Maker {
        /// What made the index.
        found: String,
        /// What would add to it.
        expected: String,
    },
    /// Bytes are not what was written.
    #[error("the {part} of the index is damaged at byte {offset}: make the index anew")]
    Damaged {
        /// Which of the index's storages.
        part: &'static str,
        /// Where the damaged record begins.
        offset: u64,
    },
    /// A vector has another length than the index.
    #[error("a vector has {found} numbers, expected {expected}")]
    Length {
        /// How many numbers it has.
        found: usize,
        /// How many those of the index have.
        expected: usize,
    },
    /// A vector has no direction.
    #[error("a vector must hold finite numbers, not all of them 0")]
    Direction,
    /// The index cannot hold more.
    #[error("the index is full: it holds at most {most} positions")]
    Full {
        /// How many it can hold.
        most: usize,
    },
    /// The bytes could not be read or written.
    #[error("the {part} of the index cannot be read or written")]
    Storage {
        /// Which of the index's storages.
        part: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
