//! The llama family: our own forward pass over the tensors of one model file, for graphics processors. What its architectures
//! differ in is asked of `architecture`. Processors have a pass of their own, in `cpu`, that tests hold against this one.
//!
//! Knows weights, positions and the cache of keys and values; nothing of text, requests or sampling.

use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::ops::rms_norm;

use super::architecture::Architecture;
use super::cache::Cache;
use super::gguf::{ModelFile, first_line};
use super::pass::{Pass, Span};
use super::shape::{Sizes, turns};
use super::weights::{Linear, Storage, vector};
use crate::model::ModelError;

struct Layer {
    attention_norm: Tensor,
    /// Queries, keys and values, one above the other.
    qkv: Linear,
    output: Linear,
    feed_norm: Tensor,
    /// The gate above the values that it lets through.
    gate_up: Linear,
    down: Linear,
}

impl Layer {
    fn load(
        file: &mut ModelFile,
        index: usize,
        sizes: &Sizes,
        storage: Storage,
        device: &Device,
    ) -> std::result::Result<Self, ModelError> {
        let &Sizes { hidden, feed, heads, kv_heads, head, .. } = sizes;
        let name = |part: &str| format!("blk.{index}.{part}.weight");
        let (gate, up) = (name("ffn_gate"), name("ffn_up"));
        let projections =
            [("attn_q", heads * head), ("attn_k", kv_heads * head), ("attn_v", kv_heads * head)];
        let named = |kind: &str| projections.map(|(part, rows)| (format!("blk.{index}.{part}.{kind}"), rows));
        let attention_norm = vector(file, &name("attn_norm"), hidden, device)?;
        let mut qkv = Linear::load(file, &borrowed(&named("weight")), hidden, storage, device)?;
        if file.architecture().biased() {
            qkv = qkv.with_bias(file, &borrowed(&named("bias")), device)?;
        }
        Ok(Self {
            attention_norm,
            qkv,
            output: Linear::load(file, &[(&name("attn_output"), hidden)], heads * head, storage, device)?,
            feed_norm: vector(file, &name("ffn_norm"), hidden, device)?,
            gate_up: Linear::load(file, &[(&gate, feed), (&up, feed)], hidden, storage, device)?,
            down: Linear::load(file, &[(&name("ffn_down"), hidden)], feed, storage, device)?,
        })
    }
}

/// A model of the llama family with its cache.
pub(super) struct Llama {
    architecture: Architecture,
    sizes: Sizes,
    embedding: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    head: Linear,
    cos: Tensor,
    sin: Tensor,
    cache: Cache,
    device: Device,
}

impl std::fmt::Debug for Llama {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Llama")
            .field("architecture", &self.architecture)
            .field("sizes", &self.sizes)
            .field("pages", &self.cache.pages())
            .finish_non_exhaustive()
    }
}

impl Llama {
    /// Loads the weights of `file` for contexts of up to `window` tokens, and holds them as `storage` says.
    pub(super) fn load(
        file: &mut ModelFile,
        vocabulary: usize,
        window: usize,
        storage: Storage,
        device: &Device,
    ) -> std::result::Result<Self, ModelError> {
        let sizes = Sizes::read(file)?;
        let Sizes { hidden, kv_heads, head, .. } = sizes;
        let (cos, sin) = angles(file, head, window, device)?;
        let table = file.tensor("token_embd.weight", &[vocabulary, hidden], device)?;
        let embedding = table.dequantize(device).map_err(|error| file.fail(first_line(&error)))?;
        let tied = !file.has("output.weight");
        let output_head = match (tied, storage) {
            (true, Storage::Dense) => Linear::dense(embedding.clone()),
            (true, Storage::Quantized) => {
                Linear::quantized(table).map_err(|error| file.fail(first_line(&error)))?
            }
            (false, _) => Linear::load(file, &[("output.weight", vocabulary)], hidden, storage, device)?,
        };
        let mut layers = Vec::new();
        for index in 0..file.dimension("block_count")? {
            layers.push(Layer::load(file, index, &sizes, storage, device)?);
        }
        Ok(Self {
            architecture: file.architecture(),
            sizes,
            embedding,
            norm: vector(file, "output_norm.weight", hidden, device)?,
            head: output_head,
            cos,
            sin,
            cache: Cache::new(layers.len(), kv_heads, head, device.clone()),
            layers,
            device: device.clone(),
        })
    }

