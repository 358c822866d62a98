//! Own counts against those of a server: what an unknown tokenizer makes of a prompt, and whether a server read all of it.
//!
//! A server that cuts prompts in silence reports fewer tokens than were sent. So does one whose tokenizer is better than was
//! supposed. What tells them apart is a short sample out of the very prompt, which no server cuts: from its tokens
//! follows how many the whole has at least ([`Makeup`]).
//!
//! One sample leaves one thing open: how many of its tokens are not of the text, but of a preamble and of the form of the
//! chat. Where the answer depends on that, a second and much smaller sample is asked for, once for an endpoint.
//!
//! # What is guaranteed
//!
//! Of a tokenizer it is supposed that it takes about as many tokens for a kind of text wherever that stands; of the rest of
//! the prompt, that it is at most 1,024 tokens and 64 for each message. Then
//!
//! * a server that reads all is never said to cut: whatever is said rests on a sample of the same prompt, or on a cut that
//!   was shown by one;
//! * a server that cuts away more than [`SURE`] of the tokens of a prompt is found out at the first such prompt, whatever
//!   part it cuts away, where its window is larger than the sample;
//! * with a published vocabulary, a cut of more than a twentieth is found out, where the server adds no preamble that
//!   outweighs it.
//!
//! Measured over 3,200 drawn servers that read all, half of them with prompts that took samples, and 1,861 that cut: none of
//! the first was accused. Of the others all that cut away more than a fifth were found out but one, whose tokenizer counts
//! words, in a text of many languages; and five in six of those that cut away between a tenth and a fifth.

mod makeup;
mod measured;
mod sample;
mod trial;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::makeup::Makeup;
use self::measured::Measured;
use self::trial::{Exact, Learned, Outcome, Point, Prompt};
use crate::hash::ContentHash;
use crate::model::Message;
use crate::text::{TokenCount, TokenCounter};

/// The share of a prompt that no server cuts away unseen, whatever its tokenizer.
pub const SURE: f64 = 0.35;

/// What an estimate is multiplied with before anything was learned of the endpoint.
const UNTRIED: f64 = 1.25;

/// What an estimate is multiplied with after that.
const TRIED: f64 = 1.1;

/// What is added to what was learned, for texts that are a little dearer.
const MARGIN: f64 = 1.05;

/// Tokens of the form of a chat: for each message, and once.
const MESSAGE: u64 = 4;
const REPLY: u64 = 3;

/// Tokens of the first sample and of the second, as the own counter has it, and the pieces that they are made of.
const FIRST: (f64, usize) = (800.0, 28);
const SECOND: (f64, usize) = (100.0, 8);

/// By how many tokens an exact count may pass the server's.
const SLACK: f64 = 16.0;

/// Usage of fewer tokens is no usage; and no server adds more than this of its own.
const FEWEST: u64 = 8;
const ADDED: u64 = 8192;

/// A server whose vocabulary is known adds no more than this.
const KNOWN_ADDED: u64 = 1024;

/// What a server's count says of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The server read the prompt.
    Sound,
    /// The usage cannot be of this prompt: it is nothing, or many times too much. The own count stands instead.
    Absurd,
    /// Too little is known of the endpoint to tell whether all of the prompt was read. Ask [`Gauge::sample`], give the
    /// answer's usage to [`Gauge::learn`], and judge again: that is said at most twice of one prompt.
    Suspect,
    /// The server read only a part of the prompt.
    Cut {
        /// How many tokens the prompt has, as the server counts; at least, where the counter is an estimate.
        counted: TokenCount,
        /// How many it read.
        read: TokenCount,
    },
}

/// What prompts for one endpoint are measured with.
pub struct Gauge {
    counter: Arc<dyn TokenCounter>,
    exact: bool,
    measured: Measured,
    learned: Mutex<Learned>,
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge")
            .field("counter", &self.counter)
            .field("exact", &self.exact)
            .finish_non_exhaustive()
    }
}

impl Gauge {
    /// Makes a gauge that knows nothing of its endpoint yet. `exact` says that the counter has the model's vocabulary.
    #[must_use]
    pub fn new(counter: Arc<dyn TokenCounter>, exact: bool) -> Self {
        Self { counter, exact, measured: Measured::default(), learned: Mutex::default() }
    }

    /// Returns the way to count that was given. It learns nothing, so texts are parted the same way at any time.
    #[must_use]
    pub fn counter(&self) -> &dyn TokenCounter {
        self.counter.as_ref()
    }

    /// Counts the tokens of the prompt that `messages` become, corrected by what the server reported so far where the
    /// counter is an estimate.
    #[must_use]
    pub fn prompt_tokens(&self, messages: &[Message]) -> TokenCount {
        self.estimate(messages).0
    }

    /// Returns what is set aside for the prompt that `messages` become: hardly ever too little.
    #[must_use]
    pub fn most(&self, messages: &[Message]) -> TokenCount {
        match self.estimate(messages) {
            (own, None) => own + TokenCount(16 + 8 * messages.len() as u64),
            (estimate, Some(factor)) => whole(real(estimate) * factor),
        }
    }

