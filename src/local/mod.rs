//! The local engine: computes models on this machine, behind the traits of `model`.
//!
//! A model file says everything itself: sizes, vocabulary, chat template. It is read in three layers, each of which
//! knows nothing of the one above: the container and its weights (`gguf`, `shape`, `architecture`, `pass`,
//! `device`; `cpu` with `kernel` on processors, `llama` with `weights` and `cache` on graphics processors), text
//! (`tokenizer`, `pretokenize`, `wordcount`, `template`), and answers (`sampling`, `stream`, `constraint`, `generate`,
//! `engine`). `measure` is the text layer alone. `embed` computes models that turn texts into vectors, which
//! are folders of files. `known` lists what `pull` fetches, which is the only part that reaches the network.

mod alone;
mod architecture;
mod cache;
mod constraint;
mod counter;
mod cpu;
mod device;
mod embed;
mod engine;
mod generate;
mod gguf;
mod info;
mod kernel;
mod known;
mod llama;
mod measure;
mod pass;
mod pretokenize;
mod pull;
mod sampling;
mod shape;
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
pub use embed::LocalEmbedder;
pub use engine::{LocalModel, LocalOptions};
pub use info::{ModelInfo, weights_of};
pub use known::{KnownFile, KnownModel, ModelKind, known_models};
pub use measure::LocalMeasure;
pub use pull::{InstalledModel, PullError, PullEvent, installed, pull, resolve, sha256};
pub use sources::{Hub, PackageIndex, PullSource};
