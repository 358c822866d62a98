//! One request from the first token of its prompt to the end of its answer: it reads, and then writes, chooses or scores.
//!
//! Says what it wants to have computed next, and takes what came of it. Knows nothing of other requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::choosing::Choosing;
use super::pages::{Holding, Pages};
use super::scoring::Scoring;
use super::writing::{Desk, Heard, Writing};
use crate::local::constraint::Constraint;
use crate::local::pass::{PAGE, Rows, Span};
use crate::local::tokenizer::{TokenId, Vocabulary};
use crate::model::{ChatRequest, ModelError, StopReason};

/// Positions of one request whose logits are held at once while it is scored.
const SCORED_AT_ONCE: usize = 64;

/// One request on its way to the engine.
pub(in crate::local) struct Job {
    pub(in crate::local) prompt: Vec<TokenId>,
    pub(in crate::local) task: Task,
    /// Set when nobody waits for the answer any more.
    pub(in crate::local) cancel: Arc<AtomicBool>,
    /// Takes the answer while it is written. Nothing holds it back: an answer is bounded, and who reads slowly must not make
    /// others wait.
    pub(in crate::local) pieces: mpsc::UnboundedSender<String>,
    pub(in crate::local) reply: oneshot::Sender<Result<Outcome, ModelError>>,
}

/// What follows the prompt.
pub(in crate::local) enum Task {
    /// A text is written.
    Write { request: Box<ChatRequest>, constraint: Option<Box<Constraint>> },
    /// Texts are scored as whole answers; each ends with the token that ends an answer.
    Choose(Vec<Vec<TokenId>>),
    /// A text is scored.
    Score(Vec<TokenId>),
}

/// What one request came to.
#[derive(Debug, Default)]
pub(in crate::local) struct Outcome {
    /// The answer of a free or held text.
    pub(in crate::local) text: String,
    /// Why it ended.
    pub(in crate::local) stop: Option<StopReason>,
    /// Tokens written or scored.
    pub(in crate::local) completion: u64,
    /// Tokens of the prompt that were not computed again.
    pub(in crate::local) cached: usize,
    /// Log-probabilities.
    pub(in crate::local) scores: Vec<f32>,
}

impl Task {
    /// Returns how many tokens lie after the prompt at most.
    pub(in crate::local) fn reserved(&self) -> u64 {
        match self {
            Self::Write { request, .. } => request.max_output.0,
            Self::Choose(choices) => choices.iter().map(Vec::len).max().unwrap_or(0) as u64,
            Self::Score(tokens) => tokens.len() as u64,
        }
    }
}

/// What a request wants to have computed in a step.
#[derive(Debug)]
pub(super) struct Draft {
    start: usize,
    tokens: Vec<TokenId>,
    /// How many of the tokens are guessed.
    guessed: usize,
    rows: Rows,
}

impl Draft {
    /// Returns how many tokens are computed.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Returns the position after the last token.
    pub(super) fn end(&self) -> usize {
        self.start + self.tokens.len()
    }
}

enum Work {
    Write(Box<Writing>),
    Choose(Choosing),
    Score(Scoring),
}

/// How requests are worked on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Whether tokens are guessed where that changes nothing.
    pub(super) lookup: bool,
    /// Whether the token that ends an answer is passed over.
    pub(super) ignore_end: bool,
}

/// A request that has been let in.
pub(super) struct Request {
    /// The prompt, and what has been written after it.
    tokens: Vec<TokenId>,
    prompt: usize,
    /// How many of the tokens have their keys and values in the pages.
    computed: usize,
    cached: usize,
    holding: Holding,
    work: Work,
    manner: Manner,
    cancel: Arc<AtomicBool>,
    pieces: mpsc::UnboundedSender<String>,
    reply: oneshot::Sender<Result<Outcome, ModelError>>,
    ended: Option<Result<Outcome, ModelError>>,
}

