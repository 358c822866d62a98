//! `reduce`: merges texts with one agent, as many as fit into a prompt at a time, level by level, until one is left.

use super::StepError;
use super::context::{RunContext, bug};
use crate::agent::Ask;
use crate::graph::Node;
use crate::model::OutputForm;
use crate::prompt::Variables;
use crate::run::{CallSite, TaskId, Value};
use crate::spec::ReduceSpec;
use crate::text::TokenCount;

pub(super) async fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &ReduceSpec,
) -> Result<Value, StepError> {
    let mut texts = match context.value(task, &spec.over)? {
        Value::Texts(texts) => texts,
        Value::Text(text) => vec![text],
        Value::Chunks(_) | Value::Quotes(_) | Value::Records(_) => return Err(bug(&spec.over, "texts")),
    };
    let shared = context.variables(task, &spec.with)?;
    let agent = RunContext::agent(node)?;
    let mut step = 0;
    while texts.len() > 1 {
        let before = texts.len();
        let mut merged = Vec::new();
        for group in groups(context, node, &shared, &texts)? {
            if let [alone] = group {
                merged.push(alone.clone());
                continue;
            }
            let ask = Ask {
                site: CallSite { task: task.clone(), step },
                agent,
                variables: with_items(&shared, group),
                output: OutputForm::Text,
                document: None,
                chunk: None,
                further: Vec::new(),
            };
            merged.push(context.caller().call(ask).await?.text);
            step += 1;
        }
        texts = merged;
        if texts.len() == before {
            let context = context.models.of(agent)?.limits().context;
            return Err(StepError::CannotMerge { agent: agent.name.to_string(), context });
        }
    }
    Ok(Value::Text(texts.pop().unwrap_or_default()))
}

fn with_items(shared: &Variables, items: &[String]) -> Variables {
    let mut variables = shared.clone();
    variables.set("items", items.to_vec());
    variables
}

/// Cuts `texts` into runs, each as long as its prompt and the answer allow.
fn groups<'a>(
    context: &RunContext,
    node: &Node,
    shared: &Variables,
    texts: &'a [String],
) -> Result<Vec<&'a [String]>, StepError> {
    let agent = RunContext::agent(node)?;
    let limits = context.models.of(agent)?.limits();
    let room = limits.context.saturating_sub(TokenCount(agent.max_output).min(limits.max_output));
    let mut groups = Vec::new();
    let mut rest = texts;
    while !rest.is_empty() {
        let mut taken = 1;
        while taken < rest.len() {
            let (group, _) = rest.split_at(taken + 1);
            if context.caller().prompt_tokens(agent, &with_items(shared, group))? > room {
                break;
            }
            taken += 1;
        }
        let (group, left) = rest.split_at(taken);
        groups.push(group);
        rest = left;
    }
    Ok(groups)
}
