//! What came of problems in rounds of one length, and the tables of all lengths.

use super::super::grid::{Cell, Grid, Row};
use super::super::metrics::{count, mean};
use super::super::table::{Figure, Table};
use super::fit::r_squared;
use super::solve::Solved;
use super::{Problem, ROUNDS, SUMMARY};
use crate::report::{Attended, ContextLine};
use crate::run::RoundsEnd;

/// What came of some problems in rounds of one length.
#[derive(Debug)]
pub(super) struct Measured {
    segment: u64,
    problems: Vec<One>,
}

/// What came of one problem.
#[derive(Debug)]
struct One {
    solved: bool,
    same: bool,
    strangers: usize,
    recovered: u32,
    rounds: usize,
    /// The tokens of the question as a prompt: |Q|.
    question: f64,
    /// The most tokens that a summary added to it.
    summary: f64,
    /// The most tokens of a prompt and its answer.
    peak: f64,
    generated: f64,
    straight: f64,
    took: Attended,
    /// The pairs where the question's keys and values are kept from round to round.
    kept_pairs: f64,
    counted_chain: Attended,
    chain: Attended,
    chain_generated: f64,
}

#[expect(clippy::cast_precision_loss, reason = "tokens, pairs and bytes are told to a few digits")]
fn real(number: u64) -> f64 {
    number as f64
}

impl One {
    fn new(problem: &Problem, solved: &Solved, chain: &Solved) -> Self {
        let calls = &solved.contexts.calls;
        let question = calls.first().map_or(0.0, |call| real(call.prompt_tokens.0));
        let most = |of: &dyn Fn(&ContextLine) -> u64| real(calls.iter().map(of).max().unwrap_or_default());
        let mut so_far = 0.0;
        let cumulative = calls.iter().map(|call| {
            so_far += real(call.tokens());
            so_far
        });
        let straight = r_squared(&cumulative.collect::<Vec<f64>>());
        // Every prompt begins with the question, so its own pairs need be computed once.
        let again = count(calls.len().saturating_sub(1)) * question * (question + 1.0) / 2.0;
        let took = solved.contexts.calls_took;
        Self {
            solved: problem.is_solved(solved) && solved.end == Some(RoundsEnd::Concluded),
            same: solved.answer == chain.answer,
            strangers: solved.strangers,
            recovered: solved.recovered,
            rounds: calls.len(),
            question,
            summary: most(&|call| call.prompt_tokens.0) - question,
            peak: most(&ContextLine::tokens),
            generated: generated(solved),
            straight,
            took,
            kept_pairs: real(took.pairs) - again,
            counted_chain: solved.contexts.chain_took.unwrap_or_default(),
            chain: chain.contexts.calls_took,
            chain_generated: generated(chain),
        }
    }
}

fn generated(solved: &Solved) -> f64 {
    real(solved.contexts.calls.iter().map(|call| call.completion_tokens.0).sum())
}

impl Measured {
    pub(super) fn new(segment: u64) -> Self {
        Self { segment, problems: Vec::new() }
    }

    /// Takes in a problem: solved in rounds, and in one chain.
    pub(super) fn add(&mut self, problem: &Problem, solved: &Solved, chain: &Solved) {
        self.problems.push(One::new(problem, solved, chain));
    }

    fn each(&self, of: impl Fn(&One) -> f64) -> Vec<f64> {
        self.problems.iter().map(of).collect()
    }

    fn sum(&self, of: impl Fn(&One) -> f64) -> f64 {
        self.problems.iter().map(of).sum()
    }

    fn most(&self, of: impl Fn(&One) -> f64) -> f64 {
        self.problems.iter().map(of).reduce(f64::max).unwrap_or_default()
    }

    fn least(&self, of: impl Fn(&One) -> f64) -> f64 {
        self.problems.iter().map(of).reduce(f64::min).unwrap_or_default()
    }

    fn figure(&self, name: &str, value: f64) -> Figure {
        Figure::new(format!("{}: {name}", self.segment), value, self.problems.len())
    }

    /// Of one problem, what is left of the bound |Q| + |S| + the longest round at its largest context.
    fn slack(&self, one: &One) -> f64 {
        one.question + real(SUMMARY) + real(self.segment) - one.peak
    }

    /// That all were solved within the bound.
    fn kept(&self) -> Vec<Figure> {
        vec![
            self.figure("solved", self.sum(|one| f64::from(u8::from(one.solved))))
                .at_least(count(self.problems.len())),
            self.figure("least slack of the bound", self.least(|one| self.slack(one))).at_least(0.0),
            self.figure("largest slack", self.most(|one| self.slack(one))),
        ]
    }
}

