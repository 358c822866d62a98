//! What is computed once for several requests: on a pass without weights, and on the tiny model.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use tokio::runtime::Runtime;

use super::serving::{alone, tokens, what};
use super::tiny::model;
use super::toy::{Asked, Toy, ask, run, said, scheduler, writing};
use crate::local::serving::{Outcome, Scheduler, Task};
use crate::local::tokenizer::TokenId;
use crate::local::{LocalModel, LocalOptions};
use crate::model::{ChatModel, ChatRequest, Message, TokenSink};
use crate::text::TokenCount;

fn answer(scheduler: &mut Scheduler, prompt: Vec<TokenId>, task: Task) -> Outcome {
    let (job, mut waits) = ask(prompt, task);
    scheduler.submit(job);
    run(scheduler);
    waits.answer().unwrap().unwrap()
}

#[test]
fn requests_with_one_long_prompt_that_come_together_compute_it_once() {
    let toy = Toy::new(64);
    let seen = Arc::clone(&toy.seen);
    let mut together = scheduler(toy, 8, false);
    let mut asked = Vec::new();
    for serial in 0..6 {
        let (job, waits) = ask([tokens(1, 1000), tokens(serial, 30)].concat(), writing(5, None));
        together.submit(job);
        asked.push(waits);
    }
    run(&mut together);
    let cached = |waits: &mut Asked| waits.answer().unwrap().unwrap().cached;
    let cached: Vec<usize> = asked.iter_mut().map(cached).collect();
    assert_eq!(cached, [0, 960, 960, 960, 960, 960]);
    assert_eq!(seen.tokens.load(Ordering::Relaxed), 1030 + 5 * 70 + 6 * 4);
}

#[test]
fn what_was_answered_is_kept_for_the_next_prompt() {
    let mut together = scheduler(Toy::new(64), 8, false);
    let prompt = tokens(1, 100);
    let scored = answer(&mut together, prompt.clone(), Task::Score(tokens(2, 100)));
    let first = answer(&mut together, prompt.clone(), writing(100, None));
    // What was scored is no part of a conversation.
    assert_eq!((scored.cached, first.cached), (0, 64));
    let next = [prompt, said(&first.text), tokens(5, 10)].concat();
    assert_eq!(next.len(), 210);
    assert_eq!(answer(&mut together, next, writing(1, None)).cached, 192);
}

#[test]
fn the_last_token_of_an_answer_is_not_computed_and_its_page_not_kept() {
    for (output, kept) in [(91, 128), (92, 128), (93, 192)] {
        let mut together = scheduler(Toy::new(64), 8, true);
        let prompt = tokens(1, 100);
        let first = answer(&mut together, prompt.clone(), writing(output, None));
        let next = [prompt, said(&first.text), tokens(5, 70)].concat();
        let second = answer(&mut together, next.clone(), writing(20, None));
        assert_eq!(second.cached, kept, "{output}");
        assert_eq!(what(&second), what(&alone(ask(next, writing(20, None)))));
    }
}

fn load(options: &LocalOptions) -> (tempfile::TempDir, LocalModel, Runtime) {
    let (dir, path) = model();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    (dir, LocalModel::load(&path, options).unwrap(), runtime)
}

fn request(messages: Vec<Message>, max_output: u64) -> ChatRequest {
    ChatRequest::new(messages, TokenCount(max_output))
}

#[test]
fn a_chat_computes_only_what_is_new() {
    let (_dir, model, runtime) = load(&LocalOptions { ignore_end: true, ..LocalOptions::default() });
    let mut messages = vec![Message::user("the whale and the sea, ".repeat(20))];
    let mut before = 0;
    for _ in 0..3 {
        let answer = runtime.block_on(model.chat(&request(messages.clone(), 40), None)).unwrap();
        let usage = answer.usage;
        assert!(usage.cached_prompt_tokens.0 + 64 > before, "{usage:?} after {before}");
        // The words of the answer may become other tokens: all before them is there in any case.
        before = usage.prompt_tokens.0;
        messages.extend([Message::assistant(answer.text), Message::user("and then")]);
    }
}

#[test]
fn answers_that_are_written_together_are_those_that_are_written_alone() {
    let options = LocalOptions { sequences: Some(5), ..LocalOptions::default() };
    let (_dir, model, runtime) = load(&options);
    assert_eq!(model.limits().concurrency, 5);
    let start = "the whale in the sea and the user ".repeat(15);
    let ask = |serial: usize| request(vec![Message::user(format!("{start}{serial}"))], 40);
    let requests: Vec<ChatRequest> = (0..9).map(ask).collect();
    let together = futures::future::join_all(requests.iter().map(|request| model.chat(request, None)));
    let together = runtime.block_on(together);
    let shared = together.iter().filter(|answer| answer.as_ref().unwrap().usage.cached_prompt_tokens.0 > 200);
    assert_eq!(shared.count(), 8, "{together:?}");
    // Alone, without guesses, and with no more memory than for one window.
    let narrow = LocalOptions { sequences: Some(1), lookup: Some(false), kv_bytes: Some(1), ..options };
    let (_dir, model, runtime) = load(&narrow);
    for (request, answer) in requests.iter().zip(together) {
        let alone = runtime.block_on(model.chat(request, None)).unwrap();
        // candle rounds differently in steps of other lengths, which could show in the text with other weights than these: it takes
        // a pass that keeps its promise for this to hold always.
        assert_eq!(alone.text, answer.unwrap().text);
    }
}

/// A reader who takes nothing more before another has finished.
struct Slow(std::sync::Mutex<Option<mpsc::Receiver<()>>>);

impl TokenSink for Slow {
    fn token(&self, _: &str) {
        if let Some(wait) = self.0.lock().unwrap().take() {
            wait.recv().unwrap();
        }
    }
}

#[test]
fn who_reads_slowly_makes_nobody_wait() {
    let (_dir, model, runtime) = load(&LocalOptions { ignore_end: true, ..LocalOptions::default() });
    let (done, wait) = mpsc::channel();
    let slow = Slow(std::sync::Mutex::new(Some(wait)));
    let (long, short) =
        (request(vec![Message::user("the sea")], 300), request(vec![Message::user("and")], 200));
    std::thread::scope(|scope| {
        // Gone with a failure, so that nobody waits for ever.
        let done = done;
        let first = scope.spawn(|| runtime.block_on(model.chat(&long, Some(&slow))));
        runtime.block_on(model.chat(&short, None)).unwrap();
        done.send(()).unwrap();
        assert_eq!(first.join().unwrap().unwrap().usage.completion_tokens, TokenCount(300));
    });
}
