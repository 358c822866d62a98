//! How well quotes find what is asked for: evidence found at equal length, archive facts, needles in a book.
//!
//! `LONGHAND_DATA` names the folder of evaluation data and `LONGHAND_HOME` the home that holds `models/smollm2.gguf`; what
//! is absent is skipped, and said. `LONGHAND_CASES` bounds the cases of a set that the model reads (6 where it is not set)
//! and an argument picks parts: `evidence`, `model`, `facts`, `needles`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a measurement prints its table, and stops where it cannot measure"
)]

mod cases;
mod command;
mod scores;

use std::path::{Path, PathBuf};
use std::time::Instant;

use cases::{Case, Fact};
use command::{Longhand, Quoted};
use scores::{Tally, holds, lead, random};

/// Where a needle is hidden, in tenths of the book.
const DEPTHS: std::ops::Range<usize> = 0..10;

/// What is hidden, and the question for it.
const NEEDLE: &str =
    "The quartermaster of Vellisport keeps the spare lantern under the third stair of the customs house.";
const ASKED: &str = "Where does the quartermaster of Vellisport keep the spare lantern?";

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|one| one == part);
    let data = std::env::var_os("LONGHAND_DATA").map(PathBuf::from).filter(|folder| folder.is_dir());
    let home = std::env::var_os("LONGHAND_HOME").map(PathBuf::from);
    let model = home.map(|home| home.join("models/smollm2.gguf")).filter(|file| file.is_file());
    if model.is_none() {
        eprintln!("SKIPPED what asks a model: `LONGHAND_HOME` holds no `models/smollm2.gguf`");
    }
    let longhand = Longhand::new();
    match &data {
        None => eprintln!("SKIPPED evidence and needles: `LONGHAND_DATA` names no folder of evaluation data"),
        Some(data) => {
            if wants("evidence") {
                evidence(&longhand, data, None);
            }
            if let (true, Some(model)) = (wants("model"), &model) {
                evidence(&longhand, data, Some(model));
            }
            if let (true, Some(model)) = (wants("needles"), &model) {
                needles(&longhand, data, model);
            }
        }
    }
    if let (true, Some(model)) = (wants("facts"), &model) {
        facts(&longhand, model);
    }
}

/// Evidence found by each way of scoring, and by the beginning and a random part of the document at the same length.
fn evidence(longhand: &Longhand, data: &Path, model: Option<&Path>) {
    let most = std::env::var("LONGHAND_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let ways: &[&str] =
        if model.is_some() { &["words", "likelihood", "fused", "choice"] } else { &["words"] };
    println!("| questions | n | score | evidence | lead | random | s per question |");
    println!("|---|---|---|---|---|---|---|");
    for (name, cases) in cases::sets(data) {
        // Evenly spaced, so that the sample does not come from one document.
        let step = if model.is_some() { cases.len().div_ceil(most).max(1) } else { 1 };
        let cases: Vec<&Case> = cases.iter().step_by(step).collect();
        for way in ways {
            let mut tally = Tally::default();
            let began = Instant::now();
            for case in &cases {
                longhand.document(&case.text);
                let quotes = longhand.quotes(way, &case.question, model);
                let room: usize = quotes.iter().map(Quoted::length).sum();
                let scores = [&quotes, &lead(&case.text, room), &random(&case.text, room)];
                tally.add(scores.map(|quotes| case.found_by(quotes)));
            }
            let [found, lead, random] = tally.means();
            let seconds = began.elapsed().as_secs_f64() / tally.count();
            println!(
                "| {name} | {} | {way} | {found:.3} | {lead:.3} | {random:.3} | {seconds:.1} |",
                cases.len()
            );
        }
    }
}

/// The questions about the example archive, asked as a person asks them.
fn facts(longhand: &Longhand, model: &Path) {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/archive");
    let began = Instant::now();
    let (mut gold, mut right, mut best, mut single) = (0, 0, 0, 0);
    let (mut parts, mut part_count, mut refused, mut unanswerable) = (0, 0, 0, 0);
    let mut wrongly_refused = 0;
    for fact in cases::facts() {
        let reply = longhand.ask(&archive, &fact.question, model);
        let found =
            fact.gold.iter().filter(|gold| reply.quotes.iter().any(|quote| holds(&quote.text, gold))).count();
        let not_found = reply.answer == "not found";
        println!("{}\n  {}", fact.question, reply.answer);
        match &fact {
            Fact { answer: None, .. } => {
                unanswerable += 1;
                refused += usize::from(not_found);
            }
            Fact { answer: Some(answer), .. } => {
                wrongly_refused += usize::from(not_found);
                if let [sentence] = fact.gold.as_slice() {
                    single += 1;
                    gold += found;
                    best += usize::from(holds(&reply.answer, sentence));
                    right +=
                        usize::from(scores::answers(&reply.answer, answer) || holds(&reply.answer, sentence));
                } else {
                    parts += found;
                    part_count += fact.gold.len();
                }
            }
        }
    }
    let asked = (single + part_count / 2 + unanswerable).max(1);
    println!("\n| archive facts | of | |\n|---|---|---|");
    println!("| gold sentence among the quotes | {single} | {gold} |");
    println!("| answer right | {single} | {right} |");
    println!("| answer is the gold sentence | {single} | {best} |");
    println!("| gold sentences of facts in two places | {part_count} | {parts} |");
    println!("| unanswerable: not found | {unanswerable} | {refused} |");
    println!("| answerable: not found | {} | {wrongly_refused} |", asked - unanswerable);
    println!(
        "| seconds per question | | {:.1} |",
        began.elapsed().as_secs_f64() / f64::from(u32::try_from(asked).unwrap_or(1))
    );
}

/// A sentence hidden at ten depths of a book.
fn needles(longhand: &Longhand, data: &Path, model: &Path) {
    for book in ["frankenstein", "war-and-peace"] {
        let text = cases::read(&data.join(format!("books/{book}.md.gz")));
        let (mut quoted, mut answered, mut asked) = (0, 0, 0);
        let began = Instant::now();
        for depth in DEPTHS {
            let hidden = cases::hide(&text, NEEDLE, depth, DEPTHS.end);
            longhand.document(&hidden);
            let reply = longhand.ask(&longhand.document_path(), ASKED, model);
            asked += 1;
            quoted += usize::from(reply.quotes.iter().any(|quote| quote.text == NEEDLE));
            answered += usize::from(reply.answer.contains("third stair"));
        }
        let seconds = began.elapsed().as_secs_f64() / f64::from(asked);
        println!(
            "needle in {book} ({} bytes): quoted {quoted}, answered {answered} of {asked}, {seconds:.1} s each",
            text.len()
        );
    }
}
