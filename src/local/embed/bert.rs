//! The forward pass of BERT on the processors, and the mean of its last layer as a vector of length one.
//!
//! The rows of all texts of a batch stand below each other without padding. Every row is computed in the same order of
//! operations whatever stands beside it, so a vector does not depend on its batch. Only attention looks at other rows, those
//! of the same text: between two looks a block of rows goes through everything else at once, while it is in the cache.

use std::ops::Range;

use rayon::prelude::*;

use super::folder::{Folder, Weights};
use super::matrix::{HEIGHT, Matrix, Product, WIDTH, multiply, padded};
use super::rows::{add_norm, gelu, softmax};
use super::tensors::LEAST;
use crate::model::ModelError;

/// The most rows of a block, in whole tiles. The more there are, the less often the weights are fetched from memory.
const BLOCK: usize = 42 * HEIGHT;

/// Sizes of a model.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    hidden: usize,
    feed: usize,
    heads: usize,
    epsilon: f32,
}

/// What brings a row to a mean of `bias` and a deviation of `weight`.
struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

struct Layer {
    /// Queries, keys and values, side by side.
    qkv: Matrix,
    output: Matrix,
    attention_norm: Norm,
    up: Matrix,
    down: Matrix,
    norm: Norm,
}

/// A model with its weights.
pub(super) struct Bert {
    sizes: Sizes,
    words: Vec<f32>,
    /// A row for each position, with what is added to every piece of a first sentence.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

/// Where the rows of each text stand.
type Texts = [Range<usize>];

impl Bert {
    /// Takes the weights out of their file.
    pub(super) fn load(folder: &Folder, weights: &Weights<'_>) -> Result<Self, ModelError> {
        let config = folder.config();
        let (hidden, feed) = (config.hidden_size, config.intermediate_size);
        #[expect(clippy::cast_possible_truncation, reason = "it is added to numbers of 32 bits")]
        let epsilon = config.layer_norm_eps as f32;
        let sizes = Sizes { hidden, feed, heads: config.num_attention_heads, epsilon };
        let table = |name: &str, rows| {
            weights.numbers(&format!("embeddings.{name}_embeddings.weight"), &[rows, hidden])
        };
        let mut positions = table("position", config.max_position_embeddings)?;
        let kinds = table("token_type", config.type_vocab_size)?;
        for row in positions.chunks_exact_mut(hidden) {
            row.iter_mut().zip(&kinds).for_each(|(number, kind)| *number += kind);
        }
        let layers = (0..config.num_hidden_layers).map(|index| Layer::load(weights, index, &sizes));
        Ok(Self {
            sizes,
            words: table("word", config.vocab_size)?,
            positions,
            norm: Norm::load(weights, "embeddings", hidden)?,
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    /// Computes a vector for each text.
    pub(super) fn vectors(&self, texts: &[&[u32]]) -> Vec<Vec<f32>> {
        let hidden = self.sizes.hidden;
        let mut begun = 0;
        let texts_at: Vec<Range<usize>> = texts
            .iter()
            .map(|text| {
                let start = begun;
                begun += text.len();
                start..begun
            })
            .collect();
        let mut rows = self.embedded(texts);
        self.computed(&mut rows, &texts_at);
        let mean = |at: &Range<usize>| {
            let mut sum = vec![0f32; hidden];
            for row in rows.chunks_exact(hidden).skip(at.start).take(at.len()) {
                sum.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
            }
            // The length of a sum is that of a mean but for a factor, which making it one takes away.
            let squares: f32 = sum.iter().map(|number| number * number).sum();
            let factor = 1.0 / squares.max(LEAST).sqrt();
            for number in &mut sum {
                *number *= factor;
            }
            sum
        };
        texts_at.iter().map(mean).collect()
    }

    /// Looks the pieces of all texts up, a row for each.
    fn embedded(&self, texts: &[&[u32]]) -> Vec<f32> {
        let hidden = self.sizes.hidden;
        let mut rows = Vec::with_capacity(texts.iter().map(|text| text.len()).sum::<usize>() * hidden);
        for text in texts {
            for (id, position) in text.iter().zip(self.positions.chunks_exact(hidden)) {
                let word = self.words.chunks_exact(hidden).nth(*id as usize).unwrap_or(&[]);
                rows.extend(word.iter().zip(position).map(|(word, position)| word + position));
            }
        }
        self.norm.apply(&mut rows, None, self.sizes.epsilon);
        rows
    }

    /// Takes `rows` through all layers.
    fn computed(&self, rows: &mut [f32], texts: &Texts) {
        let Sizes { hidden, feed, .. } = self.sizes;
        let count = rows.len() / hidden;
        let block =
            count.div_ceil(rayon::current_num_threads()).next_multiple_of(HEIGHT).clamp(HEIGHT, BLOCK);
        let mut seen = vec![0f32; count * 3 * hidden];
        let mut next = vec![0f32; count * 3 * hidden];
        let mut scratch = vec![0f32; count * (2 * hidden + feed)];
        let mut layers = self.layers.iter().peekable();
        if let Some(first) = layers.peek() {
            seen.par_chunks_mut(block * 3 * hidden)
                .zip(rows.par_chunks(block * hidden))
                .for_each(|(qkv, rows)| first.qkv.multiply(rows, qkv));
        }
        while let Some(layer) = layers.next() {
            let after = layers.peek();
            rows.par_chunks_mut(block * hidden)
                .zip(next.par_chunks_mut(block * 3 * hidden))
                .zip(scratch.par_chunks_mut(block * (2 * hidden + feed)))
                .enumerate()
                .for_each(|(index, ((rows, next), scratch))| {
                    layer.forward(rows, scratch, &self.sizes, |mixed| {
                        attend(&seen, index * block, mixed, texts, &self.sizes);
                    });
                    if let Some(after) = after {
                        after.qkv.multiply(rows, next);
                    }
                });
            std::mem::swap(&mut seen, &mut next);
        }
    }
}

impl Layer {
    fn load(weights: &Weights<'_>, index: usize, sizes: &Sizes) -> Result<Self, ModelError> {
        let (hidden, feed) = (sizes.hidden, sizes.feed);
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        let stacked = |parts: &[&str], inputs, outputs| {
            let (mut rows, mut bias) = (Vec::new(), Vec::new());
            for part in parts {
                let name = name(part);
                rows.extend(weights.numbers(&format!("{name}.weight"), &[outputs, inputs])?);
                bias.extend(weights.numbers(&format!("{name}.bias"), &[outputs])?);
            }
            Ok::<_, ModelError>(Matrix::new(&rows, &bias, inputs))
        };
        let qkv = ["attention.self.query", "attention.self.key", "attention.self.value"];
        Ok(Self {
            qkv: stacked(&qkv, hidden, hidden)?,
            output: stacked(&["attention.output.dense"], hidden, hidden)?,
            attention_norm: Norm::load(weights, &name("attention.output"), hidden)?,
            up: stacked(&["intermediate.dense"], hidden, feed)?,
            down: stacked(&["output.dense"], feed, hidden)?,
            norm: Norm::load(weights, &name("output"), hidden)?,
        })
    }

    /// Takes a block of rows through the layer; `attend` writes what its queries see.
    fn forward(&self, rows: &mut [f32], scratch: &mut [f32], sizes: &Sizes, attend: impl FnOnce(&mut [f32])) {
        let (mixed, scratch) = scratch.split_at_mut(rows.len());
        let (change, inner) = scratch.split_at_mut(rows.len());
        attend(mixed);
        self.output.multiply(mixed, change);
        self.attention_norm.apply(rows, Some(change), sizes.epsilon);
        self.up.multiply(rows, inner);
        gelu(inner);
        self.down.multiply(inner, change);
        self.norm.apply(rows, Some(change), sizes.epsilon);
    }
}

impl Norm {
    fn load(weights: &Weights<'_>, of: &str, size: usize) -> Result<Self, ModelError> {
        let numbers = |part: &str| weights.numbers(&format!("{of}.LayerNorm.{part}"), &[size]);
        Ok(Self { weight: numbers("weight")?, bias: numbers("bias")? })
    }

    /// Adds `change` to the rows and normalizes each.
    fn apply(&self, rows: &mut [f32], change: Option<&[f32]>, epsilon: f32) {
        add_norm(rows, change.unwrap_or(&[]), &self.weight, &self.bias, epsilon);
    }
}

/// Attention of the rows from `first` on, as many as `mixed` has, over all rows of their own text.
fn attend(qkv: &[f32], first: usize, mixed: &mut [f32], texts: &Texts, sizes: &Sizes) {
    let hidden = sizes.hidden;
    let last = first + mixed.len() / hidden;
    let mut looking = Looking { qkv, sizes, room: Room::default() };
    let from = texts.partition_point(|text| text.end <= first);
    for text in texts.iter().skip(from).take_while(|text| text.start < last) {
        let queries = text.start.max(first)..text.end.min(last);
        let within = (queries.start - first) * hidden..(queries.end - first) * hidden;
        let Some(mixed) = mixed.get_mut(within) else { continue };
        for head in 0..sizes.heads {
            looking.attend(text, &queries, head, mixed);
        }
    }
}

/// What attention looks at.
struct Looking<'a> {
    qkv: &'a [f32],
    sizes: &'a Sizes,
    room: Room,
}

/// Room for what one head computes.
#[derive(Default)]
struct Room {
    keys: Vec<f32>,
    values: Vec<f32>,
    hidden_keys: Vec<f32>,
    scores: Vec<f32>,
}

impl Looking<'_> {
    /// Lets the rows `queries` of a text look at all of it with one head, and writes the head's columns of `mixed`.
    fn attend(&mut self, text: &Range<usize>, queries: &Range<usize>, head: usize, mixed: &mut [f32]) {
        let (Sizes { hidden, heads, .. }, qkv, room) = (*self.sizes, self.qkv, &mut self.room);
        let size = hidden / heads;
        let (stride, wide) = (3 * hidden, padded(text.len()));
        let part =
            |row: usize, kind: usize| qkv.get(row * stride + kind * hidden + head * size..).unwrap_or(&[]);
        let rows = |kind| text.clone().map(move |row| part(row, kind).get(..size).unwrap_or(&[]));
        room.pack(rows(1), rows(2), size, wide);
        // Keys that are only there to fill a panel weigh nothing.
        room.hidden_keys.clear();
        room.hidden_keys.resize(text.len(), 0.0);
        room.hidden_keys.resize(wide, f32::NEG_INFINITY);
        room.scores.resize(queries.len() * wide, 0.0);
        let x = part(queries.start, 0);
        let last = (queries.len() - 1) * stride + size;
        let product = Product {
            x: x.get(..last).unwrap_or(x),
            stride,
            inputs: size,
            panels: &room.keys,
            start: &room.hidden_keys,
            columns: wide,
        };
        multiply(product, &mut room.scores, wide);
        #[expect(clippy::cast_precision_loss, reason = "a head has some dozen numbers")]
        let scale = 1.0 / (size as f32).sqrt();
        softmax(&mut room.scores, wide, scale);
        let product = Product {
            x: &room.scores,
            stride: wide,
            inputs: wide,
            panels: &room.values,
            start: &[],
            columns: size,
        };
        let after = mixed.len() - (hidden - (head + 1) * size);
        multiply(product, mixed.get_mut(head * size..after).unwrap_or(&mut []), hidden);
    }
}

impl Room {
    /// Lays keys and values out as [`multiply`] reads them.
    fn pack<'a>(
        &mut self,
        keys: impl Iterator<Item = &'a [f32]>,
        values: impl Iterator<Item = &'a [f32]>,
        size: usize,
        wide: usize,
    ) {
        // A panel of keys has a row for each number and a column for each key.
        self.keys.clear();
        self.keys.resize(wide * size, 0.0);
        for (place, key) in keys.enumerate() {
            let column = place / WIDTH * WIDTH * size + place % WIDTH;
            let cells = self.keys.iter_mut().skip(column).step_by(WIDTH);
            cells.zip(key).for_each(|(cell, number)| *cell = *number);
        }
        // A panel of values has a row for each key and a column for each number.
        self.values.clear();
        self.values.resize(padded(size) * wide, 0.0);
        for (place, value) in values.enumerate() {
            for (panel, numbers) in self.values.chunks_exact_mut(wide * WIDTH).zip(value.chunks(WIDTH)) {
                let cells = panel.get_mut(place * WIDTH..place * WIDTH + numbers.len());
                if let Some(cells) = cells {
                    cells.copy_from_slice(numbers);
                }
            }
        }
    }
}
