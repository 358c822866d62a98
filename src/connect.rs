//! From the name of a model to the model: the only place that knows every back end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::{ChatModel, ModelError, Script, ScriptedModel};
use crate::spec::{self, Diagnostics};

/// The model that is asked where nobody names one.
pub const DEFAULT_MODEL: &str = "smollm2";

/// The prefix of a scripted model's name.
const SCRIPTED: &str = "scripted";

/// Where models are, and how much of them to use.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// The folder of pulled models.
    pub models: PathBuf,
    /// A window smaller than the model's own.
    pub window: Option<u64>,
}

/// A model that is ready to be asked.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The model.
    pub model: Arc<dyn ChatModel>,
    /// How many parameters it has, where that is known.
    pub parameters: Option<u64>,
    /// What the user should know of how it is computed.
    pub note: Option<String>,
}

/// There is no such model, or it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name is one that can be pulled, and it has not been.
    #[error("the model `{name}` is not on this machine")]
    NotPulled {
        /// The model's name.
        name: String,
    },
    /// Nothing is called so.
    #[error("`{name}` is neither a known model nor a file")]
    Unknown {
        /// The name as given.
        name: String,
        /// A known name that is written much like it.
        similar: Option<String>,
    },
    /// The folder of models cannot be searched.
    #[cfg(feature = "local")]
    #[error("the folder of models cannot be searched")]
    Missing {
        /// What was wrong.
        source: crate::local::PullError,
    },
    /// The model cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The script of a scripted model is invalid.
    #[error(transparent)]
    Script(#[from] Diagnostics),
    /// The build has no back end for local models.
    #[error("this build of longhand has no local models: it was built without the feature `local`")]
    NoLocal,
}

impl ConnectError {
    /// Returns a remedy.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotPulled { name } => Some(format!("fetch it with `longhand models pull {name}`")),
            Self::Unknown { similar: Some(similar), .. } => Some(format!("did you mean `{similar}`?")),
            Self::Unknown { .. } => Some(
                "`longhand models list` shows the names, and `--model FILE.gguf` takes any file".to_owned(),
            ),
            _ => None,
        }
    }
}

/// Connects to the model that `name` says: `scripted`, `scripted:FILE.yaml`, the path of a GGUF file, or the name of a
/// pulled model.
///
/// # Errors
/// [`ConnectError`].
pub fn connect(name: &str, options: &ConnectOptions) -> Result<Connection, ConnectError> {
    if let Some(rest) = name.strip_prefix(SCRIPTED) {
        let script = match rest.strip_prefix(':') {
            Some(file) => spec::script(Path::new(file))?,
            None if rest.is_empty() => Script::default(),
            None => {
                return Err(ConnectError::Unknown {
                    name: name.to_owned(),
                    similar: Some(SCRIPTED.to_owned()),
                });
            }
        };
        let context = options.window.map_or(script.context, |window| window.min(script.context));
        let model = Arc::new(ScriptedModel::new(Script { context, ..script }));
        return Ok(Connection { model, parameters: None, note: None });
    }
    local(name, options)
}

#[cfg(feature = "local")]
fn local(name: &str, options: &ConnectOptions) -> Result<Connection, ConnectError> {
    use crate::local::{LocalModel, LocalOptions, PullError, resolve};
    let path = match resolve(name, &options.models) {
        Ok(path) => path,
        // A file that is named but not there is told about by the loader, with its path.
        Err(_) if Path::new(name).extension().is_some_and(|extension| extension == "gguf") => {
            PathBuf::from(name)
        }
        Err(PullError::NotInstalled { name }) => return Err(ConnectError::NotPulled { name }),
        Err(PullError::Unknown { name, known }) => {
            let names = known.iter().map(String::as_str).chain([SCRIPTED]);
            let similar = spec::closest(&name, names).map(str::to_owned);
            return Err(ConnectError::Unknown { name, similar });
        }
        Err(error) => return Err(ConnectError::Missing { source: error }),
    };
    let model = LocalModel::load(&path, &LocalOptions { window: options.window, ..LocalOptions::default() })?;
    let parameters = Some(model.info().parameters);
    let note = model.device().fallback.as_ref();
    let note = note.map(|why| format!("no graphics processor is used, the CPU computes instead: {why}"));
    Ok(Connection { model: Arc::new(model), parameters, note })
}

#[cfg(not(feature = "local"))]
fn local(_name: &str, _options: &ConnectOptions) -> Result<Connection, ConnectError> {
    Err(ConnectError::NoLocal)
}
