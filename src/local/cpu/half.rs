//! Numbers of half precision: sixteen bits, of which the standard library has no type yet.

#![expect(unsafe_code, reason = "calling code compiled for instructions that were checked for a line above")]

/// The largest number of half precision.
const LARGEST: f32 = 65_504.0;

/// Turns numbers of half precision into those of single precision.
pub(super) fn widen(halves: &[u16], out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c") {
        // SAFETY: the machine has the instructions.
        return unsafe { x86::widen(halves, out) };
    }
    for (out, half) in out.iter_mut().zip(halves) {
        *out = single(*half);
    }
}

/// Turns numbers into those of half precision; what is too large becomes the largest.
pub(super) fn narrow(numbers: &[f32], out: &mut [u16]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c") {
        // SAFETY: the machine has the instructions.
        return unsafe { x86::narrow(numbers, out) };
    }
    for (out, number) in out.iter_mut().zip(numbers) {
        *out = half(*number);
    }
}

/// Returns the number of single precision that a number of half precision is.
pub(super) fn single(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let rest = u32::from(half & 0x7FFF);
    let magnitude = match rest >> 10 {
        // Multiples of 2^-24, without an implied one.
        0 => (f32::from(half & 0x3FF) * f32::from_bits(0x3380_0000)).to_bits(),
        31 => 0x7F80_0000 | (rest & 0x3FF) << 13,
        _ => (rest << 13) + (112 << 23),
    };
    f32::from_bits(sign | magnitude)
}

/// Returns the nearest number of half precision, of two equally near the even one; what is too large becomes the largest.
pub(super) fn half(number: f32) -> u16 {
    let bits = number.to_bits();
    let sign = (bits >> 16) & 0x8000;
    let magnitude = if number.is_nan() {
        0x7E00
    } else {
        let absolute = number.abs().min(LARGEST);
        if absolute < f32::from_bits(0x3880_0000) {
            // Adding 0.5 leaves multiples of 2^-24 in the last bits.
            (absolute + 0.5).to_bits() - 0.5f32.to_bits()
        } else {
            let bits = absolute.to_bits();
            (bits - (112 << 23) + 0x0FFF + (bits >> 13 & 1)) >> 13
        }
    };
    u16::try_from(sign | magnitude).unwrap_or(0x7E00)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _CMP_UNORD_Q, _MM_FROUND_TO_NEAREST_INT, _mm_loadu_si128, _mm_storeu_si128, _mm256_blendv_ps,
        _mm256_cmp_ps, _mm256_cvtph_ps, _mm256_cvtps_ph, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps,
        _mm256_set1_ps, _mm256_storeu_ps,
    };

    use super::LARGEST;

    #[target_feature(enable = "avx2,f16c")]
    pub(super) fn widen(halves: &[u16], out: &mut [f32]) {
        let (blocks, rest) = halves.as_chunks::<8>();
        let (outs, out_rest) = out.as_chunks_mut::<8>();
        for (out, block) in outs.iter_mut().zip(blocks) {
            // SAFETY: both arrays have the eight numbers that are read and written.
            unsafe {
                _mm256_storeu_ps(out.as_mut_ptr(), _mm256_cvtph_ps(_mm_loadu_si128(block.as_ptr().cast())));
            }
        }
        for (out, half) in out_rest.iter_mut().zip(rest) {
            *out = super::single(*half);
        }
    }

    #[target_feature(enable = "avx2,f16c")]
    pub(super) fn narrow(numbers: &[f32], out: &mut [u16]) {
        let (blocks, rest) = numbers.as_chunks::<8>();
        let (outs, out_rest) = out.as_chunks_mut::<8>();
        let (least, most) = (_mm256_set1_ps(-LARGEST), _mm256_set1_ps(LARGEST));
        for (out, block) in outs.iter_mut().zip(blocks) {
            // SAFETY: both arrays have the eight numbers that are read and written.
            unsafe {
                let numbers = _mm256_loadu_ps(block.as_ptr());
                let bounded = _mm256_min_ps(_mm256_max_ps(numbers, least), most);
                // What is no number stays none.
                let none = _mm256_cmp_ps::<_CMP_UNORD_Q>(numbers, numbers);
                let kept = _mm256_blendv_ps(bounded, numbers, none);
                let halves = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(kept);
                _mm_storeu_si128(out.as_mut_ptr().cast(), halves);
            }
        }
        for (out, number) in out_rest.iter_mut().zip(rest) {
            *out = super::half(*number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_half_precision_comes_back_from_either_way() {
        let halves: Vec<u16> = (0..=u16::MAX).filter(|half| half & 0x7C00 != 0x7C00).collect();
        let mut singles = vec![0f32; halves.len()];
        widen(&halves, &mut singles);
        let plain: Vec<f32> = halves.iter().map(|half| single(*half)).collect();
        assert_eq!(singles, plain);
        let known = [0x3C00, 0xC000, 1].map(|half| single(half).to_bits());
        assert_eq!(known, [1.0, -2.0, 2f32.powi(-24)].map(f32::to_bits));
        let mut again = vec![0u16; halves.len()];
        narrow(&singles, &mut again);
        assert_eq!(again, halves);
        assert!(singles.iter().zip(&halves).all(|(single, there)| half(*single) == *there));
    }

    #[test]
    fn numbers_between_are_rounded_alike_and_what_is_too_large_is_bounded() {
        let mut numbers: Vec<f32> = (0..20_000u16).map(|at| (f32::from(at) - 1e4) * 1.37e-3).collect();
        numbers.extend((0..2000u16).map(|at| f32::from(at) * 1.1e-8));
        numbers.extend([1e9, -1e9, f32::INFINITY, 65_519.0, 65_521.0, 1.0 + 2f32.powi(-11), f32::NAN]);
        let mut halves = vec![0u16; numbers.len()];
        narrow(&numbers, &mut halves);
        for (number, there) in numbers.iter().zip(&halves) {
            let (wide, plain) = (single(*there), single(half(*number)));
            let alike = wide.to_bits() == plain.to_bits() || wide.is_nan() && plain.is_nan();
            assert!(alike && wide.is_nan() == number.is_nan(), "{number}");
        }
        assert_eq!((half(1e9), half(f32::NEG_INFINITY)), (0x7BFF, 0xFBFF));
    }
}
