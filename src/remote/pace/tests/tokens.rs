//! Limits of tokens: they are used up and not passed, whatever requests are charged before they are made.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::endpoint::{Endpoint, KINDS, Tells};
use super::load::{Size, limits, refused, run};
use crate::remote::pace::{Pace, Told};
use crate::text::TokenCount;

const MANY: u64 = 1_000_000;

async fn meets_the_aim(limit: u64, size: Size, told: bool) {
    for kind in KINDS {
        let tells = if told { Tells::Limits } else { Tells::Wait };
        let endpoint = Endpoint::new(kind, MANY, Some(limit), tells);
        let tallies = run(limits(Some(MANY), (!told).then_some(limit)), endpoint, 5, size).await;
        let used = tallies.iter().map(|tally| tally.tokens).sum::<u64>() * 100 / (limit * 5);
        let refused = refused(&tallies);
        assert!(used >= 95, "{kind:?} {limit} {size:?}: {used} % used of {tallies:?}");
        assert!(refused <= 10, "{kind:?} {limit} {size:?}: {refused} per mille refused of {tallies:?}");
    }
}

/// What is left of an estimate is a part of it, as answers are shorter than the longest.
const HALF: Size = Size { estimate: 1_000, least: 300, most: 900, by_estimate: false };

#[tokio::test(start_paused = true)]
async fn limits_of_the_settings_are_used_up() {
    meets_the_aim(60_000, HALF, false).await;
    meets_the_aim(600_000, HALF, false).await;
}

#[tokio::test(start_paused = true)]
async fn limits_of_the_headers_are_used_up() {
    meets_the_aim(60_000, HALF, true).await;
    meets_the_aim(600_000, HALF, true).await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_counts_estimates_is_believed() {
    let size = Size { by_estimate: true, ..HALF };
    meets_the_aim(200_000, size, true).await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_counts_estimates_and_tells_nothing_is_found_out() {
    let size = Size { by_estimate: true, ..HALF };
    for kind in KINDS {
        let endpoint = Endpoint::new(kind, MANY, Some(200_000), Tells::Wait);
        let tallies = run(limits(Some(MANY), Some(200_000)), endpoint, 8, size).await;
        let used = tallies.iter().map(|tally| tally.tokens).sum::<u64>() * 100 / (200_000 * 8);
        let refused = refused(&tallies);
        assert!(used >= 90 && refused <= 10, "{kind:?}: {used} % used, {refused} per mille refused");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_above_the_limit_goes_alone_and_not_never() {
    let pace = Arc::new(Pace::new(limits(None, Some(1_000))));
    let begun = Instant::now();
    let mut at = Vec::new();
    for tokens in [10, 50_000, 10, u64::MAX] {
        let admission = pace.admit(TokenCount(tokens)).await;
        at.push(begun.elapsed().as_secs());
        admission.answered(&Told::default(), None);
    }
    assert_eq!(at, [0, 60, 121, 182]);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_used_is_there_for_the_next() {
    let pace = Arc::new(Pace::new(limits(None, Some(60_000))));
    let begun = Instant::now();
    for _ in 0..100 {
        let admission = pace.admit(TokenCount(20_000)).await;
        admission.answered(&Told::default(), Some(TokenCount(100)));
    }
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
}
