//! Prompts whose fixed part cannot fit the window of the model that they are for, whatever the documents hold.
//!
//! The prompt is rendered with every text empty and every list without elements, or with as few as its template can do
//! with, by the same code that shares the window out in a run. What is found here would fail every document, and what
//! could not be looked at is said.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::instance::instance;
use crate::agent::{AgentError, messages};
use crate::graph::{Node, Scope, ValueKind, Workflow};
use crate::model::{Measure, Message};
use crate::prompt::Variables;
use crate::spec::{
    AgentSpec, Binding, Carry, Diagnostic, Diagnostics, InputKind, InputSpec, IterateSpec, StepSpec,
};
use crate::step::{Room, room, schema_text};
use crate::text::{ApproximateCounter, TokenCount};

/// The lists that steps give their prompts under names of their own.
const LISTS: [&str; 4] = ["items", "previous", "sentences", "unit"];

/// How many elements of a list are tried where a template cannot do with fewer.
const MOST_ELEMENTS: usize = 16;

/// Returns every prompt that cannot fit, and a warning for every carried state that cannot be held to the end. `inputs`
/// are those of the run, as far as they are known, and `archive` tells whether the steps of the archive are asked, too;
/// `measure` gives what the prompts of an agent are measured with, and
/// `None` where that is not at hand.
pub fn cannot_fit(
    workflow: &Workflow,
    inputs: &BTreeMap<String, String>,
    archive: bool,
    measure: &dyn Fn(&AgentSpec) -> Option<Arc<dyn Measure>>,
) -> Diagnostics {
    let mut found = Diagnostics::default();
    for node in workflow.nodes().filter(|node| archive || node.scope == Scope::Source) {
        let Some(agent) = node.agent.as_deref().filter(|_| asks(node)) else { continue };
        let Some(measure) = measure(agent) else { continue };
        let held = Held { workflow, node, agent, inputs, measure: measure.as_ref() };
        let variables = held.variables();
        found.0.extend(held.too_long(&variables).unwrap_or_else(|why| held.not_held(&why)));
    }
    found.tidy();
    found
}

/// Tells whether the step asks its agent at all.
fn asks(node: &Node) -> bool {
    !matches!(&node.step, StepSpec::Filter(filter) if filter.keep_if.is_some())
}

/// A node and the model that its agent asks.
struct Held<'a> {
    workflow: &'a Workflow,
    node: &'a Node,
    agent: &'a AgentSpec,
    inputs: &'a BTreeMap<String, String>,
    measure: &'a dyn Measure,
}

