//! Makes one call: renders what is asked, and looks for an answer before anybody is asked.

use std::mem::take;

use tokio_util::sync::CancellationToken;

use super::models::{Connected, Link};
use super::recall::Usable;
use super::{AgentError, Models};
use crate::budget::Account;
use crate::hash::ContentHash;
use crate::model::{ChatRequest, ChatResponse, Message, ModelError, OutputForm};
use crate::prompt::{PromptSet, Variables};
use crate::run::{CallSite, RunState};
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
    /// What was said before the prompt, in a chat.
    pub earlier: Vec<Message>,
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

impl Caller<'_> {
    /// Renders the messages that `agent` is sent: its system message, its demonstrations, its prompt.
    ///
    /// # Errors
    /// [`AgentError::Prompt`] where a template misses a variable.
    pub fn messages(&self, agent: &AgentSpec, variables: &Variables) -> Result<Vec<Message>, AgentError> {
        self.messages_after(agent, variables, &[])
    }

    fn messages_after(
        &self,
        agent: &AgentSpec,
        variables: &Variables,
        earlier: &[Message],
    ) -> Result<Vec<Message>, AgentError> {
        let prefill = self.models.of(agent)?.limits().prefill;
        messages(self.prompts, agent, variables, earlier, prefill)
    }

    /// Counts the tokens of the prompt that `agent` would be sent.
    ///
    /// # Errors
    /// As [`Self::messages`], and [`AgentError::Model`] where the chat template fails.
    pub fn prompt_tokens(&self, agent: &AgentSpec, variables: &Variables) -> Result<TokenCount, AgentError> {
        self.prompt_tokens_after(agent, variables, &[])
    }

    /// Counts the tokens of the prompt that `agent` would be sent after these messages of a chat.
    ///
    /// # Errors
    /// As [`Self::prompt_tokens`].
    pub fn prompt_tokens_after(
        &self,
        agent: &AgentSpec,
        variables: &Variables,
        earlier: &[Message],
    ) -> Result<TokenCount, AgentError> {
        let messages = self.messages_after(agent, variables, earlier)?;
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
                .messages_after(agent, &ask.variables, &ask.earlier)?
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
        let of =
            |link: &Link, state: &RunState| state.answer(&call.site, &hash, link.model.identity()).cloned();
        let known = |state: &RunState| connected.links().iter().find_map(|link| of(link, state));
        if let Some(answer) = self.ledger.read(known) {
            return Ok(answer);
        }
        // Held until the answer is journaled: then the next who asks the same finds it.
        let _turn = self.turn(&call).await?;
        if let Some(answer) = self.taken_over(&call, usable)? {
            return Ok(answer);
        }
        self.ask(&call, usable).await
    }
}

/// Renders the messages that `agent` is sent: its system message, its demonstrations, what was said `earlier`, its prompt, and
/// the beginning of the answer, where there is one. Models that do not `prefill` are told to go on instead.
///
/// # Errors
/// [`AgentError::Prompt`] where a template misses a variable.
pub fn messages(
    prompts: &PromptSet,
    agent: &AgentSpec,
    variables: &Variables,
    earlier: &[Message],
    prefill: bool,
) -> Result<Vec<Message>, AgentError> {
    let render = |name| {
        let rendered = prompts.render(name, variables);
        rendered.map_err(|source| AgentError::Prompt { agent: agent.name.to_string(), source })
    };
    let system = agent.system.as_ref().map(render).transpose()?.map(Message::system);
    let shown = agent.examples.iter();
    let shown = shown.flat_map(|one| [Message::user(&one.user), Message::assistant(&one.assistant)]);
    let mut asked = vec![Message::user(render(&agent.prompt)?)];
    if let Some(spec) = &agent.prefill {
        let begun = render(&spec.text)?;
        if !begun.trim().is_empty() {
            asked.push(Message::assistant(begun));
            if !prefill {
                asked.push(Message::user(render(&spec.otherwise)?));
            }
        }
    }
    Ok(system.into_iter().chain(shown).chain(earlier.iter().cloned()).chain(asked).collect())
}

fn failed(agent: &AgentSpec, source: ModelError) -> AgentError {
    AgentError::Model { agent: agent.name.to_string(), source }
}