impl Request {
    /// Begins to work on a request that has been let in with `holding`.
    pub(super) fn new(job: Job, holding: Holding, manner: Manner) -> Self {
        let Job { prompt: tokens, task, cancel, pieces, reply } = job;
        let work = match task {
            Task::Write { request, constraint } => {
                Work::Write(Box::new(Writing::new(&request, constraint, &tokens, manner.lookup)))
            }
            Task::Choose(choices) => Work::Choose(Choosing::new(choices)),
            Task::Score(tokens) => Work::Score(Scoring::new(tokens)),
        };
        let cached = holding.shared();
        let prompt = tokens.len();
        Self {
            tokens,
            prompt,
            computed: cached,
            cached,
            holding,
            work,
            manner,
            cancel,
            pieces,
            reply,
            ended: None,
        }
    }

    /// Tells whether nobody waits for the answer any more.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// Tells whether a part of the prompt has not been computed.
    pub(super) fn is_reading(&self) -> bool {
        self.computed < self.prompt
    }

    /// Tells whether the request writes: then it wants one token in every step, so that no answer stops.
    pub(super) fn is_writing(&self) -> bool {
        !self.is_reading() && matches!(self.work, Work::Write(_))
    }

    /// Takes up what others have computed of the prompt in the meantime.
    pub(super) fn join(&mut self, pages: &mut Pages) {
        if self.is_reading() && self.computed == self.holding.shared() {
            pages.join(&mut self.holding, &self.tokens);
            self.cached += self.holding.shared() - self.computed;
            self.computed = self.holding.shared();
        }
    }

    /// Tells whether the next page of both prompts is the same one, so that one of the two need not compute it.
    pub(super) fn reads_the_same_as(&self, other: &Self) -> bool {
        let next = |one: &Self| (one.computed, one.holding.last_shared());
        let page = self.next_page();
        next(self) == next(other) && page.is_some() && page == other.next_page()
    }

    fn next_page(&self) -> Option<&[TokenId]> {
        let whole = self.computed == self.holding.shared();
        self.tokens.get(self.computed..self.computed + PAGE).filter(|_| whole && self.is_reading())
    }

    /// Returns what to compute next, of at most `limit` tokens; nothing where they are too few for that.
    pub(super) fn draft(&self, limit: usize) -> Option<Draft> {
        if self.is_reading() {
            return self.draft_prompt(limit);
        }
        let limit = limit.min(SCORED_AT_ONCE);
        let (offset, tokens) = match &self.work {
            Work::Write(_) => (self.computed - self.prompt, self.tokens.get(self.computed..)?),
            Work::Choose(choosing) => choosing.next(limit),
            Work::Score(scoring) => scoring.next(limit),
        };
        let draft =
            Draft { start: self.prompt + offset, tokens: tokens.to_vec(), guessed: 0, rows: Rows::All };
        (!draft.tokens.is_empty()).then_some(draft)
    }

    /// A part of a prompt ends where a page ends: then others can use all of it, and the next part begins at a page.
    fn draft_prompt(&self, limit: usize) -> Option<Draft> {
        let start = self.computed;
        let (end, rows) = if self.prompt - start <= limit {
            (self.prompt, Rows::Last)
        } else {
            ((start + limit) / PAGE * PAGE, Rows::None)
        };
        let tokens = self.tokens.get(start..end).filter(|tokens| !tokens.is_empty())?.to_vec();
        Some(Draft { start, tokens, guessed: 0, rows })
    }

    /// Adds at most `limit` guessed tokens to what is computed of an answer.
    pub(super) fn guess(&self, draft: &mut Draft, limit: usize) {
        if let Work::Write(writing) = &self.work {
            let guessed = writing.guess(&self.tokens, limit);
            draft.guessed = guessed.len();
            draft.tokens.extend(guessed);
        }
    }

    /// Takes the pages that the draft writes to.
    pub(super) fn cover(&mut self, draft: &Draft, pages: &mut Pages) -> Result<(), ModelError> {
        pages.cover(&mut self.holding, draft.end())
    }

    /// Returns the draft as the pass wants it.
    pub(super) fn span<'a>(&'a self, draft: &'a Draft) -> Span<'a> {
        Span { tokens: &draft.tokens, start: draft.start, pages: self.holding.pages(), rows: draft.rows }
    }

