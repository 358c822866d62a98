//! Makes one call, at most once.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::{AgentError, Models};
use crate::model::{ChatRequest, ChatResponse, Message, ModelError, OutputForm};
use crate::prompt::{PromptSet, Variables};
use crate::run::{CallRecord, CallSite, Event};
use crate::spec::AgentSpec;
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

impl Caller<'_> {
    /// Renders the messages that `agent` is sent: its system message, its demonstrations, its prompt.
    ///
    /// # Errors
    /// [`AgentError::Prompt`] where a template misses a variable.
    pub fn messages(&self, agent: &AgentSpec, variables: &Variables) -> Result<Vec<Message>, AgentError> {
        let render = |name| {
            self.prompts
                .render(name, variables)
                .map_err(|source| AgentError::Prompt { agent: agent.name.to_string(), source })
        };
        let system = agent.system.as_ref().map(render).transpose()?.map(Message::system);
        let user = Message::user(render(&agent.prompt)?);
        let shown = agent.examples.iter();
        let shown = shown.flat_map(|one| [Message::user(&one.user), Message::assistant(&one.assistant)]);
        Ok(system.into_iter().chain(shown).chain([user]).collect())
    }

    /// Counts the tokens of the prompt that `agent` would be sent.
    ///
    /// # Errors
    /// As [`Self::messages`], and [`AgentError::Model`] where the chat template fails.
    pub fn prompt_tokens(&self, agent: &AgentSpec, variables: &Variables) -> Result<TokenCount, AgentError> {
        let messages = self.messages(agent, variables)?;
        self.models.of(agent)?.prompt_tokens(&messages).map_err(|source| failed(agent, source))
    }

    /// Answers from the journal, or asks the model and journals the answer before returning it.
    ///
    /// # Errors
    /// [`AgentError::Stopped`] where the run drains and the journal has no answer; other variants as they occur.
    pub async fn call(&self, ask: Ask<'_>) -> Result<ChatResponse, AgentError> {
        let agent = ask.agent;
        let connected = self.models.connected(agent)?;
        let request = ChatRequest {
            messages: self.messages(agent, &ask.variables)?.into_iter().chain(ask.further).collect(),
            sampling: agent.sampling.clone(),
            max_output: TokenCount(agent.max_output).min(connected.model.limits().max_output),
            stop: agent.stop.clone(),
            output: ask.output,
        };
        let hash = request.hash();
        if let Some(answer) = self.ledger.read(|state| state.answer(&ask.site, &hash).cloned()) {
            return Ok(answer);
        }
        let permit = tokio::select! {
            biased;
            () = self.drain.cancelled() => return Err(AgentError::Stopped),
            permit = connected.permits.acquire() => permit,
        };
        // The permits are never closed; holding the result keeps the place until the answer is journaled.
        let _permit = permit.map_err(|_| AgentError::Stopped)?;
        let began = Instant::now();
        let response = connected.model.chat(&request, None).await.map_err(|source| failed(agent, source))?;
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let record = CallRecord {
            site: ask.site,
            attempt: 1,
            model: connected.model.identity().to_owned(),
            document: ask.document,
            chunk: ask.chunk,
            hash: Some(hash),
            request,
            response: response.clone(),
            ms,
        };
        let (node, slot, step) = (record.site.task.node.clone(), record.site.task.slot, record.site.step);
        let called = Event::Called(Box::new(record));
        if connected.is_paid() {
            self.ledger.record_forced(&called).await?;
        } else {
            self.ledger.record(&called)?;
        }
        let usage = response.usage;
        tracing::debug!(
            %node, %slot, step, prompt = usage.prompt_tokens.0, completion = usage.completion_tokens.0, ms, "called"
        );
        Ok(response)
    }
}

fn failed(agent: &AgentSpec, source: ModelError) -> AgentError {
    AgentError::Model { agent: agent.name.to_string(), source }
}
