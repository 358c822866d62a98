//! What holds whatever happens: no more at once than the limit, in the order of coming, and nobody waits for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::load::limits;
use crate::remote::pace::{Pace, PaceLimits, Told, Window};
use crate::text::TokenCount;

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered(Told, Option<u64>),
    Refused(Told, Option<Duration>),
    /// Nobody says anything.
    Dropped,
    /// Whoever waits or asks gives up after a time.
    GivenUp(Duration),
}

#[derive(Debug, Clone, Copy)]
struct Request {
    comes: Duration,
    tokens: u64,
    takes: Duration,
    fate: Fate,
}

fn window() -> impl Strategy<Value = Window> {
    let number = || prop::option::of(prop_oneof![0_u64..100, Just(u64::MAX)]);
    (number(), number(), prop::option::of(0_u64..200)).prop_map(|(limit, remaining, reset)| Window {
        limit: limit.filter(|limit| *limit > 0),
        remaining,
        reset: reset.map(Duration::from_secs),
    })
}

fn fate() -> impl Strategy<Value = Fate> {
    let told = || (window(), window()).prop_map(|(requests, tokens)| Told { requests, tokens });
    let wait = prop_oneof![(0_u64..100_000).prop_map(Duration::from_millis), Just(Duration::MAX)];
    prop_oneof![
        4 => (told(), prop::option::of(prop_oneof![0_u64..1_000, Just(u64::MAX)])).prop_map(|(told, used)| Fate::Answered(told, used)),
        2 => (told(), prop::option::of(wait)).prop_map(|(told, wait)| Fate::Refused(told, wait)),
        1 => Just(Fate::Dropped),
        2 => (0_u64..20_000).prop_map(|after| Fate::GivenUp(Duration::from_millis(after))),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let tokens = prop_oneof![9 => 0_u64..1_000, 1 => Just(u64::MAX)];
    (0_u64..30_000, tokens, 0_u64..5_000, fate()).prop_map(|(comes, tokens, takes, fate)| Request {
        comes: Duration::from_millis(comes),
        tokens,
        takes: Duration::from_millis(takes),
        fate,
    })
}

fn pace_limits() -> impl Strategy<Value = PaceLimits> {
    let number = || prop::option::of(prop_oneof![0_u64..100, Just(u64::MAX)]);
    (number(), number(), 0_usize..6).prop_map(|(requests_per_minute, tokens_per_minute, concurrency)| {
        PaceLimits { requests_per_minute, tokens_per_minute, concurrency, welcome: false }
    })
}

async fn make(pace: Arc<Pace>, request: Request, at_once: Arc<(AtomicUsize, AtomicUsize)>) {
    struct Counted(Arc<(AtomicUsize, AtomicUsize)>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    sleep(request.comes).await;
    let asked = async {
        let admission = pace.admit(TokenCount(request.tokens)).await;
        let now = at_once.0.fetch_add(1, Ordering::Relaxed) + 1;
        at_once.1.fetch_max(now, Ordering::Relaxed);
        let _counted = Counted(Arc::clone(&at_once));
        sleep(request.takes).await;
        match request.fate {
            Fate::Answered(told, used) => admission.answered(&told, used.map(TokenCount)),
            Fate::Refused(told, wait) => admission.refused(&told, wait),
            Fate::Dropped | Fate::GivenUp(_) => {}
        }
    };
    match request.fate {
        Fate::GivenUp(after) => drop(timeout(after, asked).await),
        _ => asked.await,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn all_are_admitted_and_never_too_many_at_once(
        limits in pace_limits(),
        requests in prop::collection::vec(request(), 1..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let pace = Arc::new(Pace::new(limits));
            let at_once = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
            let mut all = JoinSet::new();
            for request in &requests {
                all.spawn(make(Arc::clone(&pace), *request, Arc::clone(&at_once)));
            }
            // Each may be refused for a day, and no more.
            let days = Duration::from_hours(25) * u32::try_from(requests.len()).unwrap();
            let ended = timeout(days, async { while let Some(ended) = all.join_next().await { ended.unwrap(); } }).await;
            prop_assert!(ended.is_ok(), "somebody waits for ever");
            let most = at_once.1.load(Ordering::Relaxed);
            prop_assert!(most <= limits.concurrency.max(1), "{most} at once");
            prop_assert!(timeout(Duration::from_hours(25), pace.admit(TokenCount(1))).await.is_ok(), "a place is lost");
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn first_come_first_served() {
    let pace = Arc::new(Pace::new(limits(Some(600), Some(10_000))));
    let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
    let mut waiting = Vec::new();
    for place in 0..50_u64 {
        let (pace, send) = (Arc::clone(&pace), send.clone());
        waiting.push(tokio::spawn(async move {
            let _admission = pace.admit(TokenCount(1 + place * 37 % 300)).await;
            send.send(place).unwrap();
        }));
        tokio::task::yield_now().await;
    }
    waiting.iter().skip(1).step_by(7).for_each(tokio::task::JoinHandle::abort);
    drop(send);
    let mut served = Vec::new();
    while let Some(place) = receive.recv().await {
        served.push(place);
    }
    assert!(served.is_sorted() && served.len() >= 42, "{served:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_holds_everybody_and_then_they_come_one_after_the_other() {
    for known in [None, Some(6_000)] {
        let pace = Arc::new(Pace::new(limits(known, None)));
        let begun = Instant::now();
        let mut open = Vec::new();
        for _ in 0..3 {
            open.push(pace.admit(TokenCount(1)).await);
        }
        sleep(Duration::from_secs(1)).await;
        open.swap_remove(1).answered(&Told::default(), None);
        open.swap_remove(0).refused(&Told::default(), Some(Duration::from_secs(7)));
        open.clear();
        let mut at = Vec::new();
        for _ in 0..2 {
            open.push(pace.admit(TokenCount(1)).await);
            at.push(begun.elapsed());
        }
        assert!(at[0] >= Duration::from_secs(8) && at[0] < Duration::from_millis(8_100), "{at:?}");
        assert!(at[1] >= at[0] + Duration::from_millis(9), "{at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_are_asked_at_once_as_are_known_to_be_welcome() {
    for (welcome, at_once) in [(true, 64), (false, 4)] {
        let limits =
            PaceLimits { requests_per_minute: None, tokens_per_minute: None, concurrency: 64, welcome };
        let pace = Arc::new(Pace::new(limits));
        let mut held = Vec::new();
        while let Ok(one) = tokio::time::timeout(Duration::from_mins(1), pace.admit(TokenCount(1))).await {
            held.push(one);
        }
        assert_eq!(held.len(), at_once);
    }
}
