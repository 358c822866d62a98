//! `judge`: an agent chooses one of several texts, which is handed on word for word.

use super::StepError;
use super::context::RunContext;
use super::items::{numbered, ranking, texts};
use crate::agent::Ask;
use crate::graph::Node;
use crate::model::OutputForm;
use crate::run::{CallSite, TaskId, Value};
use crate::spec::JudgeSpec;

pub(super) async fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &JudgeSpec,
) -> Result<Value, StepError> {
    let mut texts = texts(context, task, &spec.over)?;
    // One text needs no judge, and none leaves nothing to choose.
    if texts.len() < 2 {
        return Ok(Value::Text(texts.pop().map(|(_, text)| text).unwrap_or_default()));
    }
    let mut variables = context.variables(task, &spec.with)?;
    variables.set("items", numbered(texts.iter().map(|(_, text)| text.as_str())));
    variables.set("count", texts.len() as u64);
    let ask = Ask {
        site: CallSite { task: task.clone(), step: 0 },
        agent: RunContext::agent(node)?,
        variables,
        output: OutputForm::Choice((1..=texts.len()).map(|number| number.to_string()).collect()),
        document: None,
        chunk: None,
        earlier: Vec::new(),
        further: Vec::new(),
    };
    let answer = context.caller().call(ask).await?.text;
    let chosen = ranking(&answer, texts.len()).first().copied().unwrap_or(0);
    Ok(Value::Text(texts.into_iter().nth(chosen).map(|(_, text)| text).unwrap_or_default()))
}
