//! `gate`: hands a text on as a person has decided; without a decision in the journal the task waits.

use super::StepError;
use super::context::{RunContext, bug};
use crate::run::{Decision, TaskId, Value};
use crate::spec::GateSpec;

pub(super) fn run(context: &RunContext, task: &TaskId, spec: &GateSpec) -> Result<Value, StepError> {
    let Value::Text(shown) = context.value(task, &spec.show)? else { return Err(bug(&spec.show, "text")) };
    match context.ledger.read(|state| state.decision(task).cloned()) {
        None => Err(StepError::Waiting),
        Some(Decision::Approved) => Ok(Value::Text(shown)),
        Some(Decision::Edited(text)) => Ok(Value::Text(text)),
        Some(Decision::Rejected(reason)) => Err(StepError::Rejected { reason }),
    }
}
