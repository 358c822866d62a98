//! The three kinds of limits, by a told time, and one of them over the wire.

use std::time::Duration;

use super::super::rate::{Limiter, spelt};
use super::super::{Behaviour, Provider, Rate, RateKind, Usage};
use super::peer::{Peer, question};

fn rate(kind: RateKind, tokens: Option<u64>) -> Rate {
    Rate { kind, requests: 4, tokens, window: Duration::from_secs(1), retry_after: true, headers: true }
}

/// For each request, given by its milliseconds, none if it is let in and else the milliseconds to wait.
fn waits(kind: RateKind, tokens: Option<u64>, requests: &[(u64, u64)]) -> Vec<Option<u128>> {
    let mut limiter = Limiter::new(rate(kind, tokens));
    let wait = |(at, tokens): &(u64, u64)| limiter.admit(Duration::from_millis(*at), *tokens).wait;
    requests.iter().map(wait).map(|wait| wait.map(|wait| wait.as_millis())).collect()
}

#[test]
fn each_kind_lets_in_what_it_says() {
    let burst: Vec<(u64, u64)> = [600, 600, 700, 800, 900, 1000, 1599, 1600].map(|at| (at, 1)).to_vec();
    let fixed = waits(RateKind::FixedWindow, None, &burst);
    assert_eq!(fixed, [None, None, None, None, Some(100), None, None, None]);
    let sliding = waits(RateKind::SlidingWindow, None, &burst);
    assert_eq!(sliding, [None, None, None, None, Some(700), Some(600), Some(1), None]);
    let bucket = waits(RateKind::TokenBucket, None, &burst);
    // Four at once, and then one for each quarter of a second: by 900 there were 1.2 of them.
    assert_eq!(bucket[..5], [None, None, None, None, None]);
    assert!(bucket[5].is_some_and(|wait| (99..=101).contains(&wait)), "{bucket:?}");
    assert_eq!(bucket[6..], [None, None]);

    let heavy = [(0, 60), (100, 55), (200, 40), (1000, 50)];
    assert_eq!(waits(RateKind::SlidingWindow, Some(100), &heavy), [None, Some(900), None, None]);
    assert_eq!(waits(RateKind::TokenBucket, Some(100), &heavy), [None, Some(50), None, None]);
    assert_eq!(
        ["20ms", "1s", "1.5s", "6m0s"],
        [20, 1000, 1500, 360_000].map(|ms| spelt(Duration::from_millis(ms)))
    );
}

#[test]
fn a_refusal_says_when_to_come_again() {
    let limit =
        Rate { window: Duration::from_hours(1), requests: 1, ..rate(RateKind::SlidingWindow, Some(1000)) };
    let provider = Provider::start(Behaviour { rate: Some(limit), ..Behaviour::default() });
    let mut peer = Peer::new(&provider);
    let heard = peer.chat(&question(3));
    assert_eq!((heard.status, heard.header("x-ratelimit-remaining-requests")), (200, Some("0")));
    assert_eq!(heard.header("x-ratelimit-remaining-tokens"), Some("988"));
    assert_eq!(heard.header("retry-after"), None);
    let heard = peer.chat(&question(3));
    assert_eq!(heard.status, 429);
    assert!(heard.header("retry-after").unwrap().parse::<u64>().unwrap() > 3000, "{}", heard.head);
    assert!(heard.header("x-ratelimit-reset-requests").unwrap().contains('m'), "{}", heard.head);
    let entries = provider.ledger().entries;
    assert_eq!((entries[1].status, entries[1].charged), (429, Usage::default()));
}
