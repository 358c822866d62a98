//! The chat contract: requests, responses and [`ChatModel`].

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ModelError;
use crate::hash::ContentHash;
use crate::text::{TokenCount, TokenCounter};

/// A boxed future, so that [`ChatModel`] stays object-safe without a macro.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Standing instructions.
    System,
    /// The person, or the program on a person's behalf.
    User,
    /// The model.
    Assistant,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Message {
    /// Makes a message of the user.
    #[must_use]
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// Makes a system message.
    #[must_use]
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }

    /// Makes a message of the model.
    #[must_use]
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

/// How the next token is chosen. The default is greedy: the same prompt gives the same answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// 0 takes the likeliest token; 1 samples from the model's own distribution. From 0 to 2.
    pub temperature: f64,
    /// Samples from the smallest set of tokens whose probabilities add up to this. Above 0, to 1.
    pub top_p: f64,
    /// Samples from this many likeliest tokens; 0 means all.
    pub top_k: usize,
    /// Divides the logits of tokens already seen; 1 changes nothing. From 1 to 2.
    pub repetition_penalty: f32,
    /// The seed of the random choice; the same seed gives the same answer.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.0, top_p: 1.0, top_k: 0, repetition_penalty: 1.0, seed: 0 }
    }
}

/// The form that an answer must have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputForm {
    /// Any text.
    #[default]
    Text,
    /// Exactly one of these texts. The response also carries the log-probability of each.
    Choice(Vec<String>),
    /// JSON that is valid under this JSON Schema.
    Json(serde_json::Value),
    /// The log-probability of exactly this continuation; nothing is sampled, `text` comes back as given.
    Score(String),
}

/// One question to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// The conversation so far. It is sent whole or refused, never cut.
    pub messages: Vec<Message>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// The most tokens to generate.
    pub max_output: TokenCount,
    /// Texts at which the answer ends; they are not part of it.
    pub stop: Vec<String>,
    /// The form of the answer.
    pub output: OutputForm,
}

impl ChatRequest {
    /// Makes a greedy request for free text.
    #[must_use]
    pub fn new(messages: Vec<Message>, max_output: TokenCount) -> Self {
        Self {
            messages,
            sampling: Sampling::default(),
            max_output,
            stop: Vec::new(),
            output: OutputForm::Text,
        }
    }

    /// Returns the most tokens that can be generated or scored, as the model counts them. A choice may be scored token by
    /// token, each to its end.
    #[must_use]
    pub fn most(&self, counter: &dyn TokenCounter) -> TokenCount {
        match &self.output {
            OutputForm::Text | OutputForm::Json(_) => self.max_output,
            OutputForm::Choice(choices) => {
                choices.iter().map(|choice| counter.count(choice) + TokenCount(1)).sum()
            }
            OutputForm::Score(text) => counter.count(text) + TokenCount(1),
        }
    }

    /// Returns the request's identity: equal requests have equal hashes.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        // A struct of strings and numbers always serializes, so the fallback is never hashed.
        ContentHash::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The model said that it was done, or the form of the answer was complete.
    #[default]
    End,
    /// One of the request's stop texts appeared.
    StopText,
    /// `max_output` was reached: the answer is cut and whoever uses it must know.
    Length,
}

/// Tokens that a call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens of the prompt, with the chat template.
    pub prompt_tokens: TokenCount,
    /// Those of them that were not computed again.
    pub cached_prompt_tokens: TokenCount,
    /// Tokens generated or scored.
    pub completion_tokens: TokenCount,
}

/// What a model answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatResponse {
    /// The answer.
    pub text: String,
    /// Why it ended.
    pub stop: StopReason,
    /// What it used.
    pub usage: Usage,
    /// Natural-log probabilities: one for each choice of [`OutputForm::Choice`] in its order, one for
    /// [`OutputForm::Score`], none otherwise or where a back end cannot tell.
    pub scores: Vec<f32>,
    /// What the model thought before it answered, where a back end tells it apart. It is kept and never asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// What else an endpoint said, under its own keys.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// What a model can take and give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelLimits {
    /// The window: the most tokens of prompt and answer together.
    pub context: TokenCount,
    /// The most tokens of one answer.
    pub max_output: TokenCount,
    /// How many requests may be in flight at once; at least 1.
    pub concurrency: usize,
    /// Whether an answer can be begun for it: where the last message is the assistant's, the answer is what follows it.
    #[serde(default)]
    pub prefill: bool,
}

