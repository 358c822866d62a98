//! Settings, resolved once: flag > environment > project file > user file > default. The only place that reads the
//! environment.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf, is_separator};
use std::time::Duration;

use etcetera::{AppStrategy as _, AppStrategyArgs, app_strategy::Xdg};

use super::args::Global;
use super::error::{CommandError, ExitStatus};
use crate::connect::ConnectOptions;
use crate::remote::{BatchOptions, Endpoints, Key, Tape};
use crate::run::{Limits, Plan};
use crate::spec::{self, BudgetSpec, Config, ModelSpec};

/// The file that makes a folder a project.
const PROJECT_FILE: &str = "longhand.yaml";

/// The file with a user's own settings.
const USER_FILE: &str = "config.yaml";

/// Where a proxy may be named; the client of the hub looks at the same.
const PROXIES: [&str; 6] =
    ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/// Everything that flags, environment and files say, resolved.
#[expect(clippy::struct_excessive_bools, reason = "every switch is one")]
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Where runs are kept.
    pub(super) store: PathBuf,
    /// Where models are kept.
    pub(super) models: PathBuf,
    /// The project folder, where there is one.
    pub(super) project: Option<PathBuf>,
    /// The model to ask, a path in full; none means the default.
    pub(super) model: Option<String>,
    /// A window smaller than the model's.
    pub(super) window: Option<u64>,
    /// What a run may use, as flags and files say.
    pub(super) limits: Limits,
    /// What a run may use, as flags say.
    pub(super) typed_limits: Limits,
    /// What each document may use.
    pub(super) document_limits: Limits,
    /// The models that the settings files list, those of the project before those of the user.
    pub(super) listed: BTreeMap<String, ModelSpec>,
    /// Where endpoints are that do not say it themselves.
    pub(super) base_url: Option<String>,
    /// The keys of endpoints, by the variables that hold them.
    pub(super) keys: BTreeMap<String, Key>,
    /// Whether models are only counted with and never asked, so that nobody needs a key.
    pub(super) unasked: bool,
    /// What is done with a file of replies of endpoints.
    pub(super) tape: Option<Tape>,
    /// What models have in common that are behind the same endpoints.
    pub(super) endpoints: Endpoints,
    /// How models of endpoints are asked in batches.
    pub(super) batches: BatchOptions,
    /// Whether they are.
    pub(super) batch: bool,
    /// Whether the network may not be reached.
    pub(super) offline: bool,
    /// Whether a call may be answered as the same call was before.
    pub(super) cache: bool,
    /// The model hub, where it is not the usual one.
    #[cfg_attr(not(feature = "local"), expect(dead_code, reason = "only local models are fetched"))]
    pub(super) hub: Option<String>,
    /// Whether a proxy stands before the hub.
    #[cfg_attr(not(feature = "local"), expect(dead_code, reason = "only local models are fetched"))]
    pub(super) proxied: bool,
    #[cfg_attr(not(feature = "local"), expect(dead_code, reason = "only local models are fetched"))]
    /// Python, for the second source of the default model.
    pub(super) python: String,
    /// The folder of public data sets to measure on.
    pub(super) data: Option<PathBuf>,
    /// The folder that the process was started in.
    pub(super) here: PathBuf,
}

impl Settings {
    /// Returns what it takes to connect to a model.
    pub(super) fn connect_options(&self, window: Option<u64>) -> ConnectOptions {
        ConnectOptions {
            models: self.models.clone(),
            window,
            listed: self.listed.clone(),
            base_url: self.base_url.clone(),
            keys: self.keys.clone(),
            unasked: self.unasked,
            offline: self.offline,
            tape: self.tape.clone(),
            batch: self.batch.then(|| self.batches.clone()),
            endpoints: self.endpoints.clone(),
        }
    }

    /// Returns the settings with which a run goes on that began with this plan.
    pub(super) fn as_begun(&self, plan: &Plan) -> Self {
        Self { batch: self.batch || plan.batch, ..self.clone() }
    }

