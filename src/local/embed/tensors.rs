//! The forward pass of BERT with the tensor library: what a graphics processor computes.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, DTYPE};

use super::folder::{Folder, Weights};
use crate::local::gguf::first_line;
use crate::model::ModelError;

/// What the sum of squares of a vector is at least, so that nothing is divided by zero.
pub(super) const LEAST: f32 = 1e-24;

/// A model with its weights on a device.
pub(super) struct Tensors {
    model: BertModel,
    /// The piece that fills rows up to the longest. It is hidden, so it could be any.
    padding: u32,
    device: Device,
}

impl Tensors {
    /// Moves the weights to the device.
    pub(super) fn load(
        folder: &Folder,
        weights: &Weights<'_>,
        device: &Device,
    ) -> std::result::Result<Self, ModelError> {
        let failed = |error: candle_core::Error| folder.fail(first_line(&error));
        let tensors = weights.tensors.tensors();
        let loaded = tensors.iter().map(|(name, _)| Ok((name.clone(), weights.tensors.load(name, device)?)));
        let loaded = loaded.collect::<Result<_>>().map_err(failed)?;
        let builder = VarBuilder::from_tensors(loaded, DTYPE, device);
        let model = BertModel::load(builder, folder.config()).map_err(failed)?;
        let padding = u32::try_from(folder.config().pad_token_id).unwrap_or(0);
        Ok(Self { model, padding, device: device.clone() })
    }

    /// Computes a vector for each text, all of them in one batch as wide as the longest.
    pub(super) fn vectors(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>> {
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let (mut ids, mut seen) = (Vec::new(), Vec::new());
        for text in texts {
            let missing = longest - text.len();
            ids.extend(text.iter().copied().chain(std::iter::repeat_n(self.padding, missing)));
            seen.extend(std::iter::repeat_n(1u32, text.len()).chain(std::iter::repeat_n(0, missing)));
        }
        let shape = (texts.len(), longest);
        let ids = Tensor::from_vec(ids, shape, &self.device)?;
        let seen = Tensor::from_vec(seen, shape, &self.device)?;
        let hidden = self.model.forward(&ids, &ids.zeros_like()?, Some(&seen))?;
        let seen = seen.to_dtype(DType::F32)?.unsqueeze(2)?;
        // The length of a sum is that of a mean but for a factor, which making it one takes away.
        let sums = hidden.broadcast_mul(&seen)?.sum(1)?;
        let squares = sums.sqr()?.sum_keepdim(1)?.clamp(LEAST, f32::MAX)?;
        sums.broadcast_div(&squares.sqrt()?)?.to_vec2()
    }
}
