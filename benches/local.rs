//! Speed of the local engine on a real model: reading a prompt, writing an answer, counting tokens.
//!
//! `LONGHAND_MODEL` names the model file; without one every benchmark says that it was skipped. Items per second are
//! tokens per second.

#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a benchmark that cannot run says so and stops"
)]

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use divan::counter::{BytesCount, ItemsCount};
use longhand::local::{LocalModel, LocalOptions};
use longhand::model::{ChatModel, ChatRequest, Message, OutputForm};
use longhand::text::TokenCount;

/// Tokens that are written to measure writing.
const WRITTEN: u64 = 64;

fn main() {
    divan::main();
}

fn model() -> Option<&'static LocalModel> {
    static MODEL: OnceLock<Option<LocalModel>> = OnceLock::new();
    let load = || {
        let path = std::env::var_os("LONGHAND_MODEL").map(PathBuf::from);
        let model = path.map(|path| LocalModel::load(&path, &LocalOptions::default()));
        match model {
            Some(Ok(model)) => return Some(model),
            Some(Err(error)) => eprintln!("skipped: {error}"),
            None => eprintln!("skipped: `LONGHAND_MODEL` names no model file"),
        }
        None
    };
    MODEL.get_or_init(load).as_ref()
}

/// A prompt of exactly `tokens` tokens that begins like no other, so that nothing computed before helps.
fn prompt(model: &LocalModel, tokens: u64) -> Vec<Message> {
    static SERIAL: AtomicUsize = AtomicUsize::new(0);
    let mut text = format!("{} ", SERIAL.fetch_add(1, Ordering::Relaxed));
    let mut messages = vec![Message::user(text.clone())];
    let words = ["the", "whale", "and", "a", "long", "sea", "of", "night"];
    for word in words.iter().cycle() {
        let have = model.prompt_tokens(&messages).expect("the prompt renders").0;
        if have >= tokens {
            break;
        }
        // Many words at once while far from the end, then one by one.
        for _ in 0..((tokens - have) / 4).max(1) {
            text.push(' ');
            text.push_str(word);
        }
        messages = vec![Message::user(text.clone())];
    }
    messages
}

fn ask(model: &LocalModel, messages: Vec<Message>, max_output: u64) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
    // A text that may not end before it is long: the model cannot finish early and so look fast.
    let output = OutputForm::Json(serde_json::json!({ "type": "string", "minLength": 10_000 }));
    let request = ChatRequest { output, ..ChatRequest::new(messages, TokenCount(max_output)) };
    let answer = runtime.block_on(model.chat(&request, None)).expect("the model answers");
    answer.usage.completion_tokens.0
}

#[divan::bench(args = [512, 2048, 6000], sample_count = 3, sample_size = 1)]
fn read(bencher: divan::Bencher<'_, '_>, tokens: u64) {
    let Some(model) = model() else { return };
    bencher
        .counter(ItemsCount::new(tokens))
        .with_inputs(|| prompt(model, tokens))
        .bench_values(|messages| ask(model, messages, 1));
}

/// The prompt's whole steps are still in the cache, so that all the time goes into writing.
#[divan::bench(args = [513, 2049], sample_count = 3, sample_size = 1)]
fn write(bencher: divan::Bencher<'_, '_>, after: u64) {
    let Some(model) = model() else { return };
    let messages = prompt(model, after);
    ask(model, messages.clone(), 1);
    bencher
        .counter(ItemsCount::new(WRITTEN))
        .with_inputs(|| messages.clone())
        .bench_values(|messages| ask(model, messages, WRITTEN));
}

#[divan::bench(sample_count = 10)]
fn count(bencher: divan::Bencher<'_, '_>) {
    let Some(model) = model() else { return };
    let text = include_str!("../src/local/engine.rs").repeat(20);
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| model.counter().count(&text));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn load() {
    if let Some(path) = std::env::var_os("LONGHAND_MODEL") {
        drop(LocalModel::load(&PathBuf::from(path), &LocalOptions::default()));
    }
}
