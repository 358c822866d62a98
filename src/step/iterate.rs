//! `iterate`: asks one agent again and again, each time with what it said before, until its answer meets a condition.
//!
//! Reasoning in rounds with a bounded memory (`InftyThink`, arXiv 2503.06692) is this step with `carry: last`; refining a
//! draft until a critic is content is the same.

use super::StepError;
use super::context::RunContext;
use crate::agent::Ask;
use crate::graph::Node;
use crate::model::OutputForm;
use crate::run::{CallSite, TaskId, Value};
use crate::spec::{Carry, IterateSpec};

pub(super) async fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &IterateSpec,
) -> Result<Value, StepError> {
    let agent = RunContext::agent(node)?;
    let shared = context.variables(task, &spec.with)?;
    let mut said: Vec<String> = Vec::new();
    for step in 0..spec.at_most {
        let mut variables = shared.clone();
        match spec.carry {
            Carry::Last => variables.set("previous", said.last().map_or("", String::as_str)),
            Carry::All => variables.set("previous", said.as_slice()),
            Carry::None => {}
        }
        variables.set("round", u64::from(step) + 1);
        variables.set("rounds", u64::from(spec.at_most));
        let ask = Ask {
            site: CallSite { task: task.clone(), step },
            agent,
            variables,
            output: OutputForm::Text,
            document: None,
            chunk: None,
            earlier: Vec::new(),
            further: Vec::new(),
        };
        let answer = context.caller().call(ask).await?.text;
        let enough = spec.until.as_ref().is_some_and(|until| until.holds(&answer));
        said.push(answer);
        if enough {
            break;
        }
    }
    Ok(Value::Text(said.pop().unwrap_or_default()))
}
