//! The steps that methods are made of, one file a kind. A step asks models only through the room `agent`, and everything
//! that it yields is a value of the room `run`.

mod begin;
mod call;
mod context;
mod error;
mod extract;
mod filter;
mod fold;
mod gate;
mod gather;
mod grounding;
mod items;
mod iterate;
mod judge;
mod map;
mod quote;
mod rank;
mod recall;
mod reduce;
mod remember;
mod retrieve;
mod route;
mod selection;
mod split;
mod statement;
mod subworkflow;
mod usefulness;
mod vote;
mod write;

pub use begin::{Source, TakeInError, records, sources_of, take_in};
pub use context::{Closed, RunContext};
pub use error::StepError;
pub use extract::{SENT_BACK, schema_text};
pub use remember::{Remembered, remembered};
pub use split::{Room, SEAMS, room};
pub use write::{OutputFile, output_files};

use crate::run::{TaskId, Value};
use crate::spec::StepSpec;

/// Runs one task to its value.
///
/// Calls that the journal holds already are answered from it, so running a task again repeats nothing that was
/// finished. Dropping the future stops the task within one token.
///
/// # Errors
/// [`StepError`]; [`StepError::Stopped`] where the run is told to stop before the task is through, and
/// [`StepError::Waiting`] where the task waits for a person.
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
        StepSpec::Iterate(spec) => iterate::run(context, task, node, spec).await,
        StepSpec::Route(spec) => route::run(context, task, spec),
        StepSpec::Workflow(spec) => subworkflow::run(context, task, node, spec),
        StepSpec::Gate(spec) => gate::run(context, task, spec),
        StepSpec::Retrieve(spec) => retrieve::run(context, task, spec),
        StepSpec::Rank(spec) => rank::run(context, task, node, spec).await,
        StepSpec::Filter(spec) => filter::run(context, task, node, spec).await,
        StepSpec::Vote(spec) => vote::run(context, task, spec),
        StepSpec::Judge(spec) => judge::run(context, task, node, spec).await,
        StepSpec::Extract(spec) => extract::run(context, task, node, spec).await,
        StepSpec::Write(spec) => write::run(context, task, spec),
        StepSpec::Recall(spec) => recall::run(context, task, spec).await,
        StepSpec::Remember(spec) => remember::run(context, task, spec),
    }
}
