//! The weights of a model as two-byte numbers in the memory of the graphics processor: those of a file, or random ones.

use std::sync::Arc;

use candle_core::cuda_backend::CudaStorageSlice;
use candle_core::{DType, Device, Result, Storage, Tensor, bail};
use cudarc::driver::{CudaStream, DevicePtr};

use super::kernels::Kernels;
use super::memory::{Address, computing};
use super::product::Matrix;
use super::sizes::Sizes;
use crate::local::architecture::Blueprint;
use crate::local::gguf::{ModelFile, first_line};
use crate::local::shape;
use crate::model::ModelError;

/// The weights of a layer.
pub(super) struct Layer {
    pub(super) attention_norm: Address,
    /// Queries, keys and values, one above the other.
    pub(super) qkv: Matrix,
    /// The norms of the heads of queries and of keys; 0 where they are not normalized.
    pub(super) q_norm: Address,
    pub(super) k_norm: Address,
    pub(super) output: Matrix,
    pub(super) feed_norm: Address,
    /// The gates above the values that they let through.
    pub(super) gate_up: Matrix,
    pub(super) down: Matrix,
}

/// The weights of a model.
pub(super) struct Weights {
    /// A row for each token.
    pub(super) embedding: Address,
    pub(super) layers: Vec<Layer>,
    pub(super) norm: Address,
    pub(super) head: Matrix,
    /// What the addresses lead to.
    kept: Vec<Tensor>,
}

/// Returns the address of a tensor by the names and shapes of its parts, which lie one above the other.
type Load<'a> = dyn FnMut(&[(String, Vec<usize>)], DType) -> std::result::Result<Address, ModelError> + 'a;

impl Weights {
    /// Loads the weights of `file`.
    pub(super) fn load(
        file: &mut ModelFile,
        sizes: &Sizes,
        device: &Device,
        stream: &Arc<CudaStream>,
    ) -> std::result::Result<Self, ModelError> {
        let blueprint = Blueprint::read(file, &shape::Sizes::read(file)?);
        let (biased, head_norms) = (blueprint.biased, blueprint.head_norms);
        let mut source = File { file, device };
        let mut keeper = Keeper { tensors: Vec::new(), stream };
        let tied = !source.file.has("output.weight");
        Self::build(sizes, (biased, head_norms), tied, &mut |parts, kind| {
            let tensor = source.stacked(parts, kind)?;
            let path = source.file.path().to_owned();
            let failed = |error| ModelError::Load { path, reason: first_line(&error) };
            keeper.keep(&tensor).map_err(failed)
        })
        .map(|weights| Self { kept: keeper.tensors, ..weights })
    }

    /// Makes random weights, for measurements of shapes whose weights are not at hand.
    pub(super) fn random(
        sizes: &Sizes,
        device: &Device,
        stream: &Arc<CudaStream>,
        kernels: &Kernels,
    ) -> std::result::Result<Self, ModelError> {
        let mut keeper = Keeper { tensors: Vec::new(), stream };
        let mut seed = 0;
        let weights = Self::build(sizes, (false, false), false, &mut |parts, kind| {
            let failed = |error: candle_core::Error| ModelError::Compute { reason: first_line(&error) };
            let outputs: usize = parts.iter().map(|part| part.1.iter().product::<usize>()).sum();
            if kind == DType::F32 {
                return Tensor::ones(outputs, kind, device)
                    .and_then(|ones| keeper.keep(&ones))
                    .map_err(failed);
            }
            let address =
                Tensor::zeros(outputs, kind, device).and_then(|zeros| keeper.keep(&zeros)).map_err(failed)?;
            device.synchronize().map_err(failed)?;
            seed += 1 << 40;
            kernels.fill(address, outputs, seed, 0.03).map_err(computing)?;
            Ok(address)
        });
        weights.map(|weights| Self { kept: keeper.tensors, ..weights })
    }

    /// Keeps tensors as long as the weights.
    pub(super) fn keep(&mut self, tensors: Vec<Tensor>) {
        self.kept.extend(tensors);
    }