/// What must hold at every length, over all of them.
fn everywhere(measured: &[Measured]) -> Vec<Figure> {
    let of = measured.iter().map(|of| of.problems.len()).sum();
    let sum = |what: fn(&One) -> f64| measured.iter().map(|of| of.sum(what)).sum();
    let summary = measured.iter().map(|of| of.most(|one| one.summary)).fold(0.0, f64::max);
    vec![
        Figure::new("prompts with more than question and last summary", sum(|one| count(one.strangers)), of)
            .at_most(0.0),
        Figure::new("answers other than those of one chain", sum(|one| f64::from(u8::from(!one.same))), of)
            .at_most(0.0),
        Figure::new("rounds that had to be mended", sum(|one| f64::from(one.recovered)), of).at_most(0.0),
        Figure::new("tokens that a summary adds to a prompt, at most", summary, of).at_most(real(SUMMARY)),
    ]
}

/// Problems of a set: solved, and within the bound.
pub(super) fn solved(title: &str, measured: &[Measured]) -> Table {
    let each = measured.iter().flat_map(|of| {
        let rounds = of.figure("rounds, mean", mean(&of.each(|one| count(one.rounds))));
        of.kept().into_iter().chain([rounds])
    });
    let figures = each.chain(everywhere(measured)).collect();
    Table { title: title.to_owned(), figures }
}

/// Long problems: how the work grows.
pub(super) fn long(title: &str, measured: &[Measured]) -> Table {
    let each = measured.iter().flat_map(|of| {
        let more = of.least(|one| one.generated - one.chain_generated);
        let further = [
            of.figure("rounds, at least", of.least(|one| count(one.rounds))).at_least(real(ROUNDS)),
            of.figure("R squared of all tokens over rounds, at least", of.least(|one| one.straight))
                .at_least(0.99),
            of.figure("tokens generated above one chain's, at least", more).at_least(1.0),
        ];
        of.kept().into_iter().chain(further)
    });
    let figures = each.chain(everywhere(measured)).collect();
    Table { title: title.to_owned(), figures }
}

/// Long problems beside one long chain.
pub(super) fn beside_a_chain(title: &str, measured: &[Measured]) -> Grid {
    let columns = [
        "rounds",
        "question",
        "summary",
        "generated",
        "chain generated",
        "pairs",
        "theory",
        "theory with question",
        "pairs, `--plot`",
        "pairs, question kept",
        "peak of keys and values",
        "their sum",
    ];
    let rows = measured.iter().map(|of| {
        let mean = |what: fn(&One) -> f64| mean(&of.each(what));
        let (rounds, question) = (mean(|one| count(one.rounds)), mean(|one| one.question));
        let (summary, segment) = (mean(|one| one.summary), real(of.segment));
        let in_rounds = rounds * (segment + summary + question).powi(2);
        let theory = |chain: f64| chain.powi(2) / in_rounds;
        let pairs = of.sum(|one| real(one.took.pairs));
        let kept = |what: fn(&Attended) -> Option<u64>| {
            let sum = |part: fn(&One) -> &Attended| {
                of.problems.iter().map(|one| what(part(one)).map(real)).sum::<Option<f64>>()
            };
            Some(sum(|one| &one.chain)? / sum(|one| &one.took)?)
        };
        let cells = vec![
            Cell::Number(rounds),
            Cell::Number(question),
            Cell::Number(summary),
            Cell::Number(mean(|one| one.generated)),
            Cell::Number(mean(|one| one.chain_generated)),
            Cell::Number(of.sum(|one| real(one.chain.pairs)) / pairs),
            Cell::Number(theory(rounds * segment)),
            Cell::Number(theory(question + rounds * segment)),
            Cell::Number(of.sum(|one| real(one.counted_chain.pairs)) / pairs),
            Cell::Number(of.sum(|one| real(one.chain.pairs)) / of.sum(|one| one.kept_pairs)),
            kept(|took| took.kv_peak_bytes).into(),
            kept(|took| took.kv_sum_bytes).into(),
        ];
        Row::new(of.segment.to_string(), cells)
    });
    Grid {
        title: format!("{title}, beside one long chain"),
        columns: columns.map(str::to_owned).to_vec(),
        rows: rows.collect(),
        notes: NOTES.map(str::to_owned).to_vec(),
    }
}

const NOTES: [&str; 4] = [
    "Lines are lengths of rounds. Question, summary (the longest) and generated are tokens, means of the problems.",
    "From `pairs` on, figures are what one chain takes, which was made, in multiples of what all rounds take: above 1 the rounds take \
     less. With `--plot` the chain is the one that `runs show --plot` counts, in which there are no summaries, only their tags and what a round repeats.",
    "The theory is (R*c)^2 / (R*(c+|S|+|Q|)^2) for R rounds of c tokens, and with the question in the chain \
     (|Q|+R*c)^2 / (R*(c+|S|+|Q|)^2).",
    "Every prompt begins with the question. `question kept` are the pairs where a server computes that beginning once.",
];
