//! Finds out what an endpoint can do, by asking it.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::embed::RemoteEmbedder;
use super::failure::{Failure, told_window};
use super::model::RemoteModel;
use crate::model::{
    ChatModel as _, ChatRequest, ChatResponse, Embedder as _, Message, ModelError, OutputForm, TokenSink,
    Usage,
};
use crate::text::TokenCount;

/// The prompt, in tokens, that shows whether a small window is hidden behind a large one.
const LONG: u64 = 6000;

/// The tokens of the answer that the speed is taken from.
const SPOKEN: TokenCount = TokenCount(128);

/// Whether an endpoint can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It can.
    Yes,
    /// It can not.
    No,
    /// It could not be found out.
    Unknown,
}

/// One thing that was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was asked for, in a word or two.
    pub subject: &'static str,
    /// Whether it is there.
    pub standing: Standing,
    /// What was seen, in a line.
    pub detail: String,
}

impl Finding {
    fn new(subject: &'static str, standing: Standing, detail: impl Into<String>) -> Self {
        Self { subject, standing, detail: detail.into() }
    }

    fn of(subject: &'static str, found: Result<String, ModelError>) -> Self {
        match found {
            Ok(detail) => Self::new(subject, Standing::Yes, detail),
            Err(error @ (ModelError::Unavailable { .. } | ModelError::TimedOut { .. })) => {
                Self::new(subject, Standing::Unknown, error.to_string())
            }
            Err(error) => Self::new(subject, Standing::No, error.to_string()),
        }
    }
}

/// When the pieces of an answer came.
#[derive(Debug, Default)]
struct Arrivals(Mutex<Vec<Instant>>);

impl TokenSink for Arrivals {
    fn token(&self, text: &str) {
        if !text.is_empty() {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(Instant::now());
        }
    }
}

/// Asks an endpoint for everything that the program may want of it. Some ten short requests, and one of 6,000 tokens, or of
/// the whole window where `whole_window` says so: what they cost is paid.
///
/// Where the endpoint cannot be reached or does not take the key, nothing else is asked.
pub async fn probe(model: &RemoteModel, whole_window: bool, seen: &dyn Fn(&Finding)) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut tell = |finding: Finding| {
        seen(&finding);
        findings.push(finding);
    };
    let (answered, usage) = reach(model).await;
    let reached = answered.standing == Standing::Yes;
    tell(answered);
    if !reached {
        return findings;
    }
    tell(usage);
    tell(stream(model).await);
    tell(schema(model).await);
    tell(window(model, whole_window).await);
    tell(embeddings(model).await);
    tell(batches(model).await);
    findings
}

/// Asks for a word, and looks at what that is said to have used.
async fn reach(model: &RemoteModel) -> (Finding, Finding) {
    let request = ChatRequest::new(vec![Message::user("Answer with the one word: ready")], TokenCount(256));
    let began = Instant::now();
    let answer = model.chat(&request, None).await;
    let took = began.elapsed();
    let usage = match &answer {
        Ok(answer) if answer.extra.contains_key("usage") => {
            let counted = model.prompt_tokens(&request.messages).unwrap_or_default();
            let told = answer.usage.prompt_tokens;
            Finding::new(
                "usage",
                Standing::Yes,
                format!("{told} tokens of prompt told, {counted} counted here"),
            )
        }
        Ok(_) => Finding::new("usage", Standing::No, "it does not tell: tokens are counted here"),
        Err(_) => Finding::new("usage", Standing::Unknown, ""),
    };
    let said = |answer: ChatResponse| {
        let by =
            answer.extra.get("model").and_then(Value::as_str).unwrap_or("a model without a name").to_owned();
        format!("{by} answered in {} ms", took.as_millis())
    };
    (Finding::of("answers", answer.map(said)), usage)
}

/// Asks for a longer answer piece by piece, and takes the time.
async fn stream(model: &RemoteModel) -> Finding {
    let text = "Write the numbers from 1 to 60 in words, one after the other.";
    let request = ChatRequest::new(vec![Message::user(text)], SPOKEN);
    let arrivals = Arrivals::default();
    let began = Instant::now();
    // What an endpoint does not take it says the first time, and is asked without from then on.
    let answer = match model.chat(&request, Some(&arrivals)).await {
        Err(ModelError::Unavailable { .. }) => model.chat(&request, Some(&arrivals)).await,
        answer => answer,
    };
    let arrivals = arrivals.0.into_inner().unwrap_or_default();
    Finding::of(
        "streams",
        answer.map(|answer| {
            let (first, last) = (arrivals.first().copied(), arrivals.last().copied());
            let (first, last) = (first.unwrap_or(began), last.unwrap_or(began));
            let tokens = answer.usage.completion_tokens.0;
            let speed = per_second(tokens.saturating_sub(1), last.duration_since(first));
            let told = if answer.extra.contains_key("usage") {
                "tells its usage"
            } else {
                "does not tell its usage"
            };
            let first = first.duration_since(began).as_millis();
            format!("{} pieces, the first after {first} ms, then {speed}; {told}", arrivals.len())
        }),
    )
}

#[expect(clippy::cast_precision_loss, reason = "an answer has far fewer than 2^53 tokens")]
fn per_second(tokens: u64, time: Duration) -> String {
    if time < Duration::from_millis(1) {
        return "all at once".to_owned();
    }
    format!("{:.1} tokens/s", tokens as f64 / time.as_secs_f64())
}

