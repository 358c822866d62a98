//! The tables of HEMA (arXiv 2504.16754, section 4) on other data: the paper's was never published. Invented facts are told in the
//! long chats of BEAM and asked for later; what is counted is what a prompt holds, not what a model answers.

mod compact;
mod facts;
mod planted;
mod pruned;
mod replay;
mod systems;

use std::collections::BTreeMap;

use super::grid::{Cell, Grid, Row};
use super::memory::{Bench, BenchError};
use super::metrics::{count, mean, percentile};
use super::sets::{self, Chat};
use crate::memory::{Reading, Salience};

use planted::Plan;
use replay::{Replay, Replayed, Sample, Tally};
use systems::System;

/// How many facts are told.
const FACTS: usize = 100;

/// What the facts are drawn from.
const FACTS_SEED: u64 = 250_416_754;

/// What the random prunings are drawn from.
const CHANCE_SEED: u64 = 41;

/// After how many turns facts are asked for, as in the paper's tables, and after 1,000.
const DISTANCES: [u32; 5] = [50, 100, 150, 500, 1_000];

/// The distance of the paper's first table.
const PAPERS: u32 = 150;

/// The policies that the replays are made with.
const READINGS: [(&str, Option<Reading>); 3] = [
    ("no forgetting", None),
    ("forgetting, the sign as intended", Some(Reading::Intended)),
    ("forgetting, the sign as printed", Some(Reading::Literal)),
];

impl Bench<'_> {
    /// Makes the paper's tables: what the three systems show, over how many turns, the ablation of forgetting and of the second
    /// level, and what the summaries are worth.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn hema(&self) -> Result<Vec<Grid>, BenchError> {
        let chats = sets::beam(self.data, "500K")?;
        let coherence = compact::coherence(self)?;
        let all: Vec<&Chat> = chats.iter().collect();
        let plan = Plan::new(&all, FACTS, span(&chats), FACTS_SEED);
        let mut replays: BTreeMap<&str, Replayed> = BTreeMap::new();
        for (name, reading) in READINGS {
            let forgetting = reading.map(|reading| Salience { reading, ..Salience::default() });
            let told = format!("hema, {name}");
            let replay = Replay { bench: self, plan: &plan, forgetting, distances: &DISTANCES, name: &told };
            replays.insert(name, replay.run().await?);
        }
        let empty = Replayed::default();
        let of = |name: &str| replays.get(name).unwrap_or(&empty);
        let [(none, _), (intended, _), (printed, _)] = READINGS;
        Ok(vec![
            // As a chat is: it forgets nothing.
            found(of(none), &plan),
            over_turns(of(none)),
            ablation([of(none), of(intended), of(printed)]),
            forgotten([(intended, of(intended)), (printed, of(printed))]),
            compact::retained(self, &chats),
            coherence,
        ])
    }
}

/// The turns in which facts are told: early enough to ask for all of them after the longest distance, or in short chats after the
/// paper's.
fn span(chats: &[Chat]) -> usize {
    let turns: usize = chats.iter().map(|chat| chat.episodes.len()).sum();
    let before = |distance: u32| turns.checked_sub(usize::try_from(distance).ok()?);
    before(1_000).filter(|span| *span >= 250).or_else(|| before(PAPERS)).unwrap_or(turns / 2)
}

/// Nothing of nothing.
fn optional(values: &[f64], figure: impl Fn(&[f64]) -> f64) -> Cell {
    (!values.is_empty()).then(|| figure(values)).into()
}

/// The paper's first table.
fn found(replayed: &Replayed, plan: &Plan) -> Grid {
    let mut rows = Vec::new();
    let empty = Tally::default();
    let papers = [
        (System::Raw, "raw", [0.41, 0.29, 0.45, 0.19]),
        (System::Compact, "compact", [0.62, 0.62, 0.62, 0.46]),
        (System::Both, "compact and vector", [0.87, 0.82, 0.74, 0.72]),
    ];
    let samples = [
        ("facts, asked in the same words", Sample::Worded(false)),
        ("facts, asked in other words", Sample::Worded(true)),
        ("gold of BEAM", Sample::Gold),
    ];
    for (what, sample) in samples {
        for (system, name, _) in papers {
            let tally = replayed.tallies.get(&(system, sample)).unwrap_or(&empty);
            let figures = [&tally.held, &tally.precision, &tally.recall, &tally.area];
            let cells = figures.map(|values| optional(values, mean));
            let cells = [&[Cell::Count(tally.held.len())], cells.as_slice()].concat();
            rows.push(Row::new(format!("{what}: {name}"), cells));
        }
        let tally = replayed.tallies.get(&(System::Both, sample)).unwrap_or(&empty);
        let most = optional(&tally.ceiling, mean);
        let cells = vec![Cell::Empty, Cell::Empty, most, Cell::Empty, Cell::Empty];
        rows.push(Row::new(format!("{what}: the most that P@5 can be"), cells));
    }
    for (_, name, figures) in papers {
        let cells = [&[Cell::Empty], figures.map(Cell::Number).as_slice()].concat();
        rows.push(Row::new(format!("the paper, not comparable, other data: {name}"), cells));
    }
    Grid {
        title: format!("HEMA (a): {PAPERS} turns after a fact"),
        columns: ["n", "in the prompt", "P@5", "R@50", "AUPRC"].map(str::to_owned).to_vec(),
        rows,
        notes: vec![format!(
            "{} turns, {} facts told in between, half of them with a distractor, half of them asked for in other words; {} passages in the index at the end. Prompts of at most \
             3,500 tokens. \"In the prompt\" is the share of questions whose answer stands there word for word, for BEAM the share \
             of the gold messages of a question that stands there in part; the paper's is the share of right answers of a model. Rankings are of \
             messages, by one ranker, over what each system holds.",
            plan.episodes.len(),
            plan.facts.len(),
            replayed.indexed,
        )],
    }
}

