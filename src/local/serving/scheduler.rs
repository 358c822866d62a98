//! Decides what each step computes: one token of every answer that is being written, and of the prompts as much as fits beside them.
//!
//! Requests are let in in the order in which they came. They join and leave between two steps, so none waits for the end of
//! another, and what goes wrong with one is its own matter.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rayon::prelude::*;

use super::pages::Pages;
use super::request::{Draft, Job, Manner, Request};
use super::writing::Heard;
use crate::local::pass::{PAGE, Pass, Span};
use crate::local::tokenizer::{TokenId, Vocabulary};
use crate::model::ModelError;
use crate::text::TokenCount;

/// Positions that the processors compute at once: large enough for them to work on a whole matrix, small enough for answers that
/// are being written beside a prompt not to stop for long.
pub(in crate::local) const STEP: usize = 256;

/// Rows of logits that a step gives for texts that are scored: 200 MB of them for a vocabulary of 200,000.
const SCORED: usize = 256;

/// The fewest pages that the pass is asked for: it copies what it holds when it grows.
const FEWEST_PAGES: usize = 16;

/// How much is worked on at once.
#[derive(Debug, Clone, Copy)]
pub(in crate::local) struct Capacity {
    /// The most requests that are worked on at once.
    pub(in crate::local) sequences: usize,
    /// About how many tokens a step computes.
    pub(in crate::local) tokens: usize,
    /// The most pages that there can be.
    pub(in crate::local) pages: usize,
    /// Whether tokens are guessed where that changes nothing.
    pub(in crate::local) lookup: bool,
    /// Whether the token that ends an answer is passed over.
    pub(in crate::local) ignore_end: bool,
}

/// The pass, and the requests that it is asked.
pub(in crate::local) struct Scheduler {
    pass: Box<dyn Pass>,
    vocabulary: Arc<Vocabulary>,
    capacity: Capacity,
    pages: Pages,
    /// How many pages the pass has room for.
    room: usize,
    /// The requests that have not been let in, the first that came at the front.
    waiting: VecDeque<Job>,
    /// The requests that are being worked on, the first that came at the front.
    running: Vec<Request>,
    logits: Vec<f32>,
    /// The likeliest tokens of the step's rows, where nobody looks at anything else.
    likeliest: Vec<Option<TokenId>>,
}

impl Scheduler {
    /// Takes a pass whose pages nobody else uses.
    pub(in crate::local) fn new(
        pass: Box<dyn Pass>,
        vocabulary: Arc<Vocabulary>,
        capacity: Capacity,
    ) -> Self {
        Self {
            pass,
            vocabulary,
            capacity,
            pages: Pages::new(capacity.pages),
            room: 0,
            waiting: VecDeque::new(),
            running: Vec::new(),
            logits: Vec::new(),
            likeliest: Vec::new(),
        }
    }

    /// Takes a request in. One that could never be worked on is refused at once.
    pub(in crate::local) fn submit(&mut self, job: Job) {
        match self.check(&job) {
            Ok(()) => self.waiting.push_back(job),
            Err(error) => drop(job.reply.send(Err(error))),
        }
    }

    /// Fails where a request would not fit if it were the only one.
    fn check(&self, job: &Job) -> Result<(), ModelError> {
        if job.prompt.is_empty() {
            return Err(ModelError::Compute { reason: "the prompt is empty".into() });
        }
        let context = TokenCount((self.pages.budget() * PAGE) as u64);
        let prompt = TokenCount(job.prompt.len() as u64);
        ModelError::check_fits(prompt, TokenCount(job.task.reserved()), context)
    }

    /// Tells whether there is nothing to do.
    pub(in crate::local) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Returns how many pages nobody uses.
    #[cfg(test)]
    pub(in crate::local) fn available_pages(&self) -> usize {
        self.pages.available()
    }

    /// Computes one step.
    pub(in crate::local) fn step(&mut self) {
        self.let_go();
        self.let_in();
        let mut drafts = self.drafts();
        self.cover(&mut drafts);
        if drafts.iter().any(Option::is_some) {
            match self.compute(&drafts) {
                Ok(plain) => self.hear(&drafts, plain),
                Err(error) => self.fail(&drafts, &error),
            }
        } else if let Some(request) = self.running.first_mut().filter(|request| !request.has_ended()) {
            // The oldest always has something to compute. If it had not, the engine would turn for ever.
            request.fail(ModelError::Compute { reason: "the request can go no further".into() });
        }
        self.settle();
        if self.pages.made() > self.room {
            tracing::warn!(pages = self.room, "there is no memory for more keys and values");
            self.pages.shrink(self.room);
        }
    }

    /// Forgets the requests that nobody waits for any more.
    fn let_go(&mut self) {
        self.waiting.retain(|job| !job.cancel.load(Ordering::Relaxed));
        for request in self.running.extract_if(.., |request| request.is_cancelled()) {
            request.end(&mut self.pages);
        }
    }

    /// Lets requests in, in the order in which they came: none overtakes one that waits for more memory.
    fn let_in(&mut self) {
        while self.running.len() < self.capacity.sequences.max(1) {
            let Some(job) = self.waiting.pop_front() else { return };
            // There may be fewer pages than when it came.
            if let Err(error) = self.check(&job) {
                drop(job.reply.send(Err(error)));
                continue;
            }
            let reserved = usize::try_from(job.task.reserved()).unwrap_or(usize::MAX);
            let positions = job.prompt.len().saturating_add(reserved);
            let Some(holding) = self.pages.admit(&job.prompt, positions) else {
                self.waiting.push_front(job);
                return;
            };
            let Capacity { lookup, ignore_end, .. } = self.capacity;
            self.running.push(Request::new(job, holding, Manner { lookup, ignore_end }));
        }
    }

