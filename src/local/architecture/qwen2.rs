//! Qwen2 and Qwen2.5, and models made from them, such as the distills of DeepSeek-R1.

use super::{Architecture, Blueprint, Pairing, llama};
use crate::local::gguf::ModelFile;
use crate::local::shape::Sizes;

pub(super) const ARCHITECTURE: Architecture = Architecture { name: "qwen2", blueprint, fused: None };

fn blueprint(file: &ModelFile, sizes: &Sizes) -> Blueprint {
    Blueprint { pairing: Pairing::Halves, biased: true, ..llama::blueprint(file, sizes) }
}
