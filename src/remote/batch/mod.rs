//! Requests that wait for each other and are handed in together, at half the price: provider batches.
//!
//! What was handed in is written down before it is, so that a process that comes later waits for the same batch and pays
//! nothing twice. Nothing here tries a request again: what failed or expired is told to whoever asked, and comes into the
//! next batch when he asks again.

mod clerk;
mod desk;
mod line;
mod log;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::endpoint::AddressError;
use super::failure::Failure;
use super::model::RemoteModel;
use super::wire::{self, Answer};
use crate::model::{
    BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelError, ModelLimits, TokenSink, Usage,
};
use crate::text::{TokenCount, TokenCounter};
use clerk::Clerk;
use desk::Said;

/// As many requests may wait for an answer.
const CONCURRENCY: usize = 10_000;

/// How batches are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchOptions {
    /// The folder of what was handed in, for its owner only.
    pub folder: PathBuf,
    /// How long nothing more has to come before what came is handed in.
    pub gather: Duration,
    /// How long to wait before a batch is looked at first; each further wait is longer, up to a minute.
    pub poll: Duration,
}

impl BatchOptions {
    /// Batches that are written down in `folder`.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, gather: Duration::from_secs(2), poll: Duration::from_secs(5) }
    }
}

/// A [`ChatModel`] behind an endpoint that is asked in batches.
///
/// Two calls with the same request that wait at the same time share one line of a batch, and the second is told that it
/// used nothing.
///
/// ```
/// use longhand::model::ChatModel;
/// use longhand::remote::{
///     Address, BatchOptions, BatchedModel, Endpoints, PaceLimits, RemoteModel, RemoteOptions,
/// };
/// use longhand::text::TokenCount;
/// use std::time::Duration;
///
/// let model = RemoteModel::new(&RemoteOptions {
///     address: Address {
///         base_url: "http://localhost:8080/v1".to_owned(),
///         key: None,
///         timeout: Duration::from_secs(600),
///         ca_file: None,
///     },
///     model: "smollm2".to_owned(),
///     context: TokenCount(8192),
///     max_output: TokenCount(1024),
///     limits: PaceLimits {
///         requests_per_minute: None,
///         tokens_per_minute: None,
///         concurrency: 16,
///         welcome: false,
///     },
///     counter: None,
///     reasoning: false,
///     reasoning_effort: None,
///     tape: None,
///     endpoints: Endpoints::default(),
/// })?;
/// let batched = BatchedModel::new(model, BatchOptions::new("batches".into()))?;
/// assert_eq!(batched.identity(), "openai:smollm2@http://localhost:8080/v1");
/// assert!(batched.outlives());
/// # Ok::<(), longhand::remote::AddressError>(())
/// ```
#[derive(Debug)]
pub struct BatchedModel {
    clerk: Arc<Clerk>,
    /// What makes batches and waits for them, once somebody has asked.
    work: Mutex<Option<JoinHandle<()>>>,
}

impl BatchedModel {
    /// Has `model` asked in batches. Reads what earlier processes wrote down; nothing is sent and nothing written.
    ///
    /// # Errors
    /// [`AddressError::Batches`] where that cannot be read.
    pub fn new(model: RemoteModel, options: BatchOptions) -> Result<Self, AddressError> {
        let path = options.folder.clone();
        let unreadable = |error: std::io::Error| AddressError::Batches { path, reason: error.to_string() };
        let clerk = Arc::new(Clerk::new(model, options).map_err(unreadable)?);
        Ok(Self { clerk, work: Mutex::new(None) })
    }

    fn model(&self) -> &RemoteModel {
        self.clerk.model()
    }

    /// Has somebody make batches and wait for them.
    fn engage(&self) {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        if work.is_none() {
            *work = Some(tokio::spawn(Arc::clone(&self.clerk).work()));
        }
    }

    async fn answer(&self, request: &ChatRequest) -> Result<ChatResponse, ModelError> {
        let model = self.model();
        let most = model.check(request)?;
        self.engage();
        let id = request.hash().to_string();
        let manners = *model.manners();
        let written = || {
            let effort = model.effort.as_deref();
            line::request(&id, &wire::body(model.name(), request, most, manners, effort, false))
        };
        let said = self.clerk.desk().ask(&id, written).await;
        let closed = || Said { result: Err(line::again("nobody waits for batches any more")), shared: false };
        let Said { result, shared } = said.unwrap_or_else(|_| closed());
        let secrets = model.line().secrets();
        let answer = result.and_then(|line| line::result(&line, secrets)).map(Answer::whole);
        let mut response = model.judged(request, answer, manners).await?;
        if shared {
            response.usage = Usage::default();
        }
        Ok(response)
    }
}

impl Drop for BatchedModel {
    fn drop(&mut self) {
        let work = self.work.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = work {
            work.abort();
        }
    }
}

impl ChatModel for BatchedModel {
    fn identity(&self) -> &str {
        self.model().identity()
    }

    fn limits(&self) -> ModelLimits {
        ModelLimits { concurrency: CONCURRENCY, ..self.model().limits() }
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.model().counter()
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        self.model().prompt_tokens(messages)
    }

    fn most(&self, request: &ChatRequest) -> Result<Usage, ModelError> {
        self.model().most(request)
    }

    fn outlives(&self) -> bool {
        true
    }

    fn journaled(&self, request: &ChatRequest) {
        self.clerk.desk().taken(&request.hash().to_string());
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        _: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        Box::pin(self.answer(request))
    }
}

/// Whether it is sure that nothing came of a request.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure, Failure::Unreachable(_) | Failure::NotRecorded(_))
        || matches!(failure, Failure::Status { status, .. } if *status < 500 && *status != 408)
}
