//! The few inner loops that a processor spends its time in and that the tensor library does not tune at run time.
//!
//! Each loop is written once, in plain Rust that the compiler can vectorize, and compiled for several instruction
//! sets; the best one that the machine has is chosen when it runs. Every output element is computed by one thread in
//! one fixed order, so results do not depend on how many threads there are.

#![expect(unsafe_code, reason = "calling code compiled for instructions that were checked for a line above")]

use candle_core::{CpuStorage, CustomOp1, CustomOp2, InplaceOp1, Layout, Result, Shape, bail};
use rayon::prelude::*;

/// Numbers that one step of a loop handles at once: four registers of the widest kind.
const LANES: usize = 64;

/// Rows of a matrix that one task multiplies.
const ROWS_PER_TASK: usize = 64;

/// `x @ wᵀ` for a single row `x` and a row-major `w`: reading `w` once is all the work there is.
pub(super) struct RowTimesMatrix;

/// Turns scores of one attention step into weights, in place: scales them, hides what lies in the future, and
/// normalizes each row. Row `i` of the queries stands at position `start + i % queries`.
pub(super) struct CausalSoftmax {
    /// The factor on the scores.
    pub(super) scale: f32,
    /// The position of the first query.
    pub(super) start: usize,
    /// How many positions are queried; the rows are that many for each head of the group.
    pub(super) queries: usize,
}

/// `silu(gate) * up` over rows that hold the gate first and `up` after it.
pub(super) struct SwiGlu;

