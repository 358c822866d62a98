//! What every request to an endpoint passes, and what models share that are behind the same one.
//!
//! A connection that does not come about says something of the endpoint, whoever wanted it, so all models of an address
//! share what is known of that. A failure that comes over a connection may be that of one model: servers of many models,
//! and those in front of many providers, answer with status 500 for one of them while the others are well. A limit is that of
//! one model and one account, so the pace is shared where both are the same.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::time::Instant;

use super::breaker::{Breaker, BreakerRules, Pass};
use super::endpoint::Address;
use super::failure::Failure;
use super::pace::{Admission, Pace, PaceLimits, Told};
use super::secrets::shown;
use super::wire::Answer;
use crate::hash::ContentHash;
use crate::text::TokenCount;

/// The endpoints that the models of a program are behind. Clones are the same; models made with the same one share what
/// they have in common.
///
/// ```
/// use longhand::remote::Endpoints;
///
/// let endpoints = Endpoints::default();
/// assert_eq!(format!("{endpoints:?}"), "Endpoints { addresses: 0, models: 0 }");
/// ```
#[derive(Clone, Default)]
pub struct Endpoints(Arc<Mutex<Shared>>);

/// By hashes, so that no key and no password lies about.
#[derive(Default)]
struct Shared {
    addresses: HashMap<ContentHash, Breaker>,
    models: HashMap<ContentHash, Served>,
}

/// One model of one account at one address.
#[derive(Clone)]
struct Served {
    breaker: Breaker,
    pace: Arc<Pace>,
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared();
        f.debug_struct("Endpoints")
            .field("addresses", &shared.addresses.len())
            .field("models", &shared.models.len())
            .finish()
    }
}

impl Endpoints {
    /// Nothing panics half-way.
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what requests to a model pass. Of limits that are set twice for one model, the lower one is kept.
    pub(super) fn gate(&self, address: &Address, model: &str, limits: PaceLimits) -> Gate {
        let url = normal(&address.base_url);
        let ca_file = address.ca_file.as_deref().map(|path| path.display().to_string());
        let key = address.key.as_ref().map(|key| key.expose_secret().to_owned());
        // Who trusts other certificates may reach what others do not; whoever asks, the server is the same.
        let here = hash(&[Some(&normal(&shown(&address.base_url))), ca_file.as_deref()]);
        let served = hash(&[Some(&url), ca_file.as_deref(), key.as_deref(), Some(model)]);
        let mut shared = self.shared();
        let made = || Breaker::new(&url, BreakerRules::default());
        let reach = shared.addresses.entry(here).or_insert_with(made).clone();
        let found = shared.models.entry(served).or_insert_with(|| Served {
            breaker: Breaker::new(&format!("{model}@{url}"), BreakerRules::default()),
            pace: Arc::new(Pace::new(limits)),
        });
        found.pace.keep(limits);
        let Served { breaker, pace } = found.clone();
        Gate { reach, breaker, pace }
    }
}

/// The same address however it is written.
fn normal(base_url: &str) -> String {
    let url = reqwest::Url::parse(base_url).map_or_else(|_| base_url.to_owned(), String::from);
    url.trim_end_matches('/').to_owned()
}

fn hash(parts: &[Option<&str>]) -> ContentHash {
    let mut hasher = ContentHash::streaming();
    for part in parts {
        // What is missing is not what is empty, and the length keeps apart what is parted otherwise.
        hasher.update(&[u8::from(part.is_some())]);
        let part = part.unwrap_or_default();
        hasher.update(&part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finish()
}

/// What every request to one model passes: is its endpoint reached, is the model well, and is there a place for it?
#[derive(Debug)]
pub(super) struct Gate {
    /// Opens where no connections come about.
    reach: Breaker,
    /// Opens where connections come about, and the model fails.
    breaker: Breaker,
    pace: Arc<Pace>,
}

impl Gate {
    /// Waits until a request of so many tokens may be made.
    ///
    /// # Errors
    /// How long the model is left alone yet.
    pub(super) async fn admit(&self, tokens: TokenCount) -> Result<Ticket, Duration> {
        // What is left alone anyway takes nobody's place.
        let now = Instant::now();
        if let Some(left) = self.reach.left(now).max(self.breaker.left(now)) {
            return Err(left);
        }
        let place = self.pace.admit(tokens).await;
        let now = Instant::now();
        let reach = self.reach.ask(now)?;
        let pass = self.breaker.ask(now)?;
        Ok(Ticket { reach: Some(reach), pass: Some(pass), place: Some(place) })
    }
}

/// The right to make one request.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    reach: Option<Pass>,
    pass: Option<Pass>,
    place: Option<Admission>,
}

impl Ticket {
    /// Tells what came of the request, and gives the place back.
    pub(super) fn tell(&mut self, answer: &Result<Answer, Failure>, told: &Told) {
        let Self { reach, pass, place } = std::mem::take(self);
        match answer {
            Err(Failure::Unreachable(_)) => settle(reach, false),
            // It may be either that nothing comes from.
            Err(Failure::Silent) => {}
            _ => settle(reach, true),
        }
        match answer {
            // Of the model nobody learned anything.
            Err(Failure::Unreachable(_)) => {}
            Ok(answer) => {
                let used = answer.usage.map(|usage| usage.prompt_tokens + usage.completion_tokens);
                place.inspect(|place| place.answered(told, used));
                settle(pass, true);
            }
            Err(failure) if failure.pushes_back() => {
                place.inspect(|place| place.refused(told, failure.retry_after()));
            }
            Err(failure) => settle(pass, !failure.is_outage()),
        }
    }
}

fn settle(pass: Option<Pass>, well: bool) {
    match pass {
        Some(pass) if well => pass.succeeded(),
        Some(pass) => pass.failed(Instant::now()),
        None => {}
    }
}
