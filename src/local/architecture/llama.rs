//! Llama, and what is stored as it: SmolLM2, Mistral.

use super::{Architecture, Blueprint, Gate, Pairing, Window};
use crate::local::gguf::ModelFile;
use crate::local::shape::Sizes;

pub(super) const ARCHITECTURE: Architecture = Architecture { name: "llama", blueprint, fused: None };

/// Who writes a GGUF file puts the rows of queries and keys in an order in which neighbours are turned together.
fn blueprint(file: &ModelFile, sizes: &Sizes) -> Blueprint {
    let pairing = if file.as_trained() { Pairing::Halves } else { Pairing::Neighbours };
    let window = file.number(&file.key("attention.sliding_window")).filter(|_| file.as_trained());
    let positions = window.and_then(|window| usize::try_from(window).ok());
    let window = positions.map(|positions| Window { positions, wide_every: None });
    Blueprint { pairing, window, ..plain(sizes) }
}

/// What all of the family have in common.
#[expect(clippy::cast_precision_loss, reason = "a head has some hundred numbers")]
pub(super) fn plain(sizes: &Sizes) -> Blueprint {
    Blueprint {
        pairing: Pairing::Halves,
        biased: false,
        head_norms: false,
        post_norms: false,
        gate: Gate::Silu,
        embedding_scale: 1.0,
        score_scale: 1.0 / (sizes.head as f32).sqrt(),
        window: None,
        near_base: None,
    }
}
