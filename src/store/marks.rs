//! What sled keeps of a run: how many records there are, and where some of them lie.
//!
//! Each block of 64 records has one mark, the number and the place of its newest record. The newest mark tells how many
//! records were written; a mark for each record would tell no more, and take as long to read as the records themselves.

use super::engine::{Engine, Value};
use super::records::Place;

/// How many records share a mark.
const BLOCK: u64 = 64;

/// The marks of a run.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// In the order of their numbers.
    pub(super) all: Vec<Place>,
    /// Whether every block up to the newest has its mark.
    pub(super) complete: bool,
}

impl Marks {
    pub(super) fn of(values: Vec<Value>) -> Self {
        let mut complete = true;
        let mut blocks = 0;
        let mark = |(key, value): Value| {
            let Some((seq, at)) = read(&value).filter(|(seq, _)| seq / BLOCK == key) else {
                complete = false;
                return dense((key, value));
            };
            complete &= key == blocks;
            blocks += 1;
            Some((seq, at))
        };
        let mut all: Vec<Place> = values.into_iter().filter_map(mark).collect();
        all.sort_unstable();
        Self { all, complete }
    }

    /// Returns the number and the place of the newest record that has a mark.
    pub(super) fn newest(&self) -> Option<Place> {
        self.all.last().copied()
    }
}

/// Notes a record, which becomes the newest of its block.
pub(super) fn note(index: &Engine, (seq, at): Place) -> std::io::Result<()> {
    let mut value = [0; 16];
    let (number, place) = value.split_at_mut(8);
    number.copy_from_slice(&seq.to_be_bytes());
    place.copy_from_slice(&at.to_be_bytes());
    index.insert(seq / BLOCK, &value)
}

fn read(value: &[u8]) -> Option<Place> {
    let (number, place) = value.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*number), u64::from_be_bytes(place.try_into().ok()?)))
}

/// Reads the mark of a single record, as runs have them that were begun before records shared one. It is not overwritten by
/// later ones, so such an index never counts as complete, and its run is read from the beginning.
fn dense((seq, value): Value) -> Option<Place> {
    Some((seq, u64::from_be_bytes(value.try_into().ok()?)))
}
