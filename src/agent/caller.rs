//! Makes one call: from the journal, or by asking, as often as its policy allows.

use std::mem::take;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use super::attempt;
use super::models::Connected;
use super::recall::Usable;
use super::{AgentError, Models};
use crate::budget::{Account, Reservation};
use crate::hash::ContentHash;
use crate::model::{ChatRequest, ChatResponse, Message, ModelError, Money, OutputForm};
use crate::prompt::{PromptSet, Variables};
use crate::run::{CallRecord, CallSite, Event, Patience, RunState, Spent, in_one_line};
use crate::spec::{AgentSpec, CallPolicy};
use crate::store::Ledger;
use crate::text::{DocumentIndex, TokenCount};

/// What a call needs of its run.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The models.
    pub models: &'a Models,
    /// The compiled templates.
    pub prompts: &'a PromptSet,
    /// The journal and what it adds up to.
    pub ledger: &'a Ledger,
    /// What calls may use.
    pub account: &'a Account,
    /// Set when no further call may begin.
    pub drain: &'a CancellationToken,
}

/// One call to be made.
#[derive(Debug)]
pub struct Ask<'a> {
    /// Where in the run it stands.
    pub site: CallSite,
    /// Who is asked.
    pub agent: &'a AgentSpec,
    /// What its templates are given.
    pub variables: Variables,
    /// The form of the answer.
    pub output: OutputForm,
    /// The document it reads from.
    pub document: Option<DocumentIndex>,
    /// The chunk it reads.
    pub chunk: Option<u32>,
    /// What was said after the prompt already: an answer and what is wrong with it.
    pub further: Vec<Message>,
}

/// A call whose exact request is known.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) site: CallSite,
    pub(super) agent: &'a AgentSpec,
    pub(super) connected: &'a Connected,
    pub(super) request: ChatRequest,
    pub(super) hash: ContentHash,
    pub(super) document: Option<DocumentIndex>,
    pub(super) chunk: Option<u32>,
}

/// Why a try gave no answer, and what it may have cost all the same.
struct Miss {
    source: ModelError,
    charged: Spent,
}

