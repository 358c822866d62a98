//! Many who ask one simulated endpoint at one pace, for some minutes.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::endpoint::{Endpoint, Tally};
use crate::remote::pace::{Pace, PaceLimits};
use crate::text::TokenCount;

/// What is asked: a request is charged `estimate` and uses less.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) estimate: u64,
    pub(super) least: u64,
    pub(super) most: u64,
    /// Whether the endpoint counts the estimate, too.
    pub(super) by_estimate: bool,
}

pub(super) const SMALL: Size = Size { estimate: 100, least: 50, most: 100, by_estimate: false };

pub(super) fn limits(requests: Option<u64>, tokens: Option<u64>) -> PaceLimits {
    PaceLimits { requests_per_minute: requests, tokens_per_minute: tokens, concurrency: 200, welcome: false }
}

async fn client(pace: Arc<Pace>, endpoint: Arc<Endpoint>, size: Size) {
    loop {
        let used = endpoint.draw(size.least, size.most);
        let admission = pace.admit(TokenCount(size.estimate)).await;
        let reply = endpoint.ask(if size.by_estimate { size.estimate } else { used }).await;
        if reply.refused {
            admission.refused(&reply.told, reply.wait);
        } else {
            admission.answered(&reply.told, Some(TokenCount(used)));
        }
    }
}

/// Lets 300 clients ask for some minutes, and returns what the endpoint counted in each.
pub(super) async fn run(pace: PaceLimits, endpoint: Endpoint, minutes: u64, size: Size) -> Vec<Tally> {
    let (pace, endpoint, begun) = (Arc::new(Pace::new(pace)), Arc::new(endpoint), Instant::now());
    let mut clients = JoinSet::new();
    for _ in 0..300 {
        clients.spawn(client(Arc::clone(&pace), Arc::clone(&endpoint), size));
    }
    let mut tallies = Vec::new();
    let mut before = Tally::default();
    for minute in 1..=minutes {
        let end = begun + Duration::from_mins(minute);
        assert!(timeout_at(end, clients.join_next()).await.is_err(), "no client fails");
        let now = endpoint.tally();
        tallies.push(Tally {
            passed: now.passed - before.passed,
            tokens: now.tokens - before.tokens,
            refused: now.refused - before.refused,
        });
        before = now;
    }
    tallies
}

/// The share of a limit that was used, in hundredths.
pub(super) fn used(tallies: &[Tally], limit: u64) -> u64 {
    let passed: u64 = tallies.iter().map(|tally| tally.passed).sum();
    passed * 100 / (limit * tallies.len() as u64)
}

/// The share of requests that were refused, in thousandths, rounded up.
pub(super) fn refused(tallies: &[Tally]) -> u64 {
    let refused: u64 = tallies.iter().map(|tally| tally.refused).sum();
    let all: u64 = refused + tallies.iter().map(|tally| tally.passed).sum::<u64>();
    (refused * 1_000).div_ceil(all)
}
