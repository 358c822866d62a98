//! Products for machines with AVX2: tiles of a few rows whose sums stay in registers.

#![expect(unsafe_code, reason = "loading registers from arrays of their length")]

use std::arch::x86_64::{
    __m256, __m256i, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm256_add_epi16, _mm256_add_epi32,
    _mm256_add_ps, _mm256_and_si256, _mm256_cvtepi32_ps, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mul_ps, _mm256_set1_epi8,
    _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256,
    _mm256_srli_epi16, _mm256_storeu_ps,
};
use std::hint::black_box;

use super::cell::{BLOCK, Exact, Rounded, Rows, WIDTH};
use super::product::{Bytes, Floats, Halves, Nibbles};

/// The columns of a panel in two registers.
type Pair = [__m256; 2];

/// Calls a tile of as many rows as there are, up to the largest.
macro_rules! tiles {
    ($tile:ident, $panel:expr, $rows:expr, $out:expr, $most:literal: $($count:literal)*) => {
        for (index, out) in $out.chunks_mut($most).enumerate() {
            let rows = $rows.from(index * $most);
            match out.len() {
                $($count => {
                    if let Some(out) = out.first_chunk_mut() {
                        $tile::<$count>($panel, rows, out);
                    }
                })*
                _ => {}
            }
        }
    };
}

pub(super) use tiles;

/// Adds the products of rows and a panel of four bits to `out`.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn nibbles(panel: &[Nibbles], rows: Rows<'_, Rounded>, out: &mut [Exact]) {
    match out.len() {
        1 | 2 => tiles!(nibbles_once, panel, rows, out, 2: 1 2),
        _ => tiles!(nibbles_tile, panel, rows, out, 4: 1 2 3 4),
    }
}

/// Adds the products of rows and a panel of eight bits to `out`.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn bytes(panel: &[Bytes], rows: Rows<'_, Rounded>, out: &mut [Exact]) {
    match out.len() {
        1 | 2 => tiles!(bytes_once, panel, rows, out, 2: 1 2),
        _ => tiles!(bytes_tile, panel, rows, out, 4: 1 2 3 4),
    }
}

/// Adds the products of rows and a panel of single precision to `out`.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn floats(panel: &[Floats], rows: Rows<'_, Exact>, out: &mut [Exact]) {
    tiles!(floats_tile, panel, rows, out, 6: 1 2 3 4 5 6);
}

/// Adds the products of rows and the first `depth` inputs of a panel of half precision to `out`.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn halves(panel: &[Halves], rows: Rows<'_, Exact>, depth: usize, out: &mut [Exact]) {
    for (index, out) in out.chunks_mut(4).enumerate() {
        let rows = rows.from(index * 4);
        match out {
            [one] => halves_tile::<1>(panel, rows, depth, [one]),
            [one, two] => halves_tile::<2>(panel, rows, depth, [one, two]),
            [one, two, three] => halves_tile::<3>(panel, rows, depth, [one, two, three]),
            [one, two, three, four] => halves_tile::<4>(panel, rows, depth, [one, two, three, four]),
            _ => {}
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn nibbles_tile<const N: usize>(panel: &[Nibbles], rows: Rows<'_, Rounded>, out: &mut [Exact; N]) {
    let (mask, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
    let lines = black_box(BLOCK / 8);
    for half in 0..2 {
        let mut sums = [_mm256_setzero_ps(); N];
        for (block, cells) in panel.iter().zip(rows.tile::<N>()) {
            // This pass fetches nothing for itself.
            if half == 1 && rows.first == 0 {
                ahead(block, size_of_val(panel));
            }
            // Eight products of a code and a rounded number, two at a time: at most 8 * 2 * 15 * 127, which fits 16 bits.
            let mut whole = [_mm256_setzero_si256(); N];
            for (at, line) in block.codes.iter().take(lines).enumerate() {
                let codes = load(line, half);
                let lower = _mm256_and_si256(codes, mask);
                let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), mask);
                for (whole, cell) in whole.iter_mut().zip(cells) {
                    *whole = _mm256_add_epi16(*whole, _mm256_maddubs_epi16(lower, four(cell, 2 * at)));
                    *whole = _mm256_add_epi16(*whole, _mm256_maddubs_epi16(upper, four(cell, 2 * at + 1)));
                }
            }
            let (scales, mins) = (widened(&block.scales, half), widened(&block.mins, half));
            for ((sum, whole), cell) in sums.iter_mut().zip(whole).zip(cells) {
                let whole = _mm256_cvtepi32_ps(_mm256_madd_epi16(whole, ones));
                *sum = _mm256_fmadd_ps(whole, _mm256_mul_ps(scales, _mm256_set1_ps(cell.scale)), *sum);
                *sum = _mm256_fmadd_ps(mins, _mm256_set1_ps(cell.sum), *sum);
            }
        }
        add(sums, half, out);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn bytes_tile<const N: usize>(panel: &[Bytes], rows: Rows<'_, Rounded>, out: &mut [Exact; N]) {
    let mask = _mm256_set1_epi8(15);
    let (ones, sixteens) = (_mm256_set1_epi16(1), _mm256_set1_epi16(16));
    let lines = black_box(BLOCK / 4);
    for half in 0..2 {
        let mut sums = [_mm256_setzero_ps(); N];
        for (block, cells) in panel.iter().zip(rows.tile::<N>()) {
            // This pass fetches nothing for itself.
            if half == 1 && rows.first == 0 {
                ahead(block, size_of_val(panel));
            }
            // The halves of bytes are summed apart: products of whole bytes would not fit 16 bits.
            let mut lower = [_mm256_setzero_si256(); N];
            let mut upper = [_mm256_setzero_si256(); N];
            for (at, line) in block.codes.iter().take(lines).enumerate() {
                let codes = load(line, half);
                let low = _mm256_and_si256(codes, mask);
                let high = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), mask);
                for ((lower, upper), cell) in lower.iter_mut().zip(&mut upper).zip(cells) {
                    let numbers = four(cell, at);
                    *lower = _mm256_add_epi16(*lower, _mm256_maddubs_epi16(low, numbers));
                    *upper = _mm256_add_epi16(*upper, _mm256_maddubs_epi16(high, numbers));
                }
            }
            let scales = widened(&block.scales, half);
            for (((sum, lower), upper), cell) in sums.iter_mut().zip(lower).zip(upper).zip(cells) {
                let shift = _mm256_set1_epi32(cell.total * -128);
                let lower = _mm256_add_epi32(_mm256_madd_epi16(lower, ones), shift);
                let whole = _mm256_add_epi32(_mm256_madd_epi16(upper, sixteens), lower);
                let scales = _mm256_mul_ps(scales, _mm256_set1_ps(cell.scale));
                *sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole), scales, *sum);
            }
        }
        add(sums, half, out);
    }
}