    fn step(&mut self, spans: &[Span<'_>]) -> Result<Option<Tensor>> {
        let index = |at: usize| u32::try_from(at).map_err(candle_core::Error::wrap);
        let tokens: Vec<u32> = spans.iter().flat_map(|span| span.tokens).copied().collect();
        let positions = spans.iter().flat_map(|span| span.start..span.end()).map(index);
        let positions = Tensor::new(positions.collect::<Result<Vec<u32>>>()?, &self.device)?;
        let cos = self.cos.index_select(&positions, 0)?;
        let sin = self.sin.index_select(&positions, 0)?;
        let wanted = wanted(spans).into_iter().map(index).collect::<Result<Vec<u32>>>()?;
        let wanted = Tensor::new(wanted, &self.device)?;
        let mut x = self.embedding.index_select(&Tensor::new(tokens, &self.device)?, 0)?;
        let last = self.layers.len().saturating_sub(1);
        for (index, layer) in self.layers.iter().enumerate() {
            let normed = rms_norm(&x, &layer.attention_norm, self.sizes.epsilon)?;
            let (queries, keys, values) = split_heads(&layer.qkv.forward(&normed)?, &self.sizes)?;
            let keys = self.architecture.turn(&keys, &cos, &sin)?;
            let queries = self.architecture.turn(&queries, &cos, &sin)?;
            let mixed = self.mix(index, spans, (&queries, &keys, &values), wanted.elem_count() > 0)?;
            let Some(mixed) = mixed else { break };
            x = (x + layer.output.forward(&mixed)?)?;
            if index == last {
                x = x.index_select(&wanted, 0)?;
            }
            let normed = rms_norm(&x, &layer.feed_norm, self.sizes.epsilon)?;
            let gated = swiglu(&layer.gate_up.forward(&normed)?)?;
            x = (x + layer.down.forward(&gated)?)?;
        }
        if wanted.elem_count() == 0 {
            return Ok(None);
        }
        let x = rms_norm(&x, &self.norm, self.sizes.epsilon)?;
        Ok(Some(self.head.forward(&x)?))
    }

    /// Keeps the keys and values of a layer and attends to them, each span to its own; nothing where it is the last layer and
    /// nobody wants to know.
    fn mix(
        &self,
        layer: usize,
        spans: &[Span<'_>],
        (queries, keys, values): (&Tensor, &Tensor, &Tensor),
        needed: bool,
    ) -> Result<Option<Tensor>> {
        let needed = needed || layer + 1 < self.layers.len();
        let mut mixed = Vec::with_capacity(spans.len());
        let mut row = 0;
        for span in spans {
            let count = span.tokens.len();
            self.cache.store(layer, span, &keys.narrow(1, row, count)?, &values.narrow(1, row, count)?)?;
            if needed {
                let queries = queries.narrow(1, row, count)?;
                mixed.push(attend(self.cache.read(layer, span)?, &queries, span.start, &self.sizes)?);
            }
            row += count;
        }
        if needed { Tensor::cat(&mixed, 0).map(Some) } else { Ok(None) }
    }
}

impl Pass for Llama {
    fn vocabulary(&self) -> usize {
        self.embedding.dim(0).unwrap_or(0)
    }

    fn position_bytes(&self) -> u64 {
        self.cache.bytes_per_position()
    }

    fn reserve(&mut self, pages: usize) -> std::result::Result<(), ModelError> {
        self.cache.reserve(pages).map_err(computing)
    }

    fn forward(&mut self, spans: &[Span<'_>], logits: &mut Vec<f32>) -> std::result::Result<(), ModelError> {
        logits.clear();
        if let Some(rows) = self.step(spans).map_err(computing)? {
            logits.extend(rows.flatten_all().and_then(|rows| rows.to_vec1::<f32>()).map_err(computing)?);
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is the last use of an error")]
fn computing(error: candle_core::Error) -> ModelError {
    ModelError::Compute { reason: first_line(&error) }
}

/// Returns which rows of a step logits are wanted of.
fn wanted(spans: &[Span<'_>]) -> Vec<usize> {
    let mut rows = Vec::new();
    let mut end = 0;
    for span in spans {
        end += span.tokens.len();
        rows.extend(end - span.wanted()..end);
    }
    rows
}

fn borrowed(names: &[(String, usize); 3]) -> [(&str, usize); 3] {
    names.each_ref().map(|(name, rows)| (name.as_str(), *rows))
}

/// Splits rows of queries, keys and values into heads: `(heads, positions, numbers)`.
fn split_heads(qkv: &Tensor, sizes: &Sizes) -> Result<(Tensor, Tensor, Tensor)> {
    let count = qkv.dim(0)?;
    let part = |from: usize, heads: usize| {
        let rows = qkv.narrow(1, from * sizes.head, heads * sizes.head)?;
        rows.reshape((count, heads, sizes.head))?.transpose(0, 1)?.contiguous()
    };
    let keys_at = sizes.heads;
    let values_at = sizes.heads + sizes.kv_heads;
    Ok((part(0, sizes.heads)?, part(keys_at, sizes.kv_heads)?, part(values_at, sizes.kv_heads)?))
}

/// Attention of queries that begin at `start` over everything up to themselves.
fn attend((keys, values): (Tensor, Tensor), queries: &Tensor, start: usize, sizes: &Sizes) -> Result<Tensor> {
    let count = queries.dim(1)?;
    let group = sizes.heads / sizes.kv_heads;
    #[expect(clippy::cast_precision_loss, reason = "a head has some hundred numbers")]
    let scale = 1.0 / (sizes.head as f32).sqrt();
    let mut mixed = Vec::with_capacity(sizes.kv_heads);
    for kv_head in 0..sizes.kv_heads {
        // The queries of the heads that share one head of keys are rows of one product: nothing is repeated.
        let rows = queries.narrow(0, kv_head * group, group)?.reshape((group * count, sizes.head))?;
        let (keys, values) = (keys.get(kv_head)?, values.get(kv_head)?);
        let scores = rows.matmul(&keys.t()?)?;
        let weights = causal_softmax(&scores, start, count, f64::from(scale))?;
        mixed.push(weights.matmul(&values)?.reshape((group, count, sizes.head))?);
    }
    Tensor::cat(&mixed, 0)?.transpose(0, 1)?.reshape((count, sizes.heads * sizes.head))
}

/// Turns scores into weights; row `i` of the queries stands at position `start + i % count`.
fn causal_softmax(scores: &Tensor, start: usize, count: usize, scale: f64) -> Result<Tensor> {
    let (rows, columns) = scores.dims2()?;
    let scaled = (scores * scale)?;
    let end = u32::try_from(start + count).map_err(candle_core::Error::wrap)?;
    let start = u32::try_from(start).map_err(candle_core::Error::wrap)?;
    let device = scaled.device();
    let at = Tensor::arange(start, end, device)?.reshape((1, count, 1))?;
    let key = Tensor::arange(0u32, end, device)?.reshape((1, 1, columns))?;
    let shape = (rows / count, count, columns);
    let hidden = key.broadcast_as((1, count, columns))?.gt(&at.broadcast_as((1, count, columns))?)?;
    let never = Tensor::new(f32::NEG_INFINITY, device)?.broadcast_as(shape)?;
    let masked = hidden.broadcast_as(shape)?.where_cond(&never, &scaled.reshape(shape)?)?;
    candle_nn::ops::softmax_last_dim(&masked)?.reshape((rows, columns))
}

fn swiglu(gate_up: &Tensor) -> Result<Tensor> {
    let half = gate_up.dim(1)? / 2;
    gate_up.narrow(1, 0, half)?.contiguous()?.silu()? * gate_up.narrow(1, half, half)?.contiguous()?
}

/// Cosines and sines of every position up to `window`, in single precision as llama.cpp computes them.
pub(super) fn angles(
    file: &mut ModelFile,
    head: usize,
    window: usize,
    device: &Device,
) -> std::result::Result<(Tensor, Tensor), ModelError> {
    let turns = turns(file, head)?;
    let table = || {
        let turns = Tensor::new(turns.as_slice(), &Device::Cpu)?.reshape((1, head / 2))?;
        let Ok(last) = u32::try_from(window) else { bail!("the window of {window} tokens is too long") };
        let at = Tensor::arange(0u32, last, &Device::Cpu)?.to_dtype(DType::F32)?.reshape((window, 1))?;
        let angles = at.matmul(&turns)?;
        Ok((angles.cos()?.to_device(device)?, angles.sin()?.to_device(device)?))
    };
    table().map_err(|error| file.fail(first_line(&error)))
}
