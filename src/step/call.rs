//! `call`: asks one agent once. Stage 2 of Chain-of-Agents, the manager, is this step.

use super::StepError;
use super::context::{RunContext, bug};
use super::{grounding, recall};
use crate::agent::Ask;
use crate::graph::Node;
use crate::model::OutputForm;
use crate::run::{CallSite, Quote, TaskId, Value};
use crate::spec::CallSpec;

/// The answer where no evidence was found.
pub(super) const NOT_FOUND: &str = "not found";

pub(super) async fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &CallSpec,
) -> Result<Value, StepError> {
    let evidence = spec.grounded_in.as_ref().map(|node| context.value(task, node)).transpose()?;
    let evidence = match evidence {
        None => None,
        Some(Value::Quotes(quotes)) if quotes.is_empty() => return Ok(Value::Text(NOT_FOUND.to_owned())),
        Some(Value::Quotes(quotes)) => Some(quotes),
        Some(_) => return Err(bug(&node.name, "quotes")),
    };
    let mut variables = context.variables(task, &spec.with)?;
    let earlier = match spec.memory.as_ref().map(|node| context.value(task, node)).transpose()? {
        None => Vec::new(),
        Some(Value::Records(records)) => {
            let (earlier, memory) = recall::apart(&records);
            variables.set(recall::MEMORY, memory);
            earlier
        }
        Some(_) => return Err(bug(&node.name, "records")),
    };
    let ask = Ask {
        site: CallSite { task: task.clone(), step: 0 },
        agent: RunContext::agent(node)?,
        variables,
        output: OutputForm::Text,
        document: None,
        chunk: None,
        earlier,
        further: Vec::new(),
    };
    let answer = context.caller().call(ask).await?.text.trim().to_owned();
    let Some(quotes) = evidence else { return Ok(Value::Text(answer)) };
    if grounding::says_nothing_was_found(&answer, NOT_FOUND) {
        return Ok(Value::Text(NOT_FOUND.to_owned()));
    }
    let given = context.inputs_of(task)?.into_values().collect::<Vec<_>>().join(" ");
    if grounding::supported(&answer, &quotes, &given) {
        return Ok(Value::Text(answer));
    }
    let best = quotes.iter().max_by(|a, b| a.score.total_cmp(&b.score));
    Ok(Value::Text(best.map_or_else(|| NOT_FOUND.to_owned(), Quote::line)))
}
