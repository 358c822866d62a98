//! The pass on a graphics processor: own kernels and cuBLAS over weights, keys and values of two bytes.
//!
//! A step that writes, a row or a few for each sequence, is hundreds of kernels that take microseconds each, so that starting
//! them would take longer than they do. It is recorded once for each form that a step can have, and then started as a whole.

mod kernels;
mod launch;
mod memory;
mod product;
mod sizes;
mod step;
mod weights;

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::Device;
use cudarc::driver::sys::{CUgraphInstantiate_flags, CUstreamCaptureMode};
use cudarc::driver::{CudaGraph, CudaStream, DriverError, PinnedHostSlice};

use self::kernels::{Heads, Kernels, Places, Turning};
use self::memory::{Buffer, Pages, computing};
use self::product::Into;
pub(super) use self::sizes::Sizes;
use self::step::{Form, Step};
use self::weights::{Keeper, Layer, Weights};
use super::architecture::{Blueprint, Pairing};
use super::gguf::{ModelFile, first_line};
use super::llama::angles;
use super::pass::{PAGE, Pass, Span};
use super::positions::Positions;
use super::shape;
use super::tokenizer::TokenId;
use crate::model::ModelError;

/// Recorded steps that are kept.
const RECORDED: usize = 128;

/// Steps of up to so many rows are recorded: in longer ones, kernels take longer than starting them.
const SHORT: usize = 64;

/// What a step writes between its kernels.
struct Between {
    words: Buffer<i32>,
    x: Buffer<f32>,
    normed: Buffer<u16>,
    qkv: Buffer<u16>,
    mixed: Buffer<u16>,
    gate_up: Buffer<u16>,
    gated: Buffer<u16>,
    parts: Buffer<f32>,
    ended: Buffer<i32>,
    logits: Buffer<f32>,
    best: Buffer<i32>,
    /// The rows that logits are wanted of.
    wanted_x: Buffer<f32>,
    wanted_mixed: Buffer<u16>,
}

/// A model on a graphics processor.
pub(super) struct CudaPass {
    // Dropped in this order: what is recorded before what it names.
    recorded: HashMap<Form, Option<CudaGraph>>,
    between: Between,
    pages: Pages,
    weights: Weights,
    kernels: Kernels,
    turning: Turning,
    heads: Heads,
    sizes: Sizes,
    window: usize,
    heard: PinnedHostSlice<f32>,
    stream: Arc<CudaStream>,
}

// SAFETY: graphs are not used by two threads at once, because a pass is owned by the one that computes.
#[expect(
    unsafe_code,
    reason = "a recorded graph holds pointers of the driver, which are valid in every thread"
)]
unsafe impl Send for CudaPass {}

impl std::fmt::Debug for CudaPass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CudaPass").field("sizes", &self.sizes).finish_non_exhaustive()
    }
}

impl Between {
    fn new(stream: &Arc<CudaStream>) -> Result<Self, DriverError> {
        Ok(Self {
            words: Buffer::new(stream, 0)?,
            x: Buffer::new(stream, 0)?,
            normed: Buffer::new(stream, 0)?,
            qkv: Buffer::new(stream, 0)?,
            mixed: Buffer::new(stream, 0)?,
            gate_up: Buffer::new(stream, 0)?,
            gated: Buffer::new(stream, 0)?,
            parts: Buffer::new(stream, 0)?,
            ended: Buffer::new(stream, 0)?,
            logits: Buffer::new(stream, 0)?,
            best: Buffer::new(stream, 0)?,
            wanted_x: Buffer::new(stream, 0)?,
            wanted_mixed: Buffer::new(stream, 0)?,
        })
    }

