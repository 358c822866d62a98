//! An answer while it is written: chooses a token from each row of logits, until the answer ends.

use super::lookup::Lookup;
use crate::local::constraint::Constraint;
use crate::local::sampling::{Sampler, check, not_numbers};
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

/// What a step gave for the tokens that it computed of a request: something for each row that was wanted.
pub(super) enum Heard<'a> {
    /// Rows of as many logits as the second number says.
    Logits(&'a mut [f32], usize),
    /// The likeliest tokens; none where a logit was not a number.
    Likeliest(&'a [Option<TokenId>]),
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
        heard: Heard<'_>,
        guessed: &[TokenId],
        tokens: &mut Vec<TokenId>,
        desk: &mut Desk<'_>,
    ) -> Result<usize, ModelError> {
        let mut used: usize = 0;
        let mut following = guessed.iter();
        // The next row follows the guess: it is of use only where that is what was chosen.
        let mut goes_on = |chosen: Option<TokenId>| chosen.is_some() && following.next() == chosen.as_ref();
        match heard {
            Heard::Logits(rows, width) => {
                for row in rows.chunks_mut(width) {
                    used += 1;
                    let id = self.choose(row)?;
                    if !goes_on(self.take(id, tokens, desk)?) {
                        break;
                    }
                }
            }
            Heard::Likeliest(ids) => {
                for id in ids {
                    used += 1;
                    let id = id.ok_or_else(not_numbers)?;
                    if !goes_on(self.take(id, tokens, desk)?) {
                        break;
                    }
                }
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

    /// Tells whether nothing but the likeliest token of each row is looked at.
    pub(super) fn wants_the_likeliest(&self) -> bool {
        self.constraint.is_none() && self.sampler.takes_the_likeliest()
    }

    /// Chooses a token from a row.
    fn choose(&mut self, row: &mut [f32]) -> Result<TokenId, ModelError> {
        check(row)?;
        if let Some(constraint) = &mut self.constraint {
            constraint.mask(row)?;
        }
        self.sampler.choose(row)
    }

    /// Takes the next token into the answer. Returns it where the answer goes on.
    fn take(
        &mut self,
        id: TokenId,
        tokens: &mut Vec<TokenId>,
        desk: &mut Desk<'_>,
    ) -> Result<Option<TokenId>, ModelError> {
        if self.written >= self.max_output {
            self.stop = Some(StopReason::Length);
            return Ok(None);
        }
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
        Ok(self.stop.is_none().then_some(id))
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
