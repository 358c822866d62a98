//! Answers one request on the engine's thread: fills the cache with the prompt, then writes, chooses or scores.
//!
//! The prompt is always computed in steps that begin at multiples of [`STEP`]. What a step gives depends on its tokens,
//! on those before it and on its length, so that only whole steps computed for an earlier prompt are used again: an
//! answer has the same bytes whatever was asked before it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::alone::Alone;
use super::constraint::Constraint;
use super::pass::{Pass, Rows};
use super::sampling::{Sampler, check, log_probability};
use super::stream::AnswerText;
use super::tokenizer::{TokenId, Vocabulary};
use crate::model::{ModelError, Sampling, StopReason};

/// Positions that are computed at once: large enough for the processor to work on a whole matrix, small enough for the
/// scores of one step to stay below 30 MiB a head at a window of 8,192.
pub(super) const STEP: usize = 256;

/// Positions whose logits are held at once while a text is scored.
const SCORED_AT_ONCE: usize = 64;

/// Why the engine gave up on a request.
#[derive(Debug)]
pub(super) enum Halt {
    /// Nobody waits for the answer any more.
    Cancelled,
    /// The computation failed.
    Failed(ModelError),
}

impl From<ModelError> for Halt {
    fn from(error: ModelError) -> Self {
        Self::Failed(error)
    }
}

/// What one request came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The answer of a free or held text.
    pub(super) text: String,
    /// Why it ended.
    pub(super) stop: Option<StopReason>,
    /// Tokens written or scored.
    pub(super) completion: usize,
    /// Tokens of the prompt that were not computed again.
    pub(super) cached: usize,
    /// Log-probabilities.
    pub(super) scores: Vec<f32>,
}

/// A text to write.
pub(super) struct Writing<'a> {
    pub(super) sampling: &'a Sampling,
    pub(super) max_output: u64,
    pub(super) stops: &'a [String],
    pub(super) constraint: Option<Box<Constraint>>,
}

/// The weights, and what of the last prompt can be used again.
#[derive(Debug)]
pub(super) struct Generator {
    sequence: Alone,
    /// The tokens of whole steps of the last prompt; the cache begins with them.
    kept: Vec<TokenId>,
    /// Whether the token that ends an answer is passed over.
    ignore_end: bool,
}

impl Generator {
    /// Takes loaded weights.
    pub(super) fn new(pass: Box<dyn Pass>, ignore_end: bool) -> Self {
        Self { sequence: Alone::new(pass), kept: Vec::new(), ignore_end }
    }

