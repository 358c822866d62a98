//! The sizes of a model that is computed on a graphics processor: of a file, or of a configuration.

use std::path::Path;

use serde::Deserialize;

use crate::local::architecture::{Blueprint, Gate};
use crate::local::gguf::ModelFile;
use crate::local::shape;
use crate::model::ModelError;

/// The sizes of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::local) struct Sizes {
    pub(super) layers: usize,
    pub(super) hidden: usize,
    pub(super) feed: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head: usize,
    pub(super) vocabulary: usize,
    pub(super) epsilon: f32,
}

/// What a `config.json` of Hugging Face's says of a model of the llama family.
#[derive(Debug, Deserialize)]
struct Config {
    hidden_size: usize,
    intermediate_size: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    num_hidden_layers: usize,
    vocab_size: usize,
    rms_norm_eps: f32,
    max_position_embeddings: usize,
}

impl Sizes {
    /// Reads the sizes of a model file, and refuses those that the kernels cannot compute.
    pub(in crate::local) fn read(file: &ModelFile, vocabulary: usize) -> Result<Self, ModelError> {
        let shape = shape::Sizes::read(file)?;
        if let Some(what) = lacking(&Blueprint::read(file, &shape), &shape) {
            return Err(file.fail(format!("{what} has no kernel for graphics processors")));
        }
        let shape::Sizes { hidden, feed, heads, kv_heads, head, epsilon, .. } = shape;
        let layers = file.dimension("block_count")?;
        let sizes = Self { layers, hidden, feed, heads, kv_heads, head, vocabulary, epsilon };
        sizes.checked().map_err(|reason| file.fail(reason))
    }

    /// Reads the sizes and the window of a `config.json`.
    pub(in crate::local) fn configured(path: &Path) -> Result<(Self, usize), ModelError> {
        let fail = |reason: String| ModelError::Load { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        let config: Config = serde_json::from_str(&text).map_err(|error| {
            fail(format!("it is not the `config.json` of a model of the llama family: {error}"))
        })?;
        let heads = config.num_attention_heads.max(1);
        let sizes = Self {
            layers: config.num_hidden_layers,
            hidden: config.hidden_size,
            feed: config.intermediate_size,
            heads,
            kv_heads: config.num_key_value_heads.unwrap_or(heads).max(1),
            head: config.head_dim.unwrap_or(config.hidden_size / heads),
            vocabulary: config.vocab_size,
            epsilon: config.rms_norm_eps,
        };
        Ok((sizes.checked().map_err(fail)?, config.max_position_embeddings))
    }

    fn checked(self) -> Result<Self, String> {
        let Self { layers, hidden, feed, heads, kv_heads, head, vocabulary, .. } = self;
        if [layers, hidden, feed, vocabulary].contains(&0) {
            return Err("it has a size of 0: expected layers, rows and a vocabulary above that".into());
        }
        let group = heads.checked_div(kv_heads).unwrap_or(0);
        if ![64, 128].contains(&head) || !(1..=8).contains(&group) || group * kv_heads != heads {
            return Err(format!(
                "its {heads} heads of {head} numbers, {kv_heads} of them with keys, have no kernel for graphics processors: \
                 expected heads of 64 or 128 numbers, up to 8 with the same keys"
            ));
        }
        // A block of a product takes 32 numbers of a row at a time.
        match [hidden, feed, heads * head].into_iter().find(|width| !width.is_multiple_of(32)) {
            Some(width) => Err(format!(
                "its rows of {width} numbers have no kernel for graphics processors: expected multiples of 32"
            )),
            None => Ok(self),
        }
    }
}

/// Returns what of a blueprint the kernels cannot compute.
fn lacking(blueprint: &Blueprint, sizes: &shape::Sizes) -> Option<&'static str> {
    let lacks = [
        (blueprint.window.is_some(), "attention to a window"),
        (blueprint.post_norms, "a norm of what attention and the feed give"),
        (blueprint.gate != Gate::Silu, "a gate by the Gaussian error linear unit"),
        (blueprint.embedding_scale.to_bits() != 1f32.to_bits(), "an embedding that is multiplied"),
        (sizes.turned != sizes.head, "a head that is turned in part"),
    ];
    lacks.into_iter().find(|(asked, _)| *asked).map(|(_, what)| what)
}
