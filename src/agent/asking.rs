//! Asks: one model after the other, each as often as the policy says, every try set aside before and journaled after it.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tracing::{Instrument as _, Span};

use super::AgentError;
use super::attempt;
use super::caller::{Call, Caller};
use super::models::Link;
use super::recall::Usable;
use crate::budget::Reservation;
use crate::model::{Admission, Charge, ChatResponse, Down, ModelError, Money, Usage};
use crate::run::{CallRecord, CallSite, Event, Patience, Spent, in_one_line};
use crate::spec::CallPolicy;

/// What came of asking one model.
enum Asked {
    /// It answered.
    Answered(Box<ChatResponse>),
    /// It is left alone for now.
    Down(Duration),
    /// It gave no answer, as often as the policy lets it be asked.
    Failed(ModelError),
}

/// Why a try gave no answer, and what it may have cost all the same.
struct Miss {
    source: ModelError,
    charged: Spent,
}

impl Caller<'_> {
    /// Asks the models of an agent in their order until one answers. The next is asked where one is down, gave no answer for
    /// reasons that may pass, or is of no use to any call; a question that is at fault itself is put to none of the others.
    ///
    /// # Errors
    /// [`AgentError::Closed`] where no model is left, [`AgentError::Model`] where none answers; others as they occur.
    pub(super) async fn ask(&self, call: &Call<'_>, usable: Usable<'_>) -> Result<ChatResponse, AgentError> {
        loop {
            let (mut down, mut failed): (Option<Duration>, Option<ModelError>) = (None, None);
            for link in call.connected.links() {
                if link.closed().is_some() {
                    continue;
                }
                match self.persist(call, link, usable).await? {
                    Asked::Answered(response) => return Ok(*response),
                    Asked::Down(left) => down = Some(down.map_or(left, |other| other.min(left))),
                    Asked::Failed(source) if source.is_for_all() => link.close(&source),
                    Asked::Failed(source) if source.may_pass() => failed = Some(source),
                    Asked::Failed(source) => return Err(call.failed(source)),
                }
            }
            match (failed, down) {
                (Some(source), _) => return Err(call.failed(source)),
                (None, Some(left)) => self.wait(left).await?,
                (None, None) => return Err(call.closed()),
            }
        }
    }

    /// Asks one model until it answers or the policy has no further try. A try that fails for a reason that may pass is
    /// made again.
    async fn persist(&self, call: &Call<'_>, link: &Link, usable: Usable<'_>) -> Result<Asked, AgentError> {
        let before = self.ledger.read(|state| state.missed(&call.site));
        // The tries of this process, which the journal counts as well, unless they cost nothing and cannot pass.
        for tried in 1_u32.. {
            let attempt = before + tried;
            let span = call.span(link, attempt);
            let answer = self.attempt(call, link, attempt, usable).instrument(span.clone()).await?;
            let Miss { source, charged } = match answer {
                Ok(Ok(response)) => return Ok(Asked::Answered(Box::new(response))),
                Ok(Err(miss)) => miss,
                Err(Down(left)) => return Ok(Asked::Down(left)),
            };
            let patience = patience(&call.agent.calls);
            let wait = patience.after(&call.site, tried, source.retry_after()).filter(|_| source.may_pass());
            // What was set aside for a paid try is journaled, and so must be what became of it.
            if source.may_pass() || link.is_paid() {
                span.in_scope(|| self.missed(&call.site, attempt, &source, wait, charged))?;
            }
            link.model.journaled(&call.request);
            let Some(wait) = wait else { return Ok(Asked::Failed(source)) };
            self.wait(wait).await?;
        }
        Err(AgentError::Stopped)
    }

    async fn wait(&self, time: Duration) -> Result<(), AgentError> {
        tokio::select! {
            biased;
            () = self.drain.cancelled() => Err(AgentError::Stopped),
            () = sleep(time) => Ok(()),
        }
    }

    /// Waits until the model may be asked.
    async fn admitted(&self, call: &Call<'_>, link: &Link) -> Result<Result<Admission, Down>, AgentError> {
        tokio::select! {
            biased;
            () = self.drain.cancelled() => Err(AgentError::Stopped),
            admission = link.model.admit(&call.request) => Ok(admission),
        }
    }

    /// Makes one try, and journals its answer. What is set aside for it is settled only when the journal knows of it.
    async fn attempt(
        &self,
        call: &Call<'_>,
        link: &Link,
        attempt: u32,
        usable: Usable<'_>,
    ) -> Result<Result<Result<ChatResponse, Miss>, Down>, AgentError> {
        let permit = tokio::select! {
            biased;
            () = self.drain.cancelled() => return Err(AgentError::Stopped),
            permit = link.permits.acquire() => permit,
        };
        // The permits are never closed; holding the result keeps the place until the answer is journaled.
        let _permit = permit.map_err(|_| AgentError::Stopped)?;
        let admission = match self.admitted(call, link).await? {
            Ok(admission) => admission,
            Err(down) => return Ok(Err(down)),
        };
        let reservation = self.reserve(call, link).await?;
        let CallSite { task, step } = &call.site;
        tracing::debug!(node = %task.node, slot = %task.slot, step, attempt, "asks");
        let began = Instant::now();
        let answer = self.awaited(call, link, admission).await?;
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let response = match answer {
            Ok(response) => response,
            Err(source) => {
                let charged = match source.charge() {
                    Charge::Nothing => Spent::default(),
                    Charge::Used(usage) => spent(link, &usage),
                    Charge::Unknown => call.most(link)?,
                };
                if let Some(reservation) = reservation {
                    reservation.settle(charged);
                }
                return Ok(Ok(Err(Miss { source, charged })));
            }
        };
        let usage = response.usage;
        let record = CallRecord {
            site: call.site.clone(),
            attempt,
            model: link.model.identity().to_owned(),
            document: call.document,
            chunk: call.chunk,
            hash: Some(call.hash),
            request: call.request.clone(),
            response: response.clone(),
            ms,
            cost: spent(link, &usage).cost,
            cached_from: None,
        };
        let used = record.spent();
        let called = Event::Called(Box::new(record));
        let recorded = if link.is_paid() {
            self.ledger.record_forced(&called).await?
        } else {
            self.ledger.record(&called)?
        };
        if let Some(reservation) = reservation {
            reservation.settle(used);
        }
        link.model.journaled(&call.request);
        self.offer(call, link, &response, usable, recorded);
        let (prompt, completion) = (usage.prompt_tokens.0, usage.completion_tokens.0);
        tracing::debug!(node = %task.node, slot = %task.slot, step, prompt, completion, ms, "called");
        Ok(Ok(Ok(response)))
    }

    /// Waits for an answer as long as the policy allows, or, where it can be fetched later, until the run drains.
    async fn awaited(
        &self,
        call: &Call<'_>,
        link: &Link,
        admission: Admission,
    ) -> Result<Result<ChatResponse, ModelError>, AgentError> {
        let model = link.model.as_ref();
        if !model.outlives() {
            return Ok(attempt::answer(model, admission, &call.request, &call.agent.calls).await);
        }
        tokio::select! {
            biased;
            () = self.drain.cancelled() => Err(AgentError::Stopped),
            answer = model.chat_within(admission, &call.request, None) => Ok(answer),
        }
    }

    /// Sets aside what a call can use at most; where the model is paid for, the journal knows of it before it is asked.
    async fn reserve(&self, call: &Call<'_>, link: &Link) -> Result<Option<Reservation<'_>>, AgentError> {
        let (task, paid) = (&call.site.task, link.is_paid());
        if !self.account.limits(task) && !paid {
            return Ok(None);
        }
        let amount = call.most(link)?;
        let reservation = tokio::select! {
            biased;
            () = self.drain.cancelled() => return Err(AgentError::Stopped),
            reservation = self.account.reserve(task, amount) => reservation.map_err(AgentError::OutOfBudget)?,
        };
        if paid {
            let (site, kept) = (call.site.clone(), link.model.outlives());
            self.ledger.record(&Event::Reserved { site, amount, kept })?;
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
    fn span(&self, link: &Link, attempt: u32) -> Span {
        let CallSite { task, step } = &self.site;
        let model = link.model.identity();
        tracing::info_span!("call", node = %task.node, slot = %task.slot, step, attempt, model)
    }

    /// Returns what a try can use at most.
    fn most(&self, link: &Link) -> Result<Spent, AgentError> {
        let Usage { prompt_tokens, completion_tokens, .. } =
            link.model.most(&self.request).map_err(|source| self.failed(source))?;
        let price = link.terms.price;
        let cost = price.map_or_else(Money::default, |price| price.most(prompt_tokens, completion_tokens));
        Ok(Spent { tokens: prompt_tokens + completion_tokens, cost })
    }

    fn failed(&self, source: ModelError) -> AgentError {
        AgentError::Model { agent: self.agent.name.to_string(), source }
    }

    /// Says why there is no model left.
    fn closed(&self) -> AgentError {
        let reasons = self.connected.links().iter().filter_map(Link::closed);
        AgentError::Closed {
            agent: self.agent.name.to_string(),
            reason: reasons.clone().map(|why| why.reason.as_str()).collect::<Vec<_>>().join("; "),
            hint: reasons.clone().find_map(|why| why.hint.clone()),
        }
    }
}

fn spent(link: &Link, usage: &Usage) -> Spent {
    Spent {
        tokens: usage.prompt_tokens + usage.completion_tokens,
        cost: link.terms.price.map_or_else(Money::default, |price| price.cost(usage)),
    }
}

fn patience(policy: &CallPolicy) -> Patience {
    Patience {
        tries: policy.tries,
        first_wait: Duration::from_millis(policy.first_wait_ms),
        longest_wait: Duration::from_millis(policy.longest_wait_ms),
    }
}
