//! A simulated endpoint with a limit, kept in one of the three ways that are met.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the counts of a test are small"
)]

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::remote::pace::{Told, Window};

const MINUTE: f64 = 60.0;

/// How an endpoint keeps a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// So many in each minute of its clock.
    Fixed,
    /// So many in any minute.
    Sliding,
    /// A bucket of so many, which fills in a minute.
    Bucket,
}

pub(super) const KINDS: [Kind; 3] = [Kind::Fixed, Kind::Sliding, Kind::Bucket];

/// One limit and what is in use of it. Times are seconds since the start.
#[derive(Debug)]
struct Meter {
    kind: Kind,
    limit: u64,
    /// What is in use, and when that was so.
    level: f64,
    at: f64,
    taken: VecDeque<(f64, u64)>,
}

impl Meter {
    fn new(kind: Kind, limit: u64) -> Self {
        Self { kind, limit, level: 0.0, at: 0.0, taken: VecDeque::new() }
    }

    /// The clock of the endpoint is not that of the test.
    fn minute(time: f64) -> f64 {
        ((time + 23.4) / MINUTE).floor()
    }

    fn pass(&mut self, now: f64) {
        match self.kind {
            Kind::Fixed if Self::minute(now) > Self::minute(self.at) => self.level = 0.0,
            Kind::Fixed => {}
            Kind::Sliding => {
                while let Some((_, amount)) = self.taken.pop_front_if(|(at, _)| *at + MINUTE <= now) {
                    self.level -= amount as f64;
                }
            }
            Kind::Bucket => {
                self.level = (self.level - (now - self.at) * self.limit as f64 / MINUTE).max(0.0);
            }
        }
        self.at = now;
    }

    fn fits(&self, amount: u64) -> bool {
        self.level + amount as f64 <= self.limit as f64 + 1e-6
    }

    fn take(&mut self, amount: u64) {
        self.level += amount as f64;
        if self.kind == Kind::Sliding {
            self.taken.push_back((self.at, amount));
        }
    }

    /// When there is room again.
    fn room(&self, amount: u64) -> f64 {
        match self.kind {
            Kind::Fixed => (Self::minute(self.at) + 1.0) * MINUTE - 23.4 - self.at,
            Kind::Sliding => self.taken.front().map_or(0.0, |(at, _)| at + MINUTE - self.at),
            Kind::Bucket => (self.level + amount as f64 - self.limit as f64) * MINUTE / self.limit as f64,
        }
    }

    fn window(&self) -> Window {
        let reset = match self.kind {
            Kind::Fixed => self.room(0),
            Kind::Sliding => self.taken.back().map_or(0.0, |(at, _)| at + MINUTE - self.at),
            Kind::Bucket => self.level * MINUTE / self.limit as f64,
        };
        Window {
            limit: Some(self.limit),
            remaining: Some((self.limit as f64 - self.level + 1e-6) as u64),
            reset: Some(Duration::from_secs_f64(reset)),
        }
    }
}

/// What the endpoint did so far.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) tokens: u64,
    pub(super) refused: u64,
}

/// What the endpoint says beside its refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    /// The headers of every answer, and with a refusal how long to wait.
    Limits,
    /// How long to wait after a refusal, in whole seconds as is usual.
    Wait,
    /// Nothing at all.
    Nothing,
}

#[derive(Debug)]
pub(super) struct Endpoint {
    begun: Instant,
    tells: Tells,
    state: Mutex<(Meter, Option<Meter>, Tally)>,
    draws: Mutex<u64>,
}

pub(super) struct Reply {
    pub(super) told: Told,
    pub(super) refused: bool,
    /// For how long it asks to be left alone.
    pub(super) wait: Option<Duration>,
}

impl Endpoint {
    pub(super) fn new(kind: Kind, requests: u64, tokens: Option<u64>, tells: Tells) -> Self {
        let state =
            (Meter::new(kind, requests), tokens.map(|tokens| Meter::new(kind, tokens)), Tally::default());
        Self { begun: Instant::now(), tells, state: Mutex::new(state), draws: Mutex::new(requests) }
    }

    pub(super) fn tally(&self) -> Tally {
        self.state.lock().unwrap().2
    }

    /// Somebody else asks, too.
    pub(super) fn elsewhere(&self, requests: u64) {
        let mut state = self.state.lock().unwrap();
        state.0.pass(self.begun.elapsed().as_secs_f64());
        for _ in 0..requests {
            if state.0.fits(1) {
                state.0.take(1);
            }
        }
    }

    /// Draws a number from a range, the same in every run.
    pub(super) fn draw(&self, from: u64, to: u64) -> u64 {
        let mut draws = self.draws.lock().unwrap();
        *draws = draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from + (*draws >> 33) % (to - from)
    }

    /// Asks it, which takes from 50 ms to 3 s.
    pub(super) async fn ask(&self, tokens: u64) -> Reply {
        sleep(Duration::from_millis(self.draw(10, 60))).await;
        let reply = self.judge(tokens);
        sleep(Duration::from_millis(if reply.refused { 40 } else { self.draw(40, 2_940) })).await;
        reply
    }

    fn judge(&self, tokens: u64) -> Reply {
        let now = self.begun.elapsed().as_secs_f64();
        let mut state = self.state.lock().unwrap();
        let (requests, all_tokens, tally) = &mut *state;
        requests.pass(now);
        let mut wait = if requests.fits(1) { None } else { Some(requests.room(1)) };
        if let Some(meter) = all_tokens.as_mut() {
            meter.pass(now);
            if !meter.fits(tokens) {
                wait = Some(wait.unwrap_or(0.0).max(meter.room(tokens)));
            }
        }
        if wait.is_some() {
            tally.refused += 1;
        } else {
            tally.passed += 1;
            tally.tokens += tokens;
            requests.take(1);
            if let Some(meter) = all_tokens {
                meter.take(tokens);
            }
        }
        let told = Told {
            requests: requests.window(),
            tokens: all_tokens.as_ref().map_or_else(Window::default, Meter::window),
        };
        let told = if self.tells == Tells::Limits { told } else { Told::default() };
        let named = wait.filter(|_| self.tells != Tells::Nothing);
        let named = named.map(|wait| Duration::from_secs_f64(wait.ceil()));
        Reply { told, refused: wait.is_some(), wait: named }
    }
}
