//! The sizes of a model of the llama family, as the file's metadata says.

use super::gguf::ModelFile;
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
    /// The first of them are turned, so many.
    pub(super) turned: usize,
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
        if turned > head || !heads.is_multiple_of(kv_heads) || !turned.is_multiple_of(2) || turned < 4 {
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
        Ok(Self { hidden, feed, heads, kv_heads, head, turned, epsilon })
    }
}
