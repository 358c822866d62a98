//! What `longhand.yaml` says of a model: where it is computed, and on which terms it is asked.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::Config;
use super::diagnostic::Diagnostic;
use super::validate::out_of_range;
use super::yaml::Located;
use crate::model::{Price, Script, Speed, Terms};

/// A model under a name of one's own: exactly one back end, and the terms on which it is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSpec {
    /// A model that is computed on this machine.
    pub local: Option<LocalSpec>,
    /// A model behind an OpenAI-compatible endpoint.
    pub openai: Option<OpenAiSpec>,
    /// Models of this file, in the order in which they are asked: each where those before it are down, refuse the key or have
    /// used up what they were paid for.
    pub fallback: Option<Vec<String>>,
    /// A stand-in that answers by rules, without a model.
    pub scripted: Option<Script>,
    /// What it costs; nothing where it is not given. A model of `openai` has its price there.
    pub price: Option<Price>,
    /// How fast it is; estimates of time need it.
    pub speed: Option<Speed>,
    /// The most calls in flight at once: as many as a local model works on together (8 where it is not given, or 64 on a graphics
    /// processor), or as a scripted one pretends to.
    pub concurrency: Option<usize>,
    /// How many tokens of its window to use at most.
    pub window: Option<u64>,
}

/// A model file: exactly one of `path` and `name`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LocalSpec {
    /// The GGUF file, relative to the settings file.
    pub path: Option<PathBuf>,
    /// The name of a pulled model.
    pub name: Option<String>,
    /// The most memory for keys and values, in MiB; never less than one window takes. Where it is not given, four windows, of at
    /// most 1 GiB, or 4 GiB on a graphics processor.
    pub kv_mib: Option<u64>,
}

/// A model behind an endpoint that speaks the protocol of OpenAI: OpenAI itself, vLLM, llama.cpp, Ollama and
/// others. What is not given is taken from a table of well-known models, where the model is in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenAiSpec {
    /// The model's name as the endpoint knows it.
    pub model: String,
    /// The address before `/chat/completions`, such as `http://localhost:8080/v1`; `OPENAI_BASE_URL`, or else that of OpenAI,
    /// where it is not given.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The environment variable that holds the key; `OPENAI_API_KEY` where it is not given. An endpoint on this machine needs
    /// none.
    #[serde(default)]
    pub api_key_env: Option<String>,
    /// What it costs.
    #[serde(default)]
    pub price: Option<Price>,
    /// The tokens of its window, prompt and answer together; 8192 where nobody knows.
    #[serde(default)]
    pub context: Option<u64>,
    /// The most tokens of one answer; 4096 where nobody knows.
    #[serde(default)]
    pub max_output: Option<u64>,
    /// How often it is asked.
    #[serde(default)]
    pub limits: LimitsSpec,
    /// The most seconds between two signs of life of the endpoint while it answers; 600 where it is not given.
    #[serde(default)]
    pub timeout: Option<u64>,
    /// What its tokens are counted with: a `tokenizer.json` or a GGUF file, relative to the settings file. Where it is not given,
    /// tokens of OpenAI's models are counted as OpenAI does, and those of others are estimated and the estimate corrected by
    /// what the endpoint reports.
    #[serde(default)]
    pub tokenizer: Option<PathBuf>,
    /// How long a reasoning model thinks: `low`, `medium`, `high`, or what else the endpoint knows.
    #[serde(default)]
    pub reasoning_effort: Option<String>,
    /// A file of certificates in PEM form that are trusted beside the usual ones, relative to the settings file.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// How often an endpoint may be asked. What is not given is learned from the endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSpec {
    /// Requests in a minute. At least 1.
    pub requests_per_minute: Option<u64>,
    /// Tokens of prompts and answers in a minute. At least 1.
    pub tokens_per_minute: Option<u64>,
    /// Requests in flight at once; 16 where it is not given. At least 1.
    pub concurrency: Option<usize>,
}

