//! Products of rows and panels: the inner loops that nearly all the time goes into, for the instructions that there are.
//!
//! A panel has 16 columns. Every sum is computed by the same operations in the same order, whatever the way and however many
//! rows there are: whole numbers of a block first, then one block after the other in single precision.

#![expect(
    unsafe_code,
    reason = "calling code compiled for instructions that were checked when the way was chosen"
)]

use super::cell::{BLOCK, Exact, Rounded, Rows, WIDTH};
use super::half::single;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::local::kernel::add_product;

/// A block of 32 inputs of a panel, four bits each: `scale * code + min`.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Nibbles {
    /// Four inputs of all columns in the lower halves of bytes, the next four in the upper ones.
    pub(super) codes: [[u8; 4 * WIDTH]; BLOCK / 8],
    /// What a code of each column counts, in half precision.
    pub(super) scales: [u16; WIDTH],
    /// What a code of nothing stands for.
    pub(super) mins: [u16; WIDTH],
}

/// A block of 32 inputs of a panel, eight bits each: `scale * (code - 128)`.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
pub(super) struct Bytes {
    /// Four inputs of all columns.
    pub(super) codes: [[u8; 4 * WIDTH]; BLOCK / 4],
    /// What a code of each column counts, in half precision.
    pub(super) scales: [u16; WIDTH],
}

/// A block of 16 inputs of a panel in single precision.
pub(super) type Floats = [[f32; WIDTH]; WIDTH];

/// The same in half precision.
pub(super) type Halves = [[u16; WIDTH]; WIDTH];

impl Default for Nibbles {
    fn default() -> Self {
        Self { codes: [[0; 4 * WIDTH]; BLOCK / 8], scales: [0; WIDTH], mins: [0; WIDTH] }
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self { codes: [[0; 4 * WIDTH]; BLOCK / 4], scales: [0; WIDTH] }
    }
}

/// The instructions that products are computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Way {
    /// Returns the fastest way that the machine has the instructions for.
    pub(super) fn fastest() -> Self {
        Self::all().into_iter().next_back().unwrap_or(Self(Kind::Plain))
    }

    /// Returns every way that the machine has the instructions for, the slowest first.
    pub(super) fn all() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "there is one way only"))]
        let mut ways = vec![Self(Kind::Plain)];
        #[cfg(target_arch = "x86_64")]
        {
            let middle = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c");
            if middle {
                ways.push(Self(Kind::Avx2));
            }
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vnni");
            if middle && wide {
                ways.push(Self(Kind::Avx512));
            }
        }
        ways
    }

    /// Adds the products of rows and a panel of four bits to `out`, one row after the other.
    pub(super) fn nibbles(self, panel: &[Nibbles], rows: Rows<'_, Rounded>, out: &mut [Exact]) {
        match self.0 {
            Kind::Plain => plain_nibbles::<{ cfg!(target_arch = "aarch64") }>(panel, rows, out),
            // SAFETY: the way is only there where the machine has the instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::nibbles(panel, rows, out) },
            // SAFETY: the way is only there where the machine has the instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::nibbles(panel, rows, out) },
        }
    }

    /// Adds the products of rows and a panel of eight bits to `out`, one row after the other.
    pub(super) fn bytes(self, panel: &[Bytes], rows: Rows<'_, Rounded>, out: &mut [Exact]) {
        match self.0 {
            Kind::Plain => plain_bytes::<{ cfg!(target_arch = "aarch64") }>(panel, rows, out),
            // SAFETY: the way is only there where the machine has the instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::bytes(panel, rows, out) },
            // SAFETY: the way is only there where the machine has the instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::bytes(panel, rows, out) },
        }
    }

    /// Adds the products of rows and a panel of single precision to `out`, one row after the other.
    pub(super) fn floats(self, panel: &[Floats], rows: Rows<'_, Exact>, out: &mut [Exact]) {
        match self.0 {
            Kind::Plain => plain_floats::<{ cfg!(target_arch = "aarch64") }>(panel, rows, out),
            // SAFETY: the way is only there where the machine has the instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::floats(panel, rows, out) },
            // SAFETY: the way is only there where the machine has the instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::floats(panel, rows, out) },
        }
    }

    /// Adds the products of rows and the first `depth` inputs of a panel of half precision to `out`: for few rows, which are not
    /// worth unpacking it.
    pub(super) fn halves(self, panel: &[Halves], rows: Rows<'_, Exact>, depth: usize, out: &mut [Exact]) {
        match self.0 {
            Kind::Plain => plain_halves::<{ cfg!(target_arch = "aarch64") }>(panel, rows, depth, out),
            // SAFETY: the way is only there where the machine has the instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2::halves(panel, rows, depth, out) },
            // SAFETY: the way is only there where the machine has the instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512::halves(panel, rows, depth, out) },
        }
    }
}

