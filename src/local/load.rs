//! Chooses what computes a model, and loads its weights into it.

use std::path::Path;

use candle_core::Device;
use rayon::ThreadPool;

use super::cpu::CpuPass;
use super::device::{self, DeviceInfo};
use super::engine::LocalOptions;
use super::gguf::ModelFile;
use super::info::ModelInfo;
use super::llama::Llama;
use super::pass::Pass;
use super::tokenizer::Vocabulary;
use super::weights::{DENSE_BYTES, Storage};
use crate::model::ModelError;

/// A model that is ready to compute.
pub(super) struct Loaded {
    pub(super) pass: Box<dyn Pass>,
    pub(super) file: ModelFile,
    pub(super) info: ModelInfo,
    pub(super) vocabulary: Vocabulary,
    /// The longest context in tokens.
    pub(super) window: usize,
    pub(super) device: DeviceInfo,
    /// The threads that compute what processors compute.
    pub(super) threads: ThreadPool,
}

impl Loaded {
    /// Loads the model file at `path`.
    pub(super) fn new(path: &Path, options: &LocalOptions) -> Result<Self, ModelError> {
        let mut file = ModelFile::open(path)?;
        let info = file.info().clone();
        let context = options.window.unwrap_or(info.context);
        let context = if options.stretch { context } else { context.min(info.context) };
        if context > info.context {
            tracing::warn!(context, trained = info.context, "positions are stretched: answers may be worse");
        }
        if let Some(base) = options.rope_base {
            tracing::warn!(base, "positions are turned by another base than the model file names");
            file.turn_by(base);
        }
        let window = usize::try_from(context).map_err(|error| file.fail(error.to_string()))?;
        let (on, device) = device::choose();
        let vocabulary = Vocabulary::load(&file)?;
        let threads = rayon::ThreadPoolBuilder::new().num_threads(options.threads.unwrap_or(0)).build();
        let threads = threads.map_err(|error| file.fail(format!("its engine cannot be started: {error}")))?;
        let pass = threads.install(|| pass(&mut file, vocabulary.len(), window, &on))?;
        Ok(Self { pass, file, info, vocabulary, window, device, threads })
    }
}

fn pass(
    file: &mut ModelFile,
    vocabulary: usize,
    window: usize,
    device: &Device,
) -> Result<Box<dyn Pass>, ModelError> {
    #[cfg(feature = "cuda")]
    if device.is_cuda() {
        match super::cuda::Sizes::read(file, vocabulary) {
            Ok(sizes) => return Ok(Box::new(super::cuda::CudaPass::load(file, sizes, window, device)?)),
            Err(error) => tracing::info!(%error, "the model is computed by the tensor library"),
        }
    }
    if device.is_cpu() {
        return Ok(Box::new(CpuPass::load(file, vocabulary, window)?));
    }
    let storage = Storage::within(DENSE_BYTES, file.info().parameters);
    Ok(Box::new(Llama::load(file, vocabulary, window, storage, device)?))
}

/// A model of random weights, and how long its window is.
type Shaped = (Box<dyn Pass>, usize);

/// Makes a model of random weights with the sizes of the `config.json` at `path`, and says how long its window is.
pub(super) fn of_shape(path: &Path) -> Result<Shaped, ModelError> {
    let (device, found) = device::choose();
    if let Some(made) = random(path, &device)? {
        return Ok(made);
    }
    let why = found.fallback.unwrap_or_else(|| "this program was built without the feature `cuda`".into());
    let reason = format!("random weights are computed by a graphics processor only: {why}");
    Err(ModelError::Load { path: path.to_owned(), reason })
}

#[cfg(feature = "cuda")]
fn random(path: &Path, device: &Device) -> Result<Option<Shaped>, ModelError> {
    if device.is_cpu() {
        return Ok(None);
    }
    let (sizes, window) = super::cuda::Sizes::configured(path)?;
    Ok(Some((Box::new(super::cuda::CudaPass::random(sizes, window, device)?), window)))
}

#[cfg(not(feature = "cuda"))]
#[expect(clippy::unnecessary_wraps, reason = "as it is where there are graphics processors")]
fn random(_: &Path, _: &Device) -> Result<Option<Shaped>, ModelError> {
    Ok(None)
}
