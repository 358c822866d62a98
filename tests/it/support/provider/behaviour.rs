//! How a provider behaves: what it is able to do, how fast it is, and which faults it plays. It knows no server.

use std::time::Duration;

use super::tokens::Tokenizer;

/// Everything that a provider can be told before it starts.
#[derive(Debug, Clone)]
pub(crate) struct Behaviour {
    /// Played first, in the order in which requests arrive. After it, `faults` are drawn.
    pub(crate) script: Vec<Fault>,
    /// Faults with their weights per thousand. Which one a request gets depends on the seed, on its body and on how often
    /// the body came before, and so not on the order in which different requests arrive.
    pub(crate) faults: Vec<(Fault, u32)>,
    pub(crate) seed: u64,
    /// After so many drawn faults the same body is answered soundly.
    pub(crate) most_faults_per_body: u32,
    /// How many bodies of a thousand get one of `faults` every time.
    pub(crate) always_failing: u32,
    /// Whether requests for files and batches play faults, too.
    pub(crate) faulty_batches: bool,
    /// Time before the first byte of every answer of a model.
    pub(crate) latency: Duration,
    /// Time before each word of a stream.
    pub(crate) per_word: Duration,
    /// Time before each byte of [`Fault::SlowLoris`].
    pub(crate) drip: Duration,
    /// Answers have exactly so many words, where the limit of the request allows them. For benchmarks.
    pub(crate) words: Option<usize>,
    /// Answers to requests with a schema, in turn; the last of them stays. Without any, a minimal instance is answered.
    pub(crate) json: Vec<String>,
    pub(crate) tokenizer: Tokenizer,
    /// The most tokens of a prompt and its answer. A request that may pass it is refused.
    pub(crate) context: u64,
    /// Tells a prompt whose messages but the last came before as cached, in steps of so many tokens.
    pub(crate) prompt_cache: Option<u64>,
    pub(crate) rate: Option<Rate>,
    /// What `Authorization: Bearer` has to name.
    pub(crate) api_key: Option<String>,
    /// The models there are. Where none is named, every name is one.
    pub(crate) models: Vec<String>,
    pub(crate) without: Vec<Ability>,
    /// Keys of a request that are refused as unknown.
    pub(crate) unknown_keys: Vec<String>,
    pub(crate) batches: Batches,
    /// Whether the ledger keeps the bodies and headers of requests. A long benchmark would fill the memory with them.
    pub(crate) keeps_requests: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            script: Vec::new(),
            faults: Vec::new(),
            seed: 0,
            most_faults_per_body: 2,
            always_failing: 0,
            faulty_batches: false,
            latency: Duration::ZERO,
            per_word: Duration::ZERO,
            drip: Duration::from_millis(200),
            words: None,
            json: Vec::new(),
            tokenizer: Tokenizer::Bytes(4),
            context: 131_072,
            prompt_cache: None,
            rate: None,
            api_key: None,
            models: Vec::new(),
            without: Vec::new(),
            unknown_keys: Vec::new(),
            batches: Batches::default(),
            keeps_requests: true,
        }
    }
}

impl Behaviour {
    /// A provider that does everything right except for these, in the order in which requests arrive.
    pub(crate) fn scripted(script: impl Into<Vec<Fault>>) -> Self {
        Self { script: script.into(), ..Self::default() }
    }

    /// Whether the server is able to do something.
    pub(crate) fn can(&self, ability: Ability) -> bool {
        !self.without.contains(&ability)
    }
}

