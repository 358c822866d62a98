//! The steps that methods are made of, one file a kind. A step asks models only through the room `agent`, and everything
//! that it yields is a value of the room `run`.

mod begin;
mod call;
mod context;
mod error;
mod fold;
mod gather;
mod grounding;
mod map;
mod quote;
mod reduce;
mod selection;
mod split;
mod statement;
mod usefulness;

pub use begin::{Source, TakeInError, records, take_in};
pub use context::RunContext;
pub use error::StepError;
pub use split::SEAMS;

use crate::run::{TaskId, Value};
use crate::spec::StepSpec;

/// Runs one task to its value.
///
/// Calls that the journal holds already are answered from it, so running a task again repeats nothing that was
/// finished. Dropping the future stops the task within one token.
///
/// # Errors
/// [`StepError`]; [`StepError::Stopped`] where the run is told to stop before the task is through.
pub async fn execute(context: &RunContext, task: &TaskId) -> Result<Value, StepError> {
    let node = context.node(&task.node)?;
    match &node.step {
        StepSpec::Split(spec) => split::run(context, task, spec),
        StepSpec::Fold(spec) => fold::run(context, task, node, spec).await,
        StepSpec::Map(spec) => map::run(context, task, node, spec).await,
        StepSpec::Reduce(spec) => reduce::run(context, task, node, spec).await,
        StepSpec::Call(spec) => call::run(context, task, node, spec).await,
        StepSpec::Quote(spec) => quote::run(context, task, node, spec).await,
        StepSpec::Gather(spec) => gather::run(context, task, spec),
    }
}
