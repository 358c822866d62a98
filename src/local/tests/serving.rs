//! Many requests at once over a pass without weights: each has the answer that it has alone, whatever happens around it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::toy::{Asked, BROKEN, POISON, Seen, Toy, ask, overpromised, run, scheduler, writing};
use crate::local::pass::PAGE;
use crate::local::serving::{Job, Outcome, Scheduler, Task};
use crate::local::tokenizer::TokenId;
use crate::model::ModelError;

/// Tokens that follow from a seed.
fn tokens(seed: u32, count: usize) -> Vec<TokenId> {
    (0..count).map(|at| 3 + (u32::try_from(at).unwrap() * 37 + seed * 101 + seed * seed) % 200).collect()
}

/// The answer of a request that is the only one ever asked.
fn alone((job, mut asked): (Job, Asked)) -> Outcome {
    let mut scheduler = scheduler(Toy::new(64), 1, false);
    scheduler.submit(job);
    run(&mut scheduler);
    asked.answer().unwrap().unwrap()
}

fn what(outcome: &Outcome) -> (&str, u64, Vec<u32>) {
    (&outcome.text, outcome.completion, outcome.scores.iter().map(|score| score.to_bits()).collect())
}

/// A request of a plan: its prompt, what follows it, before which step it comes, and after how many steps nobody waits for it.
#[derive(Debug, Clone)]
struct Planned {
    beginning: u32,
    shared: usize,
    own: usize,
    kind: u8,
    output: u64,
    comes: usize,
    cancelled: Option<usize>,
}

impl Planned {
    fn ask(&self, serial: u32) -> (Job, Asked) {
        let mut prompt = tokens(self.beginning, self.shared);
        prompt.extend(tokens(100 + serial, self.own));
        let task = match self.kind {
            0 => Task::Choose(vec![
                tokens(1, 5),
                tokens(2, 2),
                [tokens(1, 3), tokens(3, 90)].concat(),
                tokens(1, 3),
            ]),
            1 => Task::Score(tokens(serial, usize::try_from(self.output).unwrap())),
            2 => writing(self.output, Some(u64::from(serial))),
            _ => writing(self.output, None),
        };
        ask(prompt, task)
    }
}

fn planned() -> impl Strategy<Value = Planned> {
    let length = prop_oneof![Just(0), Just(PAGE), Just(3 * PAGE), 0..400usize];
    (0..3u32, length, 1..90usize, 0..6u8, 0..150u64, 0..60usize, prop::option::weighted(0.3, 0..40usize))
        .prop_map(|(beginning, shared, own, kind, output, comes, cancelled)| Planned {
            beginning,
            shared,
            own,
            kind,
            output,
            comes,
            cancelled,
        })
}

/// Holds what is left behind against what there may be.
fn check_left(scheduler: &Scheduler, seen: &Seen, budget: usize) {
    assert!(scheduler.is_idle());
    assert_eq!(scheduler.available_pages(), budget, "every page is free or kept");
    assert!(seen.room.load(Ordering::Relaxed) <= budget);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_that_of_the_request_alone(
        plan in prop::collection::vec(planned(), 1..14),
        budget in 10..40usize,
        sequences in 1..7usize,
        repetitive: bool,
    ) {
        let toy = Toy::new(budget).repeating(repetitive);
        let seen = Arc::clone(&toy.seen);
        let mut together = scheduler(toy, sequences, true);
        let mut asked: Vec<Option<Asked>> = plan.iter().map(|_| None).collect();
        for step in 0.. {
            for ((serial, one), slot) in (0..).zip(&plan).zip(&mut asked) {
                if one.comes == step {
                    let (job, waits) = one.ask(serial);
                    together.submit(job);
                    *slot = Some(waits);
                }
                if let (Some(after), Some(waits)) = (one.cancelled, slot.as_ref())
                    && step == one.comes + after
                {
                    waits.cancel.store(true, Ordering::Relaxed);
                }
            }
            together.step();
            if step > 60 && together.is_idle() {
                break;
            }
        }
        check_left(&together, &seen, budget);
        prop_assert!(seen.sequences.load(Ordering::Relaxed) <= sequences);
        for ((serial, one), waits) in (0..).zip(&plan).zip(asked) {
            let Some(answer) = waits.unwrap().answer() else {
                prop_assert!(one.cancelled.is_some());
                continue;
            };
            let mut only = scheduler(Toy::new(64).repeating(repetitive), 1, false);
            let (job, mut waits) = one.ask(serial);
            only.submit(job);
            run(&mut only);
            let (answer, expected) = (answer.unwrap(), waits.answer().unwrap().unwrap());
            prop_assert_eq!(what(&answer), what(&expected), "{:?}", one);
            prop_assert!(answer.cached.is_multiple_of(PAGE));
        }
    }
}

#[test]
fn a_thousand_requests_that_nobody_waits_for_harm_nobody() {
    let toy = Toy::new(48);
    let seen = Arc::clone(&toy.seen);
    let mut together = scheduler(toy, 8, true);
    let mut kept = Vec::new();
    for serial in 0..1000 {
        let one = Planned {
            beginning: serial % 3,
            shared: 150,
            own: 1 + serial as usize % 70,
            kind: u8::try_from(serial % 5).unwrap(),
            output: u64::from(20 + serial % 30),
            comes: 0,
            cancelled: None,
        };
        let (job, waits) = one.ask(serial);
        together.submit(job);
        if serial % 10 == 0 {
            kept.push((one, serial, waits));
        } else {
            // Some before they begin, some while they read, some while they write.
            for _ in 0..serial % 4 {
                together.step();
            }
            waits.cancel.store(true, Ordering::Relaxed);
        }
    }
    run(&mut together);
    check_left(&together, &seen, 48);
    for (one, serial, mut waits) in kept {
        let answer = waits.answer().unwrap().unwrap();
        assert_eq!(what(&answer), what(&alone(one.ask(serial))));
    }
}

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
    let cached: Vec<usize> = asked.iter_mut().map(|waits| waits.answer().unwrap().unwrap().cached).collect();
    assert_eq!(cached, [0, 960, 960, 960, 960, 960]);
    assert_eq!(seen.tokens.load(Ordering::Relaxed), 1030 + 5 * 70 + 6 * 4);
}

#[test]
fn what_was_answered_is_kept_for_the_next_prompt() {
    let mut together = scheduler(Toy::new(64), 8, false);
    let prompt = tokens(1, 100);
    let (job, mut waits) = ask(prompt.clone(), Task::Score(tokens(2, 100)));
    together.submit(job);
    run(&mut together);
    let scored = waits.answer().unwrap().unwrap();
    let (job, mut waits) = ask(prompt.clone(), writing(100, None));
    together.submit(job);
    run(&mut together);
    let answer = waits.answer().unwrap().unwrap();
    // What was scored is no part of a conversation.
    assert_eq!((scored.cached, answer.cached), (0, 64));
    let said = vocabulary_ids(&answer.text);
    assert_eq!(said.len(), 100);
    let (job, mut waits) = ask([prompt, said, tokens(5, 10)].concat(), writing(1, None));
    together.submit(job);
    run(&mut together);
    assert_eq!(waits.answer().unwrap().unwrap().cached, 192);
}

/// The tokens that the toy said: each stands for one byte of ASCII.
fn vocabulary_ids(text: &str) -> Vec<TokenId> {
    super::toy::vocabulary().plain(text).unwrap()
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
    insta::assert_snapshot!(said(&mut poisoned), @"the model failed while computing: 272 of 272 logits are not numbers; the weights may be damaged");
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
