//! A model that solves problems by rule, a bounded number of steps a call, and knows nothing but the messages that it is given.
//!
//! It stands for a model that was trained to reason in rounds: it measures what rounds carry, and not what a model can do.

use std::sync::{Arc, Mutex, PoisonError};

use super::work::Work;
use crate::model::{
    BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelError, ModelLimits, Role, StopReason,
    TokenSink, Usage,
};
use crate::text::{TokenCount, TokenCounter};

/// The bytes of keys and values of a token: those of Qwen2.5-Math-7B, one of the paper's models, in numbers of 16 bits (28 layers,
/// 4 heads with keys, 128 numbers in a head).
const KV_BYTES: u64 = 28 * 4 * 128 * 2 * 2;

/// What the roles of a message take in a prompt.
const ROLE: TokenCount = TokenCount(4);

const HISTORY: [&str; 2] = ["<history>", "</history>"];
const THINK: [&str; 2] = ["<think>\n", "</think>\n"];
const SUMMARY: [&str; 2] = ["<summary>\n", "\n</summary>"];

/// How the model uses the room of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// It stops thinking where its summary still fits, as a trained model does.
    Trained,
    /// It thinks until it is cut, as a model does that nobody trained to sum up.
    #[cfg_attr(not(test), expect(dead_code, reason = "what the engine mends is tested, not measured"))]
    Careless,
}

/// A model that solves by rule what [`Work`] can read.
#[derive(Debug)]
pub(super) struct SymbolicModel {
    manner: Manner,
    counter: Arc<dyn TokenCounter>,
    /// The last message of a user, counted: each round asks it again.
    counted: Mutex<(String, TokenCount)>,
}

/// What a request says.
#[derive(Debug, Default)]
struct Asked<'a> {
    question: &'a str,
    /// The summary of the rounds before.
    history: Option<&'a str>,
    /// The thought of a round that was cut, where its summary is asked for.
    thought: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn read(messages: &'a [Message]) -> Self {
        let mut asked = Self::default();
        for message in messages {
            match message.role {
                Role::System => {}
                Role::User => asked.question = &message.content,
                Role::Assistant => {
                    asked.history = between(&message.content, HISTORY);
                    asked.thought = between(&message.content, THINK);
                }
            }
        }
        asked
    }
}

fn between<'a>(text: &'a str, [open, close]: [&str; 2]) -> Option<&'a str> {
    text.split_once(open)?.1.rsplit_once(close).map(|(inside, _)| inside.trim())
}

impl SymbolicModel {
    pub(super) fn new(manner: Manner, counter: Arc<dyn TokenCounter>) -> Self {
        Self { manner, counter, counted: Mutex::default() }
    }

    fn count(&self, text: &str) -> TokenCount {
        self.counter.count(text)
    }

    /// What it would write, if nothing cut it.
    fn says(&self, request: &ChatRequest) -> String {
        let asked = Asked::read(&request.messages);
        let Some(work) = Work::read(asked.question) else {
            return "I cannot read this problem.".to_owned();
        };
        let work = match asked.history {
            Some(history) => work.go_on(history),
            None => Some(work),
        };
        let Some(work) = work else { return "I cannot go on from this summary.".to_owned() };
        match (asked.thought, self.manner) {
            // Its answer was begun with the tag that opens a summary.
            (Some(thought), _) => format!("{}{}", followed(work, thought).state(), SUMMARY[1]),
            (None, Manner::Trained) => self.round(work, request.max_output),
            (None, Manner::Careless) => self.until_cut(work, request.max_output),
        }
    }

    /// Works as long as what it has done and the summary fit, and concludes where nothing is left to do.
    fn round(&self, mut work: Work<'_>, most: TokenCount) -> String {
        let mut lines = String::new();
        let mut tokens = self.count(&summed("", ""));
        loop {
            let mut next = work.clone();
            let Some(line) = next.step() else { break };
            let (line, state) = (format!("{line}\n"), next.state());
            tokens = tokens + self.count(&line);
            let longer = format!("{lines}{line}");
            // Counting the whole of it at every step would take a time of its square: the sum of the parts is as good far from the end.
            let surely = tokens + self.count(&state) + ROLE <= most;
            if !surely && self.count(&summed(&longer, &state)) > most {
                // Not even one step fits: let whoever asked see that.
                return if lines.is_empty() { concluded(&longer, "") } else { summed(&lines, &work.state()) };
            }
            (lines, work) = (longer, next);
        }
        let conclusion = concluded(&lines, &work.answer());
        // Where nothing but the conclusion was left and that does not fit, no further round would help.
        if lines.is_empty() || self.count(&conclusion) <= most {
            return conclusion;
        }
        summed(&lines, &work.state())
    }