/// Asks for JSON of a form that nobody would answer with by chance.
async fn schema(model: &RemoteModel) -> Finding {
    let schema = json!({
        "type": "object", "properties": {"ferry": {"type": "string"}, "year": {"type": "integer"}},
        "required": ["ferry", "year"], "additionalProperties": false,
    });
    let messages = vec![Message::user("The ferry Elsa sank in 1913. Which ferry sank, and when?")];
    let request =
        ChatRequest { output: OutputForm::Json(schema), ..ChatRequest::new(messages, TokenCount(256)) };
    let answer = match model.chat(&request, None).await {
        Err(ModelError::Unavailable { .. }) => model.chat(&request, None).await,
        answer => answer,
    };
    if !model.takes_schema() {
        return Finding::new(
            "JSON schema",
            Standing::No,
            "it takes none: answers are checked here, and asked again",
        );
    }
    let keeps = |answer: &ChatResponse| {
        let value: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        value.get("ferry").is_some_and(Value::is_string) && value.get("year").is_some_and(Value::is_i64)
    };
    match answer {
        Ok(answer) if keeps(&answer) => Finding::new("JSON schema", Standing::Yes, "the answer keeps it"),
        Ok(_) => {
            let detail =
                "it takes one, and the answer does not keep it: answers are checked here, and asked again";
            Finding::new("JSON schema", Standing::No, detail)
        }
        Err(error) => Finding::of("JSON schema", Err(error)),
    }
}

/// Sends a long prompt, and sees how much of it was read.
async fn window(model: &RemoteModel, whole: bool) -> Finding {
    let context = model.limits().context;
    let room = context.saturating_sub(TokenCount(64)).0;
    let wanted = if whole { room } else { LONG.min(room) };
    // Lines that differ: no server has them in its cache, and none tokenizes them as one run.
    let mut text = String::new();
    let mut line = 0_u64;
    while model.counter().count(&text).0 < wanted {
        for _ in 0..(wanted / 100).max(1) {
            line += 1;
            let _ = writeln!(text, "Line {line} of the log: the pump ran for {} minutes.", line * 7 % 60);
        }
    }
    let mut messages = vec![Message::user(text)];
    while model.prompt_tokens(&messages).unwrap_or_default().0 > wanted {
        let Some(message) = messages.first_mut() else { break };
        let Some((shorter, _)) = message.content.trim_end().rsplit_once('\n') else { break };
        message.content = shorter.to_owned();
    }
    let request = ChatRequest::new(messages, TokenCount(8));
    let said = |usage: Usage| {
        let read = usage.prompt_tokens;
        if wanted >= room {
            format!("the whole window of {context} tokens was read ({read} told)")
        } else {
            format!("a prompt of {read} tokens was read; `--whole-window` tries all {context}")
        }
    };
    match model.chat(&request, None).await {
        Ok(answer) if answer.extra.contains_key("usage") => {
            Finding::new("window", Standing::Yes, said(answer.usage))
        }
        // What came of the answer is of no interest, only how much was read.
        Err(ModelError::Broken { usage: Some(usage), .. } | ModelError::Filtered { usage: Some(usage) }) => {
            Finding::new("window", Standing::Yes, said(usage))
        }
        Ok(_) => Finding::new("window", Standing::Unknown, "it does not tell how many tokens it read"),
        Err(error @ ModelError::Cut { .. }) => {
            let hint = error.hint().unwrap_or_default();
            Finding::new("window", Standing::No, format!("{error}; {hint}"))
        }
        Err(ModelError::Refused { status, reason }) => {
            let hint = told_window(&reason).map(|tokens| {
                format!("; write `context: {tokens}` at the model in `longhand.yaml`, or give the server a larger window")
            });
            let error = ModelError::Refused { status, reason };
            Finding::new("window", Standing::No, format!("{error}{}", hint.unwrap_or_default()))
        }
        Err(error) => Finding::of("window", Err(error)),
    }
}

async fn embeddings(model: &RemoteModel) -> Finding {
    let embedder = match RemoteEmbedder::new(model.address(), model.name()) {
        Ok(embedder) => embedder,
        Err(error) => return Finding::new("embeddings", Standing::Unknown, error.to_string()),
    };
    let texts = ["A ferry sank.".to_owned(), "The mill burned.".to_owned()];
    let vectors = embedder.embed(&texts).await;
    let length =
        |vectors: Vec<Vec<f32>>| format!("vectors of {} numbers", vectors.first().map_or(0, Vec::len));
    Finding::of("embeddings", vectors.map(length))
}

async fn batches(model: &RemoteModel) -> Finding {
    let (client, _) = model.line().client();
    let listed: Result<Value, _> = client.batches().list_byot().await;
    let listed = listed.map_err(|error| Failure::unboxed(error).into_error(model.address().timeout));
    let shaped = listed.and_then(|listed| match listed.get("data") {
        Some(Value::Array(_)) => Ok("`--batch` can be used".to_owned()),
        _ => Err(ModelError::Broken { reason: "it lists no batches".to_owned(), usage: None }),
    });
    Finding::of("batches", shaped)
}
