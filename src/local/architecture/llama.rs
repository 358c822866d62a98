//! Llama, and what is stored as it: SmolLM2, Mistral.

use super::{Architecture, Blueprint, Gate, Pairing};
use crate::local::gguf::ModelFile;
use crate::local::shape::Sizes;

pub(super) const ARCHITECTURE: Architecture = Architecture { name: "llama", blueprint, fused: None };

/// Who writes a file puts the rows of queries and keys in an order in which neighbours are turned together.
#[expect(clippy::cast_precision_loss, reason = "a head has some hundred numbers")]
pub(super) fn blueprint(_: &ModelFile, sizes: &Sizes) -> Blueprint {
    Blueprint {
        pairing: Pairing::Neighbours,
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
