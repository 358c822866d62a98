//! The inner loops of a search by vectors: products of whole numbers over all codes, of signs where there are too many
//! codes, and of the numbers themselves over few rows.
//!
//! The first is nearly all the time of a search. The compiler does not find the instruction that multiplies and adds
//! pairs of 16 bits by itself, which halves the speed, so on x86-64 it is named. A library was measured and was four
//! times slower than this loop, because it takes one pair of vectors a call. All give the same bits on every machine.

#![expect(
    unsafe_code,
    reason = "reading rows into registers with instructions that were checked for a line above"
)]

use super::signs::PLANES;

/// Numbers that one step handles at once.
const LANES: usize = 32;

/// Writes the product of `query` with each row of `codes` into `out`; rows are as long as the query.
///
/// The sums must fit: `query` and codes are bounded so that no sum of products of their numbers leaves 32 bits.
pub(super) fn products(query: &[i16], codes: &[i8], out: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the machine has the instructions that `products_wide` was compiled for.
        return unsafe { products_wide(query, codes, out) };
    }
    products_plain(query, codes, out);
}

fn products_plain(query: &[i16], codes: &[i8], out: &mut [i32]) {
    for (row, out) in codes.chunks_exact(query.len().max(1)).zip(out) {
        *out = product(query, row);
    }
}

fn product(query: &[i16], row: &[i8]) -> i32 {
    row.iter().zip(query).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn products_wide(query: &[i16], codes: &[i8], out: &mut [i32]) {
    use std::arch::x86_64::{
        _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_loadu_si256, _mm256_madd_epi16,
        _mm256_setzero_si256, _mm256_storeu_si256,
    };
    let (query_blocks, query_tail) = query.as_chunks::<LANES>();
    for (row, out) in codes.chunks_exact(query.len().max(1)).zip(out) {
        let (blocks, tail) = row.as_chunks::<LANES>();
        let mut low = _mm256_setzero_si256();
        let mut high = _mm256_setzero_si256();
        for (block, query) in blocks.iter().zip(query_blocks) {
            // SAFETY: `block` has 32 bytes and `query` 32 numbers of two, and the loads ask for no alignment.
            let (a, b, c, d) = unsafe {
                (
                    _mm_loadu_si128(block.as_ptr().cast()),
                    _mm_loadu_si128(block.as_ptr().wrapping_add(LANES / 2).cast()),
                    _mm256_loadu_si256(query.as_ptr().cast()),
                    _mm256_loadu_si256(query.as_ptr().wrapping_add(LANES / 2).cast()),
                )
            };
            low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_cvtepi8_epi16(a), c));
            high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_cvtepi8_epi16(b), d));
        }
        let mut sums = [0i32; 8];
        // SAFETY: `sums` has the 32 bytes that are stored, and the store asks for no alignment.
        unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), _mm256_add_epi32(low, high)) };
        *out = sums.iter().sum::<i32>() + product(query_tail, tail);
    }
}

/// Writes how a query in planes of bits agrees with each row of signs into `out`: twice the sum of the levels where the sign
/// is positive, less as much as middling levels would give.
pub(super) fn sign_products(planes: &[[u64; PLANES]], rows: &[u64], out: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "popcnt")]
        fn counting(planes: &[[u64; PLANES]], rows: &[u64], out: &mut [i32]) {
            sign_products_body(planes, rows, out);
        }
        if is_x86_feature_detected!("popcnt") {
            // SAFETY: the machine has the instruction that `counting` was compiled for.
            return unsafe { counting(planes, rows, out) };
        }
    }
    sign_products_body(planes, rows, out);
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn sign_products_body(planes: &[[u64; PLANES]], rows: &[u64], out: &mut [i32]) {
    let ones = |word: u64| word.count_ones().cast_signed();
    for (row, out) in rows.chunks_exact(planes.len().max(1)).zip(out) {
        let mut sum = 0;
        for (word, planes) in row.iter().zip(planes) {
            let levels = planes.iter().rev().fold(0, |sum, plane| 2 * sum + ones(word & plane));
            sum += 2 * levels - ones(*word) * ((1 << PLANES) - 1);
        }
        *out = sum;
    }
}

/// Returns the product of two vectors, added up in one fixed order and without fused instructions, so that a score has
/// the same bits on every machine.
pub(super) fn exact(a: &[f32], b: &[f32]) -> f32 {
    let (a_blocks, a_tail) = a.as_chunks::<LANES>();
    let (b_blocks, b_tail) = b.as_chunks::<LANES>();
    let mut sums = [0f32; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let tail: f32 = a_tail.iter().zip(b_tail).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_instruction_set_gives_the_plain_products(
            (query, codes) in (1usize..100).prop_flat_map(|length| (
                prop::collection::vec(-20_000i16..20_000, length),
                prop::collection::vec(-127i8..=127, length * 3),
            )),
        ) {
            let (mut ours, mut plain) = ([0; 3], [0; 3]);
            products(&query, &codes, &mut ours);
            products_plain(&query, &codes, &mut plain);
            prop_assert_eq!(ours, plain);
        }
    }

    #[test]
    fn products_with_signs_are_those_of_the_levels() {
        // Levels 15, 0 and 6 against the signs 1, 1, 0: 2 * (15 + 0) - 15 * 2.
        let planes = [[0b001, 0b101, 0b101, 0b001]];
        let mut out = [7; 3];
        sign_products(&planes, &[0b011, 0b001, 0b110], &mut out);
        assert_eq!(out, [0, 15, 2 * 6 - 15 * 2]);
    }

    #[test]
    fn the_largest_numbers_fit() {
        let mut out = [0];
        products(&[i16::MAX; 384], &[-127; 384], &mut out);
        assert_eq!(out, [-127 * 384 * i32::from(i16::MAX)]);
    }
}