    /// Writes an answer, handing pieces of it to `tell`.
    pub(super) fn write(
        &mut self,
        vocabulary: &Vocabulary,
        prompt: &[TokenId],
        mut writing: Writing<'_>,
        cancel: &AtomicBool,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Outcome, Halt> {
        let (cached, mut logits) = self.fill(prompt, cancel)?;
        let mut sampler = Sampler::new(writing.sampling, prompt);
        let mut answer = AnswerText::new(writing.stops);
        let mut completion = 0;
        let stop = loop {
            if completion as u64 >= writing.max_output {
                break StopReason::Length;
            }
            if let Some(constraint) = &mut writing.constraint {
                constraint.mask(&mut logits)?;
            }
            let id = sampler.choose(&mut logits)?;
            if vocabulary.is_end(id) && !self.ignore_end {
                break StopReason::End;
            }
            completion += 1;
            let complete = writing.constraint.as_mut().map_or(Ok(false), |constraint| constraint.take(id))?;
            let certain = answer.push(vocabulary.bytes(id));
            if !certain.is_empty() {
                tell(certain);
            }
            if answer.stopped() {
                break StopReason::StopText;
            }
            if complete {
                break StopReason::End;
            }
            if completion as u64 >= writing.max_output {
                break StopReason::Length;
            }
            logits = self.step(&[id], cancel)?;
        };
        let rest = answer.finish();
        if !rest.is_empty() {
            tell(rest);
        }
        Ok(Outcome { text: answer.into_text(), stop: Some(stop), completion, cached, scores: Vec::new() })
    }

    /// Scores each of `choices` as a whole answer: its tokens, and the token that ends it.
    ///
    /// Choices that begin alike share what is computed for their beginning.
    pub(super) fn choose(
        &mut self,
        prompt: &[TokenId],
        choices: &[Vec<TokenId>],
        cancel: &AtomicBool,
    ) -> Result<Outcome, Halt> {
        let (cached, first) = self.fill(prompt, cancel)?;
        let mut order: Vec<usize> = (0..choices.len()).collect();
        order.sort_by_key(|&index| choices.get(index));
        let mut scores = vec![0.0; choices.len()];
        // One row of logits for each token of the path that the cache now holds, and the one before it.
        let mut rows = vec![first];
        let mut path: Vec<TokenId> = Vec::new();
        let mut completion = 0;
        for index in order {
            let (Some(choice), Some(score)) = (choices.get(index), scores.get_mut(index)) else { continue };
            let shared = path.iter().zip(choice).take_while(|(a, b)| a == b).count();
            path.truncate(shared);
            rows.truncate(shared + 1);
            self.sequence.truncate(prompt.len() + shared);
            for (at, &id) in choice.iter().enumerate() {
                if let Some(row) = rows.get(at) {
                    *score += log_probability(row, id);
                }
                if at >= path.len() && at + 1 < choice.len() {
                    rows.push(self.step(&[id], cancel)?);
                    path.push(id);
                    completion += 1;
                }
            }
        }
        Ok(Outcome { completion: completion + choices.len(), cached, scores, ..Outcome::default() })
    }

    /// Adds up the log-probabilities of `tokens` after the prompt.
    pub(super) fn score(
        &mut self,
        prompt: &[TokenId],
        tokens: &[TokenId],
        cancel: &AtomicBool,
    ) -> Result<Outcome, Halt> {
        let (cached, first) = self.fill(prompt, cancel)?;
        let mut sum = tokens.first().map_or(0.0, |&id| f64::from(log_probability(&first, id)));
        let given = tokens.len().saturating_sub(1);
        let next: Vec<TokenId> = tokens.iter().skip(1).copied().collect();
        for (given, next) in
            tokens.get(..given).unwrap_or(&[]).chunks(SCORED_AT_ONCE).zip(next.chunks(SCORED_AT_ONCE))
        {
            halt_if(cancel)?;
            let width = self.sequence.vocabulary().max(1);
            for (row, &id) in self.sequence.feed(given, Rows::All)?.chunks(width).zip(next) {
                check(row)?;
                sum += f64::from(log_probability(row, id));
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "single precision is what a score has")]
        let scores = vec![sum as f32];
        Ok(Outcome { completion: tokens.len(), cached, scores, ..Outcome::default() })
    }

    /// Computes the prompt, as little of it as possible, and returns how much was there and the logits of its end.
    fn fill(&mut self, prompt: &[TokenId], cancel: &AtomicBool) -> Result<(usize, Vec<f32>), Halt> {
        let common = self.kept.iter().zip(prompt).take_while(|(a, b)| a == b).count();
        // The last token must be computed in any case, for its logits.
        let cached = common.min(prompt.len().saturating_sub(1)) / STEP * STEP;
        self.kept.truncate(cached);
        self.sequence.truncate(cached);
        let mut logits = Vec::new();
        let rest = prompt.get(cached..).unwrap_or(&[]);
        let last = rest.len().div_ceil(STEP).saturating_sub(1);
        for (index, tokens) in rest.chunks(STEP).enumerate() {
            if index == last {
                logits = self.step(tokens, cancel)?;
            } else {
                halt_if(cancel)?;
                self.sequence.feed(tokens, Rows::None)?;
            }
            if tokens.len() == STEP {
                self.kept.extend_from_slice(tokens);
            }
        }
        if logits.is_empty() {
            return Err(ModelError::Compute { reason: "the prompt is empty".into() }.into());
        }
        Ok((cached, logits))
    }

    fn step(&mut self, tokens: &[TokenId], cancel: &AtomicBool) -> Result<Vec<f32>, Halt> {
        halt_if(cancel)?;
        let logits = self.sequence.feed(tokens, Rows::Last)?.to_vec();
        check(&logits)?;
        Ok(logits)
    }
}

fn halt_if(cancel: &AtomicBool) -> Result<(), Halt> {
    if cancel.load(Ordering::Relaxed) { Err(Halt::Cancelled) } else { Ok(()) }
}
