//! What `longhand.yaml` says: the settings of a project, or of a user.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::diagnostic::Diagnostics;
use super::validate;
use super::yaml::{parse, read};
use crate::model::{Price, Script, Speed, Terms};

/// A settings file. An empty one is valid: its presence makes a folder a project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The model to ask: a name of `models`, the name of a pulled model, or the path of a GGUF file.
    pub model: Option<String>,
    /// How many tokens of the model's window to use at most.
    pub window: Option<u64>,
    /// Where runs are kept, relative to the file.
    pub store: Option<PathBuf>,
    /// What a run may use.
    pub budget: BudgetSpec,
    /// Models under names of your own, for `model` here, `--model` and the key `model` of agents.
    pub models: BTreeMap<String, ModelSpec>,
}

/// The most that a run may use; what is not given is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetSpec {
    /// Tokens of all prompts and answers of a run. At least 1.
    pub max_tokens: Option<u64>,
    /// US dollars of a run.
    pub max_cost: Option<f64>,
    /// The same for each document, or for all of them where they are read as one.
    pub document: LimitSpec,
}

/// The most that a document may use; what is not given is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSpec {
    /// Tokens of its prompts and answers. At least 1.
    pub max_tokens: Option<u64>,
    /// US dollars.
    pub max_cost: Option<f64>,
}

/// A model under a name of one's own: exactly one back end, and the terms on which it is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSpec {
    /// A model that is computed on this machine.
    pub local: Option<LocalSpec>,
    /// A stand-in that answers by rules, without a model.
    pub scripted: Option<Script>,
    /// What it costs; nothing where it is not given.
    pub price: Option<Price>,
    /// How fast it is; estimates of time need it.
    pub speed: Option<Speed>,
    /// The most calls in flight at once. Fewer than a local model can take, or as many as a scripted one pretends to.
    pub concurrency: Option<usize>,
    /// How many tokens of its window to use at most.
    pub window: Option<u64>,
}

/// A model file: exactly one of the two keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LocalSpec {
    /// The GGUF file, relative to the settings file.
    pub path: Option<PathBuf>,
    /// The name of a pulled model.
    pub name: Option<String>,
}

/// What computes a model's answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BackEnd<'a> {
    /// The GGUF file at a path.
    File(&'a Path),
    /// The pulled model of a name.
    Pulled(&'a str),
    /// A script.
    Scripted(&'a Script),
}

impl ModelSpec {
    /// Returns the back end; none where there is not exactly one, which no file that was read has.
    #[must_use]
    pub fn back_end(&self) -> Option<BackEnd<'_>> {
        match (&self.local, &self.scripted) {
            (Some(LocalSpec { path: Some(path), name: None }), None) => Some(BackEnd::File(path)),
            (Some(LocalSpec { path: None, name: Some(name) }), None) => Some(BackEnd::Pulled(name)),
            (None, Some(script)) => Some(BackEnd::Scripted(script)),
            _ => None,
        }
    }

    /// Returns the terms on which the model is asked.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms { price: self.price, speed: self.speed, concurrency: self.concurrency }
    }
}

/// Reads a settings file.
///
/// # Errors
/// What is wrong with the file, with its exact place.
pub fn config(file: &Path) -> Result<Config, Diagnostics> {
    let text = read(file)?;
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Config::default());
    }
    let spec = parse(file, &text)?;
    validate::config(&spec)?;
    Ok(spec.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_a_project_and_a_misspelt_key_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("longhand.yaml");
        std::fs::write(&file, "# nothing yet\n").unwrap();
        assert_eq!(config(&file).unwrap(), Config::default());
        std::fs::write(&file, "modle: smollm2\n").unwrap();
        assert!(config(&file).unwrap_err().to_string().contains("did you mean `model`?"));
    }
}
