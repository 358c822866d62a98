//! Linear layers: dense where the weights fit a stated bound, as they are stored where they do not.

use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{Device, Module, Result, Tensor};

use super::gguf::{ModelFile, first_line};
use crate::model::ModelError;

/// Up to this many bytes of single-precision weights a model is computed dense: 2 GiB is what any graphics processor that runs
/// such a model has to spare.
pub(super) const DENSE_BYTES: u64 = 2 << 30;

/// How weights are held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    /// As single-precision numbers.
    Dense,
    /// As the file stores them.
    Quantized,
}

impl Storage {
    /// Returns how a model of that many parameters is held where dense weights may take `bytes`.
    pub(super) fn within(bytes: u64, parameters: u64) -> Self {
        let dense = parameters.saturating_mul(4);
        if dense <= bytes { Self::Dense } else { Self::Quantized }
    }
}

/// One or more matrices that multiply the same input, their outputs side by side.
pub(super) struct Linear {
    parts: Vec<Weight>,
    /// What is added to the outputs.
    bias: Option<Tensor>,
}

enum Weight {
    /// Row-major `(outputs, inputs)`.
    Dense(Tensor),
    Quantized(QMatMul),
}

impl Linear {
    /// Takes a dense `(outputs, inputs)` matrix.
    pub(super) fn dense(weight: Tensor) -> Self {
        Self { parts: vec![Weight::Dense(weight)], bias: None }
    }

    /// Takes a quantized matrix as it is.
    pub(super) fn quantized(weight: QTensor) -> Result<Self> {
        Ok(Self { parts: vec![Weight::Quantized(QMatMul::from_qtensor(weight)?)], bias: None })
    }

    /// Loads the matrices `names`, each with its number of outputs.
    pub(super) fn load(
        file: &mut ModelFile,
        names: &[(&str, usize)],
        inputs: usize,
        storage: Storage,
        device: &Device,
    ) -> std::result::Result<Self, ModelError> {
        let mut tensors = Vec::with_capacity(names.len());
        for (name, outputs) in names {
            tensors.push(file.tensor(name, &[*outputs, inputs], device)?);
        }
        let parts = match storage {
            Storage::Dense => stack(&tensors, device).map(|weight| vec![Weight::Dense(weight)]),
            Storage::Quantized => tensors
                .into_iter()
                .map(|tensor| QMatMul::from_qtensor(tensor).map(Weight::Quantized))
                .collect(),
        };
        Ok(Self { parts: parts.map_err(|error| file.fail(first_line(&error)))?, bias: None })
    }

    /// Loads what is added to the outputs: the vectors `names`, each with its length, one after the other.
    pub(super) fn with_bias(
        self,
        file: &mut ModelFile,
        names: &[(&str, usize)],
        device: &Device,
    ) -> std::result::Result<Self, ModelError> {
        let parts: Vec<Tensor> = names
            .iter()
            .map(|(name, length)| vector(file, name, *length, device))
            .collect::<std::result::Result<_, _>>()?;
        let bias = Tensor::cat(&parts, 0).map_err(|error| file.fail(first_line(&error)))?;
        Ok(Self { bias: Some(bias), ..self })
    }

    /// Multiplies rows `x`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let product = match self.parts.as_slice() {
            [weight] => weight.forward(x)?,
            parts => {
                let outputs: Vec<Tensor> = parts.iter().map(|part| part.forward(x)).collect::<Result<_>>()?;
                Tensor::cat(&outputs, 1)?
            }
        };
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}

impl Weight {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Dense(weight) => x.matmul(&weight.t()?),
            Self::Quantized(weight) => weight.forward(x),
        }
    }
}

/// Loads a vector as single-precision numbers.
pub(super) fn vector(
    file: &mut ModelFile,
    name: &str,
    length: usize,
    device: &Device,
) -> std::result::Result<Tensor, ModelError> {
    let tensor = file.tensor(name, &[length], device)?;
    tensor.dequantize(device).map_err(|error| file.fail(first_line(&error)))
}

fn stack(tensors: &[QTensor], device: &Device) -> Result<Tensor> {
    let dense: Vec<Tensor> = tensors.iter().map(|tensor| tensor.dequantize(device)).collect::<Result<_>>()?;
    match dense.as_slice() {
        [only] => Ok(only.clone()),
        several => Tensor::cat(several, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_dense_up_to_the_bound_and_quantized_from_the_next_parameter_on() {
        assert_eq!(Storage::within(4096, 1024), Storage::Dense);
        assert_eq!(Storage::within(4096, 1025), Storage::Quantized);
        assert_eq!(Storage::within(DENSE_BYTES, u64::MAX), Storage::Quantized);
    }
}
