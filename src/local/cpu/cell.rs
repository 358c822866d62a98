//! What goes into a product: rows cut into blocks, those of one block below each other.
//!
//! Blocks come first and rows second, so that who computes some columns for all rows writes one piece of memory.

#![expect(unsafe_code, reason = "calling code compiled for instructions that were checked for a line above")]

use crate::local::kernel::dispatch;

/// Columns of a panel, and numbers of a block that is not rounded.
pub(super) const WIDTH: usize = 16;

/// Numbers of a block that is rounded: as many share a scale in files, too.
pub(super) const BLOCK: usize = 32;

/// A block of a row as it is; also what a panel gives for a row.
pub(super) type Exact = [f32; WIDTH];

/// A block of a row rounded to eight bits, as llama.cpp rounds it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(16))]
pub(super) struct Rounded {
    /// Whole numbers from -127 to 127, in fours as they are multiplied.
    pub(super) codes: [[i8; 4]; BLOCK / 4],
    /// What each of them counts.
    pub(super) scale: f32,
    /// The sum of what they stand for.
    pub(super) sum: f32,
    /// The sum of the whole numbers.
    pub(super) total: i32,
}

/// Some rows of what goes into a product.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a, C> {
    /// The blocks, each with all rows.
    pub(super) cells: &'a [C],
    /// How many rows a block has.
    pub(super) count: usize,
    /// The first of them that is multiplied.
    pub(super) first: usize,
}

impl<'a, C> Rows<'a, C> {
    /// Takes all rows of blocks that have `count`.
    pub(super) fn all(cells: &'a [C], count: usize) -> Self {
        Self { cells, count, first: 0 }
    }

    /// Returns the same without the first rows.
    pub(super) fn from(self, first: usize) -> Self {
        Self { first: self.first + first, ..self }
    }

    /// Returns the first `N` rows of every block.
    pub(super) fn tile<const N: usize>(self) -> impl Iterator<Item = &'a [C; N]> {
        let blocks = self.cells.chunks_exact(self.count.max(1));
        blocks.map_while(move |block| block.get(self.first..)?.first_chunk())
    }
}

dispatch!(
    /// Rounds a block.
    pub(super) round, round_body, (numbers: &[f32; BLOCK], cell: &mut Rounded)
);

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
#[expect(clippy::cast_precision_loss, reason = "32 whole numbers of eight bits add up to few bits")]
pub(super) fn round_body<const FMA: bool>(numbers: &[f32; BLOCK], cell: &mut Rounded) {
    // As whole numbers, bits of what is no number are above all others: the largest is none then, and so is the scale.
    let bits = numbers.iter().fold(0, |top: u32, number| top.max(number.to_bits() & 0x7FFF_FFFF));
    let largest = f32::from_bits(bits);
    let inverse = if largest == 0.0 { 0.0 } else { 127.0 / largest };
    let mut total = 0;
    for (code, number) in cell.codes.as_flattened_mut().iter_mut().zip(numbers) {
        // Adding 1.5 * 2^23 rounds, and leaves the whole number in the last bits.
        let [last, ..] = (number * inverse + 12_582_912.0).to_bits().to_le_bytes();
        *code = last.cast_signed();
        total += i32::from(*code);
    }
    cell.scale = largest / 127.0;
    cell.sum = cell.scale * total as f32;
    cell.total = total;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(numbers: &[f32; BLOCK]) -> Rounded {
        let mut cell = Rounded::default();
        round(numbers, &mut cell);
        cell
    }

    #[test]
    fn numbers_are_rounded_to_the_nearest_of_255_steps() {
        let numbers: [f32; BLOCK] =
            std::array::from_fn(|at| (f32::from(u8::try_from(at * 37 % 32).unwrap()) - 15.0) / 3.0);
        let cell = rounded(&numbers);
        let step = 16.0 / 3.0 / 127.0;
        assert!((cell.scale - step).abs() < 1e-6);
        let codes = cell.codes.as_flattened();
        for (code, number) in codes.iter().zip(&numbers) {
            assert!((f32::from(*code) * step - number).abs() <= step * 0.501, "{code} {number}");
        }
        assert_eq!(cell.total, codes.iter().map(|code| i32::from(*code)).sum::<i32>());
        assert_eq!(codes.iter().max(), Some(&127));
    }

    #[test]
    fn what_is_no_number_stays_none() {
        for odd in [f32::NAN, f32::INFINITY, -f32::NAN] {
            let mut numbers = [1.0; BLOCK];
            numbers[7] = odd;
            let cell = rounded(&numbers);
            assert!(!cell.scale.is_finite() && !cell.sum.is_finite());
        }
        assert_eq!(rounded(&[0.0; BLOCK]), Rounded::default());
    }
}
