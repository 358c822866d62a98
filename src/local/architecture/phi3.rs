//! Phi-3 and Phi-4-mini: queries, keys and values are one tensor and gates and values of the feed another, heads may be turned in
//! part, and every layer may see a window.

use super::{Architecture, Blueprint, Fused, Window, llama};
use crate::local::gguf::ModelFile;
use crate::local::shape::Sizes;

pub(super) const ARCHITECTURE: Architecture = Architecture { name: "phi3", blueprint, fused: Some(fused) };

fn blueprint(file: &ModelFile, sizes: &Sizes) -> Blueprint {
    let window = file.number(&file.key("attention.sliding_window"));
    let positions = window.and_then(|window| usize::try_from(window).ok()).filter(|&window| window > 0);
    Blueprint {
        window: positions.map(|positions| Window { positions, wide_every: None }),
        ..llama::plain(sizes)
    }
}

fn fused(sizes: &Sizes) -> Vec<Fused> {
    let (queries, keys) = (sizes.heads * sizes.head, sizes.kv_heads * sizes.head);
    vec![
        Fused {
            whole: "attn_qkv",
            parts: vec![("attn_q", queries), ("attn_k", keys), ("attn_v", keys)],
            inputs: sizes.hidden,
        },
        Fused {
            whole: "ffn_up",
            parts: vec![("ffn_gate", sizes.feed), ("ffn_up", sizes.feed)],
            inputs: sizes.hidden,
        },
    ]
}
