//! Products of rows and matrices whose weights lie in the order in which they are read.
//!
//! The columns of a matrix are cut into panels as wide as two registers. A tile of a few rows and one panel is computed in
//! registers alone; a tile with fewer rows repeats its last, so that every row is computed by the same instructions.

#![expect(unsafe_code, reason = "calling code compiled for instructions that were checked for a line above")]

use crate::local::kernel::{add_product, dispatch};

/// Columns of a panel.
pub(super) const WIDTH: usize = 16;

/// Rows of a tile. With the columns of a panel their sums take twelve of sixteen registers, and enough of them are under way
/// at once to keep both multipliers busy for as long as one sum takes.
pub(super) const HEIGHT: usize = 6;

/// Numbers of a row that are multiplied before the next tile: that part of a panel stays in the nearest cache.
const DEPTH: usize = 384;

/// A matrix and what is added to its products.
pub(super) struct Matrix {
    inputs: usize,
    outputs: usize,
    panels: Vec<f32>,
    bias: Vec<f32>,
}

/// A product to compute.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    /// The rows.
    pub(super) x: &'a [f32],
    /// From the start of a row to that of the next.
    pub(super) stride: usize,
    /// The numbers of a row that are multiplied.
    pub(super) inputs: usize,
    /// Panels, one after the other: for each number of a row as many weights as a panel has columns.
    pub(super) panels: &'a [f32],
    /// What the sum of each column begins with, for the columns of all panels; zero where it is empty.
    pub(super) start: &'a [f32],
    /// The columns that are written.
    pub(super) columns: usize,
}

impl Matrix {
    /// Takes a row-major `(outputs, inputs)` matrix.
    pub(super) fn new(weight: &[f32], bias: &[f32], inputs: usize) -> Self {
        let outputs = bias.len();
        let mut panels = vec![0f32; padded(outputs) * inputs];
        for (index, row) in weight.chunks_exact(inputs.max(1)).enumerate() {
            let column = index / WIDTH * WIDTH * inputs + index % WIDTH;
            let cells = panels.iter_mut().skip(column).step_by(WIDTH);
            cells.zip(row).for_each(|(cell, number)| *cell = *number);
        }
        let mut bias = bias.to_vec();
        bias.resize(padded(outputs), 0.0);
        Self { inputs, outputs, panels, bias }
    }

    /// Multiplies the rows `x` and writes them to `out`.
    pub(super) fn multiply(&self, x: &[f32], out: &mut [f32]) {
        let product = Product {
            x,
            stride: self.inputs,
            inputs: self.inputs,
            panels: &self.panels,
            start: &self.bias,
            columns: self.outputs,
        };
        multiply(product, out, self.outputs);
    }
}

/// Returns the columns of all panels that `columns` are cut into.
pub(super) const fn padded(columns: usize) -> usize {
    columns.next_multiple_of(WIDTH)
}

