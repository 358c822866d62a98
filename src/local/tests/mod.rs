//! Tests of the engine as a whole: on a tiny model of our own making, and on a real one where it is present.

use candle_core::Device;

use self::alone::Alone;
use super::cpu::CpuPass;
use super::gguf::ModelFile;
use super::llama::Llama;
use super::weights::Storage;

mod alone;
mod answers;
mod cancelling;
mod checkpoint;
mod families;
mod files;
#[cfg(feature = "cuda")]
mod gpu;
mod mixed;
mod oracle;
mod pulling;
mod qwen2;
mod recorded;
mod reference;
mod scheduling;
mod scored;
mod serving;
mod sharing;
mod stretching;
mod templates;
mod tiny;
mod toy;

pub(super) use families::FAMILIES;
pub(super) use mixed::MODELS;
pub(super) use tiny::{model, weights};

/// The passes that are held against what others computed.
#[derive(Debug, Clone, Copy)]
enum Computed {
    /// On the processors, as the engine does.
    Cpu,
    /// Over tensors, with weights held that way.
    Tensors(Storage),
    /// On a graphics processor.
    #[cfg(feature = "cuda")]
    Gpu,
}

impl Computed {
    /// Loads a model, for one sequence.
    fn load(self, file: &mut ModelFile, vocabulary: usize, window: usize) -> Alone {
        Alone::new(match self {
            Self::Cpu => Box::new(CpuPass::load(file, vocabulary, window).unwrap()),
            Self::Tensors(storage) => {
                Box::new(Llama::load(file, vocabulary, window, storage, &Device::Cpu).unwrap())
            }
            #[cfg(feature = "cuda")]
            Self::Gpu => gpu::load(file, vocabulary, window),
        })
    }
}
