//! How well quotes find what is asked for: evidence found at equal length, archive facts, needles in a book.
//!
//! `LONGHAND_DATA` names the folder of evaluation data and `LONGHAND_MODEL` a model file; what is absent is skipped, and
//! said. `LONGHAND_CASES` bounds the cases of a set that the model reads (6 where it is not set). Arguments pick parts:
//! `evidence`, `absent` and `summaries` ask no model; `model`, `answers`, `facts` and `needles` do.
//! `model` compares words with their fusion with likelihood, which is shipped; `likelihood` and `choice` beside it add the
//! other ways of scoring.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a measurement prints its table, and stops where it cannot measure"
)]

mod absent;
mod cases;
mod command;
mod scores;

use std::path::{Path, PathBuf};
use std::time::Instant;

use cases::{Case, Fact};
use command::{Longhand, Quoted, Way};
use scores::{Tally, contains, holds, lead, random, told};

/// Tokens of quotes, and sentences that the words propose, where words alone are measured.
const BY_WORDS: Way = Way { score: "words", kept: 400, proposed: 40 };

/// As `workflows/quote-answer.yaml` has it.
const SHIPPED: Way = Way { score: "fused", kept: 200, proposed: 20 };

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
    let model = std::env::var_os("LONGHAND_MODEL").map(PathBuf::from).filter(|file| file.is_file());
    if model.is_none() {
        eprintln!("SKIPPED what asks a model: `LONGHAND_MODEL` names no model file");
    }
    let longhand = Longhand::new();
    match &data {
        None => eprintln!("SKIPPED all but facts: `LONGHAND_DATA` names no folder of evaluation data"),
        Some(data) => {
            if wants("evidence") {
                evidence(&longhand, data, &[BY_WORDS], None);
            }
            if wants("absent") {
                absent::print(data);
            }
            if wants("summaries") {
                summaries(&longhand, data);
            }
            if let (true, Some(model)) = (wants("model"), &model) {
                let named = |score: &&&str| matches!(**score, "words" | "fused") || wants(score);
                let scores = ["words", "fused", "likelihood", "choice"];
                let ways: Vec<Way> =
                    scores.iter().filter(named).map(|score| Way { score, ..SHIPPED }).collect();
                evidence(&longhand, data, &ways, Some(model));
            }
            if let (true, Some(model)) = (wants("answers"), &model) {
                answers(&longhand, data, model);
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

/// As many cases as the model is to read, evenly spaced, so that the sample does not come from one document.
fn sample(cases: &[Case]) -> Vec<&Case> {
    let most = std::env::var("LONGHAND_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    cases.iter().step_by(cases.len().div_ceil(most).max(1)).collect()
}

/// Evidence found by each way of scoring, and by the beginning and a random part of the document at the same length.
fn evidence(longhand: &Longhand, data: &Path, ways: &[Way], model: Option<&Path>) {
    println!("| questions | n | score | evidence | lead | random | s per question |");
    println!("|---|---|---|---|---|---|---|");
    for (name, cases) in cases::sets(data) {
        let cases = if model.is_some() { sample(&cases) } else { cases.iter().collect() };
        for way in ways {
            let mut tally = Tally::default();
            let began = Instant::now();
            for case in &cases {
                longhand.document(&case.text);
                let quotes = longhand.quotes(*way, &case.question, model);
                let room: usize = quotes.iter().map(Quoted::length).sum();
                let scores = [&quotes, &lead(&case.text, room), &random(&case.text, room)];
                tally.add(scores.map(|quotes| case.found_by(quotes)));
            }
            let [found, lead, random] = tally.means();
            let seconds = began.elapsed().as_secs_f64() / tally.count();
            println!(
                "| {name} | {} | {} | {found:.3} | {lead:.3} | {random:.3} | {seconds:.1} |",
                cases.len(),
                way.score
            );
        }
    }
}

/// What summaries made of quotes tell of what people wrote, by words alone.
fn summaries(longhand: &Longhand, data: &Path) {
    println!("| documents | n | tokens kept | terms told | lead | random |");
    println!("|---|---|---|---|---|---|");
    for (name, documents) in cases::summarized(data) {
        for kept in [160, 400] {
            let mut tally = Tally::default();
            for (text, reference) in &documents {
                longhand.document(text);
                let quotes = longhand.quotes(Way { score: "words", kept, proposed: 0 }, "", None);
                let room: usize = quotes.iter().map(Quoted::length).sum();
                let all = [&quotes, &lead(text, room), &random(text, room)];
                tally.add(all.map(|quotes| told(quotes, reference)));
            }
            let [told, lead, random] = tally.means();
            println!("| {name} | {} | {kept} | {told:.3} | {lead:.3} | {random:.3} |", documents.len());
        }
    }
}

/// Questions asked of their own documents as a person asks them; no setting was chosen on these.
fn answers(longhand: &Longhand, data: &Path, model: &Path) {
    println!(
        "| questions | n | evidence quoted | answer holds the expected one | a quote holds it | not found |"
    );
    println!("|---|---|---|---|---|---|");
    let sets = [
        ("XQuAD English", cases::passages(&data.join("xquad/xquad.en.dev.json.gz"))),
        ("LooGLE short dependency", cases::articles(&data.join("loogle/shortdep_qa.jsonl.gz"))),
    ];
    for (name, cases) in sets {
        let cases = sample(&cases);
        let mut tally = Tally::default();
        let mut refused = 0;
        for case in &cases {
            longhand.document(&case.text);
            let reply = longhand.ask(&longhand.document_path(), &case.question, model);
            refused += usize::from(reply.answer == "not found");
            let share = |right: bool| f64::from(u8::from(right));
            let answered = contains(&reply.answer, &case.answer);
            let quoted = reply.quotes.iter().any(|quote| contains(&quote.text, &case.answer));
            tally.add([case.found_by(&reply.quotes), share(answered), share(quoted)]);
            println!("<!-- {} => {} (expected: {}) -->", case.question, reply.answer, case.answer);
        }
        let [evidence, answered, quoted] = tally.means();
        println!("| {name} | {} | {evidence:.3} | {answered:.3} | {quoted:.3} | {refused} |", cases.len());
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
