//! Qwen3: nothing is added to queries and keys, each of their heads is normalized, and a head has a size of its own.

use super::{Architecture, Blueprint, llama};
use crate::local::gguf::ModelFile;
use crate::local::shape::Sizes;

pub(super) const ARCHITECTURE: Architecture = Architecture { name: "qwen3", blueprint, fused: None };

fn blueprint(_: &ModelFile, sizes: &Sizes) -> Blueprint {
    Blueprint { head_norms: true, ..llama::plain(sizes) }
}
