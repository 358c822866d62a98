//! A limit that is known, by the settings or by the headers: it is used up and not passed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::endpoint::{Endpoint, KINDS, Kind, Tells};
use super::load::{SMALL, limits, refused, run, used};
use crate::remote::pace::{Pace, PaceLimits};
use crate::text::TokenCount;

async fn meets_the_aim(limit: u64, told: bool) {
    for kind in KINDS {
        let tells = if told { Tells::Limits } else { Tells::Wait };
        let endpoint = Endpoint::new(kind, limit, None, tells);
        let tallies = run(limits((!told).then_some(limit), None), endpoint, 5, SMALL).await;
        let (used, refused) = (used(&tallies, limit), refused(&tallies));
        assert!(used >= 95, "{kind:?} {limit}: {used} % used of {tallies:?}");
        assert!(refused <= 10, "{kind:?} {limit}: {refused} per mille refused of {tallies:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn small_limits_of_the_settings_are_used_up() {
    meets_the_aim(20, false).await;
    meets_the_aim(60, false).await;
    meets_the_aim(600, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_large_limit_of_the_settings_is_used_up() {
    meets_the_aim(3_000, false).await;
}

#[tokio::test(start_paused = true)]
async fn small_limits_of_the_headers_are_used_up() {
    meets_the_aim(20, true).await;
    meets_the_aim(60, true).await;
    meets_the_aim(600, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_large_limit_of_the_headers_is_used_up() {
    meets_the_aim(3_000, true).await;
}

#[tokio::test(start_paused = true)]
async fn what_others_used_is_not_asked_for() {
    for kind in [Kind::Fixed, Kind::Bucket] {
        let endpoint = Endpoint::new(kind, 600, None, Tells::Limits);
        endpoint.elsewhere(400);
        let tallies = run(limits(None, None), endpoint, 5, SMALL).await;
        let refused = refused(&tallies);
        assert!(refused <= 10 && used(&tallies, 600) >= 80, "{kind:?}: {refused} per mille of {tallies:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn settings_above_the_true_limit_are_corrected() {
    for kind in KINDS {
        for tells in [Tells::Limits, Tells::Wait] {
            let tallies = run(limits(Some(800), None), Endpoint::new(kind, 600, None, tells), 8, SMALL).await;
            let (used, refused) = (used(&tallies, 600), refused(&tallies));
            assert!(
                used >= 90 && refused <= 20,
                "{kind:?} {tells:?}: {used} %, {refused} per mille, {tallies:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn settings_far_above_the_true_limit_are_corrected() {
    for kind in KINDS {
        let tallies =
            run(limits(Some(6_000), None), Endpoint::new(kind, 600, None, Tells::Wait), 8, SMALL).await;
        let (used, refused) = (used(&tallies, 600), refused(&tallies));
        assert!(used >= 95 && refused <= 15, "{kind:?}: {used} %, {refused} per mille, {tallies:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_limits_the_lower_is_kept_whenever_it_is_told() {
    let own = |requests: Option<u64>, concurrency, welcome| PaceLimits {
        requests_per_minute: requests,
        tokens_per_minute: None,
        concurrency,
        welcome,
    };
    let unsaid = own(None, 16, false);
    assert_eq!(
        own(Some(60), 64, true).and(unsaid),
        own(Some(60), 64, true),
        "who says nothing bounds nothing"
    );
    assert_eq!(own(Some(60), 8, true).and(own(Some(30), 4, true)), own(Some(30), 4, true));
    let pace = Arc::new(Pace::new(unsaid));
    pace.keep(own(None, 6, true));
    let mut places = Vec::new();
    for _ in 0..6 {
        places.push(pace.admit(TokenCount(10)).await);
    }
    pace.keep(own(Some(60), 2, true));
    places.truncate(1);
    let began = Instant::now();
    places.push(pace.admit(TokenCount(10)).await);
    places.truncate(1);
    places.push(pace.admit(TokenCount(10)).await);
    assert!(began.elapsed() >= Duration::from_millis(900), "one a second: {:?}", began.elapsed());
    let more = tokio::time::timeout(Duration::from_mins(2), pace.admit(TokenCount(10))).await;
    assert!(more.is_err(), "and two at once");
}
