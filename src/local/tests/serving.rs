//! Many requests at once over a pass without weights: each has the answer that it has alone, whatever happens around it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::toy::{Asked, Seen, Toy, ask, run, said, scheduler, writing};
use crate::local::pass::PAGE;
use crate::local::serving::{Job, Outcome, Scheduler, Task};
use crate::local::tokenizer::TokenId;

/// Tokens that follow from a seed.
pub(super) fn tokens(seed: u32, count: usize) -> Vec<TokenId> {
    (0..count).map(|at| 3 + (u32::try_from(at).unwrap() * 37 + seed * 101 + seed * seed) % 200).collect()
}

/// The answer of a request that is the only one ever asked.
pub(super) fn alone((job, mut asked): (Job, Asked)) -> Outcome {
    let mut scheduler = scheduler(Toy::new(64), 1, false);
    scheduler.submit(job);
    run(&mut scheduler);
    asked.answer().unwrap().unwrap()
}

pub(super) fn what(outcome: &Outcome) -> (&str, u64, Vec<u32>) {
    (&outcome.text, outcome.completion, outcome.scores.iter().map(|score| score.to_bits()).collect())
}

/// A request of a plan.
#[derive(Debug, Clone)]
struct Planned {
    /// The beginning of the prompt, which others share, or the request whose prompt and answer it begins with.
    beginning: u32,
    shared: usize,
    after: Option<usize>,
    own: usize,
    /// What follows the prompt.
    kind: u8,
    output: u64,
    /// Before which step it comes.
    comes: usize,
    /// How many steps later nobody waits for it any more.
    cancelled: Option<usize>,
}

impl Planned {
    fn prompt(&self, serial: u32) -> Vec<TokenId> {
        [tokens(self.beginning, self.shared), tokens(100 + serial, self.own)].concat()
    }

    fn task(&self, serial: u32) -> Task {
        match self.kind {
            0 => {
                let long = [tokens(1, 3), tokens(3, 90)].concat();
                Task::Choose(vec![tokens(1, 5), tokens(2, 2), long, tokens(1, 3)])
            }
            1 => Task::Score(tokens(serial, usize::try_from(self.output).unwrap())),
            2 => writing(self.output, Some(u64::from(serial))),
            _ => writing(self.output, None),
        }
    }

    fn ask(&self, serial: u32, prompt: &[TokenId]) -> (Job, Asked) {
        ask(prompt.to_vec(), self.task(serial))
    }
}

fn planned() -> impl Strategy<Value = Planned> {
    let length = prop_oneof![Just(0), Just(PAGE), Just(3 * PAGE), 0..400usize];
    let after = prop::option::of(0..8usize);
    let cancelled = prop::option::weighted(0.3, 0..40usize);
    (0..3u32, length, after, 1..90usize, 0..6u8, 0..150u64, 0..60usize, cancelled).prop_map(
        |(beginning, shared, after, own, kind, output, comes, cancelled)| Planned {
            beginning,
            shared,
            after,
            own,
            kind,
            output,
            comes,
            cancelled,
        },
    )
}

/// Returns the prompt of each request with what it comes to where it is the only one that was ever asked.
fn expected(plan: &[Planned], budget: usize, repetitive: bool) -> Vec<(Vec<TokenId>, Outcome)> {
    let mut expected: Vec<(Vec<TokenId>, Outcome)> = Vec::new();
    for (serial, one) in (0..).zip(plan) {
        let mut prompt = one.prompt(serial);
        if let Some((before, outcome)) = one.after.and_then(|after| expected.get(after)) {
            let longer = [before.as_slice(), &said(&outcome.text), &tokens(100 + serial, one.own)].concat();
            // What can never fit is refused, which is another test.
            if longer.len() + 200 <= budget * PAGE {
                prompt = longer;
            }
        }
        let mut only = scheduler(Toy::new(64).repeating(repetitive), 1, false);
        let (job, mut waits) = one.ask(serial, &prompt);
        only.submit(job);
        run(&mut only);
        expected.push((prompt, waits.answer().unwrap().unwrap()));
    }
    expected
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
        let expected = expected(&plan, budget, repetitive);
        let toy = Toy::new(budget).repeating(repetitive);
        let seen = Arc::clone(&toy.seen);
        let mut together = scheduler(toy, sequences, true);
        let mut asked: Vec<Option<Asked>> = plan.iter().map(|_| None).collect();
        for step in 0..=100 {
            for ((serial, one), (slot, (prompt, _))) in (0..).zip(&plan).zip(asked.iter_mut().zip(&expected)) {
                if one.comes == step {
                    let (job, waits) = one.ask(serial, prompt);
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
        }
        run(&mut together);
        check_left(&together, &seen, budget);
        prop_assert!(seen.sequences.load(Ordering::Relaxed) <= sequences);
        for ((one, (_, expected)), waits) in plan.iter().zip(&expected).zip(asked) {
            let Some(answer) = waits.unwrap().answer() else {
                prop_assert!(one.cancelled.is_some());
                continue;
            };
            let answer = answer.unwrap();
            prop_assert_eq!(what(&answer), what(expected), "{:?}", one);
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
            after: None,
            own: 1 + serial as usize % 70,
            kind: u8::try_from(serial % 5).unwrap(),
            output: u64::from(20 + serial % 30),
            comes: 0,
            cancelled: None,
        };
        let (job, waits) = one.ask(serial, &one.prompt(serial));
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
        assert_eq!(what(&answer), what(&alone(one.ask(serial, &one.prompt(serial)))));
    }
}
