//! From the name of a model to the model: the only place that knows every back end.

mod embedding;
mod endpoint;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use embedding::embedder;

#[cfg(feature = "local")]
use crate::local::ModelKind;
use crate::model::{BEHIND, ChatModel, Measure, ModelError, Script, ScriptedModel, Termed, Terms, Unasked};
use crate::remote::{AddressError, BatchOptions, Endpoints, Key, RemoteModel, Tape};
use crate::spec::{self, BackEnd, Diagnostics, ModelSpec, OpenAiSpec};

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
    /// The models that settings list; their names count before all others.
    pub listed: BTreeMap<String, ModelSpec>,
    /// Where models of endpoints are asked that do not say it themselves; none means OpenAI.
    pub base_url: Option<String>,
    /// The keys of endpoints, by the variables that hold them.
    pub keys: BTreeMap<String, Key>,
    /// Whether models are only counted with: then endpoints need neither key nor network.
    pub unasked: bool,
    /// Whether no other machine may be reached.
    pub offline: bool,
    /// What is done with a file of replies of endpoints.
    pub tape: Option<Tape>,
    /// Batches in which models of endpoints are asked, at half the price; none means that they are asked at once.
    pub batch: Option<BatchOptions>,
    /// The endpoints that all models share which are connected with the same one: two names of one server are one to it.
    pub endpoints: Endpoints,
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
    /// On which terms it is asked.
    pub terms: Terms,
    /// Those that are asked where it cannot be, in this order.
    pub then: Vec<Termed>,
}

impl Connection {
    fn of(model: Arc<dyn ChatModel>) -> Self {
        Self { model, parameters: None, note: None, terms: Terms::default(), then: Vec::new() }
    }

    /// Returns the model with its terms, and those that stand in for it with theirs.
    #[must_use]
    pub fn termed(&self) -> (Termed, Vec<Termed>) {
        ((Arc::clone(&self.model), self.terms), self.then.clone())
    }

    /// Returns what tells its answers from those of every other connection.
    #[must_use]
    pub fn identity(&self) -> String {
        let all = std::iter::once(&self.model).chain(self.then.iter().map(|(model, _)| model));
        all.map(|model| model.identity()).collect::<Vec<_>>().join(BEHIND)
    }
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
    /// An endpoint wants a key, and there is none.
    #[error("there is no key for `{model}`: the environment variable `{variable}` is empty")]
    NoKey {
        /// The model.
        model: String,
        /// The variable.
        variable: String,
    },
    /// The endpoint is on another machine, and none may be reached.
    #[error("`{model}` is asked over the network, which `--offline` forbids")]
    Offline {
        /// The model.
        model: String,
    },
    /// The way to an endpoint could not be made.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The model turns texts into vectors, and an answer was wanted.
    #[error("`{name}` turns texts into vectors: expected a model that answers")]
    NotChat {
        /// The name as given.
        name: String,
    },
    /// The model answers, and vectors were wanted.
    #[error("`{name}` {what}: expected a model that turns texts into vectors")]
    NotEmbedder {
        /// The name as given.
        name: String,
        /// What it does instead.
        what: &'static str,
    },
    /// A listed model does not have exactly one back end.
    #[error("the settings list `{name}` without exactly one back end")]
    BackEnd {
        /// The name as given.
        name: String,
    },
}

impl ConnectError {
    /// Returns a remedy.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotPulled { name } => Some(format!("fetch it with `longhand models pull {name}`")),
            Self::NoKey { variable, .. } => Some(format!(
                "`export {variable}=...`, or name another variable or address at the model in `longhand.yaml`"
            )),
            Self::NotChat { .. } => Some("`longhand models list` shows the others".to_owned()),
            Self::NotEmbedder { .. } => Some(
                "`minilm` is one that this machine computes, and `openai:text-embedding-3-small` one behind an endpoint"
                    .to_owned(),
            ),
            Self::Unknown { similar: Some(similar), .. } => Some(format!("did you mean `{similar}`?")),
            Self::Unknown { .. } => Some(
                "`longhand models list` shows the names, and `--model FILE.gguf` takes any file".to_owned(),
            ),
            _ => None,
        }
    }
}