macro_rules! dispatch {
    ($(#[$doc:meta])* $vis:vis $name:ident, $body:ident, ($($arg:ident: $kind:ty),*) $(-> $out:ty)?) => {
        $(#[$doc])*
        $vis fn $name($($arg: $kind),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx2,fma")]
                fn wide($($arg: $kind),*) $(-> $out)? { $body::<true>($($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                fn middle($($arg: $kind),*) $(-> $out)? { $body::<true>($($arg),*) }
                let fma = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
                if fma && is_x86_feature_detected!("avx512f") {
                    // SAFETY: the machine has the instructions that `wide` was compiled for.
                    return unsafe { wide($($arg),*) };
                }
                if fma {
                    // SAFETY: the machine has the instructions that `middle` was compiled for.
                    return unsafe { middle($($arg),*) };
                }
            }
            $body::<{ cfg!(target_arch = "aarch64") }>($($arg),*)
        }
    };
}

pub(super) use dispatch;

dispatch!(multiply_rows, multiply_rows_body, (x: &[f32], rows: &[f32], out: &mut [f32]));
dispatch!(softmax_row, softmax_row_body, (row: &mut [f32], scale: f32));
dispatch!(swiglu_row, swiglu_row_body, (gate: &[f32], up: &[f32], out: &mut [f32]));

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
pub(super) fn add_product<const FMA: bool>(a: f32, b: f32, sum: f32) -> f32 {
    // Without the instruction, the fused form is a call into a slow library routine.
    if FMA { a.mul_add(b, sum) } else { a * b + sum }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn multiply_rows_body<const FMA: bool>(x: &[f32], rows: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(x.len().max(1)).zip(out) {
        let mut sums = [0f32; LANES];
        let (blocks, tail) = row.as_chunks::<LANES>();
        let (x_blocks, x_tail) = x.as_chunks::<LANES>();
        for (row, x) in blocks.iter().zip(x_blocks) {
            for ((sum, a), b) in sums.iter_mut().zip(row).zip(x) {
                *sum = add_product::<FMA>(*a, *b, *sum);
            }
        }
        let tail = tail.iter().zip(x_tail).fold(0.0, |sum, (a, b)| add_product::<FMA>(*a, *b, sum));
        *out = total(&sums) + tail;
    }
}

/// Adds up the lanes pairwise, as wide registers fold.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn total(sums: &[f32; LANES]) -> f32 {
    let mut folded = [0f32; 16];
    for block in sums.as_chunks::<16>().0 {
        for (sum, value) in folded.iter_mut().zip(block) {
            *sum += value;
        }
    }
    folded.iter().sum()
}

/// `e` to the power of `x` for `x` from -87 to 88, within two units in the last place.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
#[expect(clippy::excessive_precision, reason = "the two parts of ln 2 are meant digit by digit")]
pub(super) fn exp<const FMA: bool>(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    // Adding and taking away 1.5 * 2^23 rounds to the nearest whole number in every instruction set.
    let shifted = x * std::f32::consts::LOG2_E + 12_582_912.0;
    let whole = shifted - 12_582_912.0;
    let rest = add_product::<FMA>(whole, -0.693_359_375, x);
    let rest = add_product::<FMA>(whole, 2.121_944_4e-4, rest);
    let mut poly = 1.987_569_15e-4;
    for factor in [1.398_199_95e-3, 8.333_451_9e-3, 4.166_579_6e-2, 1.666_666_55e-1, 0.5] {
        poly = add_product::<FMA>(poly, rest, factor);
    }
    let value = add_product::<FMA>(poly, rest * rest, rest) + 1.0;
    // The whole number stands in the last bits of the shifted one; what stands before it is pushed out.
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    value * power
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn softmax_row_body<const FMA: bool>(row: &mut [f32], scale: f32) {
    let mut tops = [f32::NEG_INFINITY; LANES];
    let (blocks, tail) = row.as_chunks::<LANES>();
    for block in blocks {
        for (top, value) in tops.iter_mut().zip(block) {
            *top = if *value > *top { *value } else { *top };
        }
    }
    let top = tops.iter().chain(tail).copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0f32; LANES];
    let (blocks, tail) = row.as_chunks_mut::<LANES>();
    for block in blocks {
        for (sum, value) in sums.iter_mut().zip(block) {
            *value = exp::<FMA>((*value - top) * scale);
            *sum += *value;
        }
    }
    let mut sum = total(&sums);
    for value in tail {
        *value = exp::<FMA>((*value - top) * scale);
        sum += *value;
    }
    let factor = 1.0 / sum;
    for value in row {
        *value *= factor;
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn swiglu_row_body<const FMA: bool>(gate: &[f32], up: &[f32], out: &mut [f32]) {
    for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
        *out = gate / (1.0 + exp::<FMA>(-gate)) * up;
    }
}

impl CustomOp2 for RowTimesMatrix {
    fn name(&self) -> &'static str {
        "row-times-matrix"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (floats(x, xl)?, floats(w, wl)?);
        let (n, k) = wl.shape().dims2()?;
        if x.len() != k {
            bail!("a row of {} numbers cannot multiply a matrix of {k} columns", x.len());
        }
        let mut out = vec![0f32; n];
        out.par_chunks_mut(ROWS_PER_TASK)
            .zip(w.par_chunks(ROWS_PER_TASK * k.max(1)))
            .for_each(|(out, rows)| multiply_rows(x, rows, out));
        Ok((CpuStorage::F32(out), Shape::from((1, n))))
    }
}

impl InplaceOp1 for CausalSoftmax {
    fn name(&self) -> &'static str {
        "causal-softmax"
    }

    fn cpu_fwd(&self, scores: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (_, columns) = layout.shape().dims2()?;
        let Some((first, last)) = layout.contiguous_offsets() else { bail!("scores must be contiguous") };
        let CpuStorage::F32(scores) = scores else { bail!("scores must be of the type f32") };
        let Some(scores) = scores.get_mut(first..last) else { bail!("scores lie outside their storage") };
        scores.par_chunks_mut(columns.max(1)).enumerate().for_each(|(index, row)| {
            let seen = (self.start + index % self.queries.max(1) + 1).min(row.len());
            let (seen, hidden) = row.split_at_mut(seen);
            softmax_row(seen, self.scale);
            hidden.fill(0.0);
        });
        Ok(())
    }
}

impl CustomOp1 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = floats(x, layout)?;
        let (rows, columns) = layout.shape().dims2()?;
        let half = (columns / 2).max(1);
        let mut out = vec![0f32; rows * half];
        out.par_chunks_mut(half).zip(x.par_chunks(half * 2)).for_each(|(out, row)| {
            let (gate, up) = row.split_at(half);
            swiglu_row(gate, up, out);
        });
        Ok((CpuStorage::F32(out), Shape::from((rows, half))))
    }
}

fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((first, last)) = layout.contiguous_offsets() else { bail!("the operand must be contiguous") };
    match storage.as_slice::<f32>()?.get(first..last) {
        Some(values) => Ok(values),
        None => bail!("the operand lies outside its storage"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};

    #[test]
    fn exponentials_are_close_to_the_exact_ones() {
        for step in -8700..8800i16 {
            let x = f32::from(step) / 100.0;
            let exact = f64::from(x).exp();
            for found in [exp::<true>(x), exp::<false>(x)] {
                assert!(((f64::from(found) - exact) / exact).abs() < 3e-7, "{x}: {found} is not {exact}");
            }
        }
    }

    #[test]
    fn the_kernels_agree_with_the_tensor_library() {
        let device = Device::Cpu;
        let x = Tensor::randn(0f32, 1.0, (1, 203), &device).unwrap();
        let w = Tensor::randn(0f32, 1.0, (131, 203), &device).unwrap();
        let ours = x.apply_op2_no_bwd(&w, &RowTimesMatrix).unwrap();
        assert!(distance(&ours, &x.matmul(&w.t().unwrap()).unwrap()) < 1e-4);

        let x = Tensor::randn(0f32, 3.0, (5, 2 * 77), &device).unwrap();
        let gate = x.narrow(1, 0, 77).unwrap().contiguous().unwrap();
        let theirs = (gate.silu().unwrap() * x.narrow(1, 77, 77).unwrap()).unwrap();
        assert!(distance(&x.apply_op1_no_bwd(&SwiGlu).unwrap(), &theirs) < 1e-5);
    }

    #[test]
    fn softmax_hides_the_future() {
        let device = Device::Cpu;
        // Two heads of three queries that stand at the positions 70 to 72.
        let scores = Tensor::randn(0f32, 4.0, (6, 73), &device).unwrap();
        let ours = scores.copy().unwrap();
        ours.inplace_op1(&CausalSoftmax { scale: 0.5, start: 70, queries: 3 }).unwrap();
        for row in 0..6 {
            let seen = 71 + row % 3;
            let cut = (scores.narrow(0, row, 1).unwrap().narrow(1, 0, seen).unwrap() * 0.5).unwrap();
            let theirs = candle_nn::ops::softmax_last_dim(&cut.contiguous().unwrap()).unwrap();
            let mine = ours.narrow(0, row, 1).unwrap();
            assert!(distance(&mine.narrow(1, 0, seen).unwrap(), &theirs) < 1e-6);
            let hidden: Vec<f32> =
                mine.narrow(1, seen, 73 - seen).unwrap().flatten_all().unwrap().to_vec1().unwrap();
            assert!(hidden.iter().all(|&weight| weight == 0.0));
        }
    }

    fn distance(a: &Tensor, b: &Tensor) -> f32 {
        (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }
}