dispatch!(
    /// Computes a product; the rows of `out` are `stride` numbers from each other.
    pub(super) multiply, multiply_body, (product: Product<'_>, out: &mut [f32], stride: usize)
);

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn multiply_body<const FMA: bool>(product: Product<'_>, out: &mut [f32], stride: usize) {
    let Product { x, stride: x_stride, inputs, panels, start, columns } = product;
    let mut starts = start.as_chunks::<WIDTH>().0.iter();
    for (index, panel) in panels.chunks_exact((inputs * WIDTH).max(1)).enumerate() {
        let first = starts.next().copied().unwrap_or([0.0; WIDTH]);
        let column = index * WIDTH;
        let width = WIDTH.min(columns - column);
        for (step, panel) in panel.chunks(DEPTH * WIDTH).enumerate() {
            let (weights, _) = panel.as_chunks::<WIDTH>();
            let numbers = step * DEPTH..step * DEPTH + weights.len();
            for (x, out) in x.chunks(HEIGHT * x_stride).zip(out.chunks_mut(HEIGHT * stride)) {
                let count = x.len().div_ceil(x_stride);
                let row = |index: usize| {
                    let at = index.min(count - 1) * x_stride;
                    x.get(at + numbers.start..at + numbers.end).unwrap_or(&[])
                };
                let mut sums = [first; HEIGHT];
                if step > 0 {
                    for (sums, row) in sums.iter_mut().zip(out.chunks(stride)) {
                        match row.get(column..).and_then(<[f32]>::first_chunk) {
                            Some(numbers) => *sums = *numbers,
                            None => sums
                                .iter_mut()
                                .zip(row.iter().skip(column))
                                .for_each(|(sum, number)| *sum = *number),
                        }
                    }
                }
                tile::<FMA>(std::array::from_fn(row), weights, &mut sums);
                for (sums, row) in sums.iter().zip(out.chunks_mut(stride)).take(count) {
                    let Some(row) = row.get_mut(column..column + width) else { continue };
                    match row.first_chunk_mut() {
                        Some(numbers) => *numbers = *sums,
                        None => row.iter_mut().zip(sums).for_each(|(number, sum)| *number = *sum),
                    }
                }
            }
        }
    }
}

/// Adds the products of the rows of a tile and the weights of a panel to `sums`.
///
/// The loops are written out and the sums stand in variables of their own: a loop over them would go through memory.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
fn tile<const FMA: bool>(
    rows: [&[f32]; HEIGHT],
    weights: &[[f32; WIDTH]],
    sums: &mut [[f32; WIDTH]; HEIGHT],
) {
    let add = |sums: &mut [f32; WIDTH], number: f32, weights: &[f32; WIDTH]| {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum = add_product::<FMA>(number, *weight, *sum);
        }
    };
    let [first, second, third, fourth, fifth, sixth] = rows;
    let [mut one, mut two, mut three, mut four, mut five, mut six] = *sums;
    let upper = first.iter().zip(second).zip(third);
    let lower = fourth.iter().zip(fifth).zip(sixth);
    for ((weights, upper), lower) in weights.iter().zip(upper).zip(lower) {
        let ((first, second), third) = upper;
        let ((fourth, fifth), sixth) = lower;
        add(&mut one, *first, weights);
        add(&mut two, *second, weights);
        add(&mut three, *third, weights);
        add(&mut four, *fourth, weights);
        add(&mut five, *fifth, weights);
        add(&mut six, *sixth, weights);
    }
    *sums = [one, two, three, four, five, six];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between -1 and 1 that look random.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        let number =
            |index: usize| f32::from(u16::try_from((index * 7919 + seed * 104_729) % 2003).unwrap()) / 1001.0;
        (0..count).map(|index| number(index) - 1.0).collect()
    }

    #[test]
    fn products_of_all_sizes_are_those_of_plain_loops_and_rows_know_nothing_of_each_other() {
        for (rows, inputs, outputs) in [(1, 1, 1), (3, 5, 17), (4, 384, 16), (9, 801, 50), (6, 1000, 3)] {
            let (x, weight) = (numbers(rows * inputs, 1), numbers(inputs * outputs, 2));
            let bias = numbers(outputs, 3);
            let matrix = Matrix::new(&weight, &bias, inputs);
            let mut out = vec![f32::NAN; rows * outputs];
            matrix.multiply(&x, &mut out);
            for (row, out) in x.chunks(inputs).zip(out.chunks(outputs)) {
                for ((weight, bias), found) in weight.chunks(inputs).zip(&bias).zip(out) {
                    let products = row.iter().zip(weight).map(|(a, b)| f64::from(*a) * f64::from(*b));
                    let exact = products.sum::<f64>() + f64::from(*bias);
                    assert!(
                        (f64::from(*found) - exact).abs() < 1e-5 * (1.0 + exact.abs()),
                        "{found} is not {exact}"
                    );
                }
                let mut alone = vec![f32::NAN; outputs];
                matrix.multiply(row, &mut alone);
                assert_eq!(alone, out);
            }
        }
    }

    #[test]
    fn rows_and_columns_may_be_parts_of_wider_ones() {
        let (x, weight) = (numbers(5 * 40, 4), numbers(20 * 24, 5));
        let matrix = Matrix::new(&weight, &[0.0; 24], 20);
        let product = Product {
            x: &x[7..4 * 40 + 27],
            stride: 40,
            inputs: 20,
            panels: &matrix.panels,
            start: &[],
            columns: 24,
        };
        let mut out = vec![-9f32; 5 * 30];
        multiply(product, &mut out[3..4 * 30 + 27], 30);
        for (row, out) in x.chunks(40).zip(out.chunks(30)) {
            let mut alone = vec![0f32; 24];
            matrix.multiply(&row[7..27], &mut alone);
            assert_eq!(out, [&[-9.0; 3][..], &alone, &[-9.0; 3]].concat());
        }
    }
}
