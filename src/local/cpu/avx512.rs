//! Products for machines with AVX-512 and its products of bytes: a register holds a number of every column of a panel.

#![expect(unsafe_code, reason = "loading registers from arrays of their length")]

use std::arch::x86_64::{
    __m512, __m512i, _mm256_loadu_si256, _mm512_add_ps, _mm512_and_si512, _mm512_cvtepi32_ps,
    _mm512_cvtph_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512,
    _mm512_mul_ps, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_setzero_si512, _mm512_srli_epi16, _mm512_storeu_ps,
};

use super::avx2::tiles;
use super::cell::{Exact, Rounded, Rows, WIDTH};
use super::product::{Bytes, Floats, Halves, Nibbles};

/// Adds the products of rows and a panel of four bits to `out`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn nibbles(panel: &[Nibbles], rows: Rows<'_, Rounded>, out: &mut [Exact]) {
    tiles!(nibbles_tile, panel, rows, out, 8: 1 2 3 4 5 6 7 8);
}

/// Adds the products of rows and a panel of eight bits to `out`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn bytes(panel: &[Bytes], rows: Rows<'_, Rounded>, out: &mut [Exact]) {
    tiles!(bytes_tile, panel, rows, out, 8: 1 2 3 4 5 6 7 8);
}

/// Adds the products of rows and a panel of single precision to `out`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn floats(panel: &[Floats], rows: Rows<'_, Exact>, out: &mut [Exact]) {
    tiles!(floats_tile, panel, rows, out, 8: 1 2 3 4 5 6 7 8);
}

/// Adds the products of rows and the first `depth` inputs of a panel of half precision to `out`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
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
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn nibbles_tile<const N: usize>(panel: &[Nibbles], rows: Rows<'_, Rounded>, out: &mut [Exact; N]) {
    let mask = _mm512_set1_epi8(15);
    let mut sums = [_mm512_setzero_ps(); N];
    for (block, cells) in panel.iter().zip(rows.tile::<N>()) {
        let mut whole = [_mm512_setzero_si512(); N];
        for (at, line) in block.codes.iter().enumerate() {
            let codes = load(line);
            let lower = _mm512_and_si512(codes, mask);
            let upper = _mm512_and_si512(_mm512_srli_epi16::<4>(codes), mask);
            for (whole, cell) in whole.iter_mut().zip(cells) {
                *whole = _mm512_dpbusd_epi32(*whole, lower, four(cell, 2 * at));
                *whole = _mm512_dpbusd_epi32(*whole, upper, four(cell, 2 * at + 1));
            }
        }
        let (weights, mins) = (widened(&block.scales), widened(&block.mins));
        for ((total, whole), cell) in sums.iter_mut().zip(whole).zip(cells) {
            let factor = _mm512_mul_ps(weights, _mm512_set1_ps(cell.scale));
            *total = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), factor, *total);
            *total = _mm512_fmadd_ps(mins, _mm512_set1_ps(cell.sum), *total);
        }
    }
    add(sums, out);
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn bytes_tile<const N: usize>(panel: &[Bytes], rows: Rows<'_, Rounded>, out: &mut [Exact; N]) {
    let mut sums = [_mm512_setzero_ps(); N];
    for (block, cells) in panel.iter().zip(rows.tile::<N>()) {
        let mut whole = [_mm512_setzero_si512(); N];
        for (whole, cell) in whole.iter_mut().zip(cells) {
            // Codes are stored 128 above what they stand for.
            *whole = _mm512_set1_epi32(cell.total * -128);
        }
        for (at, line) in block.codes.iter().enumerate() {
            let codes = load(line);
            for (whole, cell) in whole.iter_mut().zip(cells) {
                *whole = _mm512_dpbusd_epi32(*whole, codes, four(cell, at));
            }
        }
        let weights = widened(&block.scales);
        for ((total, whole), cell) in sums.iter_mut().zip(whole).zip(cells) {
            let factor = _mm512_mul_ps(weights, _mm512_set1_ps(cell.scale));
            *total = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), factor, *total);
        }
    }
    add(sums, out);
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn floats_tile<const N: usize>(panel: &[Floats], rows: Rows<'_, Exact>, out: &mut [Exact; N]) {
    let mut sums = [_mm512_setzero_ps(); N];
    for (block, cells) in panel.iter().zip(rows.tile::<N>()) {
        for (at, weights) in block.iter().enumerate() {
            let weights = numbers(weights);
            for (sum, cell) in sums.iter_mut().zip(cells) {
                let number = _mm512_set1_ps(cell.get(at).copied().unwrap_or(0.0));
                *sum = _mm512_fmadd_ps(number, weights, *sum);
            }
        }
    }
    add(sums, out);
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn halves_tile<const N: usize>(panel: &[Halves], rows: Rows<'_, Exact>, depth: usize, out: [&mut Exact; N]) {
    let mut sums = [_mm512_setzero_ps(); N];
    for ((index, block), cells) in panel.iter().enumerate().zip(rows.tile::<N>()) {
        for (at, weights) in block.iter().enumerate().take(depth.saturating_sub(index * WIDTH)) {
            let weights = widened(weights);
            for (sum, cell) in sums.iter_mut().zip(cells) {
                let number = _mm512_set1_ps(cell.get(at).copied().unwrap_or(0.0));
                *sum = _mm512_fmadd_ps(number, weights, *sum);
            }
        }
    }
    for (sum, out) in sums.into_iter().zip(out) {
        add([sum], std::array::from_mut(out));
    }
}

/// Adds the sums of a tile to what is there.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn add<const N: usize>(sums: [__m512; N], out: &mut [Exact; N]) {
    for (sum, out) in sums.into_iter().zip(out) {
        let total = _mm512_add_ps(numbers(out), sum);
        // SAFETY: the array has the sixteen numbers that are written.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), total) };
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: the array has the bytes that are read.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn numbers(numbers: &Exact) -> __m512 {
    // SAFETY: the array has the sixteen numbers that are read.
    unsafe { _mm512_loadu_ps(numbers.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn widened(halves: &[u16; WIDTH]) -> __m512 {
    // SAFETY: the array has the sixteen numbers that are read.
    unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(halves.as_ptr().cast())) }
}

/// The four numbers of a row that a register of codes multiplies, in each of its columns.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn four(cell: &Rounded, at: usize) -> __m512i {
    let codes = cell.codes.get(at).copied().unwrap_or_default();
    _mm512_set1_epi32(i32::from_ne_bytes(codes.map(i8::cast_unsigned)))
}
