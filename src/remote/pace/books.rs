//! Who may ask when. Pure: the time is given, and nobody waits here.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::PaceLimits;
use super::flow::Flow;
use super::learned::Learned;
use super::recent::{Amount, Recent};
use super::told::{Told, Window, as_float};
use super::width::Width;
use crate::remote::after::LONGEST;

/// How late a request may be asked and the next still at its time: timers are exact to a millisecond, and machines are busy.
const REQUEST_SLACK: Duration = Duration::from_millis(100);

/// For tokens it is more, because what an answer did not use comes back late and at once.
const TOKEN_SLACK: Duration = Duration::from_secs(3);

/// The first wait after a push-back that names none, doubled by every further one without a success between.
const FIRST_REST: Duration = Duration::from_millis(250);

/// The longest of these waits.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Why a request may not be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// It is too early.
    Until(Instant),
    /// As many are under way as may be.
    Place,
}

/// A request under way.
#[derive(Debug, Clone, Copy)]
struct Open {
    at: Instant,
    /// What it is charged for, which is what it may use until it is known what it did.
    tokens: u64,
    /// All tokens that were asked for up to this one.
    tokens_so_far: u64,
    /// What was asked in the minute up to it.
    recent: Amount,
    settled: bool,
}

/// What the endpoint said last of its limits, and of which request.
#[derive(Debug)]
struct Heard {
    number: u64,
    open: Open,
    told: Told,
}

/// Requests that follow a rest are this far apart until one has come back.
#[derive(Debug, Clone, Copy)]
struct Spread {
    until: Instant,
    gap: Duration,
}

/// What may be asked in a minute.
#[derive(Debug, Clone, Copy)]
struct Allowed {
    requests: Option<f64>,
    tokens: Option<u64>,
}

/// All that is known of an endpoint.
#[derive(Debug)]
pub(super) struct Books {
    limits: PaceLimits,
    requests: Flow,
    tokens: Flow,
    recent: Recent,
    width: Width,
    learned: Option<Learned>,
    heard: Option<Heard>,
    told_requests: Option<u64>,
    told_tokens: Option<u64>,
    open: BTreeMap<u64, Open>,
    /// How many requests were admitted, which is the number of the last.
    admitted: u64,
    tokens_so_far: u64,
    last: Option<Instant>,
    /// How long an answer takes.
    trip: Duration,
    held_until: Instant,
    spread: Option<Spread>,
    /// The last request that was asked before the last push-back: what comes of it and those before says nothing new.
    cut: u64,
    /// Push-backs without a success between.
    refusals: u32,
}

impl Books {
    pub(super) fn new(limits: PaceLimits, now: Instant) -> Self {
        let mut width = Width::new(limits.concurrency);
        if limits.welcome || (limits.requests_per_minute.is_some() && limits.tokens_per_minute.is_some()) {
            width.trust();
        }
        Self {
            limits,
            requests: Flow::new(now, REQUEST_SLACK),
            tokens: Flow::new(now, TOKEN_SLACK),
            recent: Recent::default(),
            width,
            learned: None,
            heard: None,
            told_requests: None,
            told_tokens: None,
            open: BTreeMap::new(),
            admitted: 0,
            tokens_so_far: 0,
            last: None,
            trip: Duration::ZERO,
            held_until: now,
            spread: None,
            cut: 0,
            refusals: 0,
        }
    }

    /// Keeps other limits, too.
    pub(super) fn keep(&mut self, now: Instant, limits: PaceLimits) {
        let limits = self.limits.and(limits);
        if self.admitted == 0 {
            *self = Self::new(limits, now);
        } else {
            self.limits = limits;
            self.width.bound(limits.concurrency);
        }
    }

    /// Asks whether a request may be made now, and gives it a number.
    pub(super) fn ask(&mut self, now: Instant, tokens: u64) -> Result<u64, Wait> {
        if self.open.len() >= self.width.now() {
            return Err(Wait::Place);
        }
        self.recent.forget(now);
        let allowed = self.allowed(now);
        // A request above the limit takes all of it.
        let tokens = allowed.tokens.map_or(tokens, |limit| tokens.min(limit));
        let at = self.earliest(now, tokens, allowed);
        if at > now {
            return Err(Wait::Until(at));
        }
        self.admit(now, tokens, allowed);
        Ok(self.admitted)
    }

