//! What `longhand.yaml` says: the settings of a project, or of a user.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::diagnostic::Diagnostics;
use super::model::ModelSpec;
use super::validate;
use super::yaml::{parse, read};

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
