//! A limit that is known, by the settings or by the headers: it is used up and not passed.

use super::endpoint::{Endpoint, KINDS, Kind, Tells};
use super::load::{SMALL, limits, refused, run, used};

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
