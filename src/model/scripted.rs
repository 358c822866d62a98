//! A model that answers from a script: deterministic, instant or with a set latency, no weights.
//!
//! It is what tests and benchmarks run the whole pipeline with, and what a user tries a workflow with before spending
//! a minute of a real model on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_timer::Delay;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ModelError;
use super::chat::{
    BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelLimits, OutputForm, StopReason, TokenSink,
    Usage,
};
use crate::hash::ContentHash;
use crate::text::{ApproximateCounter, TokenCount, TokenCounter};

/// What a scripted model says, and what it pretends to be able to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// The window in tokens of four bytes.
    pub context: u64,
    /// The most tokens of one answer.
    pub max_output: u64,
    /// Requests in flight at once.
    pub concurrency: usize,
    /// Whether it can go on with an answer that was begun for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prefill: bool,
    /// Milliseconds before each answer.
    pub latency_ms: u64,
    /// The first rule whose `when` stands in the last message decides; where the answer is held to a choice, the first
    /// of them that says one of the choices.
    pub rules: Vec<Rule>,
    /// Failures to try retries and time-outs with. The first that still has `times` left and whose `when` stands in the
    /// last message happens instead of an answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<ScriptedFailure>,
    /// How many words of the prompt to repeat where no rule fits; none makes such a request an error.
    pub echo_words: Option<usize>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            context: 8192,
            max_output: 1024,
            concurrency: 4,
            prefill: false,
            latency_ms: 0,
            rules: Vec::new(),
            failures: Vec::new(),
            echo_words: Some(40),
        }
    }
}

/// One line of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Text that must stand in the last message; an empty one stands in every message.
    pub when: String,
    /// The answer.
    pub say: String,
}

/// A failure that a script asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedFailure {
    /// Text that must stand in the last message; an empty one stands in every message.
    pub when: String,
    /// How often it happens, over all calls of a process.
    pub times: u32,
    /// Whether nothing ever comes, instead of a refusal for now.
    #[serde(default)]
    pub silent: bool,
    /// How long the model asks to be left alone, in milliseconds.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

/// A [`ChatModel`] over a [`Script`].
///
/// ```
/// use longhand::model::{ChatModel, ChatRequest, Message, Script, ScriptedModel};
/// use longhand::text::TokenCount;
/// let model = ScriptedModel::new(Script::default());
/// let request = ChatRequest::new(vec![Message::user("one two three")], TokenCount(100));
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// let answer = runtime.block_on(model.chat(&request, None)).unwrap();
/// assert_eq!(answer.text, "one two three");
/// ```
#[derive(Debug, Clone)]
pub struct ScriptedModel {
    script: Arc<Script>,
    /// How often each failure has happened.
    failed: Arc<[AtomicU32]>,
    identity: String,
}

impl ScriptedModel {
    /// Makes a model that follows `script`.
    #[must_use]
    pub fn new(script: Script) -> Self {
        // What fails is no part of what is answered.
        let answers = Script { failures: Vec::new(), ..script.clone() };
        let bytes = serde_json::to_vec(&answers).unwrap_or_default();
        let identity = format!("scripted:{}", ContentHash::of(&bytes).short());
        let failed = script.failures.iter().map(|_| AtomicU32::new(0)).collect();
        Self { script: Arc::new(script), failed, identity }
    }

