//! The figures of both ways beside each other.

use std::collections::BTreeMap;

use super::super::bootstrap::{Interval, RESAMPLES, bootstrap};
use super::super::grid::{Cell, Grid, Row};
use super::super::metrics::{count, mean};
use super::tries::{Pair, Try};
use crate::run::RoundsEnd;

/// What figures are of.
#[derive(Debug)]
pub(super) struct Title<'a> {
    pub(super) set: String,
    /// How many problems the whole set has.
    pub(super) of: usize,
    pub(super) seed: u64,
    pub(super) model: &'a str,
    pub(super) trained: bool,
    /// The inputs of the rounds.
    pub(super) inputs: &'a BTreeMap<String, String>,
}

#[expect(clippy::cast_precision_loss, reason = "tokens are told to a few digits")]
fn real(number: u64) -> f64 {
    number as f64
}

/// One figure of each way, and how much more it is in rounds.
fn compared(name: &str, single: f64, rounds: f64) -> Row {
    Row::new(name, vec![Cell::Number(single), Cell::Number(rounds), Cell::Number(rounds - single)])
}

/// One end of the intervals of a figure.
fn end(name: &str, intervals: [Interval; 3], of: fn(Interval) -> f64) -> Row {
    Row::new(name, intervals.map(|interval| Cell::Number(of(interval))).to_vec())
}

/// How many there were in each way.
fn counted(name: &str, pairs: &[Pair], is: impl Fn(&Try) -> bool) -> Row {
    let count = |of: fn(&Pair) -> &Try| Cell::Count(pairs.iter().filter(|pair| is(of(pair))).count());
    Row::new(name, vec![count(|pair| &pair.single), count(|pair| &pair.rounds), Cell::Empty])
}

/// A figure of one answer alone.
fn of_single(name: &str, cell: Cell) -> Row {
    Row::new(name, vec![cell, Cell::Empty, Cell::Empty])
}

/// A figure of rounds alone.
fn of_rounds(name: &str, cell: Cell) -> Row {
    Row::new(name, vec![Cell::Empty, cell, Cell::Empty])
}

/// Puts the figures of both ways beside each other.
pub(super) fn grid(title: &Title<'_>, pairs: &[Pair]) -> Grid {
    let rows = quality(title.seed, pairs).into_iter().chain(taken(pairs)).chain(ended(pairs));
    Grid {
        title: title.told(pairs.len()),
        columns: ["single-shot", "in rounds", "difference"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        notes: title.notes(),
    }
}

/// How much was solved, and how sure that is.
fn quality(seed: u64, pairs: &[Pair]) -> Vec<Row> {
    let solved = |of: fn(&Pair) -> &Try| -> Vec<f64> {
        pairs.iter().map(|pair| f64::from(u8::from(of(pair).solved))).collect()
    };
    let (single, rounds) = (solved(|pair| &pair.single), solved(|pair| &pair.rounds));
    let more: Vec<f64> = rounds.iter().zip(&single).map(|(rounds, single)| rounds - single).collect();
    let intervals = [&single, &rounds, &more].map(|values| bootstrap(values, RESAMPLES, seed));
    vec![
        Row::new("problems", vec![Cell::Count(pairs.len()); 3]),
        compared("pass@1", mean(&single), mean(&rounds)),
        end("95 % interval, from", intervals, |interval| interval.from),
        end("95 % interval, to", intervals, |interval| interval.to),
        counted("without an answer that could be extracted", pairs, |one| !one.answered),
        counted("runs that failed", pairs, |one| one.failure.is_some()),
    ]
}

/// What it took.
fn taken(pairs: &[Pair]) -> Vec<Row> {
    let each = |of: fn(&Pair) -> &Try, what: fn(&Try) -> f64| -> f64 {
        mean(&pairs.iter().map(|pair| what(of(pair))).collect::<Vec<_>>())
    };
    let both = |name: &str, what: fn(&Try) -> f64| {
        compared(name, each(|pair| &pair.single, what), each(|pair| &pair.rounds, what))
    };
    let contexts = |of: fn(&Pair) -> &Try| -> Vec<f64> {
        pairs.iter().flat_map(|pair| &of(pair).contexts).copied().map(real).collect()
    };
    let (single, rounds) = (contexts(|pair| &pair.single), contexts(|pair| &pair.rounds));
    let most = |contexts: &[f64]| contexts.iter().copied().fold(0.0, f64::max);
    let budgets: Vec<f64> = pairs.iter().map(|pair| real(pair.budget.tokens)).collect();
    vec![
        both("generated tokens, mean", |one| real(one.generated)),
        of_single("tokens that it might generate, mean", Cell::Number(mean(&budgets))),
        of_single(
            "problems for which the window cut these",
            Cell::Count(pairs.iter().filter(|pair| pair.budget.is_cut).count()),
        ),
        of_single(
            "answers that were cut off",
            Cell::Count(pairs.iter().filter(|pair| pair.single.is_cut).count()),
        ),
        both("calls, mean", |one| count(one.contexts.len())),
        compared("tokens in the context of a call, mean", mean(&single), mean(&rounds)),
        compared("tokens in the context of a call, most", most(&single), most(&rounds)),
    ]
}

/// How the rounds ended.
fn ended(pairs: &[Pair]) -> Vec<Row> {
    let ends = [
        ("concluded", RoundsEnd::Concluded),
        ("at_most", RoundsEnd::AtMost),
        ("repeated", RoundsEnd::Repeated),
        ("empty", RoundsEnd::Empty),
        ("malformed", RoundsEnd::Malformed),
    ];
    let made: Vec<f64> = pairs.iter().map(|pair| f64::from(pair.how.made)).collect();
    let recovered: f64 = pairs.iter().map(|pair| f64::from(pair.how.recovered)).sum();
    let ended = ends.into_iter().map(|(name, end)| {
        let those = pairs.iter().filter(|pair| pair.how.end == Some(end) && pair.rounds.failure.is_none());
        of_rounds(&format!("rounds ended: {name}"), Cell::Count(those.count()))
    });
    let rounds = [
        of_rounds("rounds, mean", Cell::Number(mean(&made))),
        of_rounds("rounds recovered, mean", Cell::Number(recovered / count(pairs.len().max(1)))),
    ];
    rounds.into_iter().chain(ended).collect()
}

impl Title<'_> {
    fn method(&self) -> &'static str {
        if self.trained {
            "inftythink"
        } else {
            "inftythink-prompted (prompted: our adaptation, not the paper's method)"
        }
    }

    fn told(&self, drawn: usize) -> String {
        let Self { set, of, seed, model, .. } = self;
        format!(
            "{set}: single-shot and {}, {model}, {drawn} of {of} problems, sample seed {seed}",
            self.method()
        )
    }

    fn notes(&self) -> Vec<String> {
        let input = |name: &str| self.inputs.get(name).map_or("", String::as_str);
        vec![
            format!(
                "Rounds of {} tokens, {} at most; a summary that is asked for because a round was cut has at most {} more. The one \
                 answer might generate as many tokens as the rounds that were made for the same problem, which is their number times \
                 their length, cut by what the window and the model allow. Summaries that were asked for come on top of that.",
                input(super::SEGMENT),
                input("most_rounds"),
                input("summary"),
            ),
            format!(
                "Intervals are of a percentile bootstrap with {RESAMPLES} resamples over problems, that of the difference over pairs. \
                 A problem is solved where the last boxed answer, or what else is announced as one, or the last number, is \
                 equivalent to the set's. Of rounds without a conclusion the last summary is looked through, of an answer that was \
                 cut what there is of it; a run that failed has solved nothing."
            ),
        ]
    }
}
