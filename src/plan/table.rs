//! A plan as a table for people.

use std::fmt::Write as _;

use super::forecast::{Amount, Fit, Forecast};
use crate::model::Money;

/// What stands over money.
pub(super) const COST: &str = "cost in USD";

const HEADINGS: [&str; 5] = ["calls", "prompt tokens", "answer tokens", COST, "time"];

/// Writes a plan as tables: by node, by document, and the whole, each number as `expected / worst`.
#[must_use]
pub fn table(forecast: &Forecast) -> String {
    let mut text =
        format!("workflow {}, model {}; expected / worst case\n\n", forecast.workflow, forecast.model);
    let mut rows = vec![row("node", HEADINGS.map(str::to_owned))];
    for line in &forecast.nodes {
        let agent = line.agent.as_ref().map_or_else(String::new, |agent| format!(" {agent}"));
        rows.push(row(&format!("{} ({}{agent})", line.node, line.step), cells(&line.expected, &line.worst)));
    }
    rows.push(row("all", cells(&forecast.expected, &forecast.worst)));
    text.push_str(&aligned(&rows));
    let mut rows = vec![row("document", HEADINGS.map(str::to_owned))];
    for line in &forecast.documents {
        rows.push(row(
            &format!("{} ({} chunks)", line.path, line.chunks),
            cells(&line.expected, &line.worst),
        ));
    }
    text.push('\n');
    text.push_str(&aligned(&rows));
    let basis = &forecast.basis;
    let percent = basis.answer_share * 100.0;
    // Writing to a string cannot fail.
    let _ = match basis.measured_calls {
        0 => writeln!(
            text,
            "\nexpected: answers of {percent:.0}% of the longest allowed, assumed: no call was measured"
        ),
        calls => writeln!(
            text,
            "\nexpected: answers of {percent:.0}% of the longest allowed, the middle of {calls} measured calls"
        ),
    };
    if forecast.cached_calls > 0 {
        let _ =
            writeln!(text, "not counted: {} calls that earlier runs have answers to", forecast.cached_calls);
    }
    for limit in &forecast.limits {
        let flag = limit.name.replace('_', "-");
        let words = match limit.fit {
            Fit::Fits => "fits, even in the worst case",
            Fit::MayNotFit => "is expected to fit, but the worst case does not",
            Fit::DoesNotFit => "does not fit",
        };
        let _ = writeln!(text, "--{flag} {}: {words}", limit.limit);
    }
    for warning in &forecast.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}

fn row(name: &str, cells: [String; 5]) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(cells).collect()
}

fn cells(expected: &Amount, worst: &Amount) -> [String; 5] {
    let pair = |one: &Amount, shown: &dyn Fn(&Amount) -> String| {
        let (expected, worst) = (shown(one), shown(worst));
        if expected == worst { worst } else { format!("{expected} / {worst}") }
    };
    [
        pair(expected, &|amount| amount.calls.to_string()),
        pair(expected, &|amount| amount.prompt_tokens.to_string()),
        pair(expected, &|amount| amount.completion_tokens.to_string()),
        pair(expected, &|amount| Money::from_usd(amount.cost_usd).figure()),
        pair(expected, &|amount| amount.seconds.map_or_else(|| "unknown".to_owned(), duration)),
    ]
}

/// Seconds, minutes or hours, whichever is read most easily.
fn duration(seconds: f64) -> String {
    match seconds {
        it if it < 100.0 => format!("{it:.0} s"),
        it if it < 6_000.0 => format!("{:.0} min", it / 60.0),
        it => format!("{:.1} h", it / 3_600.0),
    }
}

/// The first column to the left, the others to the right.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let pad = " ".repeat(width - cell.chars().count());
            let parts = if at == 0 { ["", cell, &pad] } else { ["  ", &pad, cell] };
            text.extend(parts);
        }
        text.push('\n');
    }
    text
}