    /// Decides what the step computes of each request.
    ///
    /// First comes a token of every answer, so that none stops while prompts are read. What is left of the step, and a page in
    /// any case, goes to what is read and scored, the oldest first. Guesses get what nobody needs.
    fn drafts(&mut self) -> Vec<Option<Draft>> {
        let mut drafts: Vec<Option<Draft>> = Vec::with_capacity(self.running.len());
        drafts.extend(self.running.iter().map(|one| one.is_writing().then(|| one.draft(1)).flatten()));
        let written: usize = drafts.iter().flatten().map(Draft::len).sum();
        let mut left = self.capacity.tokens.saturating_sub(written).max(PAGE);
        let mut scored = SCORED;
        let mut reading: Vec<usize> = Vec::new();
        for index in 0..self.running.len() {
            if let Some(request) = self.running.get_mut(index) {
                request.join(&mut self.pages);
            }
            let Some(request) = self.running.get(index).filter(|one| !one.is_writing()) else { continue };
            let older = reading.iter().filter_map(|&older| self.running.get(older));
            // What an older one computes in this step can be had in the next.
            if older.into_iter().any(|older| request.reads_the_same_as(older)) {
                continue;
            }
            let limit = if request.is_reading() { left } else { left.min(scored) };
            let Some(draft) = request.draft(limit) else { continue };
            left = left.saturating_sub(draft.len());
            if !request.is_reading() {
                scored = scored.saturating_sub(draft.len());
            } else if draft.len() >= PAGE {
                reading.push(index);
            }
            if let Some(slot) = drafts.get_mut(index) {
                *slot = Some(draft);
            }
        }
        for (request, draft) in self.running.iter().zip(&mut drafts) {
            if let Some(draft) = draft.as_mut().filter(|_| request.is_writing()) {
                request.guess(draft, left);
                left = left.saturating_sub(draft.len() - 1);
            }
        }
        drafts
    }

    /// Takes the pages that the step writes to.
    fn cover(&mut self, drafts: &mut [Option<Draft>]) {
        for (request, slot) in self.running.iter_mut().zip(drafts) {
            let Some(draft) = slot else { continue };
            if let Err(error) = request.cover(draft, &mut self.pages) {
                request.fail(error);
                *slot = None;
            }
        }
    }

    /// Makes room for the pages that have been handed out, and for many more at once if that can be had.
    fn make_room(&mut self) -> Result<(), ModelError> {
        let needed = self.pages.made();
        if needed > self.room {
            let ample = needed.max(self.room * 2).max(FEWEST_PAGES).min(self.pages.budget());
            if self.pass.reserve(ample).is_ok() {
                self.room = ample;
            } else {
                self.pass.reserve(needed)?;
                self.room = needed;
            }
        }
        Ok(())
    }

    /// Computes the step. Returns whether that gave the likeliest tokens and not the logits, since nobody looks at those.
    fn compute(&mut self, drafts: &[Option<Draft>]) -> Result<bool, ModelError> {
        self.make_room()?;
        let drafted = || {
            self.running.iter().zip(drafts).filter_map(|(request, draft)| Some((request, draft.as_ref()?)))
        };
        let spans: Vec<_> = drafted().map(|(request, draft)| request.span(draft)).collect();
        let rows: usize = spans.iter().map(Span::wanted).sum();
        let plain = drafted()
            .all(|(request, draft)| request.wants_the_likeliest() || request.span(draft).wanted() == 0);
        let (expected, found) = if plain {
            self.pass.likeliest(&spans, &mut self.likeliest, &mut self.logits)?;
            (rows, self.likeliest.len())
        } else {
            self.pass.forward(&spans, &mut self.logits)?;
            (rows * self.pass.vocabulary(), self.logits.len())
        };
        if found == expected {
            return Ok(plain);
        }
        Err(ModelError::Compute {
            reason: format!("a step gave {found} results where {expected} were expected"),
        })
    }

    /// Gives every request what its rows came to. Choosing a token takes time where vocabularies are large, so the requests do it
    /// side by side.
    fn hear(&mut self, drafts: &[Option<Draft>], plain: bool) {
        let width = self.pass.vocabulary().max(1);
        let (mut logits, mut likeliest) = (self.logits.as_mut_slice(), self.likeliest.as_slice());
        let mut heard = Vec::with_capacity(self.running.len());
        for (request, draft) in self.running.iter_mut().zip(drafts) {
            let Some(draft) = draft else { continue };
            let rows = request.span(draft).wanted();
            let own = if plain {
                let Some((own, others)) = likeliest.split_at_checked(rows) else { break };
                likeliest = others;
                Heard::Likeliest(own)
            } else {
                let Some((own, others)) = logits.split_at_mut_checked(rows * width) else { break };
                logits = others;
                Heard::Logits(own, width)
            };
            heard.push((request, draft, own));
        }
        let vocabulary = &self.vocabulary;
        heard.into_par_iter().for_each(|(request, draft, own)| request.hear(draft, own, vocabulary));
    }

    /// Ends the requests of a step that failed: nothing can be said of what it wrote to their pages.
    fn fail(&mut self, drafts: &[Option<Draft>], error: &ModelError) {
        for (request, _) in self.running.iter_mut().zip(drafts).filter(|(_, draft)| draft.is_some()) {
            let reason = match error {
                ModelError::Compute { reason } => reason.clone(),
                other => other.to_string(),
            };
            request.fail(ModelError::Compute { reason });
        }
    }

    /// Lets others use the pages that are full now, and sends answers that have come to their end.
    fn settle(&mut self) {
        for request in &mut self.running {
            request.share(&mut self.pages);
        }
        for request in self.running.extract_if(.., |request| request.has_ended()) {
            request.end(&mut self.pages);
        }
    }
}
