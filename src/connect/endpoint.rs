//! From what settings say of an endpoint to the model behind it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{ConnectError, ConnectOptions, Connection};
use crate::model::{ChatModel, Embedder, Measure, Price, Terms};
use crate::remote::{
    Address, BatchedModel, Key, OPENAI, PaceLimits, RemoteEmbedder, RemoteModel, RemoteOptions, is_here,
    known,
};
use crate::spec::OpenAiSpec;
use crate::text::{TokenCount, TokenCounter};

/// The variable that holds the key where settings name none.
pub(super) const KEY: &str = "OPENAI_API_KEY";

/// The window where nobody knows it.
const CONTEXT: u64 = 8192;

/// The longest answer where nobody knows it.
const MAX_OUTPUT: u64 = 4096;

/// Requests in flight where settings say nothing.
const CONCURRENCY: usize = 16;

/// What a token costs in a batch, as a share of its price.
const BATCHED: f64 = 0.5;

/// The longest time between two signs of life where settings say nothing.
const TIMEOUT: Duration = Duration::from_mins(10);

/// Says whether a name that nothing is listed under is that of a model behind an endpoint, and returns its name there: one of
/// the table of well-known models, or any after `openai:`.
pub(super) fn named(name: &str) -> Option<OpenAiSpec> {
    let model = name.strip_prefix("openai:").or_else(|| known(name).map(|_| name))?;
    Some(OpenAiSpec { model: model.to_owned(), ..OpenAiSpec::default() })
}

/// Connects to a model behind an endpoint. Nothing is sent.
pub(super) fn connect(
    spec: &OpenAiSpec,
    terms: &Terms,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    answers(spec)?;
    let model = model(spec, options)?;
    let terms = Terms { price: price(spec, options), ..*terms };
    let unpriced = terms.price.is_none() && !is_here(&model_address(spec, options));
    let note = unpriced.then(|| {
        format!("`{}` has no price here: its tokens are counted and its money is not", model.identity())
    });
    let model: Arc<dyn ChatModel> = match &options.batch {
        None => Arc::new(model),
        Some(batch) => Arc::new(BatchedModel::new(model, batch.clone())?),
    };
    Ok(Connection { note, terms, ..Connection::of(model) })
}

/// Makes the way to a model that turns texts into vectors. Nothing is sent.
pub(super) fn embedder(
    spec: &OpenAiSpec,
    options: &ConnectOptions,
) -> Result<Arc<dyn Embedder>, ConnectError> {
    if known(&spec.model).is_some_and(|known| known.max_output > TokenCount(0)) {
        return Err(ConnectError::NotEmbedder { name: spec.model.clone(), what: "answers in words" });
    }
    Ok(Arc::new(RemoteEmbedder::new(&address(spec, options)?, &spec.model)?))
}

/// Fails where it is documented that a model turns texts into vectors instead of answering.
fn answers(spec: &OpenAiSpec) -> Result<(), ConnectError> {
    match known(&spec.model) {
        Some(known) if known.max_output == TokenCount(0) => {
            Err(ConnectError::NotChat { name: spec.model.clone() })
        }
        _ => Ok(()),
    }
}

/// What the model costs as it is asked: as settings say or as is documented, and half of it in batches. An endpoint of one's
/// own is not paid by the token, whatever the model is called.
pub(super) fn price(spec: &OpenAiSpec, options: &ConnectOptions) -> Option<Price> {
    let hosted = model_address(spec, options) == OPENAI;
    let listed =
        || known(&spec.model).filter(|_| hosted).map(|known| known.price_for(context(spec, options)));
    let price = spec.price.or_else(listed);
    if options.batch.is_some() { price.map(|price| price.times(BATCHED)) } else { price }
}

/// Finds what prompts for a model behind an endpoint are measured with. It takes no key and no network.
pub(super) fn measure(spec: &OpenAiSpec, options: &ConnectOptions) -> Result<Arc<dyn Measure>, ConnectError> {
    let options = ConnectOptions { unasked: true, ..options.clone() };
    let model: Arc<dyn ChatModel> = Arc::new(model(spec, &options)?);
    Ok(Arc::new(model))
}

/// Makes the way to a model behind an endpoint.
pub(super) fn model(spec: &OpenAiSpec, options: &ConnectOptions) -> Result<RemoteModel, ConnectError> {
    let table = known(&spec.model);
    let context = context(spec, options);
    let max_output = spec.max_output.or_else(|| table.map(|known| known.max_output.0)).unwrap_or(MAX_OUTPUT);
    Ok(RemoteModel::new(&RemoteOptions {
        address: address(spec, options)?,
        model: spec.model.clone(),
        context,
        max_output: TokenCount(max_output),
        limits: PaceLimits {
            requests_per_minute: spec.limits.requests_per_minute,
            tokens_per_minute: spec.limits.tokens_per_minute,
            concurrency: spec.limits.concurrency.unwrap_or(CONCURRENCY),
            welcome: spec.limits.concurrency.is_some(),
        },
        counter: spec.tokenizer.as_deref().map(counter).transpose()?,
        reasoning: table.is_some_and(|known| known.reasoning),
        reasoning_effort: spec.reasoning_effort.clone(),
        tape: options.tape.clone(),
        endpoints: options.endpoints.clone(),
    })?)
}

/// The tokens of the window: as settings say, as is documented up to where a prompt costs more, or few.
fn context(spec: &OpenAiSpec, options: &ConnectOptions) -> TokenCount {
    let table = known(&spec.model).map(|known| known.short_prompt.unwrap_or(known.context));
    let context = spec.context.map(TokenCount).or(table).unwrap_or(TokenCount(CONTEXT));
    options.window.map_or(context, |window| context.min(TokenCount(window)))
}

fn model_address(spec: &OpenAiSpec, options: &ConnectOptions) -> String {
    let base_url = spec.base_url.clone().or_else(|| options.base_url.clone());
    base_url.unwrap_or_else(|| OPENAI.to_owned())
}

/// Finds where an endpoint is. One on this machine needs no key and no network.
fn address(spec: &OpenAiSpec, options: &ConnectOptions) -> Result<Address, ConnectError> {
    let base_url = model_address(spec, options);
    let here = is_here(&base_url);
    if options.offline && !here && !options.unasked {
        return Err(ConnectError::Offline { model: spec.model.clone() });
    }
    let variable = spec.api_key_env.as_deref().unwrap_or(KEY);
    let key: Option<Key> = options.keys.get(variable).cloned();
    // A key that nobody named goes only where it belongs: to the address that came with it.
    let meant = spec.api_key_env.is_some() || spec.base_url.is_none();
    let key = key.filter(|_| meant);
    if key.is_none() && !options.unasked && (spec.api_key_env.is_some() || base_url == OPENAI) {
        let variable = variable.to_owned();
        return Err(ConnectError::NoKey { model: spec.model.clone(), variable });
    }
    let timeout = spec.timeout.map_or(TIMEOUT, Duration::from_secs);
    Ok(Address { base_url, key, timeout, ca_file: spec.ca_file.clone() })
}

#[cfg(feature = "local")]
fn counter(path: &Path) -> Result<Arc<dyn TokenCounter>, ConnectError> {
    Ok(crate::local::counter_of(path)?)
}

#[cfg(not(feature = "local"))]
fn counter(_: &Path) -> Result<Arc<dyn TokenCounter>, ConnectError> {
    Err(ConnectError::NoLocal)
}