/// What goes wrong with one answer.
///
/// In the first group the model does not run, and nothing is charged. In the others it does, and its true use is charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing goes wrong: for scripts.
    Sound,

    /// A 429.
    TooMany {
        retry_after: Option<RetryAfter>,
    },
    /// A status of 500 and above, with a JSON error.
    Status(u16),
    /// A 500 that says this.
    Says(String),
    /// A 503 with a page of HTML, as proxies answer.
    Html503,
    Conflict409,
    Timeout408,
    /// A 429 that no waiting helps against.
    InsufficientQuota,
    Unauthorized,
    /// A 400 with the code `context_length_exceeded`.
    BadRequest,
    /// The connection is closed without a byte, and the model did not run.
    CloseBeforeAnswer,

    /// The connection is closed without a byte although the model ran.
    CloseAfterWork,
    /// A sound answer that is later by so much.
    Delay(Duration),
    /// The connection breaks when half of the answer is sent.
    CloseMidStream,
    /// The body ends properly in the middle of an event, or of the JSON text.
    HalfEvent,
    /// The stream holds an error in the place of its second half. Without a stream as [`Fault::CloseMidStream`].
    ErrorMidStream,
    /// `Content-Length` promises more than there is.
    WrongLength,
    InvalidUtf8,
    /// A 200 without a body.
    EmptyBody,
    /// A 200 with a sentence, or a stream with an event that is no JSON.
    NotJson,
    /// Everything is missing that a reader can do without, except for the usage.
    MissingFields,
    /// Unknown keys at all levels.
    ExtraFields,
    /// A 200 without any choice.
    EmptyChoices,
    /// Half of the answer, with `finish_reason: length`.
    Length,
    /// The first words of the answer, with `finish_reason: content_filter`.
    ContentFilter,
    UsageMissing,
    /// The usage tells something else than what is charged.
    UsageLying(Lie),
    /// The model reads only the last so many tokens of the prompt, and the usage tells no more of them.
    CutAt(u64),
    /// The body is words for ever.
    NeverEnding,
    /// A sound answer, a byte now and then.
    SlowLoris,
}

impl Fault {
    /// Whether the model works in vain or not, but works: then its use is charged.
    pub(crate) fn runs(&self) -> bool {
        !matches!(
            self,
            Self::TooMany { .. }
                | Self::Status(_)
                | Self::Says(_)
                | Self::Html503
                | Self::Conflict409
                | Self::Timeout408
                | Self::InsufficientQuota
                | Self::Unauthorized
                | Self::BadRequest
                | Self::CloseBeforeAnswer
        )
    }
}

/// What a `Retry-After` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    Seconds(u64),
    /// An HTTP date so far from now.
    Date(Duration),
    /// Whatever it is.
    Raw(String),
}

/// How a usage lies about the tokens of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// There was one.
    One,
    /// There were so many times as many.
    Times(u64),
}

/// What a server may be unable to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ability {
    Streaming,
    /// `response_format` of the type `json_schema`.
    JsonSchema,
    Embeddings,
    /// Files and batches.
    Batch,
    /// Answers say what they used.
    Usage,
    /// The key `stream_options`.
    StreamOptions,
    /// `GET /v1/models`.
    Models,
}

/// So many requests, and perhaps tokens, in a window of time.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    pub(crate) kind: RateKind,
    pub(crate) requests: u64,
    /// A request counts with its prompt and the longest answer that it asks for.
    pub(crate) tokens: Option<u64>,
    pub(crate) window: Duration,
    /// Whether a refusal says when to come again, in whole seconds.
    pub(crate) retry_after: bool,
    /// Whether answers carry `x-ratelimit-*`.
    pub(crate) headers: bool,
}

/// How a rate is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RateKind {
    /// Windows follow each other from the start of the server.
    FixedWindow,
    /// What happened in the last window counts.
    SlidingWindow,
    /// A bucket of the size of the limit fills evenly, once in a window.
    TokenBucket,
}

/// How batches go.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Batches {
    /// A batch is complete when it was looked at so often.
    pub(crate) polls: u32,
    /// How many lines of a thousand fail.
    pub(crate) failed: u32,
    /// How many lines of a thousand expire.
    pub(crate) expired: u32,
    /// How batches end, in the order in which they are made; the last of these stays. Without any, they are completed.
    pub(crate) ends: &'static [End],
}

/// How a batch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All lines are done.
    Completed,
    /// None is done, for this reason.
    Failed { code: &'static str, message: &'static str },
    /// Half of the lines are done, and the others are told as expired.
    Expired,
    /// Half of the lines are done, and nothing is told of the others.
    Cancelled,
}
