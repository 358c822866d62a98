//! A plan beside what was really asked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::forecast::{Amount, Forecast};
use super::pace::number;
use super::table::aligned;
use crate::text::TokenCount;

/// One node, as it was planned and as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActualLine {
    /// The node.
    pub node: String,
    /// What was expected.
    pub expected: Amount,
    /// What it could not pass.
    pub worst: Amount,
    /// What it was. The cost is that of the report, and not repeated here.
    pub actual: Amount,
}

/// Puts the calls of a run beside its plan: the node, the tokens of prompt and answer, and the milliseconds of each.
#[must_use]
pub fn with_actual(
    forecast: &Forecast,
    calls: impl IntoIterator<Item = (String, TokenCount, TokenCount, u64)>,
) -> Vec<ActualLine> {
    let mut actual: BTreeMap<String, Amount> = BTreeMap::new();
    for (node, prompt, completion, ms) in calls {
        let sum = actual.entry(node).or_default();
        sum.calls += 1;
        sum.prompt_tokens = sum.prompt_tokens + prompt;
        sum.completion_tokens = sum.completion_tokens + completion;
        sum.seconds = Some(sum.seconds.unwrap_or(0.0) + number(ms) / 1000.0);
    }
    let line = |node: &super::NodeLine| ActualLine {
        node: node.node.clone(),
        expected: node.expected,
        worst: node.worst,
        actual: actual.get(&node.node).copied().unwrap_or_default(),
    };
    forecast.nodes.iter().map(line).collect()
}

/// Writes the lines as a table for people.
#[must_use]
pub fn actual_table(lines: &[ActualLine]) -> String {
    let headings = ["node; expected / worst case / actual", "calls", "prompt tokens", "answer tokens"];
    let mut rows = vec![headings.map(str::to_owned).to_vec()];
    for line in lines {
        let shown = |of: &dyn Fn(&Amount) -> u64| {
            format!("{} / {} / {}", of(&line.expected), of(&line.worst), of(&line.actual))
        };
        rows.push(vec![
            line.node.clone(),
            shown(&|amount| amount.calls),
            shown(&|amount| amount.prompt_tokens.0),
            shown(&|amount| amount.completion_tokens.0),
        ]);
    }
    aligned(&rows)
}
