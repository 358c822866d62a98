//! `filter`: keeps the things that meet a condition, or of which an agent says yes, asked about each on its own.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::StepError;
use super::context::RunContext;
use super::items::{Item, items, pick};
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
    let items = items(context, &value)?;
    if let Some(condition) = &spec.keep_if {
        let kept = items.iter().enumerate().filter(|(_, item)| condition.holds(&item.text));
        return Ok(pick(&value, &kept.map(|(at, _)| at).collect::<Vec<_>>()));
    }
    let agent = RunContext::agent(node)?;
    let shared = context.variables(task, &spec.with)?;
    let at_once = context.models.at_once(agent)?;
    let chunks = matches!(value, Value::Chunks(_));
    let decide = |(step, item): (u32, &Item)| {
        let ask = Ask {
            site: CallSite { task: task.clone(), step },
            agent,
            variables: variables(context, &shared, item, (step, items.len())),
            output: OutputForm::Choice(vec![YES.to_owned(), NO.to_owned()]),
            document: item.document,
            chunk: chunks.then_some(step),
            further: Vec::new(),
        };
        async move { Ok::<_, StepError>(is_yes(&context.caller().call(ask).await?.text)) }
    };
    let asked: Vec<_> = (0_u32..).zip(&items).map(decide).collect();
    let kept: Vec<bool> = stream::iter(asked).buffered(at_once).try_collect().await?;
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