impl Held<'_> {
    /// What the prompt is given at the least: inputs as they are, every text empty, every list without elements.
    fn variables(&self) -> Variables {
        let mut variables = Variables::default();
        for (name, binding) in &self.node.inputs {
            match binding {
                Binding::Text(text) => variables.set(name, text),
                Binding::Node { .. } => variables.set(name, ""),
                Binding::Input { input } => match self.workflow.inputs().get(input) {
                    Some(spec) => variables.set(name, least(spec, self.inputs.get(input))),
                    None => variables.set(name, ""),
                },
            }
        }
        variables.set("document", "");
        for (name, from) in self.node.with() {
            let from = self.workflow.node(from);
            let text =
                from.is_some_and(|from| from.value == ValueKind::Text && from.scope == self.node.scope);
            if text {
                variables.set(name, "");
            } else {
                variables.set(name, Vec::<String>::new());
            }
        }
        variables.set("items", Vec::<String>::new());
        variables.set("count", 1);
        match &self.node.step {
            StepSpec::Iterate(step) => {
                if step.carry == Carry::All {
                    variables.set("previous", Vec::<String>::new());
                } else {
                    variables.set("previous", "");
                }
                variables.set("round", 1);
                variables.set("rounds", step.at_most.of(&self.node.given(self.inputs)).unwrap_or(1));
                if step.carry == Carry::Summary {
                    variables.set("thought", "");
                }
            }
            StepSpec::Filter(_) => {
                variables.set("item", "");
                variables.set("index", 1);
            }
            StepSpec::Extract(step) => variables.set("schema", schema_text(&step.schema)),
            _ => {}
        }
        variables
    }

    /// # Errors
    /// Why the prompt cannot be measured.
    fn too_long(&self, variables: &Variables) -> Result<Option<Diagnostic>, String> {
        let limits = self.measure.limits();
        let tokens = |variables: &Variables| {
            let messages = self.messages(variables)?;
            self.measure.prompt_tokens(&messages).map_err(|error| error.to_string())
        };
        // Only what is cut to fit is bound to the room of a chunk; a filter reads whatever things there are.
        if let Some(Room { fixed, reserved, left }) = self.room(variables.clone(), tokens)? {
            return Ok((left == TokenCount(0)).then(|| self.misfit(fixed, reserved)).flatten());
        }
        let fixed = tokens(variables)?;
        let own = match &self.node.step {
            StepSpec::Iterate(step) => {
                step.round_tokens.as_ref().and_then(|own| own.of(&self.node.given(self.inputs)))
            }
            _ => None,
        };
        let answer = TokenCount(own.unwrap_or(self.agent.max_output)).min(limits.max_output);
        if fixed + answer > limits.context {
            return Ok(self.misfit(fixed, answer));
        }
        Ok(match &self.node.step {
            StepSpec::Iterate(step) if self.reads("previous") => self.carried(step, fixed, answer),
            _ => None,
        })
    }

    /// Holds what rounds see of those before against the window, beside `fixed` tokens and an answer of `answer`.
    fn carried(&self, step: &IterateSpec, fixed: TokenCount, answer: TokenCount) -> Option<Diagnostic> {
        match step.carry {
            Carry::All => {
                let rounds = step.at_most.of(&self.node.given(self.inputs))?;
                let label = format!("{rounds} answers of {answer} tokens beside {fixed}");
                let help = "carry the `last` answer only, lower `at_most`, or lower `max_output`";
                self.outgrows(fixed + TokenCount(answer.0.saturating_mul(rounds)), label, help)
            }
            Carry::Summary => {
                // A summary is part of an answer, or the answer to a question for one; that question shows the whole round.
                let asked = step
                    .summary_tokens
                    .as_ref()
                    .and_then(|most| most.of(&self.node.given(self.inputs)))
                    .map(TokenCount);
                let summary = answer.max(asked.unwrap_or_default());
                let label = format!(
                    "a summary of {summary} tokens, a round of {answer} and a question for its summary of {} beside {fixed}",
                    asked.unwrap_or_default()
                );
                let help = "lower `round_tokens` or `summary_tokens`, or take a model with a larger window";
                self.outgrows(fixed + summary + answer + asked.unwrap_or_default(), label, help)
            }
            Carry::Last | Carry::None => None,
        }
    }

    /// Renders the prompt. A template that looks into a list, as `{{ items[0] }}` does, cannot do with an empty one: it gets
    /// as few elements as it can do with, each as short as one can be.
    fn messages(&self, variables: &Variables) -> Result<Vec<Message>, String> {
        let render = |variables: &Variables| {
            messages(self.workflow.prompts(), self.agent, variables, &[], self.measure.limits().prefill)
                .map_err(|error| match error {
                    AgentError::Prompt { source, .. } => source.to_string(),
                    other => other.to_string(),
                })
        };
        let why = match render(variables) {
            Ok(messages) => return Ok(messages),
            Err(why) => why,
        };
        let is_empty = |name: &str| variables.get(name).and_then(Value::as_array).is_some_and(Vec::is_empty);
        let with = self.node.with().map(|(name, _)| name.as_str());
        let lists: Vec<&str> = with.chain(LISTS).filter(|name| is_empty(name)).collect();
        for count in 1..=MOST_ELEMENTS {
            let elements = |name: &str| vec![self.element(name); count];
            let mut filled = variables.clone();
            for name in &lists {
                filled.set(*name, elements(name));
            }
            if render(&filled).is_err() {
                continue;
            }
            for name in &lists {
                filled.set(*name, Vec::<Value>::new());
                if render(&filled).is_err() {
                    filled.set(*name, elements(name));
                }
            }
            return render(&filled);
        }
        Err(why)
    }

    /// The shortest element of a list.
    fn element(&self, name: &str) -> Value {
        let quote = || json!({ "text": "", "document": "" });
        match (name, &self.node.step) {
            ("sentences", _) | ("items", StepSpec::Rank(_) | StepSpec::Judge(_)) => {
                json!({ "number": 1, "text": "" })
            }
            ("unit", _) => quote(),
            _ => {
                let from = self.node.with().find(|(variable, _)| variable.as_str() == name);
                let from = from.and_then(|(_, from)| self.workflow.node(from));
                match from.map(|from| (from.value, &from.step)) {
                    Some((ValueKind::Quotes, _)) => quote(),
                    Some((ValueKind::Chunks, _)) => json!({ "text": "", "document": "", "index": 1 }),
                    Some((ValueKind::Records, StepSpec::Extract(step))) => record(&step.schema.0),
                    Some((ValueKind::Records, _)) => json!({}),
                    _ => json!(""),
                }
            }
        }
    }

    fn room(
        &self,
        variables: Variables,
        tokens: impl Fn(&Variables) -> Result<TokenCount, String>,
    ) -> Result<Option<Room>, String> {
        let over_chunks = |over| self.workflow.node(over).is_some_and(|from| from.value == ValueKind::Chunks);
        let cut = match &self.node.step {
            StepSpec::Filter(step) => over_chunks(&step.over),
            StepSpec::Extract(step) => step.over.is_some(),
            _ => true,
        };
        let limits = self.measure.limits();
        if cut { room(&self.node.step, self.agent, &limits, variables, tokens) } else { Ok(None) }
    }

    fn reads(&self, variable: &str) -> bool {
        self.agent.templates().any(|(_, prompt)| self.workflow.prompts().variables(prompt).contains(variable))
    }

    /// What does not fit by itself is a matter of the prompt, and otherwise of what is set aside beside it.
    fn misfit(&self, fixed: TokenCount, reserved: TokenCount) -> Option<Diagnostic> {
        let context = self.measure.limits().context;
        let name = &self.agent.name;
        let message = format!("a prompt of the agent `{name}` cannot fit the window of {context} tokens");
        let file = self.workflow.agent(name)?;
        let kind = self.node.kind();
        let help = format!(
            "a `{kind}` step sets {reserved} tokens aside beside it: shorten the prompt, lower `max_output`, or take \
             a model with a larger window"
        );
        let label = format!("{fixed} tokens without any text");
        if fixed < context {
            let problem = file.error_at(&["max_output"], message);
            return Some(problem.label(format!("leaves no room beside {label}")).help(help));
        }
        let problem = if self.agent.examples.is_empty() {
            self.workflow.prompts().error_of(&self.agent.prompt, message)?
        } else {
            file.error_at_key(&["examples"], message)
        };
        Some(problem.label(label).help(help))
    }

    /// Says of a prompt that nothing is known of it, where it would else seem to fit.
    fn not_held(&self, why: &str) -> Option<Diagnostic> {
        let context = self.measure.limits().context;
        let name = &self.agent.name;
        let message =
            format!("a prompt of the agent `{name}` was not held against the window of {context} tokens");
        let problem = self.workflow.prompts().error_of(&self.agent.prompt, message)?;
        let help = "let the template do with an empty text, too, as with `{% if %}`";
        Some(problem.label(format!("without any text {why}")).help(help).warning())
    }

    fn outgrows(&self, most: TokenCount, label: String, help: &str) -> Option<Diagnostic> {
        let context = self.measure.limits().context;
        if most <= context {
            return None;
        }
        let message = format!("what an `iterate` step carries can outgrow the window of {context} tokens");
        let problem = self.workflow.agent(&self.agent.name)?.error_at(&["max_output"], message);
        Some(problem.label(label).help(help).warning())
    }
}

/// A record of a schema. One that is a list of records is one of those.
fn record(schema: &Value) -> Value {
    let one = match schema.get("type").and_then(Value::as_str) {
        Some("array") => schema.get("items").unwrap_or(schema),
        _ => schema,
    };
    let text = instance(one, TokenCount(0), &ApproximateCounter);
    serde_json::from_str(&text).unwrap_or_default()
}

/// The least that an input can be.
fn least(spec: &InputSpec, given: Option<&String>) -> serde_json::Value {
    let text = given.or(spec.default.as_ref());
    if let Some(value) = text.and_then(|text| spec.value(text).ok()) {
        return value;
    }
    match spec.kind {
        InputKind::Text => "".into(),
        InputKind::Integer | InputKind::Number => 0.into(),
        InputKind::Boolean => false.into(),
        InputKind::Choice => {
            spec.choices.iter().min_by_key(|choice| choice.len()).cloned().unwrap_or_default().into()
        }
    }
}
