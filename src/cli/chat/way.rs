//! The workflow that a turn is, and the models that it asks.

use std::collections::BTreeMap;

use super::super::connecting::Connections;
use super::super::error::{CommandError, ExitStatus};
use super::super::job::compile;
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::connect::Connection;
use crate::graph::Workflow;
use crate::spec::{RecallSpec, StepSpec};
use crate::text::{TokenCount, ends};

/// The input of a turn's workflow that holds what the user says.
const MESSAGE: &str = "message";

/// The input that holds beginning and end of it, in workflows that read long messages.
const QUESTION: &str = "question";

/// The most tokens of beginning and end.
const ENDS: TokenCount = TokenCount(200);

/// The share of a prompt that a message may take before it is read part by part: what is remembered needs the other half.
const SHARE: u64 = 2;

/// A window has to have so many tokens for the notes and the parts of the shipped readers.
const READS: TokenCount = TokenCount(2_048);

/// A workflow that can be a turn, compiled, and the name that it was asked for by.
#[derive(Debug, Clone)]
pub(super) struct Turning {
    name: String,
    workflow: Workflow,
}

/// A workflow with its models.
pub(super) struct Way {
    pub(super) name: String,
    pub(super) workflow: Workflow,
    pub(super) connections: Connections,
}

impl Way {
    /// Connects to the models that a workflow asks; `own`, called `model`, is that of the chat.
    pub(super) fn open(
        workflow: Turning,
        model: &str,
        own: Connection,
        settings: &Settings,
        printer: &Printer,
    ) -> Result<Self, CommandError> {
        let Turning { name, workflow } = workflow;
        let connections = Connections::with(own, model, &workflow, settings, printer)?;
        Ok(Self { name, workflow, connections })
    }

    /// Returns its workflow, for another model.
    pub(super) fn turning(&self) -> Turning {
        Turning { name: self.name.clone(), workflow: self.workflow.clone() }
    }

    /// Returns the most tokens of a message that is answered at once: half of a prompt, so that what is remembered has room; all of it
    /// where the window is too small to read part by part. None where nothing is recalled, or not even an answer has room.
    pub(super) fn most(&self) -> Option<TokenCount> {
        let limits = self.connections.own.model.limits();
        let ceilings = self.workflow.nodes().filter_map(|node| {
            let StepSpec::Recall(RecallSpec { reader, prompt_tokens, .. }) = &node.step else { return None };
            let answer = self.workflow.nodes().find(|node| node.name == *reader)?.agent.as_ref()?.max_output;
            let answer = TokenCount(answer).min(limits.max_output);
            Some(TokenCount(*prompt_tokens).min(limits.context.saturating_sub(answer)))
        });
        let share = if limits.context < READS { 1 } else { SHARE };
        ceilings.min().filter(|ceiling| ceiling.0 > 0).map(|ceiling| TokenCount(ceiling.0 / share))
    }

    /// Returns how many tokens a text has for the model of the chat.
    pub(super) fn tokens(&self, text: &str) -> TokenCount {
        self.connections.own.model.counter().count(text)
    }

    /// Returns the inputs of a turn: those of them that the workflow takes.
    pub(super) fn given(&self, message: &str) -> BTreeMap<String, String> {
        let known = &self.workflow.spec().inputs;
        let mut given: BTreeMap<String, String> = [(MESSAGE.to_owned(), message.to_owned())].into();
        if known.contains_key(QUESTION) {
            let most = self.most().map_or(ENDS, |most| ENDS.min(TokenCount(most.0 / 4)));
            let ends = ends(message, most, self.connections.own.model.counter());
            given.insert(QUESTION.to_owned(), ends);
        }
        given
    }
}

/// Compiles a workflow, and refuses one that is no turn of a chat before anything is said.
pub(super) fn compiled(name: &str, settings: &Settings, printer: &Printer) -> Result<Turning, CommandError> {
    let workflow = compile(name, settings, printer)?;
    let says = workflow.spec().inputs.contains_key(MESSAGE);
    let remembers = workflow.nodes().any(|node| matches!(node.step, StepSpec::Remember(_)));
    if says && remembers {
        return Ok(Turning { name: name.to_owned(), workflow });
    }
    let lacks = if says { "`remember` step".to_owned() } else { format!("input `{MESSAGE}`") };
    let message = format!("the workflow `{}` is no turn of a chat: it has no {lacks}", workflow.name());
    Err(CommandError::new(ExitStatus::Usage, message).hinted("`longhand workflows show chat` is one that is"))
}
