//! What an agent file says: a prompt, and how its model is asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calls::CallPolicy;
use super::example::Example;
use crate::model::Sampling;
use crate::name::{AgentName, PromptName};

/// An agent: one kind of call to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentSpec {
    /// The version of the language; 1.
    pub version: u32,
    /// The name by which steps call the agent.
    #[schemars(with = "String")]
    pub name: AgentName,
    /// One line that says what the agent does.
    #[serde(default)]
    pub description: String,
    /// The template of the system message; none sends no system message.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub system: Option<PromptName>,
    /// The template of the user's message.
    #[schemars(with = "String")]
    pub prompt: PromptName,
    /// How the answer begins, where it is begun for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill: Option<PrefillSpec>,
    /// Demonstrations, sent as earlier turns between the system message and the prompt.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// The model: a name of `longhand.yaml`, another name, or a path seen from the project's folder; none takes the one of the
    /// run.
    #[serde(default)]
    pub model: Option<String>,
    /// The most tokens of an answer.
    pub max_output: u64,
    /// How tokens are chosen.
    #[serde(default)]
    pub sampling: Sampling,
    /// Texts at which an answer ends.
    #[serde(default)]
    pub stop: Vec<String>,
    /// How calls are made: tries, waits and time-outs.
    #[serde(default)]
    pub calls: CallPolicy,
}

/// The beginning of an answer, which the model goes on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrefillSpec {
    /// Its template. Where nothing but white space comes of it, the answer is not begun.
    #[schemars(with = "String")]
    pub text: PromptName,
    /// The template of a message of the user that follows it, for models that cannot go on with an answer.
    #[schemars(with = "String")]
    pub otherwise: PromptName,
}

impl AgentSpec {
    /// Returns its templates, each with the keys under which it names it.
    pub fn templates(&self) -> impl Iterator<Item = (&'static [&'static str], &PromptName)> {
        let prefill = self.prefill.iter();
        let prefill = prefill.flat_map(|prefill| {
            [(&["prefill", "text"][..], &prefill.text), (&["prefill", "otherwise"][..], &prefill.otherwise)]
        });
        let system = self.system.iter().map(|system| (&["system"][..], system));
        system.chain([(&["prompt"][..], &self.prompt)]).chain(prefill)
    }

    /// Returns the agent without what does not decide what is asked: its description, and how its calls are made.
    #[must_use]
    pub fn deciding(&self) -> Self {
        Self { description: String::new(), calls: CallPolicy::default(), ..self.clone() }
    }
}
