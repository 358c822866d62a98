//! What a model says about itself, whichever way it is stored.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checkpoint;
use super::embed::{Folder, WEIGHTS};
use super::gguf::ModelFile;
use super::known::known_models;
use crate::model::ModelError;

/// What a model says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// The model's own name, or that of its file or folder where it gives none.
    pub name: String,
    /// The architecture, such as `llama`.
    pub architecture: String,
    /// The type that most of the weights are stored in, such as `Q4_1`.
    pub quantization: String,
    /// The longest context, in tokens.
    pub context: u64,
    /// How many weights it has.
    pub parameters: u64,
    /// The licence, as the file or the table of known models names it.
    pub licence: Option<String>,
    /// The size of the file, or of all files, in bytes.
    pub bytes: u64,
}

/// Returns the file with the weights of the model at `path`; where there are several, the one that names them.
#[must_use]
pub fn weights_of(path: &Path) -> PathBuf {
    let whole = path.join(WEIGHTS);
    match path.is_dir() {
        true if whole.is_file() || !checkpoint::is_folder(path) => whole,
        true => path.join(checkpoint::INDEX),
        false => path.to_owned(),
    }
}

impl ModelInfo {
    /// Reads the header of the model file at `path`, or of the folder there with the files of a model; no weight is read.
    ///
    /// # Errors
    /// [`ModelError::Load`] where a file is missing, damaged, or of a kind that cannot be computed.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        if !path.is_dir() || checkpoint::is_folder(path) {
            return Ok(ModelFile::open(path)?.info().clone());
        }
        let mut info = Folder::open(path)?.info()?;
        // The files do not say it.
        let known = known_models().into_iter().find(|known| known.name == info.name);
        info.licence = known.map(|known| known.licence);
        Ok(info)
    }
}