/// What computes a model's answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BackEnd<'a> {
    /// The GGUF file at a path.
    File(&'a Path),
    /// The pulled model of a name.
    Pulled(&'a str),
    /// An endpoint.
    OpenAi(&'a OpenAiSpec),
    /// The first of these that can be asked.
    Fallback(&'a [String]),
    /// A script.
    Scripted(&'a Script),
}

impl ModelSpec {
    /// Returns the back end; none where there is not exactly one, which no file that was read has.
    #[must_use]
    pub fn back_end(&self) -> Option<BackEnd<'_>> {
        match (&self.local, &self.openai, &self.fallback, &self.scripted) {
            (Some(LocalSpec { path: Some(path), name: None, .. }), None, None, None) => {
                Some(BackEnd::File(path))
            }
            (Some(LocalSpec { path: None, name: Some(name), .. }), None, None, None) => {
                Some(BackEnd::Pulled(name))
            }
            (None, Some(openai), None, None) => Some(BackEnd::OpenAi(openai)),
            (None, None, Some(names), None) => Some(BackEnd::Fallback(names)),
            (None, None, None, Some(script)) => Some(BackEnd::Scripted(script)),
            _ => None,
        }
    }

    /// Returns the terms on which the model is asked.
    #[must_use]
    pub fn terms(&self) -> Terms {
        let price = self.openai.as_ref().map_or(self.price, |openai| openai.price);
        Terms { price, speed: self.speed, concurrency: self.concurrency }
    }
}

/// Checks one model of a settings file.
pub(super) fn check(spec: &Located<Config>, name: &str, model: &ModelSpec) -> Vec<Diagnostic> {
    let at = |keys: &[&'static str]| [&["models", name], keys].concat();
    let mut problems = Vec::new();
    let ends: Vec<&'static str> = [
        ("local", model.local.is_some()),
        ("openai", model.openai.is_some()),
        ("fallback", model.fallback.is_some()),
        ("scripted", model.scripted.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, given)| given.then_some(key))
    .collect();
    let wrong = match ends.as_slice() {
        [] => Some((at(&[]), format!("the model `{name}` has no back end"))),
        [_] => None,
        [_, second, ..] => Some((at(&[*second]), format!("the model `{name}` has two back ends"))),
    };
    problems.extend(wrong.map(|(path, message)| {
        let expected = "expected exactly one of `local`, `openai`, `fallback` and `scripted`";
        spec.error_at_key(&path, message).label(expected)
    }));
    if model.local.as_ref().is_some_and(|local| local.path.is_some() == local.name.is_some()) {
        let problem = spec.error_at_key(&at(&["local"]), "a local model is one file");
        problems.push(problem.label("expected either `path: FILE.gguf` or `name: NAME`"));
    }
    problems.extend(price(spec, &at(&["price"]), model.price));
    let speed =
        model.speed.iter().flat_map(|speed| [("prompt", speed.prompt), ("completion", speed.completion)]);
    for (key, _) in speed.filter(|(_, speed)| !(speed.is_finite() && *speed > 0.0)) {
        problems.push(out_of_range(spec, &at(&["speed", key]), "of tokens per second, above 0"));
    }
    let zeros = [("concurrency", model.concurrency == Some(0)), ("window", model.window == Some(0))];
    problems.extend(
        zeros.iter().filter(|(_, zero)| *zero).map(|(key, _)| out_of_range(spec, &at(&[key]), "at least 1")),
    );
    if let Some(openai) = &model.openai {
        problems.extend(endpoint(spec, name, model, openai));
    }
    if let Some(names) = &model.fallback {
        problems.extend(stand_ins(spec, name, names));
    }
    problems
}

fn price(spec: &Located<Config>, at: &[&str], price: Option<Price>) -> Vec<Diagnostic> {
    let figures = price.iter().flat_map(|price| {
        [
            ("input", price.input),
            ("cached_input", price.cached_input.unwrap_or(0.0)),
            ("output", price.output),
        ]
    });
    figures
        .filter(|(_, usd)| !(0.0..=1e6).contains(usd))
        .map(|(key, _)| {
            out_of_range(spec, &[at, &[key]].concat(), "of USD per million tokens, from 0 to 1000000")
        })
        .collect()
}

/// Checks a model behind an endpoint: what it shares with other models it says under its own key.
fn endpoint(spec: &Located<Config>, name: &str, model: &ModelSpec, openai: &OpenAiSpec) -> Vec<Diagnostic> {
    let at = |keys: &[&'static str]| [&["models", name], keys].concat();
    let mut problems = price(spec, &at(&["openai", "price"]), openai.price);
    let limits = openai.limits;
    let zeros = [
        (vec!["openai", "context"], openai.context == Some(0)),
        (vec!["openai", "max_output"], openai.max_output == Some(0)),
        (vec!["openai", "timeout"], openai.timeout == Some(0)),
        (vec!["openai", "limits", "requests_per_minute"], limits.requests_per_minute == Some(0)),
        (vec!["openai", "limits", "tokens_per_minute"], limits.tokens_per_minute == Some(0)),
        (vec!["openai", "limits", "concurrency"], limits.concurrency == Some(0)),
    ];
    let zeros = zeros.into_iter().filter(|(_, zero)| *zero);
    problems.extend(zeros.map(|(keys, _)| out_of_range(spec, &at(&keys), "at least 1")));
    let elsewhere = [
        ("price", model.price.is_some(), "price"),
        ("concurrency", model.concurrency.is_some(), "limits: {concurrency}"),
        ("window", model.window.is_some(), "context"),
    ];
    for (key, _, there) in elsewhere.iter().filter(|(_, given, _)| *given) {
        let problem =
            spec.error_at_key(&at(&[*key]), format!("`{key}` of a model of `openai` stands below `openai`"));
        problems.push(problem.label(format!("expected `openai: {{{there}}}`")));
    }
    if openai
        .base_url
        .as_ref()
        .is_some_and(|url| !(url.starts_with("http://") || url.starts_with("https://")))
    {
        let problem = spec.error_at(&at(&["openai", "base_url"]), "`base_url` is no address");
        problems.push(problem.label("expected one such as `http://localhost:8080/v1`"));
    }
    problems
}

/// Checks that models stand in for each other which are there, and which end somewhere.
fn stand_ins(spec: &Located<Config>, name: &str, names: &[String]) -> Vec<Diagnostic> {
    let at = ["models", name, "fallback"];
    if names.is_empty() {
        return vec![
            spec.error_at_key(&at, "nothing stands in for anything here").label("expected names of models"),
        ];
    }
    let models = &spec.value.models;
    let mut problems = Vec::new();
    for other in names {
        let problem = match models.get(other) {
            _ if other == name => Some(format!("the model `{name}` falls back to itself")),
            Some(listed) if listed.fallback.is_some() => {
                Some(format!("the model `{other}` falls back to others itself: name those here"))
            }
            // What is not listed is the name of a pulled model, of a file, or of a well-known one: whoever connects knows.
            _ => None,
        };
        problems
            .extend(problem.map(|message| spec.error_at_key(&at, message).label("expected another model")));
    }
    problems
}
