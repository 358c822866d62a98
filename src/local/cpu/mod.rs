//! The pass on processors: models of the llama family over arrays of our own.
//!
//! Weights are packed in the order in which they are multiplied (`pack`, `linear`), rows are rounded to eight bits before a
//! product of quantized weights (`cell`), and products are compiled for several instruction sets (`product`, `avx2`, `avx512`).
//! Every number is computed by the same operations in the same order, whatever else is in the step and however many threads
//! there are. In steady state nothing is allocated.

mod attend;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod cell;
mod half;
mod layer;
mod linear;
mod pack;
mod page;
mod product;
mod rows;
#[cfg(test)]
mod tests;
mod turn;

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use self::attend::{Bench, Group};
use self::cell::{Exact, WIDTH};
use self::layer::{Layer, Room, Work};
use self::linear::{Linear, TALL, padded, spread};
use self::product::Way;
use super::architecture::Blueprint;
use super::gguf::ModelFile;
use super::pass::{PAGE, Pass, Span};
use super::positions::Positions;
use super::shape::Sizes;
use crate::model::ModelError;

/// A model on processors with its pages.
pub(super) struct CpuPass {
    sizes: Sizes,
    group: Group,
    vocabulary: usize,
    window: usize,
    positions: Positions,
    /// What the numbers of a token are multiplied with.
    embedding_scale: f32,
    embedding: Linear,
    layers: Vec<Layer>,
    norm: Vec<Exact>,
    /// The matrix that gives the logits; the embedding where there is none.
    head: Option<Linear>,
    /// Pages of keys and values, for every layer and in it for every head with keys.
    pages: Vec<Vec<Vec<u16>>>,
    reserved: usize,
    room: Room,
    benches: Benches,
    way: Way,
}

/// What tasks of attention work with; there are as many as tasks have run at once.
#[derive(Debug, Default)]
pub(super) struct Benches(Mutex<Vec<Bench>>);

impl Benches {
    /// Lends one to `work`.
    fn lend(&self, work: impl FnOnce(&mut Bench)) {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut bench = free.unwrap_or_default();
        work(&mut bench);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(bench);
    }
}

impl std::fmt::Debug for CpuPass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuPass")
            .field("sizes", &self.sizes)
            .field("way", &self.way)
            .field("pages", &self.reserved)
            .finish_non_exhaustive()
    }
}

impl CpuPass {
    /// Loads the weights of `file` for contexts of up to `window` tokens.
    pub(super) fn load(file: &mut ModelFile, vocabulary: usize, window: usize) -> Result<Self, ModelError> {
        let sizes = Sizes::read(file)?;
        let Sizes { hidden, heads, kv_heads, head, .. } = sizes;
        let blueprint = Blueprint::read(file, &sizes);
        let positions = Positions::read(file, &sizes, &blueprint, window)?;
        let embedding = Linear::load(file, "token_embd.weight", vocabulary, hidden)?;
        let tied = !file.has("output.weight");
        let output = if tied { None } else { Some(Linear::load(file, "output.weight", vocabulary, hidden)?) };
        let mut layers = Vec::new();
        for index in 0..file.dimension("block_count")? {
            layers.push(Layer::load(file, index, (&sizes, &blueprint))?);
        }
        Ok(Self {
            sizes,
            group: Group {
                head,
                queries: heads / kv_heads,
                pairing: blueprint.pairing,
                scale: blueprint.score_scale,
                window: None,
            },
            vocabulary,
            window,
            positions,
            embedding_scale: blueprint.embedding_scale,
            embedding,
            norm: padded(file, "output_norm.weight", hidden)?,
            head: output,
            pages: layers.iter().map(|_| vec![Vec::new(); kv_heads]).collect(),
            layers,
            reserved: 0,
            room: Room::default(),
            benches: Benches::default(),
            way: Way::fastest(),
        })
    }

