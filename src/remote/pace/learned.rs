//! The limit that an endpoint seems to have, as its refusals tell. Pure.
//!
//! It is held for a while and then tried for more, carefully at first: where it was right the next refusal comes with a few
//! requests too many, and where it was far too low it is soon left behind.

use std::time::Duration;

use tokio::time::Instant;

/// How much of the limit the first attempt at more adds.
const STEP: f64 = 0.01;

/// From so many times a limit on it limits nothing.
const LEFT_BEHIND: f64 = 1_000.0;

/// The longest time for which a limit is held that has proved right again and again.
const LONGEST_CALM: Duration = Duration::from_mins(8);

/// What refusals told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Learned {
    per_minute: f64,
    since: Instant,
    /// How long it is held.
    calm: Duration,
    /// In what time an attempt at more doubles after that.
    doubling: Duration,
    /// It gives way to the next refusal.
    guess: bool,
}

impl Learned {
    /// Learns from the first refusal: so many go through in a minute.
    ///
    /// It is `sure` where all of a minute was seen; else it is a guess, and soon tried for more.
    pub(super) fn first(now: Instant, passed: f64, sure: bool) -> Self {
        let (calm, doubling) = if sure { (60, 15) } else { (10, 5) };
        let (calm, doubling) = (Duration::from_secs(calm), Duration::from_secs(doubling));
        Self { per_minute: passed.max(1.0), since: now, calm, doubling, guess: !sure }
    }

    /// Learns from a refusal while so many a minute were `tried`, be it that they are the limit or more than was learned before.
    ///
    /// So many went through in the minute before it. One refusal is no reason to go much below what went well before, but
    /// what was guessed gives way.
    pub(super) fn again(now: Instant, passed: f64, tried: f64, sure: bool, before: Option<Self>) -> Self {
        let held = before.map_or(tried, |before| before.per_minute.min(tried));
        let guessed = before.is_some_and(|before| before.guess);
        let least = if guessed { 1.0 } else { held * 0.9 };
        let mut learned = Self::first(now, (passed.min(tried) * 0.98).max(least), sure);
        learned.guess &= guessed;
        let near = (learned.per_minute / held - 1.0).abs() < 0.15;
        if let Some(before) = before.filter(|before| near && !before.guess) {
            learned.calm = (before.calm * 2).min(LONGEST_CALM);
            learned.doubling = before.doubling;
        }
        learned
    }

    /// Tells whether it has not been tried for more yet.
    pub(super) fn is_held(&self, now: Instant) -> bool {
        now < self.since + self.calm
    }

    /// Returns the limit at a time; none where it was left behind.
    pub(super) fn at(&self, now: Instant) -> Option<f64> {
        let tried = now.saturating_duration_since(self.since).checked_sub(self.calm);
        let Some(tried) = tried else { return Some(self.per_minute) };
        let more = STEP * (tried.as_secs_f64() / self.doubling.as_secs_f64()).exp2() - STEP;
        (more < LEFT_BEHIND).then_some(self.per_minute * (1.0 + more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn it_is_held_and_then_tried_for_more() {
        let now = Instant::now();
        let learned = Learned::first(now, 100.0, true);
        assert_eq!(learned.at(now + secs(60)), Some(100.0));
        let (soon, later) = (learned.at(now + secs(90)).unwrap(), learned.at(now + secs(160)).unwrap());
        assert!(soon > 102.0 && soon < 104.0, "{soon}");
        assert!(later > 190.0, "{later}");
        assert_eq!(learned.at(now + secs(86_400)), None);
        assert!(Learned::first(now, 0.0, false).at(now).unwrap() >= 1.0);
    }

    #[test]
    fn a_limit_that_proves_right_is_held_longer_each_time() {
        let now = Instant::now();
        let mut learned = Learned::first(now, 100.0, true);
        for calm in [120, 240, 480, 480] {
            learned = Learned::again(now, 100.0, 103.0, true, Some(learned));
            assert_eq!(learned.calm, secs(calm));
            assert!((learned.per_minute - 98.0).abs() < 0.1);
        }
        let lower = Learned::again(now, 10.0, 103.0, true, Some(learned));
        assert!((lower.per_minute - 88.2).abs() < 0.1, "one refusal takes no more than a tenth");
        let guess = Learned::first(now, 100.0, false);
        assert!((Learned::again(now, 10.0, 103.0, true, Some(guess)).per_minute - 9.8).abs() < 0.1);
        assert!((Learned::again(now, 990.0, 1_000.0, true, None).per_minute - 970.2).abs() < 0.1);
    }
}