/// Connects to the model that `name` says: a name that settings list, a well-known model behind an endpoint or any as
/// `openai:NAME`, `scripted`, `scripted:FILE.yaml`, the path of a GGUF file, or the name of a pulled model.
///
/// # Errors
/// [`ConnectError`].
pub fn connect(name: &str, options: &ConnectOptions) -> Result<Connection, ConnectError> {
    if let Some(listed) = options.listed.get(name) {
        return connect_listed(name, listed, options);
    }
    if let Some(spec) = endpoint::named(name) {
        return endpoint::connect(&spec, &Terms::default(), options);
    }
    let Some(rest) = name.strip_prefix(SCRIPTED) else {
        return local(name, &ModelSpec::default(), options);
    };
    match rest.strip_prefix(':') {
        Some(file) => Ok(scripted(spec::script(Path::new(file))?, options.window)),
        None if rest.is_empty() => Ok(scripted(Script::default(), options.window)),
        None => Err(ConnectError::Unknown { name: name.to_owned(), similar: Some(SCRIPTED.to_owned()) }),
    }
}

/// Connects to a model of the settings: one arm for each back end.
fn connect_listed(
    name: &str,
    listed: &ModelSpec,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    let window = options.window.into_iter().chain(listed.window).min();
    let connection = match listed.back_end() {
        Some(BackEnd::File(path)) => local(&path.display().to_string(), listed, options)?,
        Some(BackEnd::Pulled(pulled)) => local(pulled, listed, options)?,
        Some(BackEnd::Scripted(script)) => {
            let concurrency = listed.concurrency.unwrap_or(script.concurrency);
            scripted(Script { concurrency, ..script.clone() }, window)
        }
        Some(BackEnd::OpenAi(openai)) => endpoint::connect(openai, &listed.terms(), options)?,
        Some(BackEnd::Fallback(names)) => return connect_fallback(names, options),
        None => return Err(ConnectError::BackEnd { name: name.to_owned() }),
    };
    // An endpoint knows its price.
    let price = connection.terms.price.or(listed.terms().price);
    Ok(Connection { terms: Terms { price, ..listed.terms() }, ..connection })
}

/// Connects to the model behind an endpoint that `name` says; none where it is computed on this machine.
///
/// # Errors
/// As [`connect`].
pub fn remote(name: &str, options: &ConnectOptions) -> Result<Option<RemoteModel>, ConnectError> {
    behind(name, options).map(|spec| endpoint::model(&spec, options)).transpose()
}

/// Returns what is said of the endpoint of a model; none where it is computed on this machine.
fn behind(name: &str, options: &ConnectOptions) -> Option<OpenAiSpec> {
    match options.listed.get(name).map(ModelSpec::back_end) {
        Some(Some(BackEnd::OpenAi(spec))) => Some(spec.clone()),
        Some(Some(BackEnd::Fallback(names))) => behind(names.first()?, options),
        Some(_) => None,
        None => endpoint::named(name),
    }
}

/// Connects to the first of several models, and to the others that stand in for it.
fn connect_fallback(names: &[String], options: &ConnectOptions) -> Result<Connection, ConnectError> {
    let mut connections = names.iter().map(|name| connect(name, options));
    let first = connections.next().ok_or_else(|| ConnectError::BackEnd { name: String::new() })??;
    let then = connections.map(|one| one.map(|one| (one.model, one.terms))).collect::<Result<_, _>>()?;
    Ok(Connection { then, ..first })
}

/// Finds what prompts for the model that `name` says are measured with. Reads no weights and fetches nothing.
///
/// # Errors
/// As [`connect`]; [`ConnectError::NotPulled`] for a model that could be fetched.
pub fn measure(name: &str, options: &ConnectOptions) -> Result<Arc<dyn Measure>, ConnectError> {
    let listed = options.listed.get(name);
    let window = options.window.into_iter().chain(listed.and_then(|listed| listed.window)).min();
    match listed.and_then(ModelSpec::back_end) {
        Some(BackEnd::File(path)) => measure_local(&path.display().to_string(), window, options),
        Some(BackEnd::Pulled(pulled)) => measure_local(pulled, window, options),
        Some(BackEnd::Fallback(names)) => {
            let first = names.first().ok_or_else(|| ConnectError::BackEnd { name: name.to_owned() })?;
            measure(first, options)
        }
        // What is scripted or elsewhere has no weights here.
        Some(BackEnd::Scripted(_)) => Ok(Arc::new(connect(name, options)?.model)),
        Some(BackEnd::OpenAi(spec)) => endpoint::measure(spec, options),
        None if let Some(spec) = endpoint::named(name) => endpoint::measure(&spec, options),
        None if name.starts_with(SCRIPTED) => Ok(Arc::new(connect(name, options)?.model)),
        None => measure_local(name, window, options),
    }
}

