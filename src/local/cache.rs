//! The keys and values of every position computed so far, which make the next position cheap.

use candle_core::{DType, Result, Tensor};

/// Positions that are allocated at once: growing copies, so it grows in large steps.
const STEP: usize = 1024;

/// The type of the numbers that are kept.
const KIND: DType = DType::F32;

/// Keys and values of all layers, each `(heads, room, numbers)`.
pub(super) struct Cache {
    layers: Vec<Option<(Tensor, Tensor)>>,
    heads: usize,
    numbers: usize,
    window: usize,
    len: usize,
}

impl Cache {
    /// Makes an empty cache for at most `window` positions.
    pub(super) fn new(layers: usize, heads: usize, numbers: usize, window: usize) -> Self {
        Self { layers: vec![None; layers], heads, numbers, window, len: 0 }
    }

    /// Returns how many positions are held.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns how many bytes a position takes: in every layer, for every head, its key and its value.
    pub(super) fn bytes_per_position(&self) -> u64 {
        (self.layers.len() * self.heads * self.numbers * 2 * KIND.size_in_bytes()) as u64
    }

    /// Forgets every position from `length` on; the room stays.
    pub(super) fn truncate(&mut self, length: usize) {
        self.len = self.len.min(length);
    }

    /// Says that `count` more positions have been stored in every layer.
    pub(super) fn advance(&mut self, count: usize) {
        self.len += count;
    }

    /// Stores keys and values, each `(heads, positions, numbers)`, from the position `at` on.
    pub(super) fn store(&mut self, layer: usize, at: usize, keys: &Tensor, values: &Tensor) -> Result<()> {
        let needed = at + keys.dim(1)?;
        if needed > self.window {
            candle_core::bail!("position {needed} lies beyond the window of {}", self.window);
        }
        let shape = |room: usize| (self.heads, room, self.numbers);
        let Some(slot) = self.layers.get_mut(layer) else {
            candle_core::bail!("the model has no layer {layer}");
        };
        let room = slot.as_ref().map_or(Ok(0), |(keys, _)| keys.dim(1))?;
        if needed > room {
            let grown = needed.next_multiple_of(STEP).max(room * 2).min(self.window);
            let wider = |old: Option<&Tensor>| {
                let new = Tensor::zeros(shape(grown), KIND, keys.device())?;
                if let Some(old) = old {
                    new.slice_set(old, 1, 0)?;
                }
                Ok::<_, candle_core::Error>(new)
            };
            *slot = Some((
                wider(slot.as_ref().map(|(keys, _)| keys))?,
                wider(slot.as_ref().map(|(_, values)| values))?,
            ));
        }
        if let Some((all_keys, all_values)) = slot {
            all_keys.slice_set(keys, 1, at)?;
            all_values.slice_set(values, 1, at)?;
        }
        Ok(())
    }

    /// Returns the keys and values of one head up to the position `end`, each `(positions, numbers)`.
    pub(super) fn head(&self, layer: usize, head: usize, end: usize) -> Result<(Tensor, Tensor)> {
        let Some(Some((keys, values))) = self.layers.get(layer) else {
            candle_core::bail!("layer {layer} holds no keys yet");
        };
        let cut = |all: &Tensor| all.get(head)?.narrow(0, 0, end);
        Ok((cut(keys)?, cut(values)?))
    }
}