/// The paper's table of recall over turns.
fn over_turns(replayed: &Replayed) -> Grid {
    let empty = Tally::default();
    let tally = |system, distance| replayed.tallies.get(&(system, Sample::After(distance))).unwrap_or(&empty);
    let row = |name: &str, system| {
        Row::new(name, DISTANCES.map(|distance| optional(&tally(system, distance).held, mean)).to_vec())
    };
    let paper = |name: &str, [fifty, hundred, five_hundred]: [f64; 3]| {
        let of = |value| Cell::Number(value);
        let cells = vec![of(fifty), of(hundred), Cell::Empty, of(five_hundred), Cell::Empty];
        Row::new(format!("the paper, not comparable, other data: {name}"), cells)
    };
    let asked = DISTANCES.map(|distance| Cell::Count(tally(System::Both, distance).held.len())).to_vec();
    Grid {
        title: "HEMA (b): answers that stand in the prompt so many turns later".to_owned(),
        columns: DISTANCES.map(|distance| distance.to_string()).to_vec(),
        rows: vec![
            row("raw", System::Raw),
            row("compact", System::Compact),
            row("compact and vector", System::Both),
            Row::new("n", asked),
            paper("raw", [0.6, 0.45, 0.2]),
            paper("compact", [0.75, 0.65, 0.4]),
            paper("compact and vector", [0.88, 0.8, 0.72]),
        ],
        notes: vec!["The long chats of BEAM stand one after the other as one.".to_owned()],
    }
}

/// The paper's ablation.
fn ablation([none, intended, printed]: [&Replayed; 3]) -> Grid {
    let row = |name: &str, replayed: &Replayed, system: System, paper: Option<[f64; 2]>| {
        let empty = Tally::default();
        let tally = |system, sample| replayed.tallies.get(&(system, sample)).unwrap_or(&empty);
        let held = |distance| optional(&tally(system, Sample::After(distance)).held, mean);
        let cells = vec![
            held(PAPERS),
            held(1_000),
            optional(&replayed.recall_at_end, mean),
            optional(&tally(System::Both, Sample::Gold).recall, mean),
            optional(&replayed.latency, |values| percentile(values, 0.5)),
            optional(&replayed.latency, |values| percentile(values, 0.95)),
            paper.map(|[ms, _]| ms).into(),
            paper.map(|[_, recall]| recall).into(),
        ];
        Row::new(name, cells)
    };
    let [a, b, c, d] = [[21.4, 0.74], [14.1, 0.72], [20.9, 0.76], [13.8, 0.75]].map(Some);
    let columns = [
        "in the prompt after 150",
        "after 1,000",
        "R@50, facts, at the end",
        "R@50, gold of BEAM",
        "search, median ms",
        "95 % ms",
        "the paper: ms",
        "the paper: R@50",
    ];
    Grid {
        title: "HEMA (c): forgetting and the second level".to_owned(),
        columns: columns.map(str::to_owned).to_vec(),
        rows: vec![
            row("A: neither", none, System::OneLevel, a),
            row("B: forgetting, the sign as intended", intended, System::OneLevel, b),
            row("B: forgetting, the sign as printed", printed, System::OneLevel, b),
            row("C: second level", none, System::Both, c),
            row("D: both, the sign as intended", intended, System::Both, d),
            row("D: both, the sign as printed", printed, System::Both, d),
        ],
        notes: vec![
            "The second level is text in the prompt: it changes no search, so C searches as A does, and D as B. The 50 best passages of each turn \
             count as retrieved. Neither A nor C forgets, so the sign changes nothing there. The paper's figures are of other data and another \
             machine, and not comparable; its coherence was judged by people and is not reproduced."
                .to_owned(),
        ],
    }
}

/// What forgetting loses, beside chance.
fn forgotten(replays: [(&str, &Replayed); 2]) -> Grid {
    let row = |(name, replayed): (&str, &Replayed)| {
        let chance = replayed.pruned.by_chance(CHANCE_SEED);
        let cells = vec![
            Cell::Count(replayed.pruned.pruned()),
            Cell::Number(count(replayed.pruned.lost())),
            Cell::Number(chance.mean),
            Cell::Number(chance.low),
            Cell::Number(chance.high),
        ];
        Row::new(name, cells)
    };
    let columns = ["passages pruned", "of them gold", "gold by chance, mean", "2.5 % below", "2.5 % above"];
    Grid {
        title: "HEMA (c): what forgetting prunes of the gold messages of BEAM that are asked for later".to_owned(),
        columns: columns.map(str::to_owned).to_vec(),
        rows: replays.map(row).to_vec(),
        notes: vec![
            "Chance takes as many passages from the same index at the same turns, 1,000 times; between the last two columns lie 95 of \
             100 of them. The paper has no such comparison."
                .to_owned(),
        ],
    }
}
