//! What reasoning in rounds takes beside one long chain, on the local model: time, memory, and keys and values.
//!
//!     cargo bench --no-default-features --features local --bench rounds -- MODEL ROUNDS SEGMENT SUMMARY
//!     cargo bench --no-default-features --features local --bench rounds -- MODEL chain TOKENS
//!
//! MODEL is a GGUF file. The first runs the shipped workflow `inftythink` through the engine, with a journal on the disk: ROUNDS
//! rounds of SEGMENT tokens, each of which is asked for a summary of SUMMARY tokens, because it is cut. The second writes one answer of
//! TOKENS tokens. Both are forced past the token that would end the answer. Each prints one line of JSON and is a process of
//! its own, so that peaks of memory can be told apart.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that cannot run says so and stops"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use longhand::agent::Models;
use longhand::graph;
use longhand::intake::{self, Input};
use longhand::local::{LocalModel, LocalOptions};
use longhand::model::{ChatModel, ChatRequest, Message, Sampling};
use longhand::report::Contexts;
use longhand::run::{Event, ModelRecord, Plan, Purpose};
use longhand::schedule::{Stop, drive};
use longhand::spec::Catalog;
use longhand::step::{RunContext, take_in};
use longhand::store::{Durability, Ledger, Store};
use longhand::text::TokenCount;
use serde_json::json;

const QUESTION: &str =
    "How many ways are there to put eight queens on a chess board so that none attacks another?";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse::<u64>().expect("a number");
    let options = LocalOptions { ignore_end: true, ..LocalOptions::default() };
    let load = |path: &str| LocalModel::load(Path::new(path), &options).expect("a model");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match words[..] {
        [model, "chain", tokens] => runtime.block_on(chain(load(model), number(tokens))),
        [model, rounds, segment, summary] => {
            runtime.block_on(in_rounds(load(model), [rounds, segment, summary].map(number)));
        }
        _ => println!("skipped: see the first lines of benches/rounds.rs"),
    }
}

/// As the agent of the workflow samples.
fn sampling() -> Sampling {
    Sampling { temperature: 0.7, top_p: 0.95, ..Sampling::default() }
}

async fn chain(model: LocalModel, tokens: u64) {
    let kv_bytes = model.kv_bytes().expect("a local model tells it");
    let before = resident();
    let request = ChatRequest {
        sampling: sampling(),
        ..ChatRequest::new(vec![Message::user(QUESTION)], TokenCount(tokens))
    };
    let begun = Instant::now();
    let answer = model.chat(&request, None).await.expect("an answer");
    let held = answer.usage.prompt_tokens.0 + answer.usage.completion_tokens.0;
    println!(
        "{}",
        json!({
            "what": "one chain", "seconds": begun.elapsed().as_secs_f64(), "generated": answer.usage.completion_tokens,
            "largest_context": held, "kv_mb": (held * kv_bytes) as f64 / 1e6, "grown_mb": grown(before),
        })
    );
}

async fn in_rounds(model: LocalModel, [rounds, segment, summary]: [u64; 3]) {
    let (kv_bytes, before) = (model.kv_bytes().expect("a local model tells it"), resident());
    let workflow =
        graph::compile(&Catalog::load(None).expect("a catalogue"), "inftythink").expect("a workflow");
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    let run = "measured".parse().expect("a name");
    let journal = store.create_run(&run, Durability::Kill).expect("a journal");
    let spool = journal.spool().to_owned();
    let ledger = Ledger::open(journal).expect("a ledger");
    let plan = Plan {
        inputs: [
            ("question", QUESTION.to_owned()),
            ("most_rounds", rounds.to_string()),
            ("segment", segment.to_string()),
            ("summary", summary.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        purpose: Purpose::Together,
        ..Plan::new("inftythink".to_owned(), workflow.hash(), "local".to_owned(), model.identity().to_owned())
    };
    let record = ModelRecord { window: model.limits().context, kv_bytes: Some(kv_bytes) };
    let models = Box::new([(model.identity().to_owned(), record)].into());
    ledger
        .record(&Event::Started { run: run.clone(), plan: plan.clone(), at_ms: 0, models })
        .expect("a record");
    let question = Input::Stdin(Box::new(QUESTION.as_bytes()));
    let gathered = intake::gather([question], &spool);
    take_in(&ledger, &gathered).expect("a document");
    let stop = Stop::default();
    let (models, drain) = (Models::new(Arc::new(model)), stop.drain.clone());
    let context = RunContext::new(workflow, plan, gathered.documents, models, ledger, drain);
    let context = Arc::new(context);
    let begun = Instant::now();
    drive(&context, &stop).await.expect("a run");
    let seconds = begun.elapsed().as_secs_f64();
    let reader = store.read_run(&run).expect("a run");
    let events: Vec<Event> = reader.entries().map(|entry| entry.expect("a record").1).collect();
    let contexts = Contexts::of(run.as_str(), Some(&context.workflow), &events);
    let generated: u64 = contexts.calls.iter().map(|call| call.completion_tokens.0).sum();
    let largest = contexts.calls_took.peak_tokens.0;
    println!(
        "{}",
        json!({
            "what": "rounds", "seconds": seconds, "generated": generated, "calls": contexts.calls.len(),
            "largest_context": largest, "kv_mb": (largest * kv_bytes) as f64 / 1e6, "grown_mb": grown(before),
            "pairs": contexts.calls_took.pairs, "pairs_of_one_chain": contexts.chain_took.map(|took| took.pairs),
        })
    );
}

/// The most bytes that the process had in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number =
        line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse::<u64>().ok());
    number.unwrap_or_default() * 1024
}

fn grown(before: u64) -> f64 {
    resident().saturating_sub(before) as f64 / 1e6
}
