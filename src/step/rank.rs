//! `rank`: puts things into the order in which an agent finds them good.
//!
//! Listwise reranking with a sliding window (`RankGPT`, arXiv 2304.09542): the agent orders the last window, then the one
//! that begins `step` places before it, and so on to the front, so that what is good moves forward. The published code
//! ends when no whole window is left in front; here the last window is the one that begins with the first thing.

use std::ops::Range;

use super::StepError;
use super::context::RunContext;
use super::items::{count, item, numbered, pick, ranking};
use crate::agent::Ask;
use crate::graph::Node;
use crate::model::OutputForm;
use crate::run::{CallSite, TaskId, Value};
use crate::spec::RankSpec;

pub(super) async fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &RankSpec,
) -> Result<Value, StepError> {
    let agent = RunContext::agent(node)?;
    let value = context.value(task, &spec.over)?;
    let count = count(&value);
    let shared = context.variables(task, &spec.with)?;
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let mut order: Vec<usize> = (0..count).collect();
    for (step, window) in (0_u32..).zip(windows(count, size(spec.window), size(spec.step))) {
        let shown = order.get(window.clone()).unwrap_or(&[]).to_vec();
        let mut texts = Vec::new();
        for at in &shown {
            texts.extend(item(context, &value, *at)?.map(|item| item.text));
        }
        let mut variables = shared.clone();
        variables.set("items", numbered(texts.iter().map(String::as_str)));
        variables.set("count", shown.len() as u64);
        let ask = Ask {
            site: CallSite { task: task.clone(), step },
            agent,
            variables,
            output: OutputForm::Text,
            document: None,
            chunk: None,
            earlier: Vec::new(),
            further: Vec::new(),
        };
        let answer = context.caller().call(ask).await?.text;
        let ranked = ranking(&answer, shown.len()).into_iter().filter_map(|at| shown.get(at).copied());
        order.splice(window, ranked);
    }
    order.truncate(spec.top.map_or(usize::MAX, size));
    Ok(pick(&value, &order))
}

/// Returns the windows over `count` things, the last one first. A `size` of 0 is one window over all; fewer than two
/// things need no window.
fn windows(count: usize, size: usize, step: usize) -> Vec<Range<usize>> {
    let size = if size == 0 { count } else { size };
    let mut windows = Vec::new();
    let mut end = count;
    while end > 1 {
        let start = end.saturating_sub(size);
        windows.push(start..end);
        // The compiler holds `step` to the size of the window, so no thing is passed over.
        end = if start == 0 { 0 } else { end.saturating_sub(step.max(1)) };
    }
    windows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn windows_go_from_the_back_to_the_very_front() {
        let ends = |count, size, step| -> Vec<(usize, usize)> {
            windows(count, size, step).into_iter().map(|window| (window.start, window.end)).collect()
        };
        assert_eq!(ends(45, 20, 10), [(25, 45), (15, 35), (5, 25), (0, 15)]);
        assert_eq!(ends(20, 20, 10), [(0, 20)]);
        assert_eq!(ends(45, 0, 10), [(0, 45)]);
        assert_eq!(ends(3, 2, 2), [(1, 3)]);
        assert!(windows(1, 20, 10).is_empty() && windows(0, 0, 1).is_empty());
    }

    proptest! {
        #[test]
        fn the_best_thing_reaches_the_front(count in 2_usize..80, size in 2_usize..20, step in 1_usize..19, at in 0_usize..80) {
            prop_assume!(step < size);
            let best = at % count;
            let mut order: Vec<usize> = (0..count).collect();
            for window in windows(count, size, step) {
                let mut shown = order[window.clone()].to_vec();
                shown.sort_by_key(|thing| *thing != best);
                order.splice(window, shown);
            }
            prop_assert_eq!(order[0], best);
        }
    }
}
