//! Qwen3: nothing is added to queries and keys, each of their heads is normalized, and a head has a size of its own.

use super::{Architecture, Blueprint, Pairing, llama};
use crate::local::gguf::ModelFile;
use crate::local::shape::Sizes;

pub(super) const ARCHITECTURE: Architecture = Architecture { name: "qwen3", blueprint, fused: None };

fn blueprint(file: &ModelFile, sizes: &Sizes) -> Blueprint {
    Blueprint { pairing: Pairing::Halves, head_norms: true, ..llama::blueprint(file, sizes) }
}
