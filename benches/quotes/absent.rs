//! How well the share of a question that one sentence holds tells a question that has an answer from one that has none.

use std::cmp::Ordering;
use std::path::Path;

use longhand::retrieve::Bm25;
use longhand::text::sentences;

use crate::cases::{self, Case};

/// The threshold of `workflows/quote-answer.yaml`.
const SHIPPED: f32 = 0.21;

/// The largest share of a question that one sentence holds, for questions of one kind each.
#[derive(Debug, Default)]
struct Held {
    /// Questions asked of their own documents.
    answerable: Vec<f32>,
    /// The same, with every sentence taken out that holds the evidence.
    taken_out: Vec<f32>,
    /// The same, asked of the next document of the set.
    elsewhere: Vec<f32>,
}

impl Held {
    fn of(cases: &[Case]) -> Self {
        let mut held = Self::default();
        for (at, case) in cases.iter().enumerate() {
            let mut others = cases.iter().skip(at).chain(cases);
            let other = others.find(|other| other.text != case.text);
            held.answerable.push(most_held(&case.text, &case.question));
            held.taken_out.push(most_held(&case.without_evidence(), &case.question));
            held.elsewhere.extend(other.map(|other| most_held(&other.text, &case.question)));
        }
        held
    }
}

/// Prints for each set how many questions of each kind are refused, for several thresholds.
pub(crate) fn print(data: &Path) {
    heading();
    for (name, cases) in sets(data) {
        rows(name, &Held::of(&cases));
    }
    let text = cases::archive();
    let (answerable, unanswerable): (Vec<_>, Vec<_>) =
        cases::facts().into_iter().partition(|fact| fact.answer.is_some());
    let of = |facts: Vec<cases::Fact>| facts.iter().map(|fact| most_held(&text, &fact.question)).collect();
    rows("the archive", &Held { answerable: of(answerable), taken_out: of(unanswerable), ..Held::default() });
}

fn sets(data: &Path) -> [(&'static str, Vec<Case>); 2] {
    [
        ("XQuAD English", cases::passages(&data.join("xquad/xquad.en.dev.json.gz"))),
        ("LooGLE short dependency", cases::articles(&data.join("loogle/shortdep_qa.jsonl.gz"))),
    ]
}

/// The largest share of the question that one sentence holds.
fn most_held(text: &str, question: &str) -> f32 {
    let states =
        |sentence: &&str| sentence.split_whitespace().count() >= 4 && !sentence.starts_with(['#', '|']);
    let index = Bm25::new(sentences(text).filter_map(|range| text.get(range)).map(str::trim).filter(states));
    index.coverage(question).into_iter().fold(0.0, f32::max)
}

fn heading() {
    println!("| questions | n | threshold | answerable | evidence taken out | another document |");
    println!("|---|---|---|---|---|---|");
}

/// One row for how well the kinds are told apart, then the share that is refused for several thresholds.
fn rows(name: &str, held: &Held) {
    let Held { answerable, taken_out, elsewhere } = held;
    let n = format!("{} + {}", answerable.len(), taken_out.len());
    let area = |without: &[f32]| told_apart(answerable, without);
    println!("| {name} | {n} | area under the curve | | {} | {} |", area(taken_out), area(elsewhere));
    let mut sorted = answerable.clone();
    sorted.sort_by(f32::total_cmp);
    let quantile = |percent: usize| sorted.get(sorted.len() * percent / 100).copied();
    let thresholds = [1, 3, 5, 10, 20].into_iter().filter_map(quantile);
    for threshold in [SHIPPED].into_iter().chain(thresholds) {
        let refused = |all: &[f32]| share(all.iter().filter(|held| **held < threshold).count(), all.len());
        println!(
            "| {name} | {n} | {threshold:.3} | {} | {} | {} |",
            refused(answerable),
            refused(taken_out),
            refused(elsewhere)
        );
    }
}

/// The chance that a question with an answer is given a larger value than one without.
fn told_apart(with: &[f32], without: &[f32]) -> String {
    let pairs = with.iter().flat_map(|one| without.iter().map(move |other| one.total_cmp(other)));
    // Halves, so that a tie counts half.
    let halves = pairs.map(|order| match order {
        Ordering::Greater => 2,
        Ordering::Equal => 1,
        Ordering::Less => 0,
    });
    share(halves.sum(), 2 * with.len() * without.len())
}

fn share(count: usize, of: usize) -> String {
    let number = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    if of == 0 { "-".to_owned() } else { format!("{:.3}", number(count) / number(of)) }
}