    /// Asks `load` for every tensor by the names and shapes of its parts, which it puts one above the other.
    fn build(
        sizes: &Sizes,
        (biased, head_norms): (bool, bool),
        tied: bool,
        load: &mut Load<'_>,
    ) -> std::result::Result<Self, ModelError> {
        let &Sizes { hidden, feed, heads, kv_heads, head, vocabulary, .. } = sizes;
        let mut vector = |name: String, length| load(&[(name, vec![length])], DType::F32);
        let norm = vector("output_norm.weight".into(), hidden)?;
        let table = [("token_embd.weight".to_owned(), vec![vocabulary, hidden])];
        let embedding = load(&table, DType::BF16)?;
        let output = [("output.weight".to_owned(), vec![vocabulary, hidden])];
        let weights = if tied { embedding } else { load(&output, DType::BF16)? };
        let mut layers = Vec::with_capacity(sizes.layers);
        for index in 0..sizes.layers {
            let mut matrix = |parts: &[(&str, usize)], inputs: usize, biased: bool| {
                let named = |kind: &str, width: Option<usize>| -> Vec<(String, Vec<usize>)> {
                    let shape = |rows: usize| std::iter::once(rows).chain(width).collect();
                    parts
                        .iter()
                        .map(|(part, rows)| (format!("blk.{index}.{part}.{kind}"), shape(*rows)))
                        .collect()
                };
                let weights = load(&named("weight", Some(inputs)), DType::BF16)?;
                let bias = if biased { load(&named("bias", None), DType::F32)? } else { 0 };
                let outputs = parts.iter().map(|part| part.1).sum();
                Ok::<_, ModelError>(Matrix { weights, bias, outputs, inputs })
            };
            let (queries, keys) = (heads * head, kv_heads * head);
            let qkv = matrix(&[("attn_q", queries), ("attn_k", keys), ("attn_v", keys)], hidden, biased)?;
            let output = matrix(&[("attn_output", hidden)], queries, false)?;
            let gate_up = matrix(&[("ffn_gate", feed), ("ffn_up", feed)], hidden, false)?;
            let down = matrix(&[("ffn_down", hidden)], feed, false)?;
            let mut norm = |name: &str, length| {
                load(&[(format!("blk.{index}.{name}.weight"), vec![length])], DType::F32)
            };
            let (attention_norm, feed_norm) = (norm("attn_norm", hidden)?, norm("ffn_norm", hidden)?);
            let mut head_norm = |name: &str| if head_norms { norm(name, head) } else { Ok(0) };
            let (q_norm, k_norm) = (head_norm("attn_q_norm")?, head_norm("attn_k_norm")?);
            layers.push(Layer { attention_norm, qkv, q_norm, k_norm, output, feed_norm, gate_up, down });
        }
        let head = Matrix { weights, bias: 0, outputs: vocabulary, inputs: hidden };
        Ok(Self { embedding, layers, norm, head, kept: Vec::new() })
    }
}

/// A file and where its tensors go.
struct File<'a> {
    file: &'a mut ModelFile,
    device: &'a Device,
}

impl File<'_> {
    /// Reads tensors and puts them one above the other, as numbers of `kind`.
    fn stacked(
        &mut self,
        parts: &[(String, Vec<usize>)],
        kind: DType,
    ) -> std::result::Result<Tensor, ModelError> {
        let mut tensors = Vec::with_capacity(parts.len());
        for (name, shape) in parts {
            let stored = self.file.tensor(name, shape, self.device)?;
            let numbers = stored.dequantize(self.device).and_then(|numbers| numbers.to_dtype(kind));
            tensors.push(numbers.map_err(|error| self.file.fail(first_line(&error)))?);
        }
        Tensor::cat(&tensors, 0).map_err(|error| self.file.fail(first_line(&error)))
    }
}

/// Keeps tensors alive whose addresses were given away.
pub(super) struct Keeper<'a> {
    pub(super) tensors: Vec<Tensor>,
    pub(super) stream: &'a Arc<CudaStream>,
}

impl Keeper<'_> {
    /// Keeps a tensor and returns where its numbers begin.
    pub(super) fn keep(&mut self, tensor: &Tensor) -> Result<Address> {
        let tensor = tensor.contiguous()?;
        let address = {
            let (storage, layout) = tensor.storage_and_layout();
            let Storage::Cuda(storage) = &*storage else {
                bail!("a tensor is not on the graphics processor")
            };
            let offset = (layout.start_offset() * tensor.dtype().size_in_bytes()) as u64;
            match &storage.slice {
                CudaStorageSlice::F32(numbers) => numbers.device_ptr(self.stream).0 + offset,
                CudaStorageSlice::BF16(numbers) => numbers.device_ptr(self.stream).0 + offset,
                _ => bail!("a tensor has numbers of another kind"),
            }
        };
        self.tensors.push(tensor);
        Ok(address)
    }
}
