//! Qwen2 and Qwen2.5, and models made from them, such as the distills of DeepSeek-R1.

use super::{Architecture, Blueprint, llama};
use crate::local::gguf::ModelFile;
use crate::local::shape::Sizes;

pub(super) const ARCHITECTURE: Architecture = Architecture { name: "qwen2", blueprint, fused: None };

fn blueprint(_: &ModelFile, sizes: &Sizes) -> Blueprint {
    Blueprint { biased: true, ..llama::plain(sizes) }
}
