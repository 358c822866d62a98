//! An answer while it is written: chooses a token from each row of logits, until the answer ends.

use super::lookup::Lookup;
use crate::local::constraint::Constraint;
use crate::local::sampling::{Sampler, check};
use crate::local::stream::AnswerText;
use crate::local::tokenizer::{TokenId, Vocabulary};
use crate::model::{ChatRequest, ModelError, StopReason};

/// What writing needs from outside.
pub(super) struct Desk<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    /// Whether the token that ends an answer is passed over.
    pub(super) ignore_end: bool,
    /// Takes the pieces of the answer.
    pub(super) tell: &'a mut dyn FnMut(&str),
}

/// A text that is being written.
pub(super) struct Writing {
    sampler: Sampler,
    answer: AnswerText,
    constraint: Option<Box<Constraint>>,
    lookup: Option<Lookup>,
    max_output: u64,
    written: u64,
    stop: Option<StopReason>,
}

impl Writing {
    /// Begins the answer to `prompt`; `lookup` says whether tokens may be guessed where that changes nothing.
    pub(super) fn new(
        request: &ChatRequest,
        constraint: Option<Box<Constraint>>,
        prompt: &[TokenId],
        lookup: bool,
    ) -> Self {
        let sampler = Sampler::new(&request.sampling, prompt);
        // Only the likeliest token is the same whether its row was computed alone or after a guess, and nothing else has to
        // be undone where the guess was wrong.
        let plain = sampler.takes_the_likeliest() && constraint.is_none();
        Self {
            sampler,
            answer: AnswerText::new(&request.stop),
            constraint,
            lookup: (lookup && plain).then(Lookup::new),
            max_output: request.max_output.0,
            written: 0,
            stop: None,
        }
    }

    /// Guesses at most `limit` tokens that follow `tokens`, the prompt and what has been written.
    pub(super) fn guess(&self, tokens: &[TokenId], limit: usize) -> Vec<TokenId> {
        // The last token that may be written is never computed.
        let left = self.max_output.saturating_sub(self.written + 1);
        let limit = usize::try_from(left).map_or(limit, |left| limit.min(left));
        self.lookup.as_ref().map_or_else(Vec::new, |lookup| lookup.guess(tokens, limit))
    }

    /// Chooses tokens from the rows after the last token and after each of `guessed`, as far as the guess is right, and adds
    /// them to `tokens`. Returns how many rows were used.
    pub(super) fn hear(
        &mut self,
        (rows, width): (&mut [f32], usize),
        guessed: &[TokenId],
        tokens: &mut Vec<TokenId>,
        desk: &mut Desk<'_>,
    ) -> Result<usize, ModelError> {
        let mut used: usize = 0;
        let mut following = guessed.iter();
        for row in rows.chunks_mut(width) {
            used += 1;
            let chosen = self.choose(row, tokens, desk)?;
            // The next row follows the guess: it is of use only where that is what was chosen.
            if self.stop.is_some() || chosen.is_none() || following.next() != chosen.as_ref() {
                break;
            }
        }
        if let Some(lookup) = &mut self.lookup {
            lookup.learn(guessed.len(), used.saturating_sub(1));
        }
        if self.stop.is_some() {
            let rest = self.answer.finish();
            if !rest.is_empty() {
                (desk.tell)(rest);
            }
        }
        Ok(used)
    }

    /// Chooses the next token; none where the answer ends without it.
    fn choose(
        &mut self,
        row: &mut [f32],
        tokens: &mut Vec<TokenId>,
        desk: &mut Desk<'_>,
    ) -> Result<Option<TokenId>, ModelError> {
        check(row)?;
        if self.written >= self.max_output {
            self.stop = Some(StopReason::Length);
            return Ok(None);
        }
        if let Some(constraint) = &mut self.constraint {
            constraint.mask(row)?;
        }
        let id = self.sampler.choose(row)?;
        if desk.vocabulary.is_end(id) && !desk.ignore_end {
            self.stop = Some(StopReason::End);
            return Ok(None);
        }
        self.written += 1;
        tokens.push(id);
        let complete = self.constraint.as_mut().map_or(Ok(false), |constraint| constraint.take(id))?;
        let certain = self.answer.push(desk.vocabulary.bytes(id));
        if !certain.is_empty() {
            (desk.tell)(certain);
        }
        self.stop = if self.answer.stopped() {
            Some(StopReason::StopText)
        } else if complete {
            Some(StopReason::End)
        } else if self.written >= self.max_output {
            Some(StopReason::Length)
        } else {
            None
        };
        Ok(Some(id))
    }

    /// Returns why the answer has ended; nothing where it has not.
    pub(super) fn stop(&self) -> Option<StopReason> {
        self.stop
    }

    /// Returns how many tokens have been written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Takes the text of the answer.
    pub(super) fn take_text(&mut self) -> String {
        std::mem::replace(&mut self.answer, AnswerText::new(&[])).into_text()
    }
}
