//! A circuit breaker: an endpoint that failed time after time is left alone for a while, and then tried by one request.
//!
//! Pure: the time is given. Knows nothing of requests: whoever has a [`Pass`] says what came of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::hash::ContentHash;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRules {
    /// How many failures in a row open it.
    pub failures: u32,
    /// How long it stays open the first time, twice as long each further time.
    pub first_wait: Duration,
    /// The longest time that it stays open.
    pub longest_wait: Duration,
    /// When to ask again while the one request that may be made is under way.
    pub probe_wait: Duration,
}

impl Default for BreakerRules {
    fn default() -> Self {
        Self {
            failures: 5,
            first_wait: Duration::from_secs(10),
            longest_wait: Duration::from_mins(2),
            probe_wait: Duration::from_secs(1),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Everybody may ask; so many requests in a row have failed.
    Closed { failures: u32 },
    /// Nobody may ask until then.
    Open { until: Instant },
    /// One request is under way since it was open until then, and what comes of it decides.
    Probing { since: Instant },
}

#[derive(Debug)]
struct Circuit {
    rules: BreakerRules,
    name: String,
    state: State,
    /// How often it opened since a request last succeeded.
    openings: u32,
    /// Counts the changes of state: what was asked before one says nothing of what came after it.
    era: u64,
}

/// The circuit breaker of one endpoint. Clones are the same breaker.
#[derive(Debug, Clone)]
pub struct Breaker(Arc<Mutex<Circuit>>);

/// The right to make one request. Dropping it says neither that it succeeded nor that it failed.
#[derive(Debug)]
#[must_use = "a pass whose outcome nobody tells opens and closes nothing"]
pub struct Pass {
    circuit: Arc<Mutex<Circuit>>,
    era: u64,
}

impl Breaker {
    /// Makes a closed breaker. The endpoint's `name` decides by how much its waits differ from those of others.
    #[must_use]
    pub fn new(name: &str, rules: BreakerRules) -> Self {
        let state = State::Closed { failures: 0 };
        let circuit = Circuit { rules, name: name.to_owned(), state, openings: 0, era: 0 };
        Self(Arc::new(Mutex::new(circuit)))
    }

    /// Returns how long nobody may ask yet, without asking; none where somebody may.
    #[must_use]
    pub fn left(&self, now: Instant) -> Option<Duration> {
        lock(&self.0).left(now)
    }

    /// Asks whether a request may be made.
    ///
    /// # Errors
    /// How long the endpoint is left alone yet.
    pub fn ask(&self, now: Instant) -> Result<Pass, Duration> {
        let mut circuit = lock(&self.0);
        match circuit.state {
            State::Open { until } if until <= now => circuit.change(State::Probing { since: until }),
            _ => circuit.left(now).map_or(Ok(()), Err)?,
        }
        Ok(Pass { circuit: Arc::clone(&self.0), era: circuit.era })
    }
}

impl Pass {
    /// The endpoint answered, be it that the request was wrong.
    pub fn succeeded(self) {
        let mut circuit = lock(&self.circuit);
        if circuit.era == self.era {
            circuit.succeed();
        }
    }

    /// The endpoint could not be reached, or said that it failed itself.
    pub fn failed(self, now: Instant) {
        let mut circuit = lock(&self.circuit);
        if circuit.era == self.era {
            circuit.fail(now);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut circuit = lock(&self.circuit);
        if let State::Probing { since } = circuit.state
            && circuit.era == self.era
        {
            // Nobody learned anything, so whoever asks next may try.
            circuit.change(State::Open { until: since });
        }
    }
}

impl Circuit {
    fn left(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Open { until } if until > now => Some(until - now),
            State::Probing { .. } => Some(self.rules.probe_wait),
            State::Open { .. } | State::Closed { .. } => None,
        }
    }

    fn succeed(&mut self) {
        if let State::Closed { failures } = &mut self.state {
            *failures = 0;
        } else {
            self.openings = 0;
            self.change(State::Closed { failures: 0 });
        }
    }

    fn fail(&mut self, now: Instant) {
        if let State::Closed { failures } = &mut self.state {
            *failures = failures.saturating_add(1);
            if *failures < self.rules.failures {
                return;
            }
        }
        let until = now + self.wait();
        self.openings = self.openings.saturating_add(1);
        self.change(State::Open { until });
    }

    fn change(&mut self, state: State) {
        self.state = state;
        self.era += 1;
    }

    /// Returns how long it stays open this time: at most a quarter less than the rules say, so that endpoints that failed
    /// together are not tried together.
    fn wait(&self) -> Duration {
        let doubled = 2_u32.checked_pow(self.openings).unwrap_or(u32::MAX);
        let full = self.rules.first_wait.saturating_mul(doubled).min(self.rules.longest_wait);
        let drawn = ContentHash::of(format!("{}/{}", self.name, self.openings).as_bytes());
        let share = u32::from(drawn.half().first().copied().unwrap_or_default());
        full.saturating_sub(full / 4 * share / 256)
    }
}

/// A circuit is whole between two calls, and nothing panics half-way.
fn lock(circuit: &Mutex<Circuit>) -> MutexGuard<'_, Circuit> {
    circuit.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules() -> BreakerRules {
        BreakerRules::default()
    }

    /// Fails until the breaker opens, and returns how long it is open.
    fn open(breaker: &Breaker, now: Instant) -> Duration {
        loop {
            match breaker.ask(now) {
                Ok(pass) => pass.failed(now),
                Err(left) => return left,
            }
        }
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_only_then() {
        let (breaker, now) = (Breaker::new("here", rules()), Instant::now());
        for outcome in [false, false, false, false, true, false, false, false, false] {
            let pass = breaker.ask(now).unwrap();
            if outcome { pass.succeeded() } else { pass.failed(now) }
        }
        breaker.ask(now).unwrap().failed(now);
        let left = breaker.ask(now).unwrap_err();
        assert!(left > Duration::from_millis(7_500) && left <= Duration::from_secs(10), "{left:?}");
    }

    #[test]
    fn one_request_tries_and_closes_it() {
        let (breaker, now) = (Breaker::new("here", rules()), Instant::now());
        let late = now + open(&breaker, now);
        let probe = breaker.ask(late).unwrap();
        assert_eq!(breaker.ask(late).unwrap_err(), Duration::from_secs(1), "one at a time");
        drop(probe);
        let probe = breaker.ask(late).unwrap();
        probe.succeeded();
        let _both = (breaker.ask(late).unwrap(), breaker.ask(late).unwrap());
        let again = open(&breaker, late);
        assert!(again <= Duration::from_secs(10), "it begins anew after a success: {again:?}");
    }

    #[test]
    fn it_stays_open_longer_each_time() {
        let (breaker, mut now) = (Breaker::new("here", rules()), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..40 {
            let left = open(&breaker, now);
            waits.push(left);
            now += left;
        }
        for (wait, full) in waits.iter().zip([10, 20, 40, 80, 120, 120, 120].map(Duration::from_secs)) {
            assert!(*wait <= full && *wait > full * 3 / 4, "{wait:?} of {full:?}");
        }
        assert!(waits.iter().all(|wait| *wait <= rules().longest_wait));
        let other = open(&Breaker::new("there", rules()), now);
        assert_ne!(waits.first(), Some(&other), "two endpoints are not tried together");
        assert_eq!(
            waits.first(),
            Some(&open(&Breaker::new("here", rules()), now)),
            "one waits equally long in every run"
        );
    }

    #[test]
    fn what_was_asked_before_it_opened_changes_nothing() {
        let (breaker, now) = (Breaker::new("here", rules()), Instant::now());
        let (good, bad) = (breaker.ask(now).unwrap(), breaker.ask(now).unwrap());
        let left = open(&breaker, now);
        good.succeeded();
        bad.failed(now + left);
        assert_eq!(breaker.ask(now).unwrap_err(), left);
    }

    proptest! {
        #[test]
        fn it_is_never_stuck_and_tries_one_at_a_time(
            steps in prop::collection::vec((0_u8..4, 0_usize..8, 0_u64..40_000), 0..200),
        ) {
            let (breaker, mut now) = (Breaker::new("here", rules()), Instant::now());
            let mut passes: Vec<Pass> = Vec::new();
            for (what, which, later) in steps {
                now += Duration::from_millis(later);
                let taken = (which < passes.len()).then(|| passes.swap_remove(which));
                match (what, taken) {
                    (0, Some(pass)) => pass.succeeded(),
                    (1, Some(pass)) => pass.failed(now),
                    (2, Some(pass)) => drop(pass),
                    (_, taken) => passes.extend(taken),
                }
                let probing = matches!(lock(&breaker.0).state, State::Probing { .. });
                match breaker.ask(now) {
                    Ok(pass) => {
                        prop_assert!(!probing, "one request tries at a time");
                        passes.push(pass);
                    }
                    Err(left) => prop_assert!(left <= rules().longest_wait),
                }
            }
            passes.clear();
            prop_assert!(breaker.ask(now + rules().longest_wait).is_ok(), "whatever happened, it is tried again");
        }
    }
}
