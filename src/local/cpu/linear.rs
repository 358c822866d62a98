//! Linear layers, what they read, and how their work is spread over threads.
//!
//! The rows of a step are cut into stacks of [`TALL`]. Numbers of a stack lie block by block, in each of them row by row, so
//! that every panel of outputs and every stack is a piece of memory of its own.

use candle_core::Device;
use rayon::prelude::*;

use super::cell::{BLOCK, Exact, Rounded, Rows, WIDTH};
use super::pack::Weights;
use super::product::Way;
use crate::local::gguf::{ModelFile, first_line};
use crate::model::ModelError;

/// Rows of a stack: few enough for their numbers to stay in a near cache.
pub(super) const TALL: usize = 64;

/// A matrix, and what is added to its products.
pub(super) struct Linear {
    weights: Weights,
    inputs: usize,
    panels: usize,
    bias: Vec<Exact>,
}

/// Rows that go into a product, in the forms that its layers read.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// Rounded; empty where no layer reads that.
    pub(super) rounded: Vec<Rounded>,
    /// As they are; empty where no layer reads that.
    pub(super) exact: Vec<Exact>,
}

/// One stack of such rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stack<'a> {
    rounded: &'a [Rounded],
    exact: &'a [Exact],
}

impl Inputs {
    /// Makes room for `rows` rows of `inputs` numbers that `layers` read.
    pub(super) fn resize(&mut self, rows: usize, inputs: usize, layers: &[&Linear]) {
        let rounded = layers.iter().any(|layer| layer.rounds());
        let exact = layers.iter().any(|layer| !layer.rounds());
        self.rounded.resize(if rounded { rows * (inputs / BLOCK) } else { 0 }, Rounded::default());
        self.exact.resize(if exact { rows * inputs.div_ceil(WIDTH) } else { 0 }, [0.0; WIDTH]);
    }

    /// Returns a stack of rows of `inputs` numbers.
    fn stack(&self, index: usize, inputs: usize) -> Stack<'_> {
        Stack {
            rounded: piece(&self.rounded, index, inputs / BLOCK),
            exact: piece(&self.exact, index, inputs.div_ceil(WIDTH)),
        }
    }
}

/// Returns the numbers of a stack, of rows of `blocks` blocks.
pub(super) fn piece<C>(cells: &[C], index: usize, blocks: usize) -> &[C] {
    let from = (index * TALL * blocks).min(cells.len());
    let end = (from + TALL * blocks).min(cells.len());
    cells.get(from..end).unwrap_or(&[])
}

impl Linear {
    /// Loads the matrix `name`.
    pub(super) fn load(
        file: &mut ModelFile,
        name: &str,
        outputs: usize,
        inputs: usize,
    ) -> Result<Self, ModelError> {
        let weights = Weights::load(file, name, outputs, inputs)?;
        Ok(Self { weights, inputs, panels: outputs.div_ceil(WIDTH), bias: Vec::new() })
    }

    /// Loads what is added to the outputs.
    pub(super) fn with_bias(
        self,
        file: &mut ModelFile,
        name: &str,
        outputs: usize,
    ) -> Result<Self, ModelError> {
        Ok(Self { bias: padded(file, name, outputs)?, ..self })
    }

    /// Returns how many panels the outputs are cut into.
    pub(super) fn panels(&self) -> usize {
        self.panels
    }

    /// Tells whether rounded rows are read.
    pub(super) fn rounds(&self) -> bool {
        !matches!(self.weights, Weights::Floats(_))
    }

    /// Writes the weights of one output.
    pub(super) fn output(&self, index: usize, out: &mut [f32]) {
        self.weights.output(index, self.inputs, out);
    }

    /// Writes the outputs of a panel.
    pub(super) fn write(&self, way: Way, panel: usize, rows: Stack<'_>, out: &mut [Exact]) {
        out.fill(self.bias.get(panel).copied().unwrap_or_default());
        self.add(way, panel, rows, out);
    }

    /// Adds the products of a panel to what is there.
    pub(super) fn add(&self, way: Way, panel: usize, rows: Stack<'_>, out: &mut [Exact]) {
        let count = out.len();
        let blocks = (self.inputs / BLOCK).max(1);
        match &self.weights {
            Weights::Nibbles(packed) => {
                let packed = packed.chunks_exact(blocks).nth(panel).unwrap_or(&[]);
                way.nibbles(packed, Rows::all(rows.rounded, count), out);
            }
            Weights::Bytes(packed) => {
                let packed = packed.chunks_exact(blocks).nth(panel).unwrap_or(&[]);
                way.bytes(packed, Rows::all(rows.rounded, count), out);
            }
            Weights::Floats(packed) => {
                let packed = packed.chunks_exact(self.inputs.div_ceil(WIDTH).max(1)).nth(panel);
                way.floats(packed.unwrap_or(&[]), Rows::all(rows.exact, count), out);
            }
        }
    }
}

/// Calls `each` for every panel of every stack of `out`, with its stack of `rows`, on as many threads as there are.
pub(super) fn spread<C: Send>(
    rows: &Inputs,
    inputs: usize,
    out: &mut [C],
    panels: usize,
    each: impl Fn(usize, Stack<'_>, &mut [C]) + Sync,
) {
    // A task for every panel would cost one row more than its work.
    let least = panels.div_ceil(rayon::current_num_threads() * 3);
    out.par_chunks_mut((TALL * panels).max(1)).enumerate().for_each(|(index, out)| {
        let stack = rows.stack(index, inputs);
        let count = (out.len() / panels).max(1);
        out.par_chunks_mut(count)
            .with_min_len(least)
            .enumerate()
            .for_each(|(panel, out)| each(panel, stack, out));
    });
}

/// Loads a vector in single precision, nothing after its end.
pub(super) fn padded(file: &mut ModelFile, name: &str, length: usize) -> Result<Vec<Exact>, ModelError> {
    let tensor = file.tensor(name, &[length], &Device::Cpu)?;
    let numbers = tensor.dequantize(&Device::Cpu).and_then(|numbers| numbers.to_vec1::<f32>());
    let numbers = numbers.map_err(|error| file.fail(first_line(&error)))?;
    let mut padded = vec![[0f32; WIDTH]; length.div_ceil(WIDTH)];
    padded.as_flattened_mut().iter_mut().zip(numbers).for_each(|(there, number)| *there = number);
    Ok(padded)
}