    /// Works until it is cut.
    fn until_cut(&self, mut work: Work<'_>, most: TokenCount) -> String {
        let mut lines = String::new();
        let mut tokens = TokenCount(0);
        while tokens <= most {
            let Some(line) = work.step() else { return concluded(&lines, &work.answer()) };
            lines.push_str(&line);
            lines.push('\n');
            tokens = tokens + self.count(&line);
        }
        concluded(&lines, "")
    }

    /// The answer as far as the request lets it come.
    fn answer(&self, request: &ChatRequest) -> (String, StopReason, TokenCount) {
        let said = self.says(request);
        let stops = request.stop.iter().filter(|stop| !stop.is_empty());
        let stopped = stops.filter_map(|stop| Some((said.find(stop.as_str())?, stop.len()))).min();
        // The text at which an answer ends is generated, too.
        let end = stopped.map_or(said.len(), |(at, length)| at + length);
        let generated = said.get(..end).unwrap_or(&said);
        let tokens = self.count(generated);
        if tokens > request.max_output {
            let cut = self.cut(generated, request.max_output);
            let tokens = self.count(cut);
            return (cut.to_owned(), StopReason::Length, tokens);
        }
        match stopped {
            Some((at, _)) => (said.get(..at).unwrap_or_default().to_owned(), StopReason::StopText, tokens),
            None => (said, StopReason::End, tokens),
        }
    }

    /// The longest beginning of no more than so many tokens.
    fn cut<'a>(&self, text: &'a str, most: TokenCount) -> &'a str {
        let (mut fits, mut too_long) = (0, text.len());
        while fits < too_long {
            let middle = text.floor_char_boundary(fits.midpoint(too_long));
            let tried = if middle > fits { middle } else { text.ceil_char_boundary(fits + 1) };
            if tried < too_long && text.get(..tried).is_some_and(|start| self.count(start) <= most) {
                fits = tried;
            } else if tried == too_long {
                break;
            } else {
                too_long = tried;
            }
        }
        text.get(..fits).unwrap_or_default()
    }

    fn counted(&self, message: &Message) -> TokenCount {
        if message.role != Role::User {
            return self.count(&message.content);
        }
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.0 != message.content {
            *counted = (message.content.clone(), self.count(&message.content));
        }
        counted.1
    }
}

/// Does again what a thought tells of, as far as its lines are whole.
fn followed<'a>(mut work: Work<'a>, thought: &str) -> Work<'a> {
    for line in thought.lines() {
        let mut next = work.clone();
        if next.step().as_deref() != Some(line) {
            break;
        }
        work = next;
    }
    work
}

fn summed(lines: &str, state: &str) -> String {
    format!("{}{lines}{}{}{state}{}", THINK[0], THINK[1], SUMMARY[0], SUMMARY[1])
}

fn concluded(lines: &str, answer: &str) -> String {
    format!("{}{lines}{}\n{answer}", THINK[0], THINK[1])
}

impl ChatModel for SymbolicModel {
    fn identity(&self) -> &'static str {
        "symbolic"
    }

    fn limits(&self) -> ModelLimits {
        let most = TokenCount(u64::from(u32::MAX));
        ModelLimits { context: most, max_output: most, concurrency: 1, prefill: true }
    }

    fn kv_bytes(&self) -> Option<u64> {
        Some(KV_BYTES)
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.counter.as_ref()
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        Ok(messages.iter().map(|message| self.counted(message) + ROLE).sum())
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        Box::pin(async move {
            let prompt_tokens = self.prompt_tokens(&request.messages)?;
            ModelError::check_fits(prompt_tokens, request.max_output, self.limits().context)?;
            let (text, stop, completion_tokens) = self.answer(request);
            if let Some(sink) = sink {
                sink.token(&text);
            }
            let usage = Usage { prompt_tokens, cached_prompt_tokens: TokenCount(0), completion_tokens };
            Ok(ChatResponse { text, stop, usage, ..ChatResponse::default() })
        })
    }
}
