//! `map`: reads every chunk with one agent, independently, as many at once as the model takes.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::StepError;
use super::context::{RunContext, bug};
use crate::agent::Ask;
use crate::graph::Node;
use crate::model::OutputForm;
use crate::prompt::Variables;
use crate::run::{CallSite, TaskId, Value};
use crate::spec::MapSpec;
use crate::text::Chunk;

pub(super) async fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &MapSpec,
) -> Result<Value, StepError> {
    let agent = RunContext::agent(node)?;
    let chunks = context.chunks(&spec.over, task.slot)?;
    let shared = context.variables(task, &spec.with)?;
    let count = chunks.len() as u64;
    let at_once = context.models.at_once(agent)?;
    let (chunks, shared) = (chunks.as_slice(), &shared);
    // A prompt is made when its turn comes: all of them together would be the document once more in memory.
    let read = |step: u32| async move {
        let chunk = chunks.get(step as usize).ok_or_else(|| bug(&spec.over, "chunk"))?;
        let ask = ask(context, task, node, (step, count), chunk, shared.clone())?;
        Ok::<_, StepError>(context.caller().call(ask).await?.text)
    };
    let steps = 0..u32::try_from(chunks.len()).unwrap_or(u32::MAX);
    // `buffered` yields in the order of the chunks, whichever answer comes first.
    Ok(Value::Texts(stream::iter(steps).map(read).buffered(at_once).try_collect().await?))
}

fn ask<'a>(
    context: &RunContext,
    task: &TaskId,
    node: &'a Node,
    (step, count): (u32, u64),
    chunk: &Chunk,
    mut variables: Variables,
) -> Result<Ask<'a>, StepError> {
    variables.set("document", context.document_name(chunk.document));
    variables.set("chunk", context.chunk_text(chunk)?);
    variables.set("index", u64::from(step) + 1);
    variables.set("count", count);
    Ok(Ask {
        site: CallSite { task: task.clone(), step },
        agent: RunContext::agent(node)?,
        variables,
        output: OutputForm::Text,
        document: Some(chunk.document),
        chunk: Some(step),
        earlier: Vec::new(),
        further: Vec::new(),
    })
}
