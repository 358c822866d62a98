//! The files of a model that turns texts into vectors: reads what they say, and refuses what cannot be computed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use candle_core::safetensors::BufferedSafetensors;
use candle_core::{DType, Device};
use candle_transformers::models::bert::{Config, HiddenAct};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::pieces::Pieces;
use crate::hash::ContentHash;
use crate::local::gguf::{cannot_open, first_line};
use crate::local::info::ModelInfo;
use crate::model::ModelError;

const CONFIG: &str = "config.json";
const LONGEST: &str = "sentence_bert_config.json";
const TOKENIZER: &str = "tokenizer.json";
pub(in crate::local) const WEIGHTS: &str = "model.safetensors";

/// The longest header of a file of weights that is read; the format allows no longer one.
const LONGEST_HEADER: u64 = 100_000_000;

/// Says whether the files of a model that embeds lie in the folder `path`.
pub(in crate::local) fn is_folder(path: &Path) -> bool {
    [CONFIG, TOKENIZER, WEIGHTS].iter().all(|name| path.join(name).is_file())
}

/// What a `sentence_bert_config.json` says.
#[derive(Deserialize)]
struct Longest {
    max_seq_length: usize,
}

/// The folder of a model, whose sizes have been checked.
#[derive(Debug)]
pub(in crate::local) struct Folder {
    path: PathBuf,
    config: Config,
    longest: usize,
}

/// The weights of a model in memory, by name.
pub(super) struct Weights<'a> {
    folder: &'a Folder,
    pub(super) tensors: BufferedSafetensors,
}

impl Folder {
    /// Reads the sizes of the model in the folder `path`, and checks what can be checked without reading weights.
    pub(in crate::local) fn open(path: &Path) -> Result<Self, ModelError> {
        let config: Config = read_json(&path.join(CONFIG))?;
        // Without this file the model takes what it has positions for.
        let own = path.join(LONGEST);
        let longest = if own.exists() {
            read_json::<Longest>(&own)?.max_seq_length
        } else {
            config.max_position_embeddings
        };
        let folder = Self { path: path.to_owned(), config, longest };
        folder.check().map_err(|reason| ModelError::Load { path: path.join(CONFIG), reason })?;
        Ok(folder)
    }

    fn check(&self) -> Result<(), String> {
        let Config { hidden_size, num_attention_heads, max_position_embeddings, .. } = self.config;
        let kind = self.config.model_type.as_deref();
        if kind.is_some_and(|kind| kind != "bert") {
            return Err(format!("it is a `{}`: expected a `bert`", kind.unwrap_or_default()));
        }
        if self.config.hidden_act != HiddenAct::Gelu {
            return Err("its activation cannot be computed: expected `gelu`".into());
        }
        if hidden_size == 0 || num_attention_heads == 0 || !hidden_size.is_multiple_of(num_attention_heads) {
            return Err(format!("its {hidden_size} numbers cannot be shared by {num_attention_heads} heads"));
        }
        if self.longest < 3 || self.longest > max_position_embeddings {
            return Err(format!(
                "texts of up to {} pieces do not go with its {max_position_embeddings} positions",
                self.longest
            ));
        }
        Ok(())
    }

    /// Returns the sizes.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Returns how many pieces the longest text has, those that mark its ends among them.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Makes an error of the file of weights.
    pub(super) fn fail(&self, reason: impl Into<String>) -> ModelError {
        ModelError::Load { path: self.path.join(WEIGHTS), reason: reason.into() }
    }

    /// Reads the tokenizer for texts of up to `longest` pieces.
    pub(super) fn pieces(&self, longest: usize) -> Result<Pieces, ModelError> {
        let path = self.path.join(TOKENIZER);
        let bytes = read(&path)?;
        Pieces::new(&bytes, longest, self.config.vocab_size)
            .map_err(|reason| ModelError::Load { path, reason })
    }