    /// Makes room for a step, and tells whether anything moved.
    fn grow(&mut self, stream: &Arc<CudaStream>, form: &Form, sizes: &Sizes) -> Result<bool, DriverError> {
        let &Sizes { hidden, feed, heads, kv_heads, head, vocabulary, .. } = sizes;
        let rows = form.rows;
        let [.., words] = form.offsets();
        let moved = [
            self.words.grow(stream, words)?,
            self.x.grow(stream, rows * hidden)?,
            self.normed.grow(stream, rows * hidden)?,
            self.qkv.grow(stream, rows * (heads + 2 * kv_heads) * head)?,
            self.mixed.grow(stream, rows * heads * head)?,
            self.gate_up.grow(stream, rows * 2 * feed)?,
            self.gated.grow(stream, rows * feed)?,
            self.parts.grow(stream, form.singles * heads * form.blocks * (head + 2))?,
            self.ended.grow(stream, form.singles * kv_heads)?,
            self.logits.grow(stream, form.wanted * vocabulary)?,
            self.best.grow(stream, form.wanted)?,
            self.wanted_x.grow(stream, form.wanted * hidden)?,
            self.wanted_mixed.grow(stream, form.wanted * heads * head)?,
        ];
        Ok(moved.contains(&true))
    }
}

impl CudaPass {
    /// Loads the weights of `file` for contexts of up to `window` tokens.
    pub(super) fn load(
        file: &mut ModelFile,
        sizes: Sizes,
        window: usize,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let stream = stream(device)?;
        let kernels = Kernels::load(&stream, sizes.head, sizes.heads / sizes.kv_heads)?;
        let weights = Weights::load(file, &sizes, device, &stream)?;
        let shape = shape::Sizes::read(file)?;
        let blueprint = Blueprint::read(file, &shape);
        let positions = Positions::read(file, &shape, &blueprint, window)?;
        let angles = angles(positions.of(false), window, device);
        let angles = angles.map_err(|error| file.fail(first_line(&error)))?;
        let halves = blueprint.pairing == Pairing::Halves;
        Self::new(sizes, weights, angles, halves, device, (stream, kernels))
    }

    /// Makes a model of random weights, for measurements of shapes whose weights are not at hand.
    pub(super) fn random(sizes: Sizes, window: usize, device: &Device) -> Result<Self, ModelError> {
        let stream = stream(device)?;
        let kernels = Kernels::load(&stream, sizes.head, sizes.heads / sizes.kv_heads)?;
        let weights = Weights::random(&sizes, device, &stream, &kernels)?;
        let table = || candle_core::Tensor::ones((window, sizes.head / 2), candle_core::DType::F32, device);
        let angles = table().and_then(|cos| Ok((cos, table()?))).map_err(|error| computing_candle(&error))?;
        Self::new(sizes, weights, angles, false, device, (stream, kernels))
    }

    fn new(
        sizes: Sizes,
        mut weights: Weights,
        (cos, sin): (candle_core::Tensor, candle_core::Tensor),
        halves: bool,
        device: &Device,
        (stream, kernels): (Arc<CudaStream>, Kernels),
    ) -> Result<Self, ModelError> {
        let window = cos.dim(0).map_err(|error| computing_candle(&error))?;
        let mut keeper = Keeper { tensors: Vec::new(), stream: &stream };
        let mut keep =
            |tensor: candle_core::Tensor| keeper.keep(&tensor).map_err(|error| computing_candle(&error));
        let turning = Turning { cosines: keep(cos)?, sines: keep(sin)?, halves, epsilon: sizes.epsilon };
        weights.keep(keeper.tensors);
        // The library computed the weights on a stream of its own.
        device.synchronize().map_err(|error| computing_candle(&error))?;
        #[expect(clippy::cast_precision_loss, reason = "a head has some hundred numbers")]
        let scale = 1.0 / (sizes.head as f32).sqrt();
        let heads =
            Heads { queries: sizes.heads, keys: sizes.kv_heads, numbers: sizes.head, window: 0, scale };
        let pages = Pages::new(&stream, &sizes).map_err(computing)?;
        let between = Between::new(&stream).map_err(computing)?;
        let heard = pinned(&stream, sizes.vocabulary)?;
        Ok(Self {
            recorded: HashMap::new(),
            between,
            pages,
            weights,
            kernels,
            turning,
            heads,
            sizes,
            window,
            heard,
            stream,
        })
    }

