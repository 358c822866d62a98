//! Gemma 3, for text: five layers that see a window for one that sees everything, norms before and after, and an embedding that
//! is multiplied. Norms in files have had one added.

use super::{Architecture, Blueprint, Gate, Window, llama};
use crate::local::gguf::ModelFile;
use crate::local::shape::Sizes;

pub(super) const ARCHITECTURE: Architecture = Architecture { name: "gemma3", blueprint, fused: None };

/// One in so many layers sees everything.
const WIDE_EVERY: usize = 6;

/// The base of turns in layers that see a window.
const NEAR_BASE: f32 = 10_000.0;

/// The model of so many layers takes the mean size of a head, and not its own, to scale scores.
const LARGEST: usize = 62;

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^24")]
fn blueprint(file: &ModelFile, sizes: &Sizes) -> Blueprint {
    let plain = llama::plain(sizes);
    let largest = file.dimension("block_count").is_ok_and(|layers| layers == LARGEST);
    let mean = sizes.hidden as f32 / sizes.heads as f32;
    let number = |name| file.number(&file.key(name)).and_then(|number| usize::try_from(number).ok());
    let every = number("attention.sliding_window_pattern").unwrap_or(WIDE_EVERY);
    Blueprint {
        head_norms: true,
        post_norms: true,
        gate: Gate::Gelu,
        embedding_scale: (sizes.hidden as f32).sqrt(),
        score_scale: if largest { 1.0 / mean.sqrt() } else { plain.score_scale },
        window: number("attention.sliding_window")
            .filter(|&positions| positions > 0)
            .map(|positions| Window { positions, wide_every: Some(every) }),
        near_base: Some(file.fraction(&file.key("rope.freq_base_swa")).unwrap_or(NEAR_BASE)),
        ..plain
    }
}
