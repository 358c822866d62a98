//! Limits of requests and tokens in a window of time. Pure: the time is told, so that tests need no clock.

use std::collections::VecDeque;
use std::time::Duration;

use super::behaviour::{Rate, RateKind};

/// What was let in so far.
#[derive(Debug)]
pub(crate) struct Limiter {
    rate: Rate,
    /// When requests were let in that still count, with their tokens. Not for buckets.
    within: VecDeque<(Duration, u64)>,
    requests: Bucket,
    tokens: Bucket,
}

/// A bucket that fills evenly.
#[derive(Debug)]
struct Bucket {
    size: f64,
    level: f64,
    filled: Duration,
}

/// How a limit stands after a request was counted or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// When nothing counts any more.
    pub(crate) reset: Duration,
}

/// What the limiter says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// None if the request is let in, else when it is worth coming again.
    pub(crate) wait: Option<Duration>,
    pub(crate) requests: Left,
    pub(crate) tokens: Option<Left>,
}

impl Bucket {
    fn new(size: u64) -> Self {
        let size = real(size);
        Self { size, level: size, filled: Duration::ZERO }
    }

    fn fill(&mut self, now: Duration, window: Duration) {
        let share = now.saturating_sub(self.filled).as_secs_f64() / window.as_secs_f64();
        self.level = (self.level + share * self.size).min(self.size);
        self.filled = now;
    }

    /// The time until the level is so high.
    fn until(&self, level: f64, window: Duration) -> Duration {
        let missing = (level.min(self.size) - self.level).max(0.0);
        window.mul_f64(missing / self.size.max(1.0))
    }

    fn left(&self, window: Duration) -> Left {
        Left { limit: whole(self.size), remaining: whole(self.level), reset: self.until(self.size, window) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "limits are small numbers")]
fn real(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "levels lie between zero and a limit"
)]
fn whole(level: f64) -> u64 {
    level as u64
}

impl Limiter {
    pub(crate) fn new(rate: Rate) -> Self {
        let (requests, tokens) = (Bucket::new(rate.requests), Bucket::new(rate.tokens.unwrap_or(0)));
        Self { rate, within: VecDeque::new(), requests, tokens }
    }

    /// Whether answers tell how the limits stand, and whether refusals tell when to come again.
    pub(crate) fn tells(&self) -> (bool, bool) {
        (self.rate.headers, self.rate.retry_after)
    }

    /// Lets a request in and counts it, or refuses it.
    pub(crate) fn admit(&mut self, now: Duration, tokens: u64) -> Standing {
        match self.rate.kind {
            RateKind::TokenBucket => self.admit_by_bucket(now, tokens),
            RateKind::FixedWindow | RateKind::SlidingWindow => self.admit_by_window(now, tokens),
        }
    }

    fn admit_by_bucket(&mut self, now: Duration, tokens: u64) -> Standing {
        let window = self.rate.window;
        self.requests.fill(now, window);
        self.tokens.fill(now, window);
        let needed = if self.rate.tokens.is_some() { real(tokens) } else { 0.0 };
        let fits = self.requests.level >= 1.0 && self.tokens.level >= needed;
        if fits {
            self.requests.level -= 1.0;
            self.tokens.level -= needed;
        }
        let wait = self.requests.until(1.0, window).max(self.tokens.until(needed, window));
        Standing {
            wait: (!fits).then_some(wait),
            requests: self.requests.left(window),
            tokens: self.rate.tokens.map(|_| self.tokens.left(window)),
        }
    }

    /// When what was let in at a time stops to count.
    fn leaves(&self, entered: Duration) -> Duration {
        let window = self.rate.window;
        match self.rate.kind {
            RateKind::FixedWindow => {
                let passed = entered.as_nanos() / window.as_nanos().max(1);
                window.saturating_mul(u32::try_from(passed + 1).unwrap_or(u32::MAX))
            }
            RateKind::SlidingWindow | RateKind::TokenBucket => entered + window,
        }
    }

    fn admit_by_window(&mut self, now: Duration, tokens: u64) -> Standing {
        while self.within.front().is_some_and(|(entered, _)| self.leaves(*entered) <= now) {
            self.within.pop_front();
        }
        let fits = self.count() < self.rate.requests
            && self.rate.tokens.is_none_or(|limit| self.sum() + tokens <= limit);
        let wait = (!fits).then(|| self.room(now, tokens));
        if fits {
            self.within.push_back((now, tokens));
        }
        let reset = self
            .within
            .back()
            .map_or(Duration::ZERO, |(entered, _)| self.leaves(*entered).saturating_sub(now));
        let left = |limit: u64, used: u64| Left { limit, remaining: limit.saturating_sub(used), reset };
        Standing {
            wait,
            requests: left(self.rate.requests, self.count()),
            tokens: self.rate.tokens.map(|limit| left(limit, self.sum())),
        }
    }

    fn count(&self) -> u64 {
        self.within.len() as u64
    }

    fn sum(&self) -> u64 {
        self.within.iter().map(|(_, tokens)| tokens).sum()
    }

    /// The time until so much has left that the request fits.
    fn room(&self, now: Duration, tokens: u64) -> Duration {
        let (mut count, mut sum) = (self.count(), self.sum());
        let mut wait = self.rate.window;
        for (entered, used) in &self.within {
            count -= 1;
            sum -= used;
            wait = self.leaves(*entered).saturating_sub(now);
            if count < self.rate.requests && self.rate.tokens.is_none_or(|limit| sum + tokens <= limit) {
                break;
            }
        }
        wait
    }
}

/// A duration as these headers spell it: `20ms`, `1.5s`, `6m0s`.
pub(crate) fn spelt(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    let (minutes, rest) = (millis / 60_000, millis % 60_000);
    let seconds = if rest.is_multiple_of(1000) {
        format!("{}s", rest / 1000)
    } else {
        let text = format!("{}.{:03}", rest / 1000, rest % 1000);
        format!("{}s", text.trim_end_matches('0'))
    };
    match (minutes, rest) {
        (0, 0..1000) => format!("{rest}ms"),
        (0, _) => seconds,
        _ => format!("{minutes}m{seconds}"),
    }
}