    pub(super) fn resolve(global: &Global) -> Result<Self, CommandError> {
        let here = env::current_dir().map_err(|error| {
            CommandError::caused(ExitStatus::Failed, "cannot tell the current folder", error)
        })?;
        let home = env::var_os("LONGHAND_HOME").map(PathBuf::from);
        let folders = folders();
        let project_file = match &global.config {
            Some(file) => Some(here.join(file)),
            None => Some(here.join(PROJECT_FILE)).filter(|file| file.is_file()),
        };
        let from_project = project_file.map(|file| Layer::read(&file)).transpose()?;
        let user_file = match (&home, &folders) {
            (Some(home), _) => Some(here.join(home).join(USER_FILE)),
            (None, Some(folders)) => Some(folders.config_dir().join(USER_FILE)),
            (None, None) => None,
        };
        let user_file = user_file.filter(|file| file.is_file());
        let from_user = user_file.map(|file| Layer::read(&file)).transpose()?;
        let lower = from_user.iter().chain(&from_project);
        let listed: BTreeMap<String, ModelSpec> = lower.flat_map(Layer::listed).collect();
        let data = home.clone().or_else(|| folders.as_ref().map(Xdg::data_dir));
        let data = data.unwrap_or_else(|| here.join(".longhand"));
        let store = global
            .store
            .clone()
            .or_else(|| env::var_os("LONGHAND_STORE").map(PathBuf::from))
            .or_else(|| home.map(|home| home.join("store")))
            .or_else(|| {
                from_project.as_ref().map(|layer| layer.store().unwrap_or(layer.folder.join("store")))
            })
            .or_else(|| from_user.as_ref().and_then(Layer::store))
            .unwrap_or_else(|| data.join("store"));
        let text = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let model = global.model.clone().or_else(|| text("LONGHAND_MODEL"));
        let model = model.map(|name| seen_from(&here, &name));
        let layers: Vec<&Layer> = from_project.iter().chain(&from_user).collect();
        let typed_limits = Limits::of(global.max_tokens, global.max_cost);
        let written = |of: fn(&BudgetSpec) -> Limits| {
            let lower = layers.iter().rev().map(|layer| of(&layer.config.budget));
            lower.fold(Limits::default(), Limits::but)
        };
        let of_run = written(|budget| Limits::of(budget.max_tokens, budget.max_cost)).but(typed_limits);
        let of_document = written(|budget| Limits::of(budget.document.max_tokens, budget.document.max_cost));
        let window = match (global.window, text("LONGHAND_WINDOW")) {
            (None, Some(value)) => Some(value.parse().map_err(|_| {
                let message =
                    format!("`LONGHAND_WINDOW` is `{value}`: expected a number of tokens, such as `4096`");
                CommandError::new(ExitStatus::Usage, message)
            })?),
            (flag, _) => flag,
        };
        let store = here.join(store);
        Ok(Self {
            batches: batches(&store)?,
            store,
            models: data.join("models"),
            model: model.or_else(|| layers.iter().find_map(|layer| layer.model())),
            window: window.or_else(|| layers.iter().find_map(|layer| layer.config.window)),
            project: from_project.map(|layer| layer.folder),
            limits: of_run,
            typed_limits,
            document_limits: of_document,
            base_url: text("OPENAI_BASE_URL"),
            keys: keys(&listed),
            unasked: false,
            endpoints: Endpoints::default(),
            tape: tape(&here)?,
            listed,
            batch: global.batch,
            offline: global.offline,
            cache: !global.no_cache,
            hub: text("HF_ENDPOINT"),
            proxied: PROXIES.iter().any(|name| text(name).is_some()),
            data: text("LONGHAND_DATA").map(PathBuf::from),
            python: text("LONGHAND_PYTHON").unwrap_or_else(|| "python3".to_owned()),
            here,
        })
    }

    /// Returns the folder that the files of a workflow see models from.
    pub(super) fn folder(&self) -> &Path {
        self.project.as_ref().unwrap_or(&self.here)
    }

    /// Returns the model that an agent names; a path is seen from the project's folder.
    pub(super) fn agents_model(&self, name: &str) -> String {
        seen_from(self.folder(), name)
    }
}

