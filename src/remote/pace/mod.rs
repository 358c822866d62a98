//! The pace at which one endpoint is asked: how many requests and tokens a minute, and how many requests at once.
//!
//! Whoever wants to ask waits here for an [`Admission`]. What is decided is decided by `books`, which is pure; here it is
//! waited for. Knows of a request nothing but how many tokens it may use, and makes none itself.
//!
//! * `flow` spreads evenly what is asked of one resource, so that a limit of a minute is met by no burst.
//! * `recent` counts what was asked in the last minute, so that no window of the endpoint's is overdrawn.
//! * `told` is what the endpoint says of its limits, `learned` is what its refusals say of them.
//! * `width` is how many may be asked at once where nothing else is known.

mod books;
mod flow;
mod learned;
mod recent;
mod told;
mod width;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Gate, Notify};
use tokio::time::{Instant, timeout_at};

use crate::text::TokenCount;

use books::{Books, Wait};

pub use told::{Told, Window};

/// What one endpoint may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaceLimits {
    /// How many requests a minute; none where it is not known. Zero is taken for one.
    pub requests_per_minute: Option<u64>,
    /// How many tokens a minute, of prompts and answers together; none where it is not known. Zero is taken for one.
    pub tokens_per_minute: Option<u64>,
    /// How many requests at once. Zero is taken for one.
    pub concurrency: usize,
    /// Whether so many at once are known to be welcome. Else it begins with a few, and finds out.
    pub welcome: bool,
}

impl PaceLimits {
    /// Returns the lower ones of both. Who names no number of requests at once leaves it to the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (concurrency, welcome) = match (self.welcome, other.welcome) {
            (true, false) => (self.concurrency, true),
            (false, true) => (other.concurrency, true),
            _ => (self.concurrency.min(other.concurrency), self.welcome),
        };
        let lower = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        Self {
            requests_per_minute: lower(self.requests_per_minute, other.requests_per_minute),
            tokens_per_minute: lower(self.tokens_per_minute, other.tokens_per_minute),
            concurrency,
            welcome,
        }
    }
}

/// The pace of one endpoint, shared by all who ask it.
#[derive(Debug)]
pub struct Pace {
    books: Mutex<Books>,
    /// Whoever holds it is the next to be admitted; all others wait for it in the order in which they came.
    queue: Gate<()>,
    /// Whoever is next looks again when this is rung.
    changed: Notify,
}

/// The right to make one request; dropping it frees its place for another.
#[derive(Debug)]
#[must_use = "the request is over when it is dropped"]
pub struct Admission {
    pace: Arc<Pace>,
    number: u64,
}

impl Pace {
    /// Begins to ask an endpoint that has not been asked yet.
    #[must_use]
    pub fn new(limits: PaceLimits) -> Self {
        let books = Mutex::new(Books::new(limits, Instant::now()));
        Self { books, queue: Gate::new(()), changed: Notify::new() }
    }

    /// Has these limits kept beside those that it began with: of two, the lower.
    pub fn keep(&self, limits: PaceLimits) {
        self.books().keep(Instant::now(), limits);
        self.changed.notify_waiters();
    }

    /// Waits until a request of so many tokens may be made: those of its prompt and of its longest answer.
    ///
    /// First come, first served. A request of more tokens than a minute has goes alone, when nothing else was asked for a
    /// minute. Dropping the future gives the place in the queue up and changes nothing else.
    pub async fn admit(self: &Arc<Self>, tokens: TokenCount) -> Admission {
        let _next = self.queue.lock().await;
        loop {
            // Whatever changes from here on wakes this request.
            let changed = self.changed.notified();
            let turn = self.books().ask(Instant::now(), tokens.0);
            match turn {
                Ok(number) => return Admission { pace: Arc::clone(self), number },
                // Either is a reason to look again.
                Err(Wait::Until(at)) => drop(timeout_at(at, changed).await),
                Err(Wait::Place) => changed.await,
            }
        }
    }

    /// The books are whole between two calls, and nothing panics half-way.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admission {
    /// The endpoint answered: what it said of its limits, and how many tokens were really used, where that is known.
    ///
    /// This may be told twice: when the head of the answer is there, and when its end is.
    pub fn answered(&self, told: &Told, used: Option<TokenCount>) {
        self.pace.books().answered(Instant::now(), self.number, told, used.map(|used| used.0));
        self.pace.changed.notify_waiters();
    }

    /// The endpoint pushed back, as with status 429 or 503: for how long it asks to be left alone, where it says so.
    ///
    /// Nobody is admitted until that is over, and then one after the other.
    pub fn refused(&self, told: &Told, retry_after: Option<Duration>) {
        self.pace.books().refused(Instant::now(), self.number, told, retry_after);
        self.pace.changed.notify_waiters();
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.pace.books().over(self.number);
        self.pace.changed.notify_waiters();
    }
}
