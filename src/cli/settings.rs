//! Settings, resolved once: flag > environment > project file > user file > default. The only place that reads the
//! environment.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use etcetera::{AppStrategy as _, AppStrategyArgs, app_strategy::Xdg};

use super::args::Global;
use super::error::{CommandError, ExitStatus};
use crate::connect::ConnectOptions;
use crate::spec::{self, Config, LocalSpec, ModelSpec};

/// The file that makes a folder a project.
const PROJECT_FILE: &str = "longhand.yaml";

/// Everything that flags, environment and files say, resolved.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Where runs are kept.
    pub(super) store: PathBuf,
    /// Where models are kept.
    pub(super) models: PathBuf,
    /// The project folder, where there is one.
    pub(super) project: Option<PathBuf>,
    /// The model to ask; none means the default.
    pub(super) model: Option<String>,
    /// A window smaller than the model's.
    pub(super) window: Option<u64>,
    /// The models that the settings files list, those of the project before those of the user.
    pub(super) listed: BTreeMap<String, ModelSpec>,
    /// Whether the network may not be reached.
    pub(super) offline: bool,
    /// The model hub, where it is not the usual one.
    #[cfg_attr(not(feature = "local"), expect(dead_code, reason = "only local models are fetched"))]
    pub(super) hub: Option<String>,
    #[cfg_attr(not(feature = "local"), expect(dead_code, reason = "only local models are fetched"))]
    /// Python, for the second source of the default model.
    pub(super) python: String,
    /// The folder that the process was started in.
    pub(super) here: PathBuf,
}

impl Settings {
    /// Returns what it takes to connect to a model.
    pub(super) fn connect_options(&self, window: Option<u64>) -> ConnectOptions {
        ConnectOptions { models: self.models.clone(), window, listed: self.listed.clone() }
    }

    pub(super) fn resolve(global: &Global) -> Result<Self, CommandError> {
        let here = env::current_dir().map_err(|error| {
            CommandError::caused(ExitStatus::Failed, "cannot tell the current folder", error)
        })?;
        let home = env::var_os("LONGHAND_HOME").map(PathBuf::from);
        let folders = folders();
        let project_file = match &global.config {
            Some(file) => Some(file.clone()),
            None => Some(here.join(PROJECT_FILE)).filter(|file| file.is_file()),
        };
        let project =
            project_file.as_ref().map(|file| file.parent().map_or_else(PathBuf::new, Path::to_path_buf));
        let project = project.map(|folder| if folder.as_os_str().is_empty() { here.clone() } else { folder });
        let from_project = project_file.as_deref().map(spec::config).transpose()?.unwrap_or_default();
        let user_file = match (&home, &folders) {
            (Some(home), _) => Some(home.join("config.yaml")),
            (None, Some(folders)) => Some(folders.config_dir().join("config.yaml")),
            (None, None) => None,
        };
        let user_file = user_file.filter(|file| file.is_file());
        let from_user = user_file.as_deref().map(spec::config).transpose()?.unwrap_or_default();
        let mut listed = listed(&from_user, user_file.as_deref(), &here);
        listed.extend(self::listed(&from_project, project_file.as_deref(), &here));
        let data = home.clone().or_else(|| folders.as_ref().map(Xdg::data_dir));
        let data = data.unwrap_or_else(|| here.join(".longhand"));
        let relative = |config: &Config| config.store.clone().map(|store| here.join(store));
        let store = global
            .store
            .clone()
            .or_else(|| env::var_os("LONGHAND_STORE").map(PathBuf::from))
            .or_else(|| home.map(|home| home.join("store")))
            .or_else(|| {
                project
                    .as_ref()
                    .and_then(|folder| from_project.store.as_ref().map(|store| folder.join(store)))
            })
            .or_else(|| project.as_ref().map(|folder| folder.join("store")))
            .or_else(|| relative(&from_user))
            .unwrap_or_else(|| data.join("store"));
        let text = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let model = global.model.clone().or_else(|| text("LONGHAND_MODEL"));
        let window = match (global.window, text("LONGHAND_WINDOW")) {
            (None, Some(value)) => Some(value.parse().map_err(|_| {
                let message =
                    format!("`LONGHAND_WINDOW` is `{value}`: expected a number of tokens, such as `4096`");
                CommandError::new(ExitStatus::Usage, message)
            })?),
            (flag, _) => flag,
        };
        Ok(Self {
            store: here.join(store),
            models: data.join("models"),
            project,
            model: model.or(from_project.model).or(from_user.model),
            window: window.or(from_project.window).or(from_user.window),
            listed,
            offline: global.offline,
            hub: text("HF_ENDPOINT"),
            python: text("LONGHAND_PYTHON").unwrap_or_else(|| "python3".to_owned()),
            here,
        })
    }
}

/// Returns the models that a settings file lists, their files found from every folder.
fn listed(config: &Config, file: Option<&Path>, here: &Path) -> BTreeMap<String, ModelSpec> {
    let folder = file.and_then(Path::parent).map_or_else(|| here.to_owned(), |folder| here.join(folder));
    let place = |mut model: ModelSpec| {
        if let Some(LocalSpec { path: Some(path), .. }) = &mut model.local {
            *path = folder.join(&*path);
        }
        model
    };
    config.models.iter().map(|(name, model)| (name.clone(), place(model.clone()))).collect()
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
