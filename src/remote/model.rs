//! A model behind an endpoint, as the rest of the program knows models.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::Value;
use tokio::time::timeout;

use super::count::{Conservative, of_name};
use super::endpoint::{Address, AddressError, Line};
use super::failure::Failure;
use super::gate::{Gate, Ticket};
use super::gauge::Gauge;
use super::options::{RemoteOptions, Tape};
use super::pace::Told;
use super::recording::Recording;
use super::secrets::{Secrets, shown};
use super::transport::Transport;
use super::wire::{self, Answer, Manners};
use crate::model::{
    Admission, BoxFuture, ChatModel, ChatRequest, ChatResponse, Down, Message, ModelError, ModelLimits,
    OutputForm, TokenSink, Usage,
};
use crate::text::{TokenCount, TokenCounter};

/// A whole answer may take so many times as long as a sign of life.
const PATIENCE: u32 = 4;

/// No token is longer, in bytes, on the average of an answer.
const LONGEST_TOKEN: u64 = 32;

/// All samples of a prompt together have no more tokens, whatever the tokenizer.
const SAMPLED: TokenCount = TokenCount(2048);

/// What a choice may have around it, in tokens.
const AROUND: TokenCount = TokenCount(16);

/// A [`ChatModel`] behind an OpenAI-compatible endpoint.
///
/// Nothing is sent when it is made.
///
/// ```
/// use longhand::model::ChatModel;
/// use longhand::remote::{Address, Endpoints, PaceLimits, RemoteModel, RemoteOptions};
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
/// assert_eq!(model.identity(), "openai:smollm2@http://localhost:8080/v1");
/// # Ok::<(), longhand::remote::AddressError>(())
/// ```
#[derive(Debug)]
pub struct RemoteModel {
    identity: String,
    name: String,
    line: Line,
    pub(super) limits: ModelLimits,
    pub(super) gauge: Gauge,
    gate: Gate,
    manners: Mutex<Manners>,
    reasoning: bool,
    pub(super) effort: Option<String>,
    address: Address,
    /// Whether an answer has shown that the whole prompt was read.
    pub(super) is_trusted: AtomicBool,
}

impl RemoteModel {
    /// Makes the way to a model.
    ///
    /// # Errors
    /// [`AddressError`] where the key, the certificates or the file of replies cannot be used.
    pub fn new(options: &RemoteOptions) -> Result<Self, AddressError> {
        let RemoteOptions { address, model, .. } = options;
        let line = Line::new(address)?;
        let line = match &options.tape {
            None => line,
            Some(Tape::Record(path)) => {
                let recording = Arc::new(Recording::record(path, Arc::clone(line.secrets()))?);
                let client = line.http();
                line.over(Transport::Recorded(client, recording))
            }
            Some(Tape::Replay(path)) => {
                let recording = Arc::new(Recording::replay(path, Arc::clone(line.secrets()))?);
                line.over(Transport::Replayed(recording))
            }
        };
        let (counter, exact) = match (&options.counter, of_name(model)) {
            (Some(given), _) => (Arc::clone(given), true),
            (None, Some(known)) => (known, true),
            (None, None) => (Arc::new(Conservative) as Arc<dyn TokenCounter>, false),
        };
        let effort =
            options.reasoning_effort.as_ref().map_or_else(String::new, |effort| format!("#{effort}"));
        let reasoning = options.reasoning || options.reasoning_effort.is_some();
        let manners = Manners {
            completion_tokens: reasoning,
            temperature: !reasoning,
            schema: true,
            stream_usage: true,
            seed: !reasoning,
        };
        Ok(Self {
            identity: format!("openai:{model}@{}{effort}", shown(&address.base_url)),
            name: model.clone(),
            line,
            limits: ModelLimits {
                context: options.context,
                max_output: options.max_output.min(options.context),
                concurrency: options.limits.concurrency.max(1),
                prefill: false,
            },
            gauge: Gauge::new(counter, exact),
            gate: options.endpoints.gate(address, model, options.limits),
            manners: Mutex::new(manners),
            reasoning,
            effort: options.reasoning_effort.clone(),
            address: address.clone(),
            is_trusted: AtomicBool::new(false),
        })
    }

    /// Returns where the endpoint is.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the model's name there.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// Says whether the endpoint has taken every form of answer so far.
    pub(super) fn takes_schema(&self) -> bool {
        self.manners().schema
    }

    /// Returns how many tokens an answer to `request` may have at most.
    pub(super) fn longest(&self, request: &ChatRequest) -> TokenCount {
        match &request.output {
            // What is thought counts as part of an answer.
            OutputForm::Choice(choices) if !self.reasoning => {
                let longest = choices.iter().map(|choice| self.gauge.counter().count(choice)).max();
                longest.unwrap_or_default() + AROUND
            }
            _ => request.max_output.min(self.limits.max_output),
        }
    }

