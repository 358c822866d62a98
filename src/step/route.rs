//! `route`: yields the value of the node that a text leads to.
//!
//! The frontier makes the same choice from the same journaled text before it, so that only the node taken has run.

use super::StepError;
use super::context::{RunContext, bug};
use crate::run::{TaskId, Value};
use crate::spec::RouteSpec;

pub(super) fn run(context: &RunContext, task: &TaskId, spec: &RouteSpec) -> Result<Value, StepError> {
    let Value::Text(text) = context.value(task, &spec.on)? else { return Err(bug(&spec.on, "text")) };
    context.value(task, spec.choose(&text))
}
