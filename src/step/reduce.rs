//! `reduce`: merges texts with one agent, as many as fit into a prompt at a time, level by level, until one is left.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::StepError;
use super::context::{RunContext, bug};
use crate::agent::Ask;
use crate::graph::Node;
use crate::model::OutputForm;
use crate::prompt::Variables;
use crate::run::{CallSite, TaskId, Value};
use crate::spec::{AgentSpec, ReduceSpec};
use crate::text::TokenCount;

pub(super) async fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &ReduceSpec,
) -> Result<Value, StepError> {
    let mut texts = match context.value(task, &spec.over)? {
        Value::Texts(texts) => texts,
        Value::Text(text) => vec![text],
        Value::Chunks(_) | Value::Quotes(_) | Value::Records(_) => return Err(bug(&spec.over, "texts")),
    };
    let shared = context.variables(task, &spec.with)?;
    let agent = RunContext::agent(node)?;
    let at_once = context.models.at_once(agent)?;
    let mut step = 0;
    while texts.len() > 1 {
        let before = texts.len();
        let mut asked = Vec::new();
        for group in groups(context, node, &shared, &texts)? {
            let site = CallSite { task: task.clone(), step };
            asked.push(merge(context, agent, site, &shared, group));
            // A text that is alone is not asked about.
            step += u32::from(group.len() > 1);
        }
        // `buffered` yields in the order of the groups, whichever answer comes first.
        texts = stream::iter(asked).buffered(at_once).try_collect().await?;
        if texts.len() == before {
            let context = context.models.of(agent)?.limits().context;
            return Err(StepError::CannotMerge { agent: agent.name.to_string(), context });
        }
    }
    Ok(Value::Text(texts.pop().unwrap_or_default()))
}

/// Makes one text of a group.
async fn merge(
    context: &RunContext,
    agent: &AgentSpec,
    site: CallSite,
    shared: &Variables,
    group: &[String],
) -> Result<String, StepError> {
    if let [alone] = group {
        return Ok(alone.clone());
    }
    let variables = with_items(shared, group);
    let ask = Ask {
        site,
        agent,
        variables,
        output: OutputForm::Text,
        document: None,
        chunk: None,
        earlier: Vec::new(),
        further: Vec::new(),
    };
    Ok(context.caller().call(ask).await?.text)
}

fn with_items(shared: &Variables, items: &[String]) -> Variables {
    let mut variables = shared.clone();
    variables.set("items", items.to_vec());
    variables
}

/// Cuts `texts` into runs, each as long as its prompt and the answer allow.
fn groups<'a>(
    context: &RunContext,
    node: &Node,
    shared: &Variables,
    texts: &'a [String],
) -> Result<Vec<&'a [String]>, StepError> {
    let agent = RunContext::agent(node)?;
    let limits = context.models.of(agent)?.limits();
    let room = limits.context.saturating_sub(TokenCount(agent.max_output).min(limits.max_output));
    let mut groups = Vec::new();
    let mut rest = texts;
    while !rest.is_empty() {
        let mut taken = 1;
        while taken < rest.len() {
            let (group, _) = rest.split_at(taken + 1);
            if context.caller().prompt_tokens(agent, &with_items(shared, group))? > room {
                break;
            }
            taken += 1;
        }
        let (group, left) = rest.split_at(taken);
        groups.push(group);
        rest = left;
    }
    Ok(groups)
}
