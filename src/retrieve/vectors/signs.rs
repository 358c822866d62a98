//! The signs of vectors, one bit a number: a first sieve for collections whose codes are too many to go through.
//!
//! The query keeps four bits a number. Its product with signs orders vectors well enough to leave one in a hundred for the
//! codes, and goes through an eighth of their bytes. Of 56,000 different vectors of sentences by ``MiniLM``, the thousand best by
//! signs hold all of the ten nearest, and 99.6 % of the fifty nearest.

use super::kernel;

/// The bits of one word.
const WORD: usize = 64;

/// The bits that a number of the query keeps.
pub(super) const PLANES: usize = 4;

/// The largest number that the planes hold.
const LARGEST: f32 = 15.0;

/// The signs of all vectors, by position.
#[derive(Debug)]
pub(super) struct Signs {
    words_of_a_row: usize,
    words: Vec<u64>,
}

impl Signs {
    pub(super) fn new(dimensions: usize) -> Self {
        Self { words_of_a_row: dimensions.div_ceil(WORD), words: Vec::new() }
    }

    /// Adds the signs of a code.
    pub(super) fn push(&mut self, steps: &[i8]) {
        let word = |steps: &[i8]| steps.iter().rev().fold(0, |word, step| word << 1 | u64::from(*step > 0));
        self.words.extend(steps.chunks(WORD).map(word));
    }

    /// Drops all positions from `length` on.
    pub(super) fn truncate(&mut self, length: usize) {
        self.words.truncate(length * self.words_of_a_row);
    }

    /// Returns a block of rows after the other, `rows` in each, as words.
    pub(super) fn blocks(&self, rows: usize) -> impl Iterator<Item = &[u64]> {
        self.words.chunks((rows * self.words_of_a_row).max(1))
    }
}

/// A query in four bits a number, by planes: first all lowest bits, then all second ones, and so on; word by word of a row.
///
/// A number from `-largest` to `largest` has a level from 0 to 15.
#[derive(Debug)]
pub(super) struct Planes(Vec<[u64; PLANES]>);

impl Planes {
    pub(super) fn of(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(f32::MIN_POSITIVE, |most, value| value.abs().max(most));
        let level = |value: f32| level((value / largest + 1.0) * (LARGEST / 2.0));
        let word = |values: &[f32]| {
            let mut planes = [0; PLANES];
            for (at, value) in values.iter().enumerate() {
                for (bit, plane) in planes.iter_mut().enumerate() {
                    *plane |= u64::from(level(*value) >> bit & 1) << at;
                }
            }
            planes
        };
        Self(vector.chunks(WORD).map(word).collect())
    }

    /// Writes the product of the query with the signs of each row into `out`, in steps of the planes.
    pub(super) fn products(&self, rows: &[u64], out: &mut [i32]) {
        kernel::sign_products(&self.0, rows, out);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to the largest number of the planes"
)]
fn level(value: f32) -> u8 {
    value.round().clamp(0.0, LARGEST) as u8
}