fn plain_halves<const FMA: bool>(panel: &[Halves], rows: Rows<'_, Exact>, depth: usize, out: &mut [Exact]) {
    for (row, out) in out.iter_mut().enumerate() {
        let mut sums = [0f32; WIDTH];
        for ((index, block), [cell]) in panel.iter().enumerate().zip(rows.from(row).tile()) {
            for (weights, number) in block.iter().zip(cell).take(depth.saturating_sub(index * WIDTH)) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = add_product::<FMA>(*number, single(*weight), *sum);
                }
            }
        }
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
    }
}

#[expect(clippy::cast_precision_loss, reason = "the sums of a block are far below 2^24")]
fn plain_nibbles<const FMA: bool>(panel: &[Nibbles], rows: Rows<'_, Rounded>, out: &mut [Exact]) {
    for (row, out) in out.iter_mut().enumerate() {
        let mut sums = [0f32; WIDTH];
        for (block, [cell]) in panel.iter().zip(rows.from(row).tile()) {
            let mut whole = [0i32; WIDTH];
            for (line, codes) in block.codes.iter().zip(cell.codes.as_chunks().0) {
                let [lower, upper] = codes;
                for (whole, column) in whole.iter_mut().zip(line.as_chunks().0) {
                    let column: &[u8; 4] = column;
                    for ((code, low), high) in column.iter().zip(lower).zip(upper) {
                        *whole += i32::from(code & 15) * i32::from(*low);
                        *whole += i32::from(code >> 4) * i32::from(*high);
                    }
                }
            }
            let weights = block.scales.iter().zip(&block.mins);
            for ((sum, whole), (scale, min)) in sums.iter_mut().zip(whole).zip(weights) {
                *sum = add_product::<FMA>(whole as f32, single(*scale) * cell.scale, *sum);
                *sum = add_product::<FMA>(single(*min), cell.sum, *sum);
            }
        }
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
    }
}

#[expect(clippy::cast_precision_loss, reason = "the sums of a block are far below 2^24")]
fn plain_bytes<const FMA: bool>(panel: &[Bytes], rows: Rows<'_, Rounded>, out: &mut [Exact]) {
    for (row, out) in out.iter_mut().enumerate() {
        let mut sums = [0f32; WIDTH];
        for (block, [cell]) in panel.iter().zip(rows.from(row).tile()) {
            let mut whole = [cell.total * -128; WIDTH];
            for (line, codes) in block.codes.iter().zip(&cell.codes) {
                for (whole, column) in whole.iter_mut().zip(line.as_chunks().0) {
                    let column: &[u8; 4] = column;
                    *whole +=
                        column.iter().zip(codes).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum::<i32>();
                }
            }
            for ((sum, whole), scale) in sums.iter_mut().zip(whole).zip(&block.scales) {
                *sum = add_product::<FMA>(whole as f32, single(*scale) * cell.scale, *sum);
            }
        }
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
    }
}