    /// Sends a request once, and returns beside the answer what the endpoint said of its limits.
    pub(super) async fn send(
        &self,
        request: &ChatRequest,
        most: TokenCount,
        manners: Manners,
        sink: Option<&dyn TokenSink>,
    ) -> (Result<Answer, Failure>, Told) {
        let body = wire::body(&self.name, request, most, manners, self.effort.as_deref(), sink.is_some());
        let (client, hearing) = self.line.client_of_answer(most.0.saturating_mul(LONGEST_TOKEN));
        let chat = client.chat();
        let asked = async {
            match sink {
                None => chat.create_byot(body).await.map(Answer::whole).map_err(Failure::unboxed),
                Some(sink) => {
                    let stream = chat.create_stream_byot::<Value, Value>(body).await;
                    gathered(stream.map_err(Failure::unboxed)?, most, self.line.secrets(), sink).await
                }
            }
        };
        let answer = timeout(self.address.timeout.saturating_mul(PATIENCE), asked).await;
        (answer.unwrap_or(Err(Failure::Silent)), Told::read(&hearing.headers()))
    }

    /// Says what follows from a failure. What the endpoint does not take it is not asked with again.
    pub(super) fn error(&self, failure: Failure, sent: Manners) -> ModelError {
        if let Failure::Status { status: 400 | 404 | 415 | 422 | 501, parameter, reason, .. } = &failure
            && let Some(less) = sent.without(parameter, reason)
        {
            *self.manners() = less;
            let reason = format!("the endpoint does not take all that it was asked with: {reason}");
            return ModelError::Unavailable { reason, retry_after: Some(Duration::ZERO) };
        }
        failure.into_error(self.address.timeout)
    }

    pub(super) fn manners(&self) -> std::sync::MutexGuard<'_, Manners> {
        self.manners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gathers a stream. One that breaks off, or that does not say that it has ended, is no answer.
async fn gathered(
    mut stream: impl futures::Stream<Item = Result<Value, async_openai::error::OpenAIError>> + Unpin,
    most: TokenCount,
    secrets: &Secrets,
    sink: &dyn TokenSink,
) -> Result<Answer, Failure> {
    let longest = most.0.saturating_mul(LONGEST_TOKEN).saturating_add(4096);
    let mut answer = Answer::default();
    while let Some(event) = stream.next().await {
        let event = event.map_err(Failure::unboxed)?;
        if let Some(error) = event.get("error") {
            let said = error.get("message").and_then(Value::as_str).unwrap_or("no reason");
            return Err(Failure::broken(format!(
                "the stream ended in an error: {}",
                super::failure::in_a_line(said, secrets)
            )));
        }
        sink.token(&answer.event(event));
        if (answer.text.len() + answer.reasoning.len()) as u64 > longest {
            return Err(Failure::broken("it does not end where it was told to"));
        }
    }
    if answer.finish.is_none() {
        return Err(Failure::broken("the stream ended before the answer did"));
    }
    Ok(answer)
}

impl ChatModel for RemoteModel {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn limits(&self) -> ModelLimits {
        self.limits
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.gauge.counter()
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        Ok(self.gauge.prompt_tokens(messages))
    }

    fn most(&self, request: &ChatRequest) -> Result<Usage, ModelError> {
        let prompt = self.gauge.most(&request.messages);
        // Until an endpoint has proved to read whole prompts, samples of one may be sent as well.
        let trusted = self.is_trusted.load(Ordering::Acquire);
        let prompt_tokens = if trusted { prompt } else { prompt + prompt.min(SAMPLED) };
        Ok(Usage { prompt_tokens, completion_tokens: self.longest(request), ..Usage::default() })
    }

    fn admit<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<Admission, Down>> {
        Box::pin(async move {
            let tokens = self.gauge.prompt_tokens(&request.messages) + self.longest(request);
            let ticket = self.gate.admit(tokens).await.map_err(Down)?;
            Ok(Admission::holding(ticket))
        })
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        Box::pin(async move {
            let admission = self.admit(request).await.map_err(|Down(left)| ModelError::Unavailable {
                reason: "it has failed too often and is left alone for now".to_owned(),
                retry_after: Some(left),
            })?;
            self.chat_within(admission, request, sink).await
        })
    }

    fn chat_within<'a>(
        &'a self,
        mut admission: Admission,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        let ticket = admission.held::<Ticket>().map(std::mem::take).unwrap_or_default();
        Box::pin(self.answer(ticket, request, sink))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    struct Nobody;

    impl TokenSink for Nobody {
        fn token(&self, _: &str) {}
    }

    #[test]
    fn a_stream_that_ends_in_an_error_tells_it_without_the_key() {
        let said = serde_json::json!({"error": {"message": "no place for sk-planted"}});
        let stream = futures::stream::iter([Ok(said)]);
        let secrets = Secrets::planted("sk-planted");
        let ended = gathered(stream, TokenCount(9), &secrets, &Nobody).now_or_never().unwrap();
        assert_eq!(ended.unwrap_err().to_string(), "the stream ended in an error: no place for ***");
    }
}
