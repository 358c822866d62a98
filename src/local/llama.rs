//! The llama family: our own forward pass over the tensors of one model file, for graphics processors. What its architectures
//! differ in is asked of `architecture`. Processors have a pass of their own, in `cpu`, that tests hold against this one.
//!
//! Knows weights, positions and the cache of keys and values; nothing of text, requests or sampling.

use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::ops::rms_norm;

use super::architecture::{Blueprint, Gate};
use super::cache::Cache;
use super::gguf::{ModelFile, first_line};
use super::pass::{Pass, Span};
use super::positions::{Positions, Turns};
use super::shape::Sizes;
use super::weights::{Linear, Storage, vector};
use crate::model::ModelError;

struct Layer {
    attention_norm: Tensor,
    /// Queries, keys and values, one above the other.
    qkv: Linear,
    /// The norms of the heads of queries and of keys.
    head_norms: Option<(Tensor, Tensor)>,
    output: Linear,
    /// The norms of what attention and the feed give.
    post_norms: Option<(Tensor, Tensor)>,
    feed_norm: Tensor,
    /// The gate above the values that it lets through.
    gate_up: Linear,
    down: Linear,
    /// How many positions are seen; all where it is none.
    window: Option<usize>,
}

impl Layer {
    fn load(
        file: &mut ModelFile,
        index: usize,
        (sizes, blueprint): (&Sizes, &Blueprint),
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
        if blueprint.biased {
            qkv = qkv.with_bias(file, &borrowed(&named("bias")), device)?;
        }
        let head_norms = if blueprint.head_norms {
            let norm = |file: &mut ModelFile, part| vector(file, &name(part), head, device);
            Some((norm(file, "attn_q_norm")?, norm(file, "attn_k_norm")?))
        } else {
            None
        };
        let post_norms = if blueprint.post_norms {
            let norm = |file: &mut ModelFile, part| vector(file, &name(part), hidden, device);
            Some((norm(file, "post_attention_norm")?, norm(file, "post_ffw_norm")?))
        } else {
            None
        };
        Ok(Self {
            attention_norm,
            qkv,
            head_norms,
            post_norms,
            output: Linear::load(file, &[(&name("attn_output"), hidden)], heads * head, storage, device)?,
            feed_norm: vector(file, &name("ffn_norm"), hidden, device)?,
            gate_up: Linear::load(file, &[(&gate, feed), (&up, feed)], hidden, storage, device)?,
            down: Linear::load(file, &[(&name("ffn_down"), hidden)], feed, storage, device)?,
            window: blueprint.window(index),
        })
    }

    /// Normalizes the heads of queries and keys, where the layer does that.
    fn normed(&self, queries: Tensor, keys: Tensor, epsilon: f32) -> Result<(Tensor, Tensor)> {
        match &self.head_norms {
            Some((q_norm, k_norm)) => {
                Ok((rms_norm(&queries, q_norm, epsilon)?, rms_norm(&keys, k_norm, epsilon)?))
            }
            None => Ok((queries, keys)),
        }
    }
}

/// A model of the llama family with its cache.
pub(super) struct Llama {
    blueprint: Blueprint,
    sizes: Sizes,
    embedding: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    head: Linear,
    /// Cosines and sines of every position: those of layers that see everything, and those of layers that see a window.
    angles: [(Tensor, Tensor); 2],
    cache: Cache,
    device: Device,
}