    /// Returns the failure that is due.
    fn failure(&self, request: &ChatRequest) -> Option<&ScriptedFailure> {
        let prompt = request.messages.last().map_or("", |message| message.content.as_str());
        let due = |(failure, happened): &(&ScriptedFailure, &AtomicU32)| {
            prompt.contains(&failure.when)
                && happened
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |times| {
                        (times < failure.times).then_some(times + 1)
                    })
                    .is_ok()
        };
        self.script.failures.iter().zip(self.failed.iter()).find(due).map(|(failure, _)| failure)
    }

    fn answer(&self, request: &ChatRequest) -> Result<(String, Vec<f32>), ModelError> {
        let prompt = request.messages.last().map_or("", |message| message.content.as_str());
        match &request.output {
            OutputForm::Choice(choices) => {
                let rules = self.script.rules.iter().filter(|rule| prompt.contains(&rule.when));
                let said = rules.map(|rule| &rule.say).find(|say| choices.contains(say));
                let likelihood = |choice: &String| match said {
                    Some(said) if said == choice => 0.0,
                    _ => log_probability(prompt, choice),
                };
                let scores: Vec<f32> = choices.iter().map(likelihood).collect();
                let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
                let text = choices
                    .get(best)
                    .cloned()
                    .ok_or_else(|| ModelError::Form { reason: "no choice".into() })?;
                Ok((text, scores))
            }
            OutputForm::Score(text) => Ok((text.clone(), vec![log_probability(prompt, text)])),
            OutputForm::Text | OutputForm::Json(_) => {
                let rule = self.script.rules.iter().find(|rule| prompt.contains(&rule.when));
                let echo = || self.script.echo_words.map(|count| echo(prompt, count));
                let text = rule.map(|rule| rule.say.clone()).or_else(echo).ok_or(ModelError::NoRule)?;
                Ok((text, Vec::new()))
            }
        }
    }
}

/// Words spread evenly over the prompt, so that every part of it can leave a trace in the answer.
fn echo(prompt: &str, count: usize) -> String {
    let words: Vec<&str> = prompt.split_whitespace().collect();
    let step = words.len().div_ceil(count.max(1)).max(1);
    words.into_iter().step_by(step).collect::<Vec<_>>().join(" ")
}

/// A made-up log-probability that depends on nothing but the two texts.
fn log_probability(prompt: &str, text: &str) -> f32 {
    let hash = ContentHash::of(format!("{prompt}\u{0}{text}").as_bytes()).short();
    let drawn = u16::from_str_radix(hash.get(..4).unwrap_or("0"), 16).unwrap_or(0);
    -f32::from(drawn) / 6553.6 - 0.01
}

impl ChatModel for ScriptedModel {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn limits(&self) -> ModelLimits {
        ModelLimits {
            context: TokenCount(self.script.context),
            max_output: TokenCount(self.script.max_output),
            concurrency: self.script.concurrency.max(1),
            prefill: self.script.prefill,
        }
    }

    fn counter(&self) -> &dyn TokenCounter {
        &ApproximateCounter
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        // Four tokens a message stand for the role markers of a real template.
        Ok(messages.iter().map(|message| ApproximateCounter.count(&message.content) + TokenCount(4)).sum())
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        Box::pin(async move {
            let prompt_tokens = self.prompt_tokens(&request.messages)?;
            ModelError::check_fits(prompt_tokens, request.max_output, self.limits().context)?;
            if self.script.latency_ms > 0 {
                // The runtime's own timer ends up to a millisecond late, which is a lot where latency is all that there is.
                Delay::new(Duration::from_millis(self.script.latency_ms)).await;
            }
            match self.failure(request) {
                Some(failure) if failure.silent => std::future::pending().await,
                Some(failure) => {
                    let retry_after = failure.retry_after_ms.map(Duration::from_millis);
                    return Err(ModelError::Unavailable { reason: "the script says so".into(), retry_after });
                }
                None => {}
            }
            let (mut text, scores) = self.answer(request)?;
            let room = usize::try_from(request.max_output.0.saturating_mul(4)).unwrap_or(usize::MAX);
            let mut stop = StopReason::End;
            if text.len() > room {
                text.truncate(text.floor_char_boundary(room));
                stop = StopReason::Length;
            }
            if let Some(sink) = sink {
                sink.token(&text);
            }
            let completion_tokens = ApproximateCounter.count(&text);
            let usage = Usage { prompt_tokens, cached_prompt_tokens: TokenCount(0), completion_tokens };
            Ok(ChatResponse { text, stop, usage, scores, ..ChatResponse::default() })
        })
    }
}
