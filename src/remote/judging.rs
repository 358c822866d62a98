//! Whether an answer will do, and what it used: the same however it came.

use std::sync::atomic::Ordering;

use super::failure::Failure;
use super::gate::Ticket;
use super::gauge::Verdict;
use super::model::RemoteModel;
use super::wire::{self, Answer, Manners};
use crate::model::{
    ChatRequest, ChatResponse, Message, ModelError, OutputForm, StopReason, TokenSink, Usage,
};
use crate::text::TokenCount;

/// As many samples decide whether an endpoint reads whole prompts.
const SAMPLES: u32 = 2;

impl RemoteModel {
    pub(super) async fn answer(
        &self,
        mut ticket: Ticket,
        request: &ChatRequest,
        sink: Option<&dyn TokenSink>,
    ) -> Result<ChatResponse, ModelError> {
        let most = self.check(request)?;
        let manners = *self.manners();
        let (answer, told) = self.send(request, most, manners, sink).await;
        ticket.tell(&answer, &told);
        self.judged(request, answer, manners).await
    }

    /// Refuses what cannot be asked here, and returns how many tokens the answer may have.
    pub(super) fn check(&self, request: &ChatRequest) -> Result<TokenCount, ModelError> {
        if let OutputForm::Score(_) = request.output {
            let reason = "an endpoint does not tell how likely a given text is; ask a model on this machine, or choose \
                          another `score`"
                .to_owned();
            return Err(ModelError::Form { reason });
        }
        let most = self.longest(request);
        let counted = self.gauge.prompt_tokens(&request.messages);
        ModelError::check_fits(counted, most, self.limits.context)?;
        Ok(most)
    }

    /// Says what follows from what came of a request that was sent with these manners.
    pub(super) async fn judged(
        &self,
        request: &ChatRequest,
        answer: Result<Answer, Failure>,
        manners: Manners,
    ) -> Result<ChatResponse, ModelError> {
        let answer = answer.map_err(|failure| self.error(failure, manners))?;
        let usage = self.used(request, &answer).await?;
        if answer.is_filtered() {
            return Err(ModelError::Filtered { usage: Some(usage) });
        }
        let broken = |reason: &str| ModelError::Broken { reason: reason.to_owned(), usage: Some(usage) };
        if !answer.chosen {
            return Err(broken("it holds no choice"));
        }
        let mut response = answer.response(request, usage);
        if response.text.trim().is_empty() && response.stop != StopReason::Length {
            return Err(broken("it is empty"));
        }
        if let OutputForm::Choice(choices) = &request.output {
            let meant = wire::choice(&response.text, choices);
            response.text = meant.cloned().ok_or_else(|| broken("it is none of the choices"))?;
            response.stop = StopReason::End;
        }
        Ok(response)
    }

    /// Finds out what an answer used, and whether the endpoint read the whole prompt.
    async fn used(&self, request: &ChatRequest, answer: &Answer) -> Result<Usage, ModelError> {
        let counter = self.gauge.counter();
        let messages = &request.messages;
        let own = || Usage {
            prompt_tokens: self.gauge.prompt_tokens(messages),
            completion_tokens: counter.count(&answer.text) + counter.count(&answer.reasoning),
            ..Usage::default()
        };
        let Some(told) = answer.usage else { return Ok(own()) };
        let mut usage = told;
        for _ in 0..=SAMPLES {
            match self.gauge.judge(messages, told.prompt_tokens) {
                Verdict::Sound => {
                    self.gauge.learn(messages, told.prompt_tokens);
                    self.is_trusted.store(true, Ordering::Release);
                    break;
                }
                Verdict::Absurd => return Ok(Usage { completion_tokens: told.completion_tokens, ..own() }),
                Verdict::Cut { counted, read } => return Err(ModelError::Cut { counted, read, usage }),
                Verdict::Suspect => {
                    let Some(sample) = self.sample(messages).await else { break };
                    usage.prompt_tokens = usage.prompt_tokens + sample.prompt_tokens;
                    usage.completion_tokens = usage.completion_tokens + sample.completion_tokens;
                }
            }
        }
        Ok(usage)
    }

    /// Has the endpoint count a short prompt made of the same text; returns what that used.
    async fn sample(&self, messages: &[Message]) -> Option<Usage> {
        let sample = ChatRequest::new(self.gauge.sample(messages), TokenCount(1));
        let manners = *self.manners();
        let (answer, _) = self.send(&sample, TokenCount(1), manners, None).await;
        let usage = answer.ok()?.usage?;
        self.gauge.learn(&sample.messages, usage.prompt_tokens);
        Some(usage)
    }
}