    /// Puts the kernels of a step on the stream.
    fn compute(&self, form: &Form) -> Result<(), ModelError> {
        let (kernels, between, sizes) = (&self.kernels, &self.between, &self.sizes);
        let words = between.words.address();
        let [_, _, wanted, ..] = form.offsets().map(|offset| words + offset as u64 * 4);
        let (mut x, mut mixed, mut rows) = (between.x.address(), between.mixed.address(), form.rows);
        let (normed, gated) = (between.normed.address(), between.gated.address());
        kernels.embed(x, self.weights.embedding, words, rows, sizes.hidden).map_err(computing)?;
        for (index, layer) in self.weights.layers.iter().enumerate() {
            self.attend(form, index, layer)?;
            if index + 1 == self.weights.layers.len() && form.wanted < rows {
                if form.wanted == 0 {
                    return Ok(());
                }
                let taken = (between.wanted_x.address(), between.wanted_mixed.address());
                let width = sizes.heads * sizes.head;
                let list = (wanted, form.wanted);
                kernels
                    .take_rows((taken.0, x, sizes.hidden), (taken.1, mixed, width), list)
                    .map_err(computing)?;
                (x, mixed, rows) = (taken.0, taken.1, form.wanted);
            }
            let size = (rows, sizes.hidden, sizes.epsilon);
            kernels.products.multiply(Into::Residual, x, &layer.output, (mixed, rows), 0)?;
            kernels.rms_norm(normed, x, layer.feed_norm, 0, size).map_err(computing)?;
            kernels.products.multiply(
                Into::Gated,
                gated,
                &layer.gate_up,
                (normed, rows),
                between.gate_up.address(),
            )?;
            kernels.products.multiply(Into::Residual, x, &layer.down, (gated, rows), 0)?;
        }
        // All rows that are left are wanted ones, in their order.
        let size = (rows, sizes.hidden, sizes.epsilon);
        kernels.rms_norm(normed, x, self.weights.norm, 0, size).map_err(computing)?;
        kernels.products.multiply(
            Into::Logits,
            between.logits.address(),
            &self.weights.head,
            (normed, rows),
            0,
        )
    }

    /// Puts the first half of a layer on the stream: up to what its heads mixed.
    fn attend(&self, form: &Form, index: usize, layer: &Layer) -> Result<(), ModelError> {
        let (kernels, between, rows) = (&self.kernels, &self.between, form.rows);
        let Some(kept) = self.pages.layer(index) else { return Ok(()) };
        let words = between.words.address();
        let [positions, sequences, _, singles, tiles, tables, _] =
            form.offsets().map(|offset| words + offset as u64 * 4);
        let places = Places { positions, sequences, tables, table_width: form.table_width };
        let (x, normed, qkv) = (between.x.address(), between.normed.address(), between.qkv.address());
        let mixed = between.mixed.address();
        let size = (rows, self.sizes.hidden, self.sizes.epsilon);
        kernels.rms_norm(normed, x, layer.attention_norm, 0, size).map_err(computing)?;
        kernels.products.multiply(Into::Rows, qkv, &layer.qkv, (normed, rows), 0)?;
        let norms = (layer.q_norm, layer.k_norm);
        kernels
            .turn_and_keep((qkv, rows, norms), kept, &places, &self.turning, &self.heads)
            .map_err(computing)?;
        if form.singles > 0 {
            let room = (mixed, between.parts.address(), between.ended.address(), qkv);
            let list = (singles, form.singles, form.blocks);
            kernels.attend_rows(room, kept, &places, &self.heads, list).map_err(computing)?;
        }
        if form.tiles > 0 {
            let list = (tiles, form.tiles);
            kernels.attend_spans((mixed, qkv), kept, &places, &self.heads, list).map_err(computing)?;
        }
        Ok(())
    }

    /// Puts a step on the stream.
    fn run(&mut self, spans: &[Span<'_>]) -> Result<Form, ModelError> {
        // A kernel reads whatever lies where it is sent.
        let there = |span: &Span<'_>| {
            let needed = span.pages.get(..span.end().div_ceil(PAGE)).unwrap_or(&[]);
            let known = span.tokens.iter().all(|&token| (token as usize) < self.sizes.vocabulary);
            let held = needed.iter().all(|page| (page.0 as usize) < self.pages.count());
            known && held && !needed.is_empty() && span.end() <= self.window
        };
        if let Some(span) = spans.iter().find(|span| !there(span)) {
            let reason = format!("no page holds position {}", span.end().saturating_sub(1));
            return Err(ModelError::Compute { reason });
        }
        let step = Step::of(spans)?;
        if self.between.grow(&self.stream, &step.form, &self.sizes).map_err(computing)? {
            self.recorded.clear();
        }
        let mut words = self.between.words.slice_mut().slice_mut(..step.words.len());
        self.stream.memcpy_htod(step.words.as_slice(), &mut words).map_err(computing)?;
        self.start(&step.form)?;
        Ok(step.form)
    }