/// Connects to a model for counting alone, in the place of the one that had `identity` when it was asked: on its terms, as
/// settings list them now. Reads no weights and fetches nothing.
///
/// # Errors
/// As [`measure`].
pub fn connect_unasked(
    name: &str,
    identity: String,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    let model = Arc::new(Unasked::new(identity, measure(name, options)?));
    let terms = options.listed.get(name).map(ModelSpec::terms).unwrap_or_default();
    let price = behind(name, options).map_or(terms.price, |spec| endpoint::price(&spec, options));
    Ok(Connection { terms: Terms { price, ..terms }, ..Connection::of(model) })
}

fn scripted(script: Script, window: Option<u64>) -> Connection {
    let context = window.map_or(script.context, |window| window.min(script.context));
    Connection::of(Arc::new(ScriptedModel::new(Script { context, ..script })))
}

/// Finds the name that was probably meant, among those that need no file.
fn similar<'a>(
    name: &str,
    options: &'a ConnectOptions,
    pulled: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let names = options.listed.keys().map(String::as_str).chain(pulled).chain([SCRIPTED]);
    spec::closest(name, names).map(str::to_owned)
}

#[cfg(feature = "local")]
fn file(name: &str, options: &ConnectOptions, wanted: ModelKind) -> Result<PathBuf, ConnectError> {
    use crate::local::{PullError, known_models, resolve};
    let wrong = || match wanted {
        ModelKind::Chat => ConnectError::NotChat { name: name.to_owned() },
        ModelKind::Embeddings => {
            ConnectError::NotEmbedder { name: name.to_owned(), what: "answers in words" }
        }
    };
    match resolve(name, &options.models) {
        Ok(path) if ModelKind::at(&path) == wanted => Ok(path),
        Ok(_) => Err(wrong()),
        // A file that is named but not there is told about by the loader, with its path.
        Err(_) if Path::new(name).extension().is_some_and(|extension| extension == "gguf") => {
            Ok(PathBuf::from(name))
        }
        // Nothing is fetched that will not do.
        Err(PullError::NotInstalled { name })
            if known_models().iter().any(|known| known.name == name && known.kind != wanted) =>
        {
            Err(wrong())
        }
        Err(PullError::NotInstalled { name }) => Err(ConnectError::NotPulled { name }),
        Err(PullError::Unknown { name, known }) => {
            let similar = similar(&name, options, known.iter().map(String::as_str));
            Err(ConnectError::Unknown { name, similar })
        }
        Err(error) => Err(ConnectError::Missing { source: error }),
    }
}

#[cfg(feature = "local")]
fn measure_local(
    name: &str,
    window: Option<u64>,
    options: &ConnectOptions,
) -> Result<Arc<dyn Measure>, ConnectError> {
    Ok(Arc::new(crate::local::LocalMeasure::load(&file(name, options, ModelKind::Chat)?, window)?))
}

#[cfg(not(feature = "local"))]
fn measure_local(
    name: &str,
    window: Option<u64>,
    options: &ConnectOptions,
) -> Result<Arc<dyn Measure>, ConnectError> {
    let listed = ModelSpec { window, ..ModelSpec::default() };
    Ok(Arc::new(local(name, &listed, options)?.model))
}

#[cfg(feature = "local")]
fn local(name: &str, listed: &ModelSpec, options: &ConnectOptions) -> Result<Connection, ConnectError> {
    use crate::local::{LocalModel, LocalOptions};
    let path = file(name, options, ModelKind::Chat)?;
    let kv_mib = listed.local.as_ref().and_then(|local| local.kv_mib);
    let options = LocalOptions {
        window: options.window.into_iter().chain(listed.window).min(),
        kv_bytes: kv_mib.map(|mib| mib.saturating_mul(1 << 20)),
        sequences: listed.concurrency,
        ..LocalOptions::default()
    };
    let model = LocalModel::load(&path, &options)?;
    let parameters = Some(model.info().parameters);
    let note = model.device().fallback.as_ref();
    let note = note.map(|why| format!("no graphics processor is used, the CPU computes instead: {why}"));
    Ok(Connection { parameters, note, ..Connection::of(Arc::new(model)) })
}

#[cfg(not(feature = "local"))]
fn local(name: &str, _: &ModelSpec, options: &ConnectOptions) -> Result<Connection, ConnectError> {
    match similar(name, options, std::iter::empty()) {
        Some(similar) => Err(ConnectError::Unknown { name: name.to_owned(), similar: Some(similar) }),
        None => Err(ConnectError::NoLocal),
    }
}