    /// What the settings say goes before what the endpoint says, and what its refusals say below both.
    fn allowed(&self, now: Instant) -> Allowed {
        let known =
            self.limits.requests_per_minute.or(self.told_requests).map(|limit| as_float(limit.max(1)));
        let learned = self.learned.and_then(|learned| learned.at(now));
        let requests = match (known, learned) {
            (Some(known), Some(learned)) => Some(known.min(learned)),
            (known, learned) => known.or(learned),
        };
        let tokens = self.limits.tokens_per_minute.or(self.told_tokens).map(|limit| limit.max(1));
        Allowed { requests, tokens }
    }

    fn earliest(&self, now: Instant, tokens: u64, allowed: Allowed) -> Instant {
        let mut at = self.held_until;
        if let Some(limit) = allowed.requests {
            at = at.max(self.requests.ready());
            at = at.max(self.recent.room(1, whole(limit), |amount| amount.requests).unwrap_or(at));
        } else if let (Some(spread), Some(last)) = (self.spread, self.last)
            && now < spread.until
        {
            at = at.max(last + spread.gap);
        }
        if let Some(limit) = allowed.tokens {
            at = at.max(self.tokens.ready());
            at = at.max(self.recent.room(tokens, limit, |amount| amount.tokens).unwrap_or(at));
        }
        at.max(self.heard.as_ref().and_then(|heard| self.told_room(heard, tokens, allowed)).unwrap_or(at))
    }

    /// When the endpoint's own count has room.
    ///
    /// Where it counts no more than what was asked here, it says nothing that is not known better here.
    fn told_room(&self, heard: &Heard, tokens: u64, allowed: Allowed) -> Option<Instant> {
        let Heard { number, open, told } = heard;
        let foreign = |window: &Window, ours: u64, allowed: Option<u64>| {
            window.in_use().is_some_and(|in_use| in_use > ours)
                || window.limit.is_some_and(|limit| allowed.is_none_or(|allowed| allowed > limit))
        };
        let requests = foreign(&told.requests, open.recent.requests, allowed.requests.map(whole))
            .then(|| told.requests.room(open.at, self.admitted - number, 1));
        let tokens = foreign(&told.tokens, open.recent.tokens, allowed.tokens).then(|| {
            told.tokens.room(open.at, self.tokens_so_far.saturating_sub(open.tokens_so_far), tokens)
        });
        requests.flatten().max(tokens.flatten())
    }

    fn admit(&mut self, now: Instant, tokens: u64, allowed: Allowed) {
        if let Some(limit) = allowed.requests {
            self.requests.charge(now, 1.0, limit);
        }
        if let Some(limit) = allowed.tokens {
            self.tokens.charge(now, as_float(tokens), as_float(limit));
        }
        self.recent.add(now, tokens);
        self.admitted += 1;
        self.tokens_so_far = self.tokens_so_far.saturating_add(tokens);
        self.last = Some(now);
        let (tokens_so_far, recent) = (self.tokens_so_far, self.recent.total());
        self.open.insert(self.admitted, Open { at: now, tokens, tokens_so_far, recent, settled: false });
    }

    /// Takes note of an answer.
    pub(super) fn answered(&mut self, now: Instant, number: u64, told: &Told, used: Option<u64>) {
        let under_way = self.open.len();
        let Some(mut open) = self.open.get(&number).copied() else { return };
        self.hear(number, open, told);
        if let Some(used) = used {
            self.correct(now, &mut open, used);
        }
        if !open.settled {
            open.settled = true;
            let took = now.saturating_duration_since(open.at);
            self.trip = if self.trip.is_zero() { took } else { (self.trip * 7 + took) / 8 };
            if number > self.cut {
                self.refusals = 0;
                self.width.succeeded(under_way);
            }
            // An endpoint that has another limit, and tells it, has told it by now.
            let allowed = self.allowed(now);
            if allowed.requests.is_some() || allowed.tokens.is_some() {
                self.width.trust();
            }
        }
        self.open.insert(number, open);
    }

    /// Takes note of a push-back.
    pub(super) fn refused(&mut self, now: Instant, number: u64, told: &Told, retry_after: Option<Duration>) {
        let Some(mut open) = self.open.get(&number).copied() else { return };
        if open.settled {
            return;
        }
        open.settled = true;
        self.hear(number, open, told);
        // What was refused uses nothing up.
        if let Some(limit) = self.allowed(now).tokens {
            self.tokens.credit(as_float(open.tokens), as_float(limit));
        }
        self.recent.correct(open.at, Amount { requests: 1, tokens: open.tokens }, Amount::default());
        self.open.insert(number, open);
        let rest = retry_after.map(|rest| rest.min(LONGEST));
        if number > self.cut {
            self.push_back(now, number, rest);
        } else if let Some(rest) = rest {
            self.hold(now + rest);
        }
    }