    /// Starts a step whose form has been seen before as a whole.
    fn start(&mut self, form: &Form) -> Result<(), ModelError> {
        if form.tiles > 0 || form.rows > SHORT {
            return self.compute(form);
        }
        if let Some(Some(graph)) = self.recorded.get(form) {
            return graph.launch().map_err(computing);
        }
        if !self.recorded.contains_key(form) {
            // The driver loads a kernel when it is first started, which it cannot while it records.
            if self.recorded.len() >= RECORDED {
                self.recorded.clear();
            }
            self.recorded.insert(*form, None);
            return self.compute(form);
        }
        self.stream
            .begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
            .map_err(computing)?;
        let computed = self.compute(form);
        let graph = self.stream.end_capture(CUgraphInstantiate_flags(0)).map_err(computing);
        computed?;
        let Some(graph) = graph? else { return self.compute(form) };
        graph.launch().map_err(computing)?;
        self.recorded.insert(*form, Some(graph));
        Ok(())
    }
}

impl Pass for CudaPass {
    fn vocabulary(&self) -> usize {
        self.sizes.vocabulary
    }

    fn position_bytes(&self) -> u64 {
        self.pages.position_bytes()
    }

    fn reserve(&mut self, pages: usize) -> Result<(), ModelError> {
        if self.pages.reserve(&self.stream, pages).map_err(computing)? {
            self.recorded.clear();
        }
        Ok(())
    }

    fn forward(&mut self, spans: &[Span<'_>], logits: &mut Vec<f32>) -> Result<(), ModelError> {
        logits.clear();
        let form = self.run(spans)?;
        let count = form.wanted * self.sizes.vocabulary;
        if count > self.heard.len() {
            self.heard = pinned(&self.stream, count)?;
        }
        if count > 0 {
            let rows = self.between.logits.slice().slice(..count);
            self.stream.memcpy_dtoh(&rows, &mut self.heard).map_err(computing)?;
            let heard = self.heard.as_slice().map_err(computing)?;
            logits.extend_from_slice(heard.get(..count).unwrap_or(&[]));
        }
        self.stream.synchronize().map_err(computing)
    }

    fn likeliest(
        &mut self,
        spans: &[Span<'_>],
        tokens: &mut Vec<Option<TokenId>>,
        _: &mut Vec<f32>,
    ) -> Result<(), ModelError> {
        tokens.clear();
        let form = self.run(spans)?;
        if form.wanted > 0 {
            let (best, logits) = (self.between.best.address(), self.between.logits.address());
            let size = (form.wanted, self.sizes.vocabulary);
            self.kernels.likeliest(best, logits, size).map_err(computing)?;
            let best = self.between.best.slice().slice(..form.wanted);
            let best = self.stream.clone_dtoh(&best).map_err(computing)?;
            tokens.extend(best.into_iter().map(|token| TokenId::try_from(token).ok()));
        }
        self.stream.synchronize().map_err(computing)
    }
}

/// Makes a stream beside the library's, which cannot be recorded.
fn stream(device: &Device) -> Result<Arc<CudaStream>, ModelError> {
    let device = device.as_cuda_device().map_err(|error| computing_candle(&error))?;
    device.cuda_stream().context().new_stream().map_err(computing)
}

/// Takes memory of the machine that the graphics processor writes to by itself.
#[expect(unsafe_code, reason = "the memory is read only after the graphics processor has written to it")]
fn pinned(stream: &Arc<CudaStream>, count: usize) -> Result<PinnedHostSlice<f32>, ModelError> {
    // SAFETY: every number is a number, whatever its bits.
    unsafe { stream.context().alloc_pinned_with_flags(count.max(1), 0) }.map_err(computing)
}

fn computing_candle(error: &candle_core::Error) -> ModelError {
    ModelError::Compute { reason: first_line(error) }
}