/// Reads the keys that models of endpoints name, and the usual one.
fn keys(listed: &BTreeMap<String, ModelSpec>) -> BTreeMap<String, Key> {
    let named = listed.values().filter_map(|model| model.openai.as_ref()?.api_key_env.clone());
    let read = |name: String| Some((env::var(&name).ok().filter(|key| !key.trim().is_empty())?, name));
    let all = named.chain(["OPENAI_API_KEY".to_owned()]).filter_map(read);
    all.map(|(key, name)| (name, Key::from(key.trim()))).collect()
}

/// Reads `LONGHAND_BATCH_GATHER` and `LONGHAND_BATCH_POLL`: milliseconds.
fn batches(store: &Path) -> Result<BatchOptions, CommandError> {
    let read = |name: &str, usual: Duration| match env::var(name).ok().filter(|value| !value.is_empty()) {
        None => Ok(usual),
        Some(value) => value.parse().map(Duration::from_millis).map_err(|_| {
            let message = format!("`{name}` is `{value}`: expected a number of milliseconds, such as `5000`");
            CommandError::new(ExitStatus::Usage, message)
        }),
    };
    let usual = BatchOptions::new(store.join("batches"));
    let gather = read("LONGHAND_BATCH_GATHER", usual.gather)?;
    let poll = read("LONGHAND_BATCH_POLL", usual.poll)?;
    Ok(BatchOptions { gather, poll, ..usual })
}

/// Reads `LONGHAND_REPLIES`: `record:FILE` or `replay:FILE`.
fn tape(here: &Path) -> Result<Option<Tape>, CommandError> {
    let Some(value) = env::var("LONGHAND_REPLIES").ok().filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    match value.split_once(':') {
        Some(("record", file)) => Ok(Some(Tape::Record(here.join(file)))),
        Some(("replay", file)) => Ok(Some(Tape::Replay(here.join(file)))),
        _ => Err(CommandError::new(
            ExitStatus::Usage,
            "`LONGHAND_REPLIES` is not as expected: write `record:FILE` or `replay:FILE`",
        )),
    }
}

/// A settings file, and the folder that its paths are seen from.
struct Layer {
    folder: PathBuf,
    config: Config,
}

impl Layer {
    fn read(file: &Path) -> Result<Self, CommandError> {
        let folder = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        Ok(Self { folder, config: spec::config(file)? })
    }

    fn store(&self) -> Option<PathBuf> {
        self.config.store.as_ref().map(|store| self.folder.join(store))
    }

    /// Returns the models that the file lists, their files found from every folder.
    fn listed(&self) -> impl Iterator<Item = (String, ModelSpec)> {
        self.config.models.iter().map(|(name, model)| {
            let mut model = model.clone();
            let local = model.local.as_mut().and_then(|local| local.path.as_mut());
            let beside = model.openai.iter_mut().flat_map(|one| [&mut one.tokenizer, &mut one.ca_file]);
            for path in local.into_iter().chain(beside.flatten()) {
                *path = self.folder.join(&*path);
            }
            (name.clone(), model)
        })
    }

    fn model(&self) -> Option<String> {
        self.config.model.as_ref().map(|name| seen_from(&self.folder, name))
    }
}

/// Writes out the path of a model that is a file, or that a script file speaks for, so that it is found from every
/// folder. A name stays as it is.
fn seen_from(folder: &Path, name: &str) -> String {
    let full = |path: &str| folder.join(path).components().collect::<PathBuf>().display().to_string();
    if let Some(script) = name.strip_prefix("scripted:") {
        return format!("scripted:{}", full(script));
    }
    let path = Path::new(name);
    let spelt_as_path = name.contains(is_separator) || path.extension().is_some_and(|end| end == "gguf");
    if spelt_as_path || folder.join(path).is_file() { full(name) } else { name.to_owned() }
}

fn folders() -> Option<Xdg> {
    let args = AppStrategyArgs {
        top_level_domain: "org".to_owned(),
        author: "longhand".to_owned(),
        app_name: "longhand".to_owned(),
    };
    Xdg::new(args).ok()
}

/// Tells whether the environment asks for no colour: `NO_COLOR`, or a terminal that has none.
pub(super) fn colour_is_welcome() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Returns what `LONGHAND_LOG` says.
pub(super) fn log_filter() -> Option<String> {
    env::var("LONGHAND_LOG").ok()
}