impl std::fmt::Debug for Llama {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Llama")
            .field("blueprint", &self.blueprint)
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
        let blueprint = Blueprint::read(file, &sizes);
        let Sizes { hidden, kv_heads, head, .. } = sizes;
        let positions = Positions::read(file, &sizes, &blueprint, window)?;
        let table = |near: bool| angles(positions.of(near), window, device);
        let angles = table(false).and_then(|wide| Ok([wide, table(true)?]));
        let angles = angles.map_err(|error| file.fail(first_line(&error)))?;
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
            layers.push(Layer::load(file, index, (&sizes, &blueprint), storage, device)?);
        }
        Ok(Self {
            blueprint,
            sizes,
            embedding,
            norm: vector(file, "output_norm.weight", hidden, device)?,
            head: output_head,
            angles,
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
        let [wide, near] = self.angles.each_ref().map(|(cos, sin)| {
            Ok::<_, candle_core::Error>((cos.index_select(&positions, 0)?, sin.index_select(&positions, 0)?))
        });
        let (wide, near) = (wide?, near?);
        let wanted = wanted(spans).into_iter().map(index).collect::<Result<Vec<u32>>>()?;
        let wanted = Tensor::new(wanted, &self.device)?;
        let mut x = self.embedding.index_select(&Tensor::new(tokens, &self.device)?, 0)?;
        x = (x * f64::from(self.blueprint.embedding_scale))?;
        let last = self.layers.len().saturating_sub(1);
        for (index, layer) in self.layers.iter().enumerate() {
            let normed = rms_norm(&x, &layer.attention_norm, self.sizes.epsilon)?;
            let (queries, keys, values) = split_heads(&layer.qkv.forward(&normed)?, &self.sizes)?;
            let (queries, keys) = layer.normed(queries, keys, self.sizes.epsilon)?;
            let (cos, sin) = if layer.window.is_some() { &near } else { &wide };
            let keys = self.blueprint.pairing.turn(&keys, cos, sin)?;
            let queries = self.blueprint.pairing.turn(&queries, cos, sin)?;
            let mixed = self.mix(index, spans, (&queries, &keys, &values), wanted.elem_count() > 0)?;
            let Some(mixed) = mixed else { break };
            let given = layer.output.forward(&mixed)?;
            x = (x + post(layer.post_norms.as_ref().map(|norms| &norms.0), given, self.sizes.epsilon)?)?;
            if index == last {
                x = x.index_select(&wanted, 0)?;
            }
            let normed = rms_norm(&x, &layer.feed_norm, self.sizes.epsilon)?;
            let gated = gated(&layer.gate_up.forward(&normed)?, self.blueprint.gate)?;
            let given = layer.down.forward(&gated)?;
            x = (x + post(layer.post_norms.as_ref().map(|norms| &norms.1), given, self.sizes.epsilon)?)?;
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
                let seen = Seen {
                    start: span.start,
                    window: self.layers.get(layer).and_then(|layer| layer.window),
                    scale: self.blueprint.score_scale,
                };
                mixed.push(attend(self.cache.read(layer, span)?, &queries, &seen, &self.sizes)?);
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

/// What queries see.
struct Seen {
    /// The position of the first of them.
    start: usize,
    /// How many positions each sees, its own among them; all up to itself where it is none.
    window: Option<usize>,
    /// What scores are multiplied with.
    scale: f32,
}

/// Attention of queries over everything that they see.
fn attend((keys, values): (Tensor, Tensor), queries: &Tensor, seen: &Seen, sizes: &Sizes) -> Result<Tensor> {
    let count = queries.dim(1)?;
    let group = sizes.heads / sizes.kv_heads;
    let mut mixed = Vec::with_capacity(sizes.kv_heads);
    for kv_head in 0..sizes.kv_heads {
        // The queries of the heads that share one head of keys are rows of one product: nothing is repeated.
        let rows = queries.narrow(0, kv_head * group, group)?.reshape((group * count, sizes.head))?;
        let (keys, values) = (keys.get(kv_head)?, values.get(kv_head)?);
        let scores = rows.matmul(&keys.t()?)?;
        let weights = causal_softmax(&scores, seen, count)?;
        mixed.push(weights.matmul(&values)?.reshape((group, count, sizes.head))?);
    }
    Tensor::cat(&mixed, 0)?.transpose(0, 1)?.reshape((count, sizes.heads * sizes.head))
}

/// Turns scores into weights; row `i` of the queries stands at position `start + i % count`.
fn causal_softmax(scores: &Tensor, seen: &Seen, count: usize) -> Result<Tensor> {
    let (rows, columns) = scores.dims2()?;
    let scaled = (scores * f64::from(seen.scale))?;
    let whole = |number: usize| u32::try_from(number).map_err(candle_core::Error::wrap);
    let (start, end) = (whole(seen.start)?, whole(seen.start + count)?);
    let device = scaled.device();
    let at = Tensor::arange(start, end, device)?.reshape((1, count, 1))?;
    let key = Tensor::arange(0u32, end, device)?.reshape((1, 1, columns))?;
    let shape = (rows / count, count, columns);
    let (at, key) = (at.broadcast_as((1, count, columns))?, key.broadcast_as((1, count, columns))?);
    let mut hidden = key.gt(&at)?;
    if let Some(window) = seen.window {
        // Neither is below nothing this way around.
        let before = (&key + f64::from(whole(window)?))?.le(&at)?;
        hidden = (hidden + before)?;
    }
    let never = Tensor::new(f32::NEG_INFINITY, device)?.broadcast_as(shape)?;
    let masked = hidden.broadcast_as(shape)?.where_cond(&never, &scaled.reshape(shape)?)?;
    candle_nn::ops::softmax_last_dim(&masked)?.reshape((rows, columns))
}

/// Lets the second half of each row through, as the gate in the first half says.
fn gated(gate_up: &Tensor, gate: Gate) -> Result<Tensor> {
    let half = gate_up.dim(1)? / 2;
    let open = gate_up.narrow(1, 0, half)?.contiguous()?;
    let open = match gate {
        Gate::Silu => open.silu()?,
        Gate::Gelu => open.gelu()?,
    };
    open * gate_up.narrow(1, half, half)?.contiguous()?
}

/// Normalizes what attention or the feed gives, where there is a norm for it.
fn post(norm: Option<&Tensor>, given: Tensor, epsilon: f32) -> Result<Tensor> {
    match norm {
        Some(norm) => rms_norm(&given, norm, epsilon),
        None => Ok(given),
    }
}

/// Cosines and sines of every position up to `window`, in single precision as llama.cpp computes them.
pub(super) fn angles(turns: &Turns, window: usize, device: &Device) -> Result<(Tensor, Tensor)> {
    let angles = Tensor::new(turns.angles.as_slice(), &Device::Cpu)?.reshape((1, turns.angles.len()))?;
    let Ok(last) = u32::try_from(window) else { bail!("the window of {window} tokens is too long") };
    let at = Tensor::arange(0u32, last, &Device::Cpu)?.to_dtype(DType::F32)?.reshape((window, 1))?;
    let (angles, magnitude) = (at.matmul(&angles)?, f64::from(turns.magnitude));
    Ok(((angles.cos()? * magnitude)?.to_device(device)?, (angles.sin()? * magnitude)?.to_device(device)?))
}