    /// Refuses a step that would read what is not there.
    fn check(&self, spans: &[Span<'_>]) -> Result<(), ModelError> {
        let fail = |reason: String| Err(ModelError::Compute { reason });
        for span in spans {
            let pages = span.pages.get(..span.end().div_ceil(PAGE)).unwrap_or(&[]);
            let there = pages.iter().all(|page| (page.0 as usize) < self.reserved);
            if span.end() > self.window || pages.is_empty() || !there {
                return fail(format!("no page holds position {}", span.end().saturating_sub(1)));
            }
            if let Some(token) = span.tokens.iter().find(|&&token| token as usize >= self.vocabulary) {
                return fail(format!("there is no token {token}"));
            }
        }
        Ok(())
    }

    /// Looks up the tokens of a step.
    fn embed(&mut self, spans: &[Span<'_>]) {
        let blocks = self.norm.len();
        let Room { x, tokens, numbers, .. } = &mut self.room;
        tokens.clear();
        tokens.extend(spans.iter().flat_map(|span| span.tokens).map(|&token| token as usize));
        x.resize(tokens.len() * blocks, [0.0; WIDTH]);
        numbers.clear();
        numbers.resize(blocks * WIDTH, 0.0);
        for (tokens, stack) in tokens.chunks(TALL).zip(x.chunks_mut((TALL * blocks).max(1))) {
            for (row, token) in tokens.iter().enumerate() {
                self.embedding.output(*token, numbers.get_mut(..self.sizes.hidden).unwrap_or(&mut []));
                for number in numbers.iter_mut() {
                    *number *= self.embedding_scale;
                }
                let places = stack.chunks_exact_mut(tokens.len()).filter_map(|block| block.get_mut(row));
                places.zip(numbers.as_chunks().0).for_each(|(there, numbers)| *there = *numbers);
            }
        }
    }

    /// Writes the logits of the rows that are left, one stack after the other: there may be many tokens.
    fn logits(&mut self, logits: &mut Vec<f32>) {
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let Room { x, hidden, wide, .. } = &mut self.room;
        let (blocks, panels) = (self.norm.len(), head.panels());
        logits.resize(x.len() / blocks.max(1) * self.vocabulary, 0.0);
        let stacks = logits.chunks_mut((TALL * self.vocabulary).max(1));
        for (x, logits) in x.chunks((TALL * blocks).max(1)).zip(stacks) {
            let count = x.len() / blocks.max(1);
            hidden.resize(count, self.sizes.hidden, &[head]);
            rows::norm(x, &self.norm, (self.sizes.hidden, self.sizes.epsilon), hidden);
            wide.resize(count * panels, [0.0; WIDTH]);
            spread(hidden, self.sizes.hidden, wide, panels, |panel, stack, out| {
                head.write(self.way, panel, stack, out);
            });
            logits.par_chunks_mut(self.vocabulary.max(1)).enumerate().for_each(|(row, logits)| {
                let panels = wide.chunks_exact(count).filter_map(|panel| panel.get(row));
                for (logits, numbers) in logits.chunks_mut(WIDTH).zip(panels) {
                    logits.iter_mut().zip(numbers).for_each(|(logit, number)| *logit = *number);
                }
            });
        }
    }
}

impl Pass for CpuPass {
    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn position_bytes(&self) -> u64 {
        (self.layers.len() * self.sizes.kv_heads * self.group.page() / PAGE * size_of::<u16>()) as u64
    }

    fn reserve(&mut self, pages: usize) -> Result<(), ModelError> {
        if pages <= self.reserved {
            return Ok(());
        }
        for head in self.pages.iter_mut().flatten() {
            let numbers = pages * self.group.page();
            if head.try_reserve_exact(numbers - head.len()).is_err() {
                return Err(ModelError::Compute {
                    reason: format!(
                        "there is no memory for the keys and values of {} positions",
                        pages * PAGE
                    ),
                });
            }
            head.resize(numbers, 0);
        }
        self.reserved = pages;
        Ok(())
    }

    fn forward(&mut self, spans: &[Span<'_>], logits: &mut Vec<f32>) -> Result<(), ModelError> {
        logits.clear();
        self.check(spans)?;
        self.embed(spans);
        let wanted = spans.iter().map(Span::wanted).sum::<usize>() > 0;
        let positions = || spans.iter().flat_map(|span| span.start..span.end());
        self.room.angles.set(positions(), &self.positions.wide);
        if let Some(near) = &self.positions.near {
            self.room.near.set(positions(), near);
        }
        let work =
            Work { sizes: self.sizes, group: self.group, spans, way: self.way, benches: &self.benches };
        let last = self.layers.len().saturating_sub(1);
        for (index, (layer, pages)) in self.layers.iter().zip(&mut self.pages).enumerate() {
            layer.attention(&work, pages, &mut self.room, (index == last).then_some(wanted));
            if index < last || wanted {
                layer.feed(&work, &mut self.room);
            }
        }
        if wanted {
            self.logits(logits);
        }
        Ok(())
    }
}
