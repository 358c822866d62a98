//! A limit that nobody names: it is learned from refusals, as well as can be done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::endpoint::{Endpoint, KINDS, Tells};
use super::load::{SMALL, limits, refused, run, used};
use crate::remote::pace::{Pace, Told};
use crate::text::TokenCount;

async fn is_learned(limit: u64, tells: Tells, least_used: u64, most_refused: u64) {
    for kind in KINDS {
        let tallies = run(limits(None, None), Endpoint::new(kind, limit, None, tells), 10, SMALL).await;
        let (used, refused) = (used(&tallies, limit), refused(&tallies));
        assert!(used >= least_used, "{kind:?} {limit}: {used} % used of {tallies:?}");
        assert!(refused <= most_refused, "{kind:?} {limit}: {refused} per mille refused of {tallies:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn small_limits_are_learned_from_waits() {
    is_learned(20, Tells::Wait, 88, 110).await;
    is_learned(60, Tells::Wait, 92, 45).await;
    is_learned(600, Tells::Wait, 93, 10).await;
}

#[tokio::test(start_paused = true)]
async fn a_large_limit_is_learned_from_waits() {
    is_learned(3_000, Tells::Wait, 92, 5).await;
}

#[tokio::test(start_paused = true)]
async fn limits_are_learned_from_bare_refusals() {
    is_learned(20, Tells::Nothing, 92, 140).await;
    is_learned(60, Tells::Nothing, 92, 60).await;
    is_learned(600, Tells::Nothing, 92, 12).await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_the_number_at_once_is_found() {
    const PLACES: usize = 12;
    let pace = Arc::new(Pace::new(limits(None, None)));
    let places = Arc::new(Semaphore::new(PLACES));
    let counts = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    for client in 0..100_u64 {
        let (pace, places, counts) = (Arc::clone(&pace), Arc::clone(&places), Arc::clone(&counts));
        clients.spawn(async move {
            loop {
                let admission = pace.admit(TokenCount(10)).await;
                if let Ok(place) = places.try_acquire() {
                    sleep(Duration::from_millis(800 + client * 4)).await;
                    drop(place);
                    counts.0.fetch_add(1, Ordering::Relaxed);
                    admission.answered(&Told::default(), None);
                } else {
                    sleep(Duration::from_millis(30)).await;
                    counts.1.fetch_add(1, Ordering::Relaxed);
                    admission.refused(&Told::default(), None);
                }
            }
        });
    }
    assert!(timeout(Duration::from_mins(10), clients.join_next()).await.is_err(), "no client fails");
    let (passed, refused) = (counts.0.load(Ordering::Relaxed), counts.1.load(Ordering::Relaxed));
    assert!(passed > 7_200 * 6 / 10 && refused * 50 < passed, "{passed} passed, {refused} refused");
}
