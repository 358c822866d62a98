//! The keys and values of every position computed so far, as tensors: pages side by side.

use candle_core::{DType, Device, Result, Tensor};

use super::pass::{PAGE, Span};

/// The type of the numbers that are kept.
const KIND: DType = DType::F32;

/// Keys and values of all layers, each `(heads, pages * PAGE, numbers)`.
pub(super) struct Cache {
    layers: Vec<Option<(Tensor, Tensor)>>,
    heads: usize,
    numbers: usize,
    pages: usize,
    device: Device,
}

impl Cache {
    /// Makes a cache without any page.
    pub(super) fn new(layers: usize, heads: usize, numbers: usize, device: Device) -> Self {
        Self { layers: vec![None; layers], heads, numbers, pages: 0, device }
    }

    /// Returns how many pages there are.
    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    /// Returns how many bytes a position takes: in every layer, for every head, its key and its value.
    pub(super) fn bytes_per_position(&self) -> u64 {
        (self.layers.len() * self.heads * self.numbers * 2 * KIND.size_in_bytes()) as u64
    }

    /// Makes room for `pages` pages, if there are fewer; those that are there keep what they hold.
    pub(super) fn reserve(&mut self, pages: usize) -> Result<()> {
        if pages <= self.pages {
            return Ok(());
        }
        let shape = (self.heads, pages * PAGE, self.numbers);
        let device = &self.device;
        let wider = |old: Option<&Tensor>| {
            let new = Tensor::zeros(shape, KIND, device)?;
            if let Some(old) = old {
                new.slice_set(old, 1, 0)?;
            }
            Ok::<_, candle_core::Error>(new)
        };
        for slot in &mut self.layers {
            // Where there is no memory for it, what is there stays.
            let (keys, values) = match slot.as_ref() {
                Some((keys, values)) => (wider(Some(keys))?, wider(Some(values))?),
                None => (wider(None)?, wider(None)?),
            };
            *slot = Some((keys, values));
        }
        self.pages = pages;
        Ok(())
    }

    /// Keeps keys and values `(heads, positions, numbers)` of the positions of `span` in a layer.
    pub(super) fn store(&self, layer: usize, span: &Span<'_>, keys: &Tensor, values: &Tensor) -> Result<()> {
        let (all_keys, all_values) = self.layer(layer)?;
        let mut at = span.start;
        while at < span.end() {
            let count = (PAGE - at % PAGE).min(span.end() - at);
            let slot = slot(span, at)?;
            let part = |new: &Tensor| new.narrow(1, at - span.start, count)?.contiguous();
            all_keys.slice_set(&part(keys)?, 1, slot)?;
            all_values.slice_set(&part(values)?, 1, slot)?;
            at += count;
        }
        Ok(())
    }

    /// Returns the keys and values of all positions of `span` and before it, each `(heads, positions, numbers)`.
    pub(super) fn read(&self, layer: usize, span: &Span<'_>) -> Result<(Tensor, Tensor)> {
        let (keys, values) = self.layer(layer)?;
        let slots: Vec<u32> = (0..span.end())
            .map(|at| u32::try_from(slot(span, at)?).map_err(candle_core::Error::wrap))
            .collect::<Result<_>>()?;
        let slots = Tensor::new(slots, &self.device)?;
        Ok((keys.index_select(&slots, 1)?, values.index_select(&slots, 1)?))
    }

    fn layer(&self, layer: usize) -> Result<(&Tensor, &Tensor)> {
        match self.layers.get(layer) {
            Some(Some((keys, values))) => Ok((keys, values)),
            _ => candle_core::bail!("layer {layer} has no room for keys"),
        }
    }
}

/// Returns where in the tensors the position `at` of a span lies.
fn slot(span: &Span<'_>, at: usize) -> Result<usize> {
    match span.pages.get(at / PAGE) {
        Some(page) => Ok(page.0 as usize * PAGE + at % PAGE),
        None => candle_core::bail!("no page holds position {at}"),
    }
}
