//! `workflow`: collects what the steps that stand in its place have yielded.

use super::StepError;
use super::context::{RunContext, bug};
use crate::graph::Node;
use crate::run::{TaskId, Value};
use crate::spec::SubworkflowSpec;

pub(super) fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &SubworkflowSpec,
) -> Result<Value, StepError> {
    if let (None, [only]) = (spec.times, node.collects.as_slice()) {
        return context.value(task, only);
    }
    let text = |name| match context.value(task, name)? {
        Value::Text(text) => Ok(text),
        _ => Err(bug(name, "text")),
    };
    node.collects.iter().map(text).collect::<Result<_, _>>().map(Value::Texts)
}
