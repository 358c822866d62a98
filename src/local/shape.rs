//! The sizes of a model of the llama family and how far its positions are turned, as the file's metadata says.

use candle_core::Device;

use super::gguf::{ModelFile, first_line};
use crate::model::ModelError;

/// The sizes of a model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Numbers of a position between layers.
    pub(super) hidden: usize,
    /// Numbers between the two products of the feed.
    pub(super) feed: usize,
    /// Heads with queries.
    pub(super) heads: usize,
    /// Heads with keys and values; as many heads with queries share each.
    pub(super) kv_heads: usize,
    /// Numbers of a head.
    pub(super) head: usize,
    /// What is added to the mean of squares.
    pub(super) epsilon: f32,
}

impl Sizes {
    /// Reads the sizes, and refuses those that do not fit together.
    pub(super) fn read(file: &ModelFile) -> Result<Self, ModelError> {
        let hidden = file.dimension("embedding_length")?;
        let feed = file.dimension("feed_forward_length")?;
        let heads = file.dimension("attention.head_count")?;
        let kv_heads = file.dimension("attention.head_count_kv").unwrap_or(heads);
        let head = file.dimension("attention.key_length").unwrap_or(hidden / heads);
        let turned = file.dimension("rope.dimension_count").unwrap_or(head);
        if turned != head || !heads.is_multiple_of(kv_heads) || !head.is_multiple_of(2) {
            return Err(file.fail(format!(
                "its {heads} heads of {head} numbers, {kv_heads} of them with keys and {turned} numbers turned, do not fit together"
            )));
        }
        if file.dimension("expert_count").is_ok() {
            return Err(file.fail("it is a mixture of experts, which cannot be computed"));
        }
        let key = file.key("attention.layer_norm_rms_epsilon");
        let epsilon =
            file.fraction(&key).ok_or_else(|| file.fail(format!("its metadata has no fraction `{key}`")))?;
        Ok(Self { hidden, feed, heads, kv_heads, head, epsilon })
    }
}

/// Returns the angle by which each pair of a head is turned from one position to the next, in single precision as
/// llama.cpp computes it.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^24")]
pub(super) fn turns(file: &mut ModelFile, head: usize) -> Result<Vec<f32>, ModelError> {
    let base = file.fraction(&file.key("rope.freq_base")).unwrap_or(10_000.0);
    let scaling = file.text(&file.key("rope.scaling.type")).unwrap_or("none").to_owned();
    let stretch = match scaling.as_str() {
        "none" => 1.0,
        "linear" => {
            let factor = file.fraction(&file.key("rope.scaling.factor"));
            factor.filter(|&factor| factor > 0.0).unwrap_or(1.0)
        }
        _ => {
            return Err(
                file.fail(format!("its positions are stretched by `{scaling}`: expected `linear` or none"))
            );
        }
    };
    let half = head / 2;
    let factors = if file.has("rope_freqs.weight") {
        let factors = file.tensor("rope_freqs.weight", &[half], &Device::Cpu)?;
        let read = factors.dequantize(&Device::Cpu).and_then(|factors| factors.to_vec1::<f32>());
        read.map_err(|error| file.fail(first_line(&error)))?
    } else {
        vec![1.0; half]
    };
    let turns =
        (0..half).zip(factors).map(|(i, factor)| base.powf(-2.0 * i as f32 / head as f32) / factor / stretch);
    Ok(turns.collect())
}
