//! `filter`: keeps the things that meet a condition, or of which an agent says yes, asked about each on its own.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::StepError;
use super::context::{RunContext, bug};
use super::items::{Item, count, item, pick};
use crate::agent::Ask;
use crate::graph::Node;
use crate::model::OutputForm;
use crate::prompt::Variables;
use crate::run::{CallSite, TaskId, Value};
use crate::spec::FilterSpec;

/// The answer that keeps a thing. A model that cannot be held to a choice may add to it.
const YES: &str = "yes";
/// The answer that drops a thing.
const NO: &str = "no";

pub(super) async fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &FilterSpec,
) -> Result<Value, StepError> {
    let value = context.value(task, &spec.over)?;
    let count = count(&value);
    let get = |at: usize| item(context, &value, at)?.ok_or_else(|| bug(&spec.over, "item"));
    if let Some(condition) = &spec.keep_if {
        let mut kept = Vec::new();
        for at in 0..count {
            if condition.holds(&get(at)?.text) {
                kept.push(at);
            }
        }
        return Ok(pick(&value, &kept));
    }
    let agent = RunContext::agent(node)?;
    let shared = &context.variables(task, &spec.with)?;
    let at_once = context.models.at_once(agent)?;
    let chunks = matches!(value, Value::Chunks(_));
    let get = &get;
    // A prompt is made when its turn comes.
    let decide = |step: u32| async move {
        let item = get(step as usize)?;
        let ask = Ask {
            site: CallSite { task: task.clone(), step },
            agent,
            variables: variables(context, shared, &item, (step, count)),
            output: OutputForm::Choice(vec![YES.to_owned(), NO.to_owned()]),
            document: item.document,
            chunk: chunks.then_some(step),
            earlier: Vec::new(),
            further: Vec::new(),
        };
        Ok::<_, StepError>(is_yes(&context.caller().call(ask).await?.text))
    };
    let steps = 0..u32::try_from(count).unwrap_or(u32::MAX);
    let kept: Vec<bool> = stream::iter(steps).map(decide).buffered(at_once).try_collect().await?;
    let positions: Vec<usize> = (0..).zip(kept).filter(|(_, kept)| *kept).map(|(at, _)| at).collect();
    Ok(pick(&value, &positions))
}

fn variables(
    context: &RunContext,
    shared: &Variables,
    item: &Item,
    (step, count): (u32, usize),
) -> Variables {
    let mut variables = shared.clone();
    if let Some(document) = item.document {
        variables.set("document", context.document_name(document));
    }
    variables.set("item", item.text.as_str());
    variables.set("index", u64::from(step) + 1);
    variables.set("count", count as u64);
    variables
}

fn is_yes(answer: &str) -> bool {
    let first: String = answer.trim_start().chars().take_while(|sign| sign.is_alphanumeric()).collect();
    first.to_lowercase() == YES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_begins_with_yes_keeps() {
        assert!(is_yes("yes") && is_yes(" Yes, it does.") && is_yes("YES"));
        assert!(!is_yes("no") && !is_yes("") && !is_yes("yesterday") && !is_yes("I say yes"));
    }
}
