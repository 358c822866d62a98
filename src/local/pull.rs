//! Models on this machine: which are here, and how a known one gets here.
//!
//! A model stands under its final name only once all of its files are whole and their SHA-256 are the known ones.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::checkpoint;
use super::embed::is_folder;
use super::info::ModelInfo;
use super::known::{KnownFile, KnownModel, ModelKind, known_models};
use super::sources::PullSource;

/// A model in the folder of models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledModel {
    /// Its name: the stem of the file, or the name of the folder.
    pub name: String,
    /// The file, or the folder.
    pub path: PathBuf,
    /// What it says about itself.
    pub info: ModelInfo,
}

/// What happens while a model is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullEvent {
    /// A source is asked; its name follows.
    Source(String),
    /// That many bytes of that many are here.
    Bytes {
        /// Bytes here.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// A source could not give the files; why.
    Failed {
        /// The source.
        source: String,
        /// What went wrong.
        reason: String,
    },
    /// The SHA-256 is being compared.
    Checking,
}

/// A model could not be found or fetched.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// There is neither a known model, nor an installed one, nor a file of that name.
    #[error("there is no model `{name}`: expected {}, or the path of a GGUF file", names(known))]
    Unknown {
        /// The name as it was given.
        name: String,
        /// The names of known models.
        known: Vec<String>,
    },
    /// The model is known but not here.
    #[error("the model `{name}` is not on this machine: fetch it with `longhand models pull {name}`")]
    NotInstalled {
        /// The model's name.
        name: String,
    },
    /// No source could give the files.
    #[error("the model `{name}` cannot be fetched: {}", reasons.join("; "))]
    NoSource {
        /// The model's name.
        name: String,
        /// What each source said, in the order they were asked.
        reasons: Vec<String>,
    },
    /// The folder of models cannot be written.
    #[error("cannot write the model to `{}`", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn names(known: &[String]) -> String {
    format!("`{}`", known.join("`, `"))
}

/// Fetches `model` into the folder `dir` from the first of `sources` that has it, and returns its path.
///
/// A model that is there already and has the right SHA-256 is kept. Blocks: call it where that is allowed.
///
/// # Errors
/// [`PullError::NoSource`] where no source gives the right files, [`PullError::Write`] where they cannot be stored.
pub fn pull(
    model: &KnownModel,
    dir: &Path,
    sources: &[&dyn PullSource],
    progress: &dyn Fn(PullEvent),
) -> Result<PathBuf, PullError> {
    let target = model.path_in(dir);
    if check(&model.files_at(&target), model).is_ok() {
        return Ok(target);
    }
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| PullError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(write(dir))?;
    let mut reasons = Vec::new();
    for source in sources {
        progress(PullEvent::Source(source.name()));
        // In the same folder, so that the last move is a rename.
        let work = TempDir::new_in(dir).map_err(write(dir))?;
        let fetched = source.fetch(model, work.path(), progress).and_then(|paths| {
            progress(PullEvent::Checking);
            check(&paths, model).map(|()| paths)
        });
        match fetched {
            Ok(paths) => {
                install(&paths, model, work.path(), &target).map_err(write(&target))?;
                return Ok(target);
            }
            Err(reason) => {
                progress(PullEvent::Failed { source: source.name(), reason: reason.clone() });
                reasons.push(format!("{}: {reason}", source.name()));
            }
        }
    }
    Err(PullError::NoSource { name: model.name.clone(), reasons })
}

/// Lists the models in `dir` by name; what cannot be used is left out.
#[must_use]
pub fn installed(dir: &Path) -> Vec<InstalledModel> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let read = |path: PathBuf| {
        let gguf = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
        let name = if gguf { path.file_stem() } else { path.file_name() }?.to_str()?.to_owned();
        let info = if gguf || is_model(&path) { ModelInfo::read(&path).ok()? } else { return None };
        Some(InstalledModel { name, path, info })
    };
    let mut models: Vec<InstalledModel> = entries.filter_map(read).collect();
    models.sort_by(|a, b| a.name.cmp(&b.name));
    models
}

/// Returns the file or the folder that `name_or_path` means: a model in `dir`, or one anywhere.
///
/// # Errors
/// [`PullError::NotInstalled`] where the model is known but not here, [`PullError::Unknown`] otherwise.
pub fn resolve(name_or_path: &str, dir: &Path) -> Result<PathBuf, PullError> {
    let here = [dir.join(format!("{name_or_path}.gguf")), dir.join(name_or_path)];
    let model = here.into_iter().find(|path| path.is_file() || is_model(path));
    if let (false, Some(model)) = (name_or_path.contains(['/', '\\']), model) {
        return Ok(model);
    }
    let path = Path::new(name_or_path);
    if path.is_file() || is_model(path) {
        return Ok(path.to_owned());
    }
    let known: Vec<String> = known_models().into_iter().map(|model| model.name).collect();
    let name = name_or_path.to_owned();
    if known.contains(&name) {
        return Err(PullError::NotInstalled { name });
    }
    Err(PullError::Unknown { name, known })
}

fn is_model(folder: &Path) -> bool {
    is_folder(folder) || checkpoint::is_folder(folder)
}

/// Moves the files of a model to `target`, where they stand all at once.
fn install(paths: &[PathBuf], model: &KnownModel, work: &Path, target: &Path) -> io::Result<()> {
    let whole = match model.kind {
        ModelKind::Chat => work.join("whole.gguf"),
        ModelKind::Embeddings => work.join("whole"),
    };
    if model.kind == ModelKind::Embeddings {
        fs::create_dir(&whole)?;
        if target.exists() {
            // A folder is not replaced by one that is renamed. What was damaged goes with the work.
            fs::rename(target, work.join("damaged"))?;
        }
    }
    for (path, to) in paths.iter().zip(model.files_at(&whole)) {
        // It may be a link into a cache.
        let real = fs::canonicalize(path)?;
        File::open(&real)?.sync_all()?;
        fs::rename(&real, to)?;
    }
    fs::rename(&whole, target)
}

/// Returns the SHA-256 of a file in lower-case hexadecimal digits, as hubs publish it.
///
/// # Errors
/// What the system said.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(format!("{:x}", hasher.finalize()));
        }
        hasher.update(buffer.get(..read).unwrap_or(&[]));
    }
}

/// Compares the files of a model with what is known about them.
fn check(paths: &[PathBuf], model: &KnownModel) -> Result<(), String> {
    if paths.len() != model.files.len() {
        return Err(format!("it gave {} files: expected {}", paths.len(), model.files.len()));
    }
    paths.iter().zip(&model.files).try_for_each(|(path, known)| check_file(path, known))
}

fn check_file(path: &Path, known: &KnownFile) -> Result<(), String> {
    let bytes = fs::metadata(path).map_err(|error| error.to_string())?.len();
    let file = &known.file;
    if bytes != known.bytes {
        return Err(format!("the file `{file}` has {bytes} bytes: expected {}", known.bytes));
    }
    let found = sha256(path).map_err(|error| error.to_string())?;
    if found != known.sha256 {
        return Err(format!("the SHA-256 of the file `{file}` is {found}: expected {}", known.sha256));
    }
    Ok(())
}