    /// Reads the weights, and returns them with a hash of everything that a vector depends on.
    pub(super) fn weights(&self) -> Result<(Weights<'_>, ContentHash), ModelError> {
        let mut hasher = ContentHash::streaming();
        for name in [CONFIG, TOKENIZER] {
            hasher.update(&read(&self.path.join(name))?);
        }
        let bytes = read(&self.path.join(WEIGHTS))?;
        hasher.update(&bytes);
        let tensors = BufferedSafetensors::new(bytes).map_err(|error| self.damaged(&error))?;
        Ok((Weights { folder: self, tensors }, hasher.finish()))
    }

    fn damaged(&self, error: &candle_core::Error) -> ModelError {
        self.fail(format!("it is damaged, or no file of safetensors: {}", first_line(error)))
    }

    /// Returns what the files say of the model. Reads no weight.
    pub(in crate::local) fn info(&self) -> Result<ModelInfo, ModelError> {
        let (parameters, quantization) = self.counted()?;
        let size = |name| fs::metadata(self.path.join(name)).map_or(0, |data| data.len());
        let name = self.path.file_name().unwrap_or_default();
        Ok(ModelInfo {
            name: name.to_string_lossy().into_owned(),
            architecture: "bert".into(),
            quantization,
            context: self.longest as u64,
            parameters,
            licence: None,
            bytes: [CONFIG, LONGEST, TOKENIZER, WEIGHTS].into_iter().map(size).sum(),
        })
    }

    /// Counts the weights, and finds the type that most of them have.
    fn counted(&self) -> Result<(u64, String), ModelError> {
        let path = self.path.join(WEIGHTS);
        let failed =
            |error: std::io::Error| ModelError::Load { path: path.clone(), reason: cannot_open(&error) };
        let mut file = File::open(&path).map_err(failed)?;
        let mut length = [0; 8];
        let mut header = Vec::new();
        file.read_exact(&mut length).map_err(failed)?;
        let length = u64::from_le_bytes(length).min(LONGEST_HEADER);
        file.take(length).read_to_end(&mut header).map_err(failed)?;
        let tensors: BTreeMap<String, Value> = serde_json::from_slice(&header)
            .map_err(|error| self.fail(format!("its header is damaged: {error}")))?;
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for tensor in tensors.values() {
            let kind = tensor.get("dtype").and_then(Value::as_str).filter(|kind| kind.contains('F'));
            let shape = tensor.get("shape").and_then(Value::as_array);
            if let (Some(kind), Some(shape)) = (kind, shape) {
                let sizes = shape.iter().map(|size| size.as_u64().unwrap_or(0));
                *counts.entry(kind).or_default() += sizes.fold(1, u64::saturating_mul);
            }
        }
        let most = counts.iter().max_by_key(|(_, count)| **count).map_or("", |(kind, _)| *kind);
        Ok((counts.values().sum(), most.to_owned()))
    }
}

impl Weights<'_> {
    /// Returns the numbers of the tensor `name`, row by row, after checking its shape.
    pub(super) fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let failed = |error: candle_core::Error| {
            self.folder.fail(format!("its tensor `{name}`: {}", first_line(&error)))
        };
        // Some files are those of a larger model, in which this one has a name.
        let names = [name.to_owned(), format!("bert.{name}")];
        let found = names.iter().find(|name| self.tensors.get(name).is_ok());
        let tensor = self.tensors.load(found.map_or(name, String::as_str), &Device::Cpu).map_err(failed)?;
        if tensor.dims() != shape {
            let dims = tensor.dims();
            return Err(self
                .folder
                .fail(format!("its tensor `{name}` has the shape {dims:?}: expected {shape:?}")));
        }
        let numbers = tensor.to_dtype(DType::F32).and_then(|tensor| tensor.flatten_all()?.to_vec1());
        numbers.map_err(failed)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    fs::read(path).map_err(|error| ModelError::Load { path: path.to_owned(), reason: cannot_open(&error) })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ModelError> {
    serde_json::from_slice(&read(path)?).map_err(|error| ModelError::Load {
        path: path.to_owned(),
        reason: format!("it cannot be used: {error}"),
    })
}
