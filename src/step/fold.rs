//! `fold`: reads chunks in order with one agent, each call handing its answer to the next.
//!
//! This is stage 1 of Chain-of-Agents (arXiv 2406.02818, Algorithm 1): worker *i* is given chunk *i*, the communication
//! unit of worker *i* - 1 word for word, and the question. The value is the last unit. With `rereads` an answer can have a chunk
//! that was read before read once more.

use std::collections::VecDeque;

use super::StepError;
use super::context::RunContext;
use crate::agent::Ask;
use crate::graph::Node;
use crate::model::OutputForm;
use crate::run::{CallSite, TaskId, Value};
use crate::spec::{FoldSpec, Order};

pub(super) async fn run(
    context: &RunContext,
    task: &TaskId,
    node: &Node,
    spec: &FoldSpec,
) -> Result<Value, StepError> {
    let agent = RunContext::agent(node)?;
    let chunks = context.chunks(&spec.over, task.slot)?;
    let shared = context.variables(task, &spec.with)?;
    let mut unit = String::new();
    let mut ahead: VecDeque<usize> = order(chunks.len(), spec.order).into();
    // The chunks that were read, in the order of their numbers.
    let mut read: Vec<usize> = Vec::new();
    let (mut rereads, mut step) = (spec.rereads, 0_u32);
    while let Some(position) = ahead.pop_front() {
        let Some(chunk) = chunks.get(position) else { continue };
        let number = read.iter().position(|other| *other == position).unwrap_or_else(|| {
            read.push(position);
            read.len() - 1
        });
        let mut variables = shared.clone();
        variables.set("document", context.document_name(chunk.document));
        variables.set("chunk", context.chunk_text(chunk)?);
        variables.set("unit", unit.as_str());
        variables.set("index", number as u64 + 1);
        if spec.rereads > 0 {
            variables.set("rereads", u64::from(rereads));
        }
        variables.set("count", chunks.len() as u64);
        let ask = Ask {
            site: CallSite { task: task.clone(), step },
            agent,
            variables,
            output: OutputForm::Text,
            document: Some(chunk.document),
            chunk: u32::try_from(position).ok(),
            earlier: Vec::new(),
            further: Vec::new(),
        };
        unit = context.caller().call(ask).await?.text;
        step += 1;
        if let Some((rest, wanted)) = reread(&unit).filter(|_| spec.rereads > 0) {
            let again = wanted.and_then(|number| read.get(number.checked_sub(1)?)).filter(|_| rereads > 0);
            if let Some(again) = again {
                rereads -= 1;
                ahead.push_front(*again);
            }
            unit = rest;
        }
    }
    Ok(Value::Text(unit))
}

/// Returns an answer without its wish to read a chunk again, and the number of that chunk where it is one; none where it has no
/// such wish.
fn reread(answer: &str) -> Option<(String, Option<usize>)> {
    let (before, rest) = answer.split_once("<reread>")?;
    let (number, after) = rest.split_once("</reread>")?;
    Some((format!("{}{}", before.trim_end(), after.trim_end()), number.trim().parse().ok()))
}

/// Returns the positions 0 to `count` - 1 in the order of reading.
fn order(count: usize, order: Order) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..count).collect();
    match order {
        Order::LeftToRight => {}
        Order::RightToLeft => positions.reverse(),
        Order::Shuffled(seed) => {
            // Ranked by a hash of seed and position: the same permutation on every machine and in every version.
            positions.sort_by_key(|position| crate::ContentHash::of(format!("{seed}/{position}").as_bytes()));
        }
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_a_permutation_and_a_seed_is_one_order() {
        for kind in [Order::LeftToRight, Order::RightToLeft, Order::Shuffled(7)] {
            let mut positions = order(50, kind);
            assert_eq!(positions, order(50, kind));
            positions.sort_unstable();
            assert_eq!(positions, (0..50).collect::<Vec<_>>());
        }
        assert_ne!(order(50, Order::Shuffled(7)), order(50, Order::Shuffled(8)));
        assert_ne!(order(50, Order::Shuffled(7)), order(50, Order::LeftToRight));
        assert_eq!(order(3, Order::RightToLeft), [2, 1, 0]);
    }
}
