//! `remember`: hands an answer on, and says what the session is to remember. The session takes it in when the run has ended, in
//! one step, so that a run that is killed leaves it as it was.

use super::StepError;
use super::context::{RunContext, bug};
use super::recall;
use crate::memory::{Place, Said};
use crate::run::{Slot, TaskId, Value};
use crate::spec::{RememberSpec, StepSpec};

/// What a turn leaves behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// What was said, and what was answered.
    pub said: Vec<Said>,
    /// What the answer was given with.
    pub recalled: Vec<Place>,
    /// The running summary, where an agent wrote one.
    pub summary: Option<String>,
}

pub(super) fn run(context: &RunContext, task: &TaskId, spec: &RememberSpec) -> Result<Value, StepError> {
    match context.value(task, &spec.answer)? {
        Value::Text(text) if text.trim().is_empty() => {
            Err(StepError::NothingSaid { node: task.node.to_string() })
        }
        Value::Text(text) => Ok(Value::Text(text)),
        _ => Err(bug(&spec.answer, "text")),
    }
}

/// Returns what the `remember` step of a run that has ended leaves behind; none where it has none, or did not come to it.
///
/// # Errors
/// [`StepError::Store`] where the journal cannot be read.
pub fn remembered(context: &RunContext) -> Result<Option<Remembered>, StepError> {
    let slot = Slot::Source(0);
    for node in context.workflow.nodes() {
        let StepSpec::Remember(spec) = &node.step else { continue };
        let task = TaskId { slot, node: node.name.clone() };
        let Some(Value::Text(answer)) = context.ledger.value(&node.name, slot)? else { return Ok(None) };
        let asked = context.inputs_of(&task)?.remove(spec.question.as_str()).unwrap_or_default();
        let recalled = spec.recalled.as_ref().map(|node| recall::places(context, &task, node)).transpose()?;
        let summary = spec.summary.as_ref().map(|node| context.value(&task, node)).transpose()?;
        return Ok(Some(Remembered {
            said: vec![Said::user(asked), Said::assistant(answer)],
            recalled: recalled.unwrap_or_default(),
            summary: match summary {
                Some(Value::Text(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
                _ => None,
            },
        }));
    }
    Ok(None)
}