impl Caller<'_> {
    /// Renders the messages that `agent` is sent: its system message, its demonstrations, its prompt.
    ///
    /// # Errors
    /// [`AgentError::Prompt`] where a template misses a variable.
    pub fn messages(&self, agent: &AgentSpec, variables: &Variables) -> Result<Vec<Message>, AgentError> {
        messages(self.prompts, agent, variables)
    }

    /// Counts the tokens of the prompt that `agent` would be sent.
    ///
    /// # Errors
    /// As [`Self::messages`], and [`AgentError::Model`] where the chat template fails.
    pub fn prompt_tokens(&self, agent: &AgentSpec, variables: &Variables) -> Result<TokenCount, AgentError> {
        let messages = self.messages(agent, variables)?;
        self.models.of(agent)?.prompt_tokens(&messages).map_err(|source| failed(agent, source))
    }

    /// Answers from the journal, or asks the model and journals the answer before returning it. A call that fails for a
    /// reason that may pass is made again, as often as the agent's policy says.
    ///
    /// # Errors
    /// [`AgentError::Stopped`] where the run drains and the journal has no answer, [`AgentError::OutOfBudget`] where the
    /// call may use more than is left; other variants as they occur.
    pub async fn call(&self, ask: Ask<'_>) -> Result<ChatResponse, AgentError> {
        self.call_for(ask, &|_| true).await
    }

    /// Answers from the journal, with an answer that was given to the same call before and is `usable`, or asks the model and
    /// journals the answer before returning it. That one need not be usable; then no later call is answered with it.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn call_for(&self, mut ask: Ask<'_>, usable: Usable<'_>) -> Result<ChatResponse, AgentError> {
        let agent = ask.agent;
        let connected = self.models.connected(agent)?;
        let request = ChatRequest {
            messages: self
                .messages(agent, &ask.variables)?
                .into_iter()
                .chain(take(&mut ask.further))
                .collect(),
            sampling: agent.sampling.clone(),
            max_output: TokenCount(agent.max_output).min(connected.model.limits().max_output),
            stop: agent.stop.clone(),
            output: take(&mut ask.output),
        };
        let hash = request.hash();
        let Ask { site, document, chunk, .. } = ask;
        let call = Call { site, agent, connected, request, hash, document, chunk };
        let known = |state: &RunState| state.answer(&call.site, &hash, connected.model.identity()).cloned();
        if let Some(answer) = self.ledger.read(known) {
            return Ok(answer);
        }
        // Held until the answer is journaled: then the next who asks the same finds it.
        let _turn = self.turn(&call).await?;
        if let Some(answer) = self.taken_over(&call, usable)? {
            return Ok(answer);
        }
        loop {
            let attempt = self.ledger.read(|state| state.missed(&call.site)) + 1;
            let span = call.span(attempt);
            let answer = self.attempt(&call, attempt, usable).instrument(span.clone()).await?;
            let Miss { source, charged } = match answer {
                Ok(response) => return Ok(response),
                Err(miss) => miss,
            };
            let patience = patience(&agent.calls);
            let wait =
                patience.after(&call.site, attempt, source.retry_after()).filter(|_| source.may_pass());
            if source.may_pass() {
                span.in_scope(|| self.missed(&call.site, attempt, &source, wait, charged))?;
            }
            let Some(wait) = wait else { return Err(failed(agent, source)) };
            tokio::select! {
                biased;
                () = self.drain.cancelled() => return Err(AgentError::Stopped),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Makes one try, and journals its answer. What is set aside for it is settled only when the journal knows of it.
    async fn attempt(
        &self,
        call: &Call<'_>,
        attempt: u32,
        usable: Usable<'_>,
    ) -> Result<Result<ChatResponse, Miss>, AgentError> {
        let connected = call.connected;
        let permit = tokio::select! {
            biased;
            () = self.drain.cancelled() => return Err(AgentError::Stopped),
            permit = connected.permits.acquire() => permit,
        };
        // The permits are never closed; holding the result keeps the place until the answer is journaled.
        let _permit = permit.map_err(|_| AgentError::Stopped)?;
        let reservation = self.reserve(call).await?;
        let CallSite { task, step } = &call.site;
        tracing::debug!(node = %task.node, slot = %task.slot, step, attempt, "asks");
        let began = Instant::now();
        let answer = attempt::answer(connected.model.as_ref(), &call.request, &call.agent.calls).await;
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let response = match answer {
            Ok(response) => response,
            Err(source) => {
                let charged = if source.may_have_cost() { call.most()? } else { Spent::default() };
                if let Some(reservation) = reservation {
                    reservation.settle(charged);
                }
                return Ok(Err(Miss { source, charged }));
            }
        };
        let usage = response.usage;
        let record = CallRecord {
            site: call.site.clone(),
            attempt,
            model: connected.model.identity().to_owned(),
            document: call.document,
            chunk: call.chunk,
            hash: Some(call.hash),
            request: call.request.clone(),
            response: response.clone(),
            ms,
            cost: connected.terms.price.map_or_else(Money::default, |price| price.cost(&usage)),
            cached_from: None,
        };
        let spent = record.spent();
        let called = Event::Called(Box::new(record));
        let recorded = if connected.is_paid() {
            self.ledger.record_forced(&called).await?
        } else {
            self.ledger.record(&called)?
        };
        if let Some(reservation) = reservation {
            reservation.settle(spent);
        }
        self.offer(call, &response, usable, recorded);
        let (prompt, completion) = (usage.prompt_tokens.0, usage.completion_tokens.0);
        tracing::debug!(node = %task.node, slot = %task.slot, step, prompt, completion, ms, "called");
        Ok(Ok(response))
    }

    /// Sets aside what a call can use at most; where the model is paid for, the journal knows of it before it is asked.
    async fn reserve(&self, call: &Call<'_>) -> Result<Option<Reservation<'_>>, AgentError> {
        let (task, paid) = (&call.site.task, call.connected.is_paid());
        if !self.account.limits(task) && !paid {
            return Ok(None);
        }
        let amount = call.most()?;
        let reservation = tokio::select! {
            biased;
            () = self.drain.cancelled() => return Err(AgentError::Stopped),
            reservation = self.account.reserve(task, amount) => reservation.map_err(AgentError::OutOfBudget)?,
        };
        if paid {
            self.ledger.record(&Event::Reserved { site: call.site.clone(), amount })?;
        }
        Ok(Some(reservation))
    }

    fn missed(
        &self,
        site: &CallSite,
        attempt: u32,
        source: &ModelError,
        wait: Option<Duration>,
        charged: Spent,
    ) -> Result<(), AgentError> {
        let CallSite { task, step } = site;
        let wait_ms = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        tracing::warn!(node = %task.node, slot = %task.slot, step, attempt, wait_ms, "no answer");
        let error = in_one_line(source);
        self.ledger.record(&Event::Missed { site: site.clone(), attempt, error, wait_ms, charged })?;
        Ok(())
    }
}

impl Call<'_> {
    /// The context of one try in the developer's log: where it stands and who is asked, never what.
    fn span(&self, attempt: u32) -> Span {
        let CallSite { task, step } = &self.site;
        let model = self.connected.model.identity();
        tracing::info_span!("call", node = %task.node, slot = %task.slot, step, attempt, model)
    }

    /// Returns what the call can use at most.
    fn most(&self) -> Result<Spent, AgentError> {
        let model = &self.connected.model;
        let prompt =
            model.prompt_tokens(&self.request.messages).map_err(|source| failed(self.agent, source))?;
        let answer = self.request.most(model.counter());
        let cost = self.connected.terms.price.map_or_else(Money::default, |price| price.most(prompt, answer));
        Ok(Spent { tokens: prompt + answer, cost })
    }
}

fn patience(policy: &CallPolicy) -> Patience {
    Patience {
        tries: policy.tries,
        first_wait: Duration::from_millis(policy.first_wait_ms),
        longest_wait: Duration::from_millis(policy.longest_wait_ms),
    }
}

/// Renders the messages that `agent` is sent: its system message, its demonstrations, its prompt.
///
/// # Errors
/// [`AgentError::Prompt`] where a template misses a variable.
pub fn messages(
    prompts: &PromptSet,
    agent: &AgentSpec,
    variables: &Variables,
) -> Result<Vec<Message>, AgentError> {
    let render = |name| {
        let rendered = prompts.render(name, variables);
        rendered.map_err(|source| AgentError::Prompt { agent: agent.name.to_string(), source })
    };
    let system = agent.system.as_ref().map(render).transpose()?.map(Message::system);
    let user = Message::user(render(&agent.prompt)?);
    let shown = agent.examples.iter();
    let shown = shown.flat_map(|one| [Message::user(&one.user), Message::assistant(&one.assistant)]);
    Ok(system.into_iter().chain(shown).chain([user]).collect())
}

fn failed(agent: &AgentSpec, source: ModelError) -> AgentError {
    AgentError::Model { agent: agent.name.to_string(), source }
}
