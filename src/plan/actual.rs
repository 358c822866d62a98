//! A plan beside what was really asked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::forecast::{Amount, Forecast};
use super::table::aligned;
use crate::model::Money;

/// What was planned, and what was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Beside {
    /// What was expected.
    pub expected: Amount,
    /// What it could not pass.
    pub worst: Amount,
    /// What it was.
    pub actual: Amount,
}

/// One node, as it was planned and as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActualLine {
    /// The node.
    pub node: String,
    /// Its figures.
    #[serde(flatten)]
    pub beside: Beside,
}

/// A whole run, as it was planned and as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Actual {
    /// By node, in the order of the workflow.
    pub nodes: Vec<ActualLine>,
    /// All nodes together.
    pub all: Beside,
}

/// Puts the calls of a run, each with its node, beside its plan; `seconds` is how long the whole took.
#[must_use]
pub fn with_actual(
    forecast: &Forecast,
    calls: impl IntoIterator<Item = (String, Amount)>,
    seconds: f64,
) -> Actual {
    let mut by_node: BTreeMap<String, Amount> = BTreeMap::new();
    let mut all = Amount::nothing();
    for (node, call) in calls {
        let sum = by_node.entry(node).or_insert_with(Amount::nothing);
        *sum = sum.and(&call);
        all = all.and(&call);
    }
    let line = |node: &super::NodeLine| ActualLine {
        node: node.node.clone(),
        beside: Beside {
            expected: node.expected,
            worst: node.worst,
            actual: by_node.get(&node.node).copied().unwrap_or_else(Amount::nothing),
        },
    };
    let actual = Amount { seconds: Some(seconds), ..all };
    Actual {
        nodes: forecast.nodes.iter().map(line).collect(),
        all: Beside { expected: forecast.expected, worst: forecast.worst, actual },
    }
}

/// Writes both as a table for people: costs only where there are any.
#[must_use]
pub fn actual_table(actual: &Actual) -> String {
    let headings = ["node; expected / worst case / actual", "calls", "prompt tokens", "answer tokens"];
    let costs = [&actual.all.expected, &actual.all.worst, &actual.all.actual];
    let priced = costs.iter().any(|amount| amount.cost_usd > 0.0);
    let mut rows = vec![headings.map(str::to_owned).to_vec()];
    let nodes = actual.nodes.iter().map(|line| (line.node.as_str(), &line.beside));
    for (name, beside) in nodes.chain([("all", &actual.all)]) {
        let shown = |of: &dyn Fn(&Amount) -> String| {
            let [expected, worst, was] = [&beside.expected, &beside.worst, &beside.actual].map(of);
            if expected == worst && worst == was { was } else { format!("{expected} / {worst} / {was}") }
        };
        let mut row = vec![
            name.to_owned(),
            shown(&|amount| amount.calls.to_string()),
            shown(&|amount| amount.prompt_tokens.to_string()),
            shown(&|amount| amount.completion_tokens.to_string()),
        ];
        row.extend(priced.then(|| shown(&|amount| Money::from_usd(amount.cost_usd).figure())));
        rows.push(row);
    }
    if let Some(headings) = rows.first_mut().filter(|_| priced) {
        headings.push(super::table::COST.to_owned());
    }
    aligned(&rows)
}