/// The right to ask a model once, given back when dropped.
pub struct Admission {
    held: Option<Box<dyn Any + Send>>,
}

impl Admission {
    /// The right to ask a model that takes every question at once.
    #[must_use]
    pub fn free() -> Self {
        Self { held: None }
    }

    /// A right that lasts as long as `held`.
    #[must_use]
    pub fn holding(held: impl Any + Send) -> Self {
        Self { held: Some(Box::new(held)) }
    }

    /// Returns what the right lasts as long as, to the model that gave it.
    pub fn held<T: Any>(&mut self) -> Option<&mut T> {
        self.held.as_mut()?.downcast_mut()
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("held", &self.held.is_some()).finish()
    }
}

/// A model cannot be asked now: it has failed too often, and is left alone for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down(pub Duration);

/// Receives an answer while it is written.
pub trait TokenSink: Send + Sync {
    /// Takes the next piece of text.
    fn token(&self, text: &str);
}

/// A chat model.
///
/// Called by many tasks at once, never with more in flight than [`ModelLimits::concurrency`]. Implementations are
/// cancel-safe: dropping the future stops the work within one token.
pub trait ChatModel: fmt::Debug + Send + Sync {
    /// Returns a name that tells this model's answers from every other's: weights or endpoint, and settings.
    fn identity(&self) -> &str;

    /// Returns what the model can take and give. Constant for the life of the model.
    fn limits(&self) -> ModelLimits;

    /// Returns how many bytes of keys and values the model keeps for a token of its context; none where that is not known, as
    /// behind an endpoint.
    fn kv_bytes(&self) -> Option<u64> {
        None
    }

    /// Returns the model's own way to count tokens.
    fn counter(&self) -> &dyn TokenCounter;

    /// Counts the tokens of the whole prompt that `messages` become, chat template included.
    ///
    /// # Errors
    /// [`ModelError::Template`] where the messages cannot be rendered.
    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError>;

    /// Returns the most tokens that answering `request` can use. Where tokens are not counted exactly it is more than is
    /// counted, so that no budget is passed.
    ///
    /// # Errors
    /// As [`Self::prompt_tokens`].
    fn most(&self, request: &ChatRequest) -> Result<Usage, ModelError> {
        let prompt_tokens = self.prompt_tokens(&request.messages)?;
        let completion_tokens = request.most(self.counter());
        Ok(Usage { prompt_tokens, completion_tokens, ..Usage::default() })
    }

    /// Tells whether an answer that was asked for can be fetched later, also by another process: then whoever is to stop need
    /// not wait for it, and what was set aside for it is not lost. It may take hours.
    fn outlives(&self) -> bool {
        false
    }

    /// Takes note that what came of `request` is in the journal: where answers outlive whoever asked for them, this one need
    /// not be kept any longer.
    fn journaled(&self, request: &ChatRequest) {
        let _ = request;
    }

    /// Waits until `request` may be asked: until there is a place for it and the pace allows it. [`Self::chat`] waits itself;
    /// who wants to do something between the waiting and the asking waits here and asks with [`Self::chat_within`].
    ///
    /// # Errors
    /// [`Down`] where the model is left alone for now.
    fn admit<'a>(&'a self, request: &'a ChatRequest) -> BoxFuture<'a, Result<Admission, Down>> {
        let _ = request;
        Box::pin(std::future::ready(Ok(Admission::free())))
    }

    /// Answers `request`, handing pieces of the answer to `sink` as they appear.
    ///
    /// # Errors
    /// [`ModelError::PromptTooLong`] before anything is computed; other variants as they occur.
    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>>;

    /// Answers `request` under an admission that this model gave.
    ///
    /// # Errors
    /// As [`Self::chat`].
    fn chat_within<'a>(
        &'a self,
        admission: Admission,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        Box::pin(async move {
            let _held = admission;
            self.chat(request, sink).await
        })
    }
}
