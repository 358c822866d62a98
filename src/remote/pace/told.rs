//! What an endpoint says of its limits in the head of an answer. Pure.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use tokio::time::Instant;

use crate::remote::after::{said_at, wait};

const MINUTE: Duration = Duration::from_mins(1);

/// How much longer a request may have been on its way when the endpoint said this than the next will be.
const ON_THE_WAY: Duration = Duration::from_millis(200);

/// What is said of one resource.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How much of it there is, which is taken for that of a minute.
    pub limit: Option<u64>,
    /// How much of it is left.
    pub remaining: Option<u64>,
    /// After what time all of it is there again.
    pub reset: Option<Duration>,
}

/// What an endpoint says of its limits: the headers `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Of the requests.
    pub requests: Window,
    /// Of the tokens.
    pub tokens: Window,
}

impl Told {
    /// Reads the head of an answer. What is missing or makes no sense is none.
    ///
    /// ```
    /// use longhand::remote::pace::Told;
    /// use reqwest::header::{HeaderMap, HeaderValue};
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x-ratelimit-limit-requests", HeaderValue::from_static("600"));
    /// assert_eq!(Told::read(&headers).requests.limit, Some(600));
    /// assert_eq!(Told::read(&headers).tokens.limit, None);
    /// ```
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        let now = said_at(headers);
        Self {
            requests: Window::read(headers, "requests", now),
            tokens: Window::read(headers, "tokens", now),
        }
    }
}

impl Window {
    fn read(headers: &HeaderMap, of: &str, now: Option<SystemTime>) -> Self {
        let text = |what: &str| {
            headers.get(format!("x-ratelimit-{what}-{of}")).and_then(|value| value.to_str().ok())
        };
        let count = |what: &str| text(what).and_then(|text| text.trim().parse::<u64>().ok());
        Self {
            // A limit of nothing would be no endpoint; it stands for one that does not count.
            limit: count("limit").filter(|limit| *limit > 0),
            remaining: count("remaining"),
            reset: text("reset").and_then(|text| wait(text, now)),
        }
    }

    /// How much of it is in use.
    pub(super) fn in_use(&self) -> Option<u64> {
        Some(self.limit?.saturating_sub(self.remaining?))
    }

    /// Returns when the endpoint has room for `cost` more, given that `since` was asked after it said this; none where it has
    /// it now, or does not say.
    pub(super) fn room(&self, said: Instant, since: u64, cost: u64) -> Option<Instant> {
        let (remaining, reset) = (self.remaining?, self.reset?);
        let missing = since.saturating_add(cost).checked_sub(remaining).filter(|missing| *missing > 0)?;
        // The limit of a day is not waited for on the word of a header: the endpoint refuses if it means it.
        if reset > MINUTE {
            return None;
        }
        let wait = self.refill().map_or(reset, |each| each.mul_f64(as_float(missing)).min(reset));
        Some(said + wait + ON_THE_WAY)
    }

    /// Returns how long one takes to come back where it comes back little by little: then the time until all is back says so.
    fn refill(&self) -> Option<Duration> {
        let (limit, in_use, reset) = (self.limit?, self.in_use()?, self.reset?);
        let each = MINUTE.div_f64(as_float(limit));
        let even = each.mul_f64(as_float(in_use));
        (in_use > 0 && reset.abs_diff(even) <= even / 10).then_some(each)
    }
}

/// Counts are far below the 2^52 from which on this would round.
#[allow(
    clippy::cast_precision_loss,
    reason = "there is no other way, and the error is below a part in a million"
)]
pub(super) fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn all_six_headers_are_read() {
        let told = Told::read(&headers(&[
            ("x-ratelimit-limit-requests", "600"),
            ("x-ratelimit-remaining-requests", "599"),
            ("x-ratelimit-reset-requests", "100ms"),
            ("x-ratelimit-limit-tokens", " 90000 "),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ]));
        let window = |limit, remaining, millis| Window {
            limit: Some(limit),
            remaining: Some(remaining),
            reset: Some(Duration::from_millis(millis)),
        };
        assert_eq!(told, Told { requests: window(600, 599, 100), tokens: window(90_000, 0, 360_000) });
    }

    #[test]
    fn nonsense_is_none() {
        let told = Told::read(&headers(&[
            ("x-ratelimit-limit-requests", "0"),
            ("x-ratelimit-remaining-requests", "-1"),
            ("x-ratelimit-reset-requests", "NaN"),
            ("x-ratelimit-limit-tokens", "99999999999999999999999"),
            ("x-ratelimit-reset-tokens", "2025-03-01T12:00:00Z"),
        ]));
        assert_eq!(told, Told::default());
    }

    #[test]
    fn a_window_is_waited_for_and_a_bucket_for_what_is_missing() {
        let said = Instant::now();
        let window = |remaining, secs| Window {
            limit: Some(60),
            remaining: Some(remaining),
            reset: Some(Duration::from_secs(secs)),
        };
        assert_eq!(window(3, 20).room(said, 1, 2), None);
        assert_eq!(window(3, 20).room(said, 2, 2), Some(said + Duration::from_secs(20) + ON_THE_WAY));
        assert_eq!(
            window(3, 57).room(said, 2, 2),
            Some(said + Duration::from_secs(1) + ON_THE_WAY),
            "one comes back each second"
        );
        assert_eq!(window(0, 600).room(said, 0, 1), None, "a day is not waited for");
    }
}