    /// Takes note that a request is over, whatever came of it.
    pub(super) fn over(&mut self, number: u64) {
        self.open.remove(&number);
    }

    fn push_back(&mut self, now: Instant, number: u64, rest: Option<Duration>) {
        self.refusals = self.refusals.saturating_add(1);
        // A limit of the number at once looks otherwise: it names no time, something goes through all the while, and every
        // place is taken.
        let places_left = self.open.len() < self.width.now();
        let too_many = rest.is_none() && self.refusals == 1 && self.width.now() > 1;
        if !too_many || (places_left && self.learned.is_some()) {
            self.learn(now, number, rest.unwrap_or_default());
        }
        self.width.halve();
        self.cut = self.admitted;
        let doubled = 2_u32.checked_pow(self.refusals - 1).unwrap_or(u32::MAX);
        let until = now + rest.unwrap_or_else(|| FIRST_REST.saturating_mul(doubled).min(LONGEST_REST));
        self.hold(until);
        let places = u32::try_from(self.width.now()).unwrap_or(u32::MAX);
        self.spread = Some(Spread { until: self.held_until + self.trip, gap: self.trip / places });
    }

    /// Learns from what went through in the minute that ends with the rest, in which a window of the endpoint's begins anew.
    fn learn(&mut self, now: Instant, number: u64, rest: Duration) {
        self.recent.forget(now);
        let minute = Duration::from_mins(1);
        let then = now.checked_sub(minute.saturating_sub(rest)).unwrap_or(now);
        // Those that were asked after the refused one and have not come back are most likely refused, too.
        let doubtful = self.open.range(number..).filter(|(_, open)| !open.settled && open.at >= then).count();
        let passed = self.recent.requests_since(then).saturating_sub(doubtful as u64);
        let seen = self.recent.first().map_or(Duration::ZERO, |first| now.saturating_duration_since(first));
        let window = seen + rest;
        let sure = window > Duration::from_secs(50);
        // As many went through before as will when the rest is over, or there is no reason to name it. An endpoint that pushes
        // back now and then for other reasons than a limit is so not taken for a slow one at the beginning.
        let passed = as_float(passed) * if sure { 1.0 } else { 60.0 / window.as_secs_f64().max(1.0) };
        let learned = match self.allowed(now).requests {
            Some(allowed) => Learned::again(now, passed, self.tried(now, allowed, seen), sure, self.learned),
            None => Learned::first(now, passed, sure),
        };
        self.learned = Some(learned);
    }

    /// How many requests a minute were tried when one was refused.
    ///
    /// At the first refusal it is what is allowed. Where that was no remedy, something else limits what is asked, and the next
    /// refusal is held against what really was.
    fn tried(&self, now: Instant, allowed: f64, seen: Duration) -> f64 {
        let asked = as_float(self.recent.total().requests) * 60.0 / seen.as_secs_f64().clamp(1.0, 60.0);
        if self.learned.is_some_and(|learned| learned.is_held(now)) { allowed.min(asked) } else { allowed }
    }

    fn hold(&mut self, until: Instant) {
        self.held_until = self.held_until.max(until);
        self.requests.rest(self.held_until);
        self.tokens.rest(self.held_until);
    }

    fn hear(&mut self, number: u64, open: Open, told: &Told) {
        if *told == Told::default() || self.heard.as_ref().is_some_and(|heard| heard.number > number) {
            return;
        }
        self.told_requests = told.requests.limit.or(self.told_requests);
        self.told_tokens = told.tokens.limit.or(self.told_tokens);
        self.heard = Some(Heard { number, open, told: *told });
    }

    /// Charges a request for what it used instead of what it was charged for.
    fn correct(&mut self, now: Instant, open: &mut Open, used: u64) {
        let allowed = self.allowed(now).tokens;
        let used = allowed.map_or(used, |limit| used.min(limit));
        if let Some(limit) = allowed {
            let limit = as_float(limit);
            self.tokens.credit(as_float(open.tokens.saturating_sub(used)), limit);
            let more = used.saturating_sub(open.tokens);
            if more > 0 {
                self.tokens.charge(now, as_float(more), limit);
            }
        }
        let before = Amount { requests: 0, tokens: open.tokens };
        self.recent.correct(open.at, before, Amount { requests: 0, tokens: used });
        open.tokens = used;
    }
}

/// A limit as a number of requests that may be made in its minute, at least one.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a limit is positive, and one above all whole numbers limits nothing"
)]
fn whole(limit: f64) -> u64 {
    (limit.ceil() as u64).max(1)
}