    /// Tells whether nothing but the likeliest token of each row is looked at.
    pub(super) fn wants_the_likeliest(&self) -> bool {
        matches!(&self.work, Work::Write(writing) if writing.wants_the_likeliest())
    }

    /// Takes what came of the draft.
    pub(super) fn hear(&mut self, draft: &Draft, heard: Heard<'_>, vocabulary: &Vocabulary) {
        match self.heard(draft, heard, vocabulary) {
            Ok(()) => self.ended = self.outcome().map(Ok),
            Err(error) => self.fail(error),
        }
    }

    fn heard(&mut self, draft: &Draft, heard: Heard<'_>, vocabulary: &Vocabulary) -> Result<(), ModelError> {
        let reading = self.is_reading();
        if draft.rows == Rows::None {
            self.computed = draft.end();
            return Ok(());
        }
        match &mut self.work {
            Work::Write(writing) => {
                let mut tell = |piece: &str| {
                    // A piece that nobody takes belongs to a request that nobody waits for.
                    if self.pieces.send(piece.to_owned()).is_err() {
                        self.cancel.store(true, Ordering::Relaxed);
                    }
                };
                let ignore_end = self.manner.ignore_end;
                let mut desk = Desk { vocabulary, ignore_end, tell: &mut tell };
                let guessed = draft.tokens.get(draft.len() - draft.guessed..).unwrap_or(&[]);
                let used = writing.hear(heard, guessed, &mut self.tokens, &mut desk)?;
                // What was computed after a wrong guess is written over by the next step.
                self.computed = if reading { draft.end() } else { draft.start + used };
            }
            work => {
                let Heard::Logits(rows, width) = heard else {
                    return Err(ModelError::Compute {
                        reason: "a step gave tokens in the place of logits".into(),
                    });
                };
                match work {
                    Work::Choose(choosing) if reading => choosing.begin(rows)?,
                    Work::Choose(choosing) => choosing.hear(rows, width)?,
                    Work::Score(scoring) => scoring.hear(rows, width)?,
                    Work::Write(_) => {}
                }
            }
        }
        if reading {
            self.computed = draft.end();
        }
        Ok(())
    }

    /// Returns what the request came to, if it has come to its end.
    fn outcome(&mut self) -> Option<Outcome> {
        if self.is_reading() {
            return None;
        }
        let cached = self.cached;
        match &mut self.work {
            Work::Write(writing) => {
                let stop = Some(writing.stop()?);
                let (text, completion) = (writing.take_text(), writing.written());
                Some(Outcome { text, stop, completion, cached, scores: Vec::new() })
            }
            Work::Choose(choosing) => choosing.is_done().then(|| Outcome {
                completion: choosing.completion() as u64,
                cached,
                scores: choosing.take_scores(),
                ..Outcome::default()
            }),
            Work::Score(scoring) => scoring.is_done().then(|| Outcome {
                completion: scoring.completion() as u64,
                cached,
                scores: vec![scoring.score()],
                ..Outcome::default()
            }),
        }
    }

    /// Ends the request with an error.
    pub(super) fn fail(&mut self, error: ModelError) {
        self.ended = Some(Err(error));
    }

    /// Tells whether the request has come to its end.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Lets others use the pages that are full now. What lies after the prompt where choices or texts are scored is none of it:
    /// the next choice is written over it.
    pub(super) fn share(&mut self, pages: &mut Pages) {
        if !matches!(self.ended, Some(Err(_))) {
            let computed = self.tokens.get(..self.computed).unwrap_or(&self.tokens);
            pages.share(&mut self.holding, computed);
        }
    }

    /// Gives the pages back, and says what the request came to if it has come to its end.
    pub(super) fn end(self, pages: &mut Pages) {
        pages.release(self.holding);
        drop(self.pieces);
        if let Some(ended) = self.ended
            && self.reply.send(ended).is_err()
        {
            tracing::debug!("an answer was finished after its request had been dropped");
        }
    }
}
