//! The local engine: computes models on this machine, behind the traits of `model`.
//!
//! A model file says everything itself: sizes, vocabulary, chat template. It is read in three layers, each of which
//! knows nothing of the one above: the container and its weights (`gguf`, `checkpoint`, `shape`, `architecture`, `positions`, `device`, `load`; `cpu`
//! with `kernel` on processors, `cuda` on graphics processors, and `llama` with `weights` and `cache` on those that `cuda` has
//! no kernels for), text (`tokenizer`, `pretokenize`, `scored`, `wordcount`, `template`), and answers (`sampling`, `stream`,
//! `constraint`, `serving`, `engine`). `serving` works on many requests at once, over pages of keys and values that requests
//! which begin alike share; between it and what computes stands `pass`, whose speed `speed` measures. `measure` is the text
//! layer alone. `embed` computes models that turn texts into vectors, which
//! are folders of files. `known` lists what `pull` fetches, which is the only part that reaches the network.

mod architecture;
mod cache;
mod checkpoint;
mod constraint;
mod counter;
mod cpu;
#[cfg(feature = "cuda")]
mod cuda;
mod device;
mod embed;
mod engine;
mod gguf;
mod info;
mod kernel;
mod known;
mod llama;
mod load;
mod measure;
mod pass;
mod positions;
mod pretokenize;
mod pull;
mod sampling;
mod scored;
mod serving;
mod shape;
mod sources;
mod speed;
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
pub use speed::{Rate, Speed, SpeedPlan, speed, speed_of_shape};