    /// Returns a short prompt out of all parts of the same text. What the server counts for it is to be learned.
    #[must_use]
    pub fn sample(&self, messages: &[Message]) -> Vec<Message> {
        let (prompt, measured) = self.prompt(messages);
        let tokens = measured.text;
        let mut learned = self.learned();
        let (size, pieces) = if learned.trial(prompt).is_none() { FIRST } else { SECOND };
        let share = size / tokens.max(1.0);
        let sample = if share < 0.9 { sample::draw(messages, share, pieces) } else { messages.to_vec() };
        learned.expect(prompt, hash(&sample));
        sample
    }

    /// Learns from a sound answer how many tokens the server counts.
    pub fn learn(&self, messages: &[Message], reported: TokenCount) {
        let (messages_hash, prompt) = self.prompt(messages);
        if absurd(messages, &prompt, self.exact, reported) {
            return;
        }
        let point = Point { prompt, read: real(reported) };
        let mut learned = self.learned();
        learned.refuted |= self.exact && point.read < 0.9 * point.prompt.text - SLACK;
        learned.learn(messages_hash, point);
    }

    /// Tells what the server's count says of a prompt.
    #[must_use]
    pub fn judge(&self, messages: &[Message], reported: TokenCount) -> Verdict {
        let (messages_hash, prompt) = self.prompt(messages);
        if absurd(messages, &prompt, self.exact, reported) {
            return Verdict::Absurd;
        }
        let read = real(reported);
        let mut learned = self.learned();
        let outcome = match self.judge_exact(&mut learned, messages_hash, &prompt, read) {
            Some(outcome) => outcome,
            None => learned.judge(messages_hash, &prompt, read),
        };
        match outcome {
            Outcome::Sound => Verdict::Sound,
            Outcome::Open => Verdict::Suspect,
            Outcome::Cut(counted) => {
                learned.cuts_at(read);
                Verdict::Cut { counted: whole(counted), read: reported }
            }
        }
    }

    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges a count by the own one, where that is exact.
    fn judge_exact(
        &self,
        learned: &mut Learned,
        messages: ContentHash,
        prompt: &Prompt,
        read: f64,
    ) -> Option<Outcome> {
        if !self.exact || learned.refuted {
            return None;
        }
        if read >= 0.97 * prompt.text - SLACK {
            return Some(Outcome::Sound);
        }
        match learned.trial(messages).map(|trial| trial.judge_exact(prompt, read)) {
            None => Some(Outcome::Open),
            Some(Exact::Judged(outcome)) => Some(outcome),
            Some(Exact::Refuted) => {
                learned.refuted = true;
                None
            }
        }
    }

    /// Returns the hash of a prompt and what it is made of.
    fn prompt(&self, messages: &[Message]) -> (ContentHash, Prompt) {
        let hash = hash(messages);
        (hash, self.measured.of(hash, || self.measure(messages)))
    }

    fn measure(&self, messages: &[Message]) -> Prompt {
        let text: TokenCount = messages.iter().map(|message| self.counter.count(&message.content)).sum();
        let makeups = messages.iter().map(|message| Makeup::of(&message.content));
        let makeup = makeups.fold(Makeup::default(), |sum, makeup| sum.plus(&makeup));
        Prompt { makeup, text: real(text), messages: real(TokenCount(messages.len() as u64)) }
    }

    /// Returns how many tokens a prompt has, and with what that is multiplied to be safe; nothing where the counter is
    /// exact.
    fn estimate(&self, messages: &[Message]) -> (TokenCount, Option<f64>) {
        let (_, prompt) = self.prompt(messages);
        let form = real(TokenCount(MESSAGE * messages.len() as u64 + REPLY));
        let learned = self.learned();
        if self.exact && !learned.refuted {
            return (whole(prompt.text + form), None);
        }
        let Some((ratio, alike)) = learned.dearest(&prompt) else {
            return (whole(prompt.text + form), Some(UNTRIED));
        };
        let form = learned.added(prompt.messages).map_or(form, |added| added.most().max(form));
        (whole(form + prompt.text * ratio * MARGIN), Some(if alike { TRIED } else { UNTRIED }))
    }
}

/// Tells whether no server counts so for such a prompt: no tokenizer takes more tokens than a text has bytes, and one that is
/// said to be known, should it be another, not many times as many as were counted.
fn absurd(messages: &[Message], prompt: &Prompt, exact: bool, reported: TokenCount) -> bool {
    let bytes: u64 = messages.iter().map(|message| message.content.len() as u64).sum();
    let most = real(TokenCount(bytes + ADDED + MESSAGE * messages.len() as u64));
    let most = if exact { most.min(4.0 * prompt.text + real(TokenCount(KNOWN_ADDED))) } else { most };
    reported == TokenCount(0)
        || real(reported) > most
        || (reported.0 < FEWEST && prompt.text > real(TokenCount(4 * FEWEST)))
}

fn hash(messages: &[Message]) -> ContentHash {
    let mut hasher = ContentHash::streaming();
    for message in messages {
        // The length keeps apart what is parted otherwise.
        hasher.update(&[message.role as u8]);
        hasher.update(&message.content.len().to_le_bytes());
        hasher.update(message.content.as_bytes());
    }
    hasher.finish()
}

#[expect(clippy::cast_precision_loss, reason = "no prompt has so many tokens that it matters")]
fn real(count: TokenCount) -> f64 {
    count.0 as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tokens are never negative")]
fn whole(tokens: f64) -> TokenCount {
    TokenCount(tokens.ceil() as u64)
}
