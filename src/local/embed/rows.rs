//! What is done to rows of numbers between two products.

#![expect(unsafe_code, reason = "calling code compiled for instructions that were checked for a line above")]

use super::matrix::WIDTH;
use crate::local::kernel::{add_product, dispatch, exp};

dispatch!(
    /// Applies the Gaussian error linear unit, `x` times the share of the normal distribution below `x`, to all numbers.
    pub(super) gelu, gelu_body, (numbers: &mut [f32])
);

dispatch!(
    /// Adds `change`, where there is one, to rows, and brings each to a mean of `bias` and a deviation of `weight`.
    pub(super) add_norm, add_norm_body,
    (rows: &mut [f32], change: &[f32], weight: &[f32], bias: &[f32], epsilon: f32)
);

dispatch!(
    /// Turns scores into weights: scales them and normalizes each row of `columns` of them, a multiple of [`WIDTH`].
    pub(super) softmax, softmax_body, (scores: &mut [f32], columns: usize, scale: f32)
);

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn gelu_body<const FMA: bool>(numbers: &mut [f32]) {
    for number in numbers {
        *number = gelu_of::<FMA>(*number);
    }
}

/// The error function is that of Abramowitz and Stegun, 7.1.26, right to 1.5e-7: what it lacks to one is a polynomial times
/// an exponential, on either side of zero.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn gelu_of<const FMA: bool>(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / add_product::<FMA>(size, 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2, 1.0);
    let mut poly = 1.061_405_4;
    for factor in [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6] {
        poly = add_product::<FMA>(poly, t, factor);
    }
    let tail = 0.5 * size * (poly * t) * exp::<FMA>(-0.5 * x * x);
    let above = if x > 0.0 { x } else { 0.0 };
    above - tail
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
#[expect(clippy::cast_precision_loss, reason = "a row has some hundred numbers")]
fn add_norm_body<const FMA: bool>(
    rows: &mut [f32],
    change: &[f32],
    weight: &[f32],
    bias: &[f32],
    epsilon: f32,
) {
    let size = weight.len().max(1);
    let mut changes = change.chunks_exact(size);
    for row in rows.chunks_exact_mut(size) {
        if let Some(change) = changes.next() {
            row.iter_mut().zip(change).for_each(|(number, change)| *number += change);
        }
        let mean = folded(row, |number| number) / size as f32;
        let variance = folded(row, |number| (number - mean) * (number - mean)) / size as f32;
        let factor = 1.0 / (variance + epsilon).sqrt();
        for ((number, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
            *number = add_product::<FMA>((*number - mean) * factor, *weight, *bias);
        }
    }
}

/// Adds up what `of` makes of the numbers of a row, in as many sums side by side as a panel is wide.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn folded(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0f32; WIDTH];
    let (blocks, tail) = row.as_chunks::<WIDTH>();
    for block in blocks {
        for (sum, number) in sums.iter_mut().zip(block) {
            *sum += of(*number);
        }
    }
    sums.iter().sum::<f32>() + tail.iter().map(|number| of(*number)).sum::<f32>()
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn softmax_body<const FMA: bool>(scores: &mut [f32], columns: usize, scale: f32) {
    for row in scores.chunks_exact_mut(columns.max(1)) {
        let (blocks, _) = row.as_chunks_mut::<WIDTH>();
        let mut tops = [f32::NEG_INFINITY; WIDTH];
        for block in &*blocks {
            for (top, score) in tops.iter_mut().zip(block) {
                *top = if *score > *top { *score } else { *top };
            }
        }
        let top = tops.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sums = [0f32; WIDTH];
        for block in &mut *blocks {
            for (sum, score) in sums.iter_mut().zip(block) {
                *score = exp::<FMA>((*score - top) * scale);
                *sum += *score;
            }
        }
        let factor = 1.0 / sums.iter().sum::<f32>();
        for number in blocks.as_flattened_mut() {
            *number *= factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error function by its series, which is exact enough for the arguments here.
    fn erf(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            let n = f64::from(n);
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn the_activation_is_close_to_the_exact_one() {
        for step in -600..600i16 {
            let x = f32::from(step) / 100.0;
            let exact = 0.5 * f64::from(x) * (1.0 + erf(f64::from(x) / std::f64::consts::SQRT_2));
            for found in [gelu_of::<true>(x), gelu_of::<false>(x)] {
                assert!((f64::from(found) - exact).abs() < 1e-6, "{x}: {found} is not {exact}");
            }
        }
        let mut far = [-40.0f32, 40.0];
        gelu(&mut far);
        assert!((far[1] - 40.0).abs() < 1e-30 && far[0].abs() < 1e-30);
    }

    #[test]
    fn rows_are_normalized() {
        let mut rows = [1f32, 2.0, 3.0, 4.0, 5.0, -5.0];
        add_norm(&mut rows, &[1.0, 1.0, 1.0, 0.0, 0.0, 0.0], &[2.0, 2.0, 2.0], &[0.5, 0.5, 0.5], 0.0);
        let third = 1.5f32.sqrt();
        for (found, exact) in rows[..3].iter().zip([0.5 - 2.0 * third, 0.5, 0.5 + 2.0 * third]) {
            assert!((found - exact).abs() < 1e-5, "{found} is not {exact}");
        }
        assert!((rows[3..].iter().sum::<f32>() - 1.5).abs() < 1e-5);
    }

    #[test]
    fn weights_of_a_row_add_up_to_one_and_what_is_hidden_has_none() {
        let mut scores = vec![f32::NEG_INFINITY; 2 * WIDTH];
        scores[..3].copy_from_slice(&[1.0, 2.0, 3.0]);
        softmax(&mut scores, 2 * WIDTH, 0.5);
        assert!((scores[..3].iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((scores[2] / scores[1] - 0.5f32.exp()).abs() < 1e-5);
        assert!(scores[3..].iter().all(|weight| *weight < 1e-30));
    }
}
