//! Spreads what is asked of one resource evenly over the minute: the generic cell rate algorithm. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::remote::after::LONGEST;

/// The part of a limit that is used. What is left bears requests that take longer or shorter to arrive than the one before.
const SHARE: f64 = 0.98;

/// When the next may be asked.
#[derive(Debug)]
pub(super) struct Flow {
    /// When it would be asked if all were asked evenly.
    due: Instant,
    /// How much earlier it may be asked to make up for what was asked late.
    slack: Duration,
}

impl Flow {
    pub(super) fn new(now: Instant, slack: Duration) -> Self {
        Self { due: now, slack }
    }

    /// Returns the moment from which on the next may be asked.
    pub(super) fn ready(&self) -> Instant {
        earlier(self.due, self.slack)
    }

    /// Takes note that `amount` is asked now, of so much a minute.
    pub(super) fn charge(&mut self, now: Instant, amount: f64, per_minute: f64) {
        self.due = self.due.max(earlier(now, self.slack)) + time_of(amount, per_minute);
    }

    /// Takes note that `amount` of what was charged was not used.
    pub(super) fn credit(&mut self, amount: f64, per_minute: f64) {
        self.due = earlier(self.due, time_of(amount, per_minute));
    }

    /// Nothing is asked until then, and then nothing is made up for.
    pub(super) fn rest(&mut self, until: Instant) {
        self.due = self.due.max(until + self.slack);
    }
}

/// How long a limit takes to bear `amount`.
fn time_of(amount: f64, per_minute: f64) -> Duration {
    Duration::try_from_secs_f64(amount * 60.0 / (per_minute * SHARE)).unwrap_or(LONGEST).min(LONGEST)
}

fn earlier(at: Instant, by: Duration) -> Instant {
    at.checked_sub(by).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spread_and_lateness_is_made_up_for() {
        let begun = Instant::now();
        let mut flow = Flow::new(begun, Duration::from_millis(100));
        let mut now = begun;
        for _ in 0..588 {
            now = now.max(flow.ready()) + Duration::from_millis(3);
            flow.charge(now, 1.0, 600.0);
        }
        let took = now - begun;
        assert!(took > Duration::from_millis(59_700) && took < Duration::from_millis(60_200), "{took:?}");
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let begun = Instant::now();
        let mut flow = Flow::new(begun, Duration::from_millis(100));
        let later = begun + Duration::from_hours(1);
        let burst = (0..50).take_while(|_| {
            let free = flow.ready() <= later;
            flow.charge(later, 1.0, 600.0);
            free
        });
        assert!(burst.count() <= 2);
    }

    #[test]
    fn after_a_rest_they_come_one_after_the_other() {
        let begun = Instant::now();
        let mut flow = Flow::new(begun, Duration::from_secs(3));
        let until = begun + Duration::from_secs(7);
        flow.rest(until);
        assert_eq!(flow.ready(), until);
        flow.charge(until, 1.0, 60.0);
        assert!(flow.ready() > until + Duration::from_secs(1));
        flow.credit(1.0, 60.0);
        assert_eq!(flow.ready(), until);
    }
}
