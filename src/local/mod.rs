//! The local engine: computes language models on this machine, behind the traits of `model`.
//!
//! A model file says everything itself: sizes, vocabulary, chat template. It is read in three layers, each of which
//! knows nothing of the one above: the container and its weights (`gguf`, `weights`, `cache`, `llama`,
//! `kernel`, `device`), text
//! (`tokenizer`, `pretokenize`, `wordcount`, `template`), and answers (`sampling`, `stream`, `constraint`, `generate`,
//! `engine`). `measure` is the text layer alone. `pull` fetches model files, and is the only part that reaches the network.

mod cache;
mod constraint;
mod counter;
mod device;
mod engine;
mod generate;
mod gguf;
mod kernel;
mod llama;
mod measure;
mod pretokenize;
mod pull;
mod sampling;
mod sources;
mod stream;
mod template;
mod tokenizer;
mod weights;
mod wordcount;

#[cfg(test)]
mod tests;

pub use counter::counter_of;
pub use device::{DeviceInfo, device_info};
pub use engine::{LocalModel, LocalOptions};
pub use gguf::ModelInfo;
pub use measure::LocalMeasure;
pub use pull::{
    InstalledModel, KnownModel, PullError, PullEvent, installed, known_models, pull, resolve, sha256,
};
pub use sources::{Hub, PackageIndex, PullSource};