/// The same as [`nibbles_tile`] in one pass: where rows are few, all the time goes into fetching weights, and a second pass
/// would fetch none.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn nibbles_once<const N: usize>(panel: &[Nibbles], rows: Rows<'_, Rounded>, out: &mut [Exact; N]) {
    let (mask, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
    let mut sums = [[_mm256_setzero_ps(); 2]; N];
    for (block, cells) in panel.iter().zip(rows.tile::<N>()) {
        ahead(block, size_of_val(panel));
        let mut whole = [[_mm256_setzero_si256(); 2]; N];
        for (at, line) in block.codes.iter().enumerate() {
            for half in 0..2 {
                let codes = load(line, half);
                let lower = _mm256_and_si256(codes, mask);
                let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), mask);
                for (whole, cell) in whole.iter_mut().zip(cells) {
                    let Some(whole) = whole.get_mut(half) else { continue };
                    *whole = _mm256_add_epi16(*whole, _mm256_maddubs_epi16(lower, four(cell, 2 * at)));
                    *whole = _mm256_add_epi16(*whole, _mm256_maddubs_epi16(upper, four(cell, 2 * at + 1)));
                }
            }
        }
        for ((sums, whole), cell) in sums.iter_mut().zip(whole).zip(cells) {
            for (half, (sum, whole)) in sums.iter_mut().zip(whole).enumerate() {
                let (scales, mins) = (widened(&block.scales, half), widened(&block.mins, half));
                let whole = _mm256_cvtepi32_ps(_mm256_madd_epi16(whole, ones));
                *sum = _mm256_fmadd_ps(whole, _mm256_mul_ps(scales, _mm256_set1_ps(cell.scale)), *sum);
                *sum = _mm256_fmadd_ps(mins, _mm256_set1_ps(cell.sum), *sum);
            }
        }
    }
    add_both(sums, out);
}

/// The same as [`bytes_tile`] in one pass.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn bytes_once<const N: usize>(panel: &[Bytes], rows: Rows<'_, Rounded>, out: &mut [Exact; N]) {
    let mask = _mm256_set1_epi8(15);
    let (ones, sixteens) = (_mm256_set1_epi16(1), _mm256_set1_epi16(16));
    let mut sums = [[_mm256_setzero_ps(); 2]; N];
    for (block, cells) in panel.iter().zip(rows.tile::<N>()) {
        ahead(block, size_of_val(panel));
        let mut parts = [[[_mm256_setzero_si256(); 2]; 2]; N];
        for (at, line) in block.codes.iter().enumerate() {
            for half in 0..2 {
                let codes = load(line, half);
                let low = _mm256_and_si256(codes, mask);
                let high = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), mask);
                for (parts, cell) in parts.iter_mut().zip(cells) {
                    let Some([lower, upper]) = parts.get_mut(half) else { continue };
                    let numbers = four(cell, at);
                    *lower = _mm256_add_epi16(*lower, _mm256_maddubs_epi16(low, numbers));
                    *upper = _mm256_add_epi16(*upper, _mm256_maddubs_epi16(high, numbers));
                }
            }
        }
        for ((sums, parts), cell) in sums.iter_mut().zip(parts).zip(cells) {
            let shift = _mm256_set1_epi32(cell.total * -128);
            for (half, (sum, [lower, upper])) in sums.iter_mut().zip(parts).enumerate() {
                let lower = _mm256_add_epi32(_mm256_madd_epi16(lower, ones), shift);
                let whole = _mm256_add_epi32(_mm256_madd_epi16(upper, sixteens), lower);
                let scales = _mm256_mul_ps(widened(&block.scales, half), _mm256_set1_ps(cell.scale));
                *sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole), scales, *sum);
            }
        }
    }
    add_both(sums, out);
}