fn plain_floats<const FMA: bool>(panel: &[Floats], rows: Rows<'_, Exact>, out: &mut [Exact]) {
    for (row, out) in out.iter_mut().enumerate() {
        let mut sums = [0f32; WIDTH];
        for (block, [cell]) in panel.iter().zip(rows.from(row).tile()) {
            for (weights, number) in block.iter().zip(cell) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = add_product::<FMA>(*number, *weight, *sum);
                }
            }
        }
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::round;
    use super::*;

    /// Whole numbers that look random.
    fn noise(seed: u32) -> impl FnMut() -> u32 {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state >> 8
        }
    }

    fn number(next: &mut impl FnMut() -> u32) -> f32 {
        f32::from(u16::try_from(next() & 0xFFFF).unwrap()) / 32_768.0 - 1.0
    }

    fn halves(next: &mut impl FnMut() -> u32, factor: f32) -> [u16; WIDTH] {
        std::array::from_fn(|_| super::super::half::half(number(next) * factor))
    }

    fn byte(next: &mut impl FnMut() -> u32) -> u8 {
        // Both ends come often: there the sums are largest.
        let code = u8::try_from(next() & 255).unwrap();
        if next().is_multiple_of(3) { if code < 128 { 0 } else { 255 } } else { code }
    }

    fn cells(count: usize, next: &mut impl FnMut() -> u32) -> Vec<Rounded> {
        let mut cells = vec![Rounded::default(); count];
        for cell in &mut cells {
            let numbers: [f32; BLOCK] =
                std::array::from_fn(|_| if next().is_multiple_of(3) { 1.0 } else { number(next) });
            round(&numbers, cell);
        }
        cells
    }

    /// Holds every way against the plain one with fused products, to the bit, for some numbers of rows and blocks.
    fn hold<P, C: Copy>(
        make: impl Fn(usize, usize, &mut dyn FnMut() -> u32) -> (Vec<P>, Vec<C>),
        plain: impl Fn(&[P], Rows<'_, C>, &mut [Exact]),
        way: impl Fn(Way, &[P], Rows<'_, C>, &mut [Exact]),
    ) {
        for (seed, (rows, blocks)) in (1..).zip([(1, 1), (2, 3), (3, 18), (5, 2), (8, 7), (13, 4), (23, 1)]) {
            let mut next = noise(seed);
            let (panel, cells) = make(rows, blocks, &mut next);
            let start: Vec<Exact> = (0..rows).map(|_| std::array::from_fn(|_| number(&mut next))).collect();
            for kind in Way::all().into_iter().skip(1) {
                for first in [0, rows / 2] {
                    let (mut expected, mut found) = (start[first..].to_vec(), start[first..].to_vec());
                    let from = Rows::all(&cells, rows).from(first);
                    plain(&panel, from, &mut expected);
                    way(kind, &panel, from, &mut found);
                    assert_eq!(found, expected, "{kind:?}: {rows} rows from {first}, {blocks} blocks");
                    for (row, expected) in expected.iter().enumerate() {
                        let mut alone = [start[first + row]];
                        way(kind, &panel, from.from(row), &mut alone);
                        assert_eq!(
                            alone[0].map(f32::to_bits),
                            expected.map(f32::to_bits),
                            "{kind:?}: row {row} alone"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn four_bits_are_multiplied_alike_in_every_way() {
        let make = |rows: usize, blocks: usize, mut next: &mut dyn FnMut() -> u32| {
            let panel = (0..blocks).map(|_| Nibbles {
                codes: std::array::from_fn(|_| std::array::from_fn(|_| byte(&mut next))),
                scales: halves(&mut next, 0.1),
                mins: halves(&mut next, 1.0),
            });
            (panel.collect::<Vec<_>>(), cells(rows * blocks, &mut next))
        };
        hold(make, plain_nibbles::<true>, Way::nibbles);
    }

    #[test]
    fn eight_bits_are_multiplied_alike_in_every_way() {
        let make = |rows: usize, blocks: usize, mut next: &mut dyn FnMut() -> u32| {
            let panel = (0..blocks).map(|_| Bytes {
                codes: std::array::from_fn(|_| std::array::from_fn(|_| byte(&mut next))),
                scales: halves(&mut next, 0.1),
            });
            (panel.collect::<Vec<_>>(), cells(rows * blocks, &mut next))
        };
        hold(make, plain_bytes::<true>, Way::bytes);
    }

    #[test]
    fn single_precision_is_multiplied_alike_in_every_way() {
        let make = |rows: usize, blocks: usize, mut next: &mut dyn FnMut() -> u32| {
            let mut cell = || -> Exact { std::array::from_fn(|_| number(&mut next)) };
            let panel = (0..blocks).map(|_| std::array::from_fn(|_| cell())).collect::<Vec<Floats>>();
            (panel, (0..rows * blocks).map(|_| cell()).collect::<Vec<_>>())
        };
        hold(make, plain_floats::<true>, Way::floats);
    }

    #[test]
    fn half_precision_is_multiplied_alike_in_every_way_and_as_when_it_is_unpacked() {
        for depth in [0, 1, 17, 48] {
            let make = |rows: usize, blocks: usize, mut next: &mut dyn FnMut() -> u32| {
                let panel = (0..blocks).map(|_| std::array::from_fn(|_| halves(&mut next, 1.0)));
                let panel: Vec<Halves> = panel.collect();
                let mut cell = || -> Exact { std::array::from_fn(|_| number(&mut next)) };
                (panel, (0..rows * blocks).map(|_| cell()).collect::<Vec<_>>())
            };
            let unpacked = |panel: &[Halves], rows: Rows<'_, Exact>, out: &mut [Exact]| {
                let seen = |block: usize, at: usize| block * WIDTH + at < depth;
                let mut floats = vec![[[0f32; WIDTH]; WIDTH]; panel.len()];
                for (block, (floats, halves)) in floats.iter_mut().zip(panel).enumerate() {
                    for (at, (floats, halves)) in floats.iter_mut().zip(halves).enumerate() {
                        *floats = halves.map(|half| if seen(block, at) { single(half) } else { 0.0 });
                    }
                }
                plain_floats::<true>(&floats, rows, out);
            };
            hold(make, unpacked, |way, panel, rows, out| way.halves(panel, rows, depth, out));
            hold(
                make,
                |panel, rows, out| plain_halves::<true>(panel, rows, depth, out),
                |way, panel, rows, out| way.halves(panel, rows, depth, out),
            );
        }
    }
}
