//! Who gets what of the steps and of the memory, and what becomes of the others where something goes wrong, over a pass without
//! weights.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::serving::{alone, tokens, what};
use super::toy::{Asked, BROKEN, POISON, Toy, ask, overpromised, run, scheduler, writing};
use crate::local::serving::Scheduler;
use crate::local::tokenizer::TokenId;
use crate::model::ModelError;

#[test]
fn a_request_that_is_dropped_frees_its_pages_in_the_next_step() {
    let mut together = scheduler(Toy::new(8), 8, false);
    let (job, mut first) = ask(tokens(1, 300), writing(200, None));
    together.submit(job);
    for _ in 0..10 {
        together.step();
    }
    // All eight pages are promised, so the next one waits.
    let (job, mut second) = ask(tokens(2, 10), writing(2, None));
    together.submit(job);
    together.step();
    assert_eq!((first.pieces() > 5, second.pieces()), (true, 0));
    first.cancel.store(true, Ordering::Relaxed);
    together.step();
    assert_eq!((first.pieces(), second.pieces()), (0, 1));
    run(&mut together);
    assert_eq!(second.answer().unwrap().unwrap().completion, 2);
    assert!(first.answer().is_none());
}

#[test]
fn answers_go_on_while_a_long_prompt_is_read() {
    let mut together = scheduler(Toy::new(128), 8, false);
    let (job, mut writes) = ask(tokens(1, 10), writing(100, None));
    together.submit(job);
    together.step();
    let (job, mut reads) = ask(tokens(2, 2000), writing(10, None));
    together.submit(job);
    for step in 1..=10 {
        together.step();
        assert!(writes.pieces() >= 1, "step {step}");
    }
    // 192 tokens in each step, beside the one that is written.
    assert_eq!(reads.pieces(), 0);
    together.step();
    assert_eq!(reads.pieces(), 1);
}

#[test]
fn what_is_wrong_with_one_request_is_its_own_matter() {
    let mut together = scheduler(Toy::new(64), 8, true);
    let mut ask_for = |prompt: Vec<TokenId>| {
        let (job, waits) = ask(prompt, writing(30, None));
        together.submit(job);
        waits
    };
    let mut good = ask_for(tokens(1, 100));
    let mut poisoned = ask_for([tokens(1, 90), vec![POISON]].concat());
    let mut empty = ask_for(Vec::new());
    run(&mut together);
    assert_eq!(what(&good.answer().unwrap().unwrap()), what(&alone(ask(tokens(1, 100), writing(30, None)))));
    let said = |asked: &mut Asked| asked.answer().unwrap().unwrap_err().to_string();
    insta::assert_snapshot!(said(&mut poisoned), @"the model failed while computing: some logits are not numbers; the weights may be damaged");
    insta::assert_snapshot!(said(&mut empty), @"the model failed while computing: the prompt is empty");
    assert_eq!(together.available_pages(), 64);
}

#[test]
fn a_step_that_fails_ends_its_requests_and_no_others() {
    let mut together = scheduler(Toy::new(64), 8, true);
    let (job, mut good) = ask(tokens(1, 100), writing(30, None));
    let (bad, mut broken) = ask([tokens(1, 99), vec![BROKEN]].concat(), writing(30, None));
    let (later, mut waiting) = ask(tokens(1, 100), writing(30, None));
    together.submit(job);
    together.submit(bad);
    run(&mut together);
    let said = |asked: &mut Asked| asked.answer().unwrap().unwrap_err().to_string();
    insta::assert_snapshot!(said(&mut good), @"the model failed while computing: the step is broken");
    insta::assert_snapshot!(said(&mut broken), @"the model failed while computing: the step is broken");
    together.submit(later);
    run(&mut together);
    assert_eq!(
        what(&waiting.answer().unwrap().unwrap()),
        what(&alone(ask(tokens(1, 100), writing(30, None))))
    );
    assert_eq!(together.available_pages(), 64);
}

#[test]
fn a_request_that_can_never_fit_is_refused_with_the_numbers() {
    let mut together = scheduler(Toy::new(4), 8, true);
    let (job, mut waits) = ask(tokens(1, 200), writing(57, None));
    together.submit(job);
    assert!(together.is_idle());
    let error = waits.answer().unwrap().unwrap_err();
    assert!(matches!(error, ModelError::PromptTooLong { .. }));
    insta::assert_snapshot!(error, @"the prompt has 200 tokens and its answer needs 57: 1 more than the window of 256 holds");
}

#[test]
fn where_memory_ends_earlier_than_was_said_the_engine_goes_on_with_what_there_is() {
    let toy = Toy::new(20);
    let seen = Arc::clone(&toy.seen);
    let mut together = overpromised(toy, 400);
    let ask_for = |together: &mut Scheduler, seed: u32| {
        let (job, waits) = ask(tokens(seed, 900), writing(5, None));
        together.submit(job);
        waits
    };
    let mut both = [ask_for(&mut together, 1), ask_for(&mut together, 2)];
    run(&mut together);
    let answers = both.each_mut().map(|waits| waits.answer().unwrap().is_ok());
    assert!(answers.contains(&false), "{answers:?}");
    // Now one waits for the other.
    let mut both = [ask_for(&mut together, 3), ask_for(&mut together, 4)];
    run(&mut together);
    for waits in &mut both {
        assert!(waits.answer().unwrap().is_ok());
    }
    assert!(seen.room.load(Ordering::Relaxed) <= 20);
}

#[test]
fn guesses_save_steps_and_change_nothing() {
    let steps_and_text = |lookup: bool| {
        let toy = Toy::new(64).repeating(true);
        let seen = Arc::clone(&toy.seen);
        let mut scheduler = scheduler(toy, 8, lookup);
        let (job, mut waits) = ask(tokens(1, 200), writing(400, None));
        scheduler.submit(job);
        run(&mut scheduler);
        (seen.steps.load(Ordering::Relaxed), waits.answer().unwrap().unwrap().text)
    };
    let ((with, same), (without, text)) = (steps_and_text(true), steps_and_text(false));
    assert_eq!(same, text);
    assert_eq!(without, 400);
    assert!(with * 3 < without * 2, "{with} steps");
}