/// Fetches what lies `distance` bytes after a block, of the next panel.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn ahead<B>(block: &B, distance: usize) {
    let there: *const i8 = std::ptr::from_ref(block).cast();
    for line in (0..size_of::<B>()).step_by(64) {
        // Fetching ahead neither reads nor faults, wherever it points.
        _mm_prefetch::<_MM_HINT_T0>(there.wrapping_add(distance + line));
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn floats_tile<const N: usize>(panel: &[Floats], rows: Rows<'_, Exact>, out: &mut [Exact; N]) {
    let mut sums: [Pair; N] = [[_mm256_setzero_ps(); 2]; N];
    for (block, cells) in panel.iter().zip(rows.tile::<N>()) {
        for (at, weights) in block.iter().enumerate() {
            let weights = pair(weights);
            for (sums, cell) in sums.iter_mut().zip(cells) {
                let number = _mm256_set1_ps(cell.get(at).copied().unwrap_or(0.0));
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = _mm256_fmadd_ps(number, weight, *sum);
                }
            }
        }
    }
    add_both(sums, out);
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add_both<const N: usize>(sums: [Pair; N], out: &mut [Exact; N]) {
    add(sums.map(|[low, _]| low), 0, out);
    add(sums.map(|[_, high]| high), 1, out);
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn halves_tile<const N: usize>(panel: &[Halves], rows: Rows<'_, Exact>, depth: usize, out: [&mut Exact; N]) {
    let mut sums: [Pair; N] = [[_mm256_setzero_ps(); 2]; N];
    for ((index, block), cells) in panel.iter().enumerate().zip(rows.tile::<N>()) {
        for (at, weights) in block.iter().enumerate().take(depth.saturating_sub(index * WIDTH)) {
            let weights = [widened(weights, 0), widened(weights, 1)];
            for (sums, cell) in sums.iter_mut().zip(cells) {
                let number = _mm256_set1_ps(cell.get(at).copied().unwrap_or(0.0));
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = _mm256_fmadd_ps(number, weight, *sum);
                }
            }
        }
    }
    for (sums, out) in sums.into_iter().zip(out) {
        add_both([sums], std::array::from_mut(out));
    }
}

/// Adds the sums of half a tile to what is there.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add<const N: usize>(sums: [__m256; N], half: usize, out: &mut [Exact; N]) {
    for (sum, out) in sums.into_iter().zip(out) {
        let (halves, _) = out.as_chunks_mut::<8>();
        let Some(there) = halves.get_mut(half) else { continue };
        // SAFETY: the array has the eight numbers that are read and written.
        unsafe { _mm256_storeu_ps(there.as_mut_ptr(), _mm256_add_ps(_mm256_loadu_ps(there.as_ptr()), sum)) };
    }
}

/// The codes of half the columns.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn load(line: &[u8; 4 * WIDTH], half: usize) -> __m256i {
    let (halves, _) = line.as_chunks::<32>();
    let codes = halves.get(half).unwrap_or(&[0; 32]);
    // SAFETY: the array has the bytes that are read.
    unsafe { _mm256_loadu_si256(codes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn pair(numbers: &Exact) -> Pair {
    // SAFETY: the array has twice the eight numbers that are read.
    unsafe { [_mm256_loadu_ps(numbers.as_ptr()), _mm256_loadu_ps(numbers.as_ptr().add(8))] }
}

/// The numbers of half the columns.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn widened(halves: &[u16; WIDTH], half: usize) -> __m256 {
    let (parts, _) = halves.as_chunks::<8>();
    let part = parts.get(half).unwrap_or(&[0; 8]);
    // SAFETY: the array has the eight numbers that are read.
    unsafe { _mm256_cvtph_ps(_mm_loadu_si128(part.as_ptr().cast())) }
}

/// The four numbers of a row that a register of codes multiplies, in each of its columns.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn four(cell: &Rounded, at: usize) -> __m256i {
    let codes = cell.codes.get(at).copied().unwrap_or_default();
    _mm256_set1_epi32(i32::from_ne_bytes(codes.map(i8::cast_unsigned)))
}
