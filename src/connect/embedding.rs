//! From the name of a model to one that turns texts into vectors.

use std::sync::Arc;

use super::{ConnectError, ConnectOptions, SCRIPTED, endpoint};
use crate::model::Embedder;
use crate::spec::{BackEnd, ModelSpec};

/// Connects to the model that turns texts into vectors and that `name` says: a name that settings list, a well-known model
/// behind an endpoint or any as `openai:NAME`, the name of a pulled model, or the path of a folder with its files.
///
/// # Errors
/// [`ConnectError`]; [`ConnectError::NotEmbedder`] where the model answers in words.
pub fn embedder(name: &str, options: &ConnectOptions) -> Result<Arc<dyn Embedder>, ConnectError> {
    let not = |what| Err(ConnectError::NotEmbedder { name: name.to_owned(), what });
    let listed = options.listed.get(name);
    let window = listed.and_then(|listed| listed.window);
    match listed.map(ModelSpec::back_end) {
        Some(Some(BackEnd::File(path))) => local(&path.display().to_string(), window, options),
        Some(Some(BackEnd::Pulled(pulled))) => local(pulled, window, options),
        Some(Some(BackEnd::OpenAi(spec))) => endpoint::embedder(spec, options),
        // Vectors of two models have nothing to do with each other.
        Some(Some(BackEnd::Fallback(_))) => not("is several models, whose vectors do not go together"),
        Some(Some(BackEnd::Scripted(_))) => not("is scripted"),
        Some(None) => Err(ConnectError::BackEnd { name: name.to_owned() }),
        None if let Some(spec) = endpoint::named(name) => endpoint::embedder(&spec, options),
        None if name == SCRIPTED || name.strip_prefix(SCRIPTED).is_some_and(|rest| rest.starts_with(':')) => {
            not("is scripted")
        }
        None => local(name, window, options),
    }
}

#[cfg(feature = "local")]
fn local(
    name: &str,
    window: Option<u64>,
    options: &ConnectOptions,
) -> Result<Arc<dyn Embedder>, ConnectError> {
    use crate::local::{LocalEmbedder, LocalOptions, ModelKind};
    let folder = super::file(name, options, ModelKind::Embeddings)?;
    Ok(Arc::new(LocalEmbedder::load(&folder, &LocalOptions { window, ..LocalOptions::default() })?))
}

#[cfg(not(feature = "local"))]
fn local(_: &str, _: Option<u64>, _: &ConnectOptions) -> Result<Arc<dyn Embedder>, ConnectError> {
    Err(ConnectError::NoLocal)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::connect::connect;
    use crate::spec::{LocalSpec, OpenAiSpec};

    fn options(models: PathBuf) -> ConnectOptions {
        let local = |name: &str| ModelSpec {
            local: Some(LocalSpec { name: Some(name.to_owned()), ..LocalSpec::default() }),
            ..ModelSpec::default()
        };
        let openai = |model: &str| {
            let spec = OpenAiSpec {
                model: model.to_owned(),
                base_url: Some("http://localhost:1/v1".to_owned()),
                ..OpenAiSpec::default()
            };
            ModelSpec { openai: Some(spec), ..ModelSpec::default() }
        };
        let fallback = ModelSpec { fallback: Some(vec!["near".to_owned()]), ..ModelSpec::default() };
        let listed = [
            ("near", local("minilm")),
            ("small", local("smollm2")),
            ("far", openai("text-embedding-3-small")),
            ("talker", openai("gpt-4o-mini")),
            ("own", openai("nobody-knows")),
            ("either", fallback),
        ];
        ConnectOptions {
            models,
            window: None,
            listed: listed.map(|(name, spec)| (name.to_owned(), spec)).into(),
            base_url: None,
            keys: [].into(),
            unasked: false,
            offline: true,
            tape: None,
            batch: None,
            endpoints: crate::remote::Endpoints::default(),
        }
    }

    fn refused<T>(result: Result<T, ConnectError>) -> String {
        let error = result.err().unwrap();
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{error}{hint}")
    }

    #[test]
    fn an_embedder_behind_an_endpoint_is_one_that_is_not_known_to_answer() {
        let options = options(PathBuf::from("nowhere"));
        for (name, identity) in [("far", "openai:text-embedding-3-small@"), ("own", "openai:nobody-knows@")] {
            let found = embedder(name, &options).unwrap();
            assert!(found.identity().starts_with(identity), "{}", found.identity());
            assert!(found.window().is_none() && found.counter().is_none());
        }
        insta::assert_snapshot!(refused(embedder("talker", &options)), @"`gpt-4o-mini` answers in words: expected a model that turns texts into vectors; `minilm` is one that this machine computes, and `openai:text-embedding-3-small` one behind an endpoint");
        insta::assert_snapshot!(refused(connect("far", &options)), @"`text-embedding-3-small` turns texts into vectors: expected a model that answers; `longhand models list` shows the others");
        insta::assert_snapshot!(refused(embedder("either", &options)), @"`either` is several models, whose vectors do not go together: expected a model that turns texts into vectors; `minilm` is one that this machine computes, and `openai:text-embedding-3-small` one behind an endpoint");
        insta::assert_snapshot!(refused(embedder("scripted", &options)), @"`scripted` is scripted: expected a model that turns texts into vectors; `minilm` is one that this machine computes, and `openai:text-embedding-3-small` one behind an endpoint");
    }

    #[cfg(feature = "local")]
    #[test]
    fn a_local_model_is_asked_for_what_it_can_and_fetched_for_nothing_else() {
        let models = tempfile::tempdir().unwrap();
        let options = options(models.path().to_owned());
        insta::assert_snapshot!(refused(embedder("near", &options)), @"the model `minilm` is not on this machine; fetch it with `longhand models pull minilm`");
        insta::assert_snapshot!(refused(embedder("small", &options)), @"`smollm2` answers in words: expected a model that turns texts into vectors; `minilm` is one that this machine computes, and `openai:text-embedding-3-small` one behind an endpoint");
        insta::assert_snapshot!(refused(connect("near", &options)), @"`minilm` turns texts into vectors: expected a model that answers; `longhand models list` shows the others");
        insta::assert_snapshot!(refused(connect("minilm", &options)), @"`minilm` turns texts into vectors: expected a model that answers; `longhand models list` shows the others");
        insta::assert_snapshot!(refused(embedder("minilmm", &options)), @"`minilmm` is neither a known model nor a file; did you mean `minilm`?");
        // What lies there under a name is asked for what it is.
        std::fs::write(models.path().join("smollm2.gguf"), "GGUF").unwrap();
        std::fs::create_dir(models.path().join("minilm")).unwrap();
        for name in ["config.json", "tokenizer.json", "model.safetensors"] {
            std::fs::write(models.path().join("minilm").join(name), "{}").unwrap();
        }
        assert!(matches!(embedder("small", &options), Err(ConnectError::NotEmbedder { .. })));
        assert!(matches!(connect("near", &options), Err(ConnectError::NotChat { .. })));
        assert!(matches!(embedder("near", &options), Err(ConnectError::Model(_))));
    }
}
