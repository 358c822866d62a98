//! The models of a run, each with the permits that keep its concurrency.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;

use super::AgentError;
use super::flight::Flights;
use crate::model::{ChatModel, Fallback, ModelError, Termed, Terms};
use crate::run::in_one_line;
use crate::spec::AgentSpec;

/// What an agent asks: a model, and those that stand in for it.
#[derive(Debug, Clone)]
pub(super) struct Connected {
    /// What prompts are measured with: what fits it fits each of the links.
    pub(super) model: Arc<dyn ChatModel>,
    /// Whom to ask, in this order; never empty.
    links: Arc<[Link]>,
}

/// One model that is asked, and its permits.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) terms: Terms,
    pub(super) permits: Semaphore,
    /// Set when it is of no use for the rest of the run.
    closed: OnceLock<Closed>,
}

/// Why a model is of no use for the rest of a run.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) reason: String,
    pub(super) hint: Option<String>,
}

/// The models that the agents of a run may ask: the run's own, and those that agents name.
#[derive(Debug)]
pub struct Models {
    default: Connected,
    named: HashMap<String, Connected>,
    flights: Flights,
}

impl Link {
    fn new((model, terms): Termed) -> Self {
        let permits = Semaphore::new(concurrency(model.as_ref(), &terms));
        Self { model, terms, permits, closed: OnceLock::new() }
    }

    /// Says whether an answer costs money, so that it must not be lost.
    pub(super) fn is_paid(&self) -> bool {
        self.terms.price.is_some()
    }

    /// Says that the model will not answer any more in this run.
    pub(super) fn close(&self, error: &ModelError) {
        let _ = self.closed.set(Closed { reason: in_one_line(error), hint: error.hint() });
    }

    /// Returns why the model will not answer any more, if it will not.
    pub(super) fn closed(&self) -> Option<&Closed> {
        self.closed.get()
    }
}

/// Returns how many calls may be in flight: what the model can take, or what the terms allow of it.
fn concurrency(model: &dyn ChatModel, terms: &Terms) -> usize {
    let most = model.limits().concurrency;
    terms.concurrency.map_or(most, |allowed| allowed.min(most)).max(1)
}

impl Connected {
    fn new(first: Termed, then: Vec<Termed>) -> Self {
        let model = if then.is_empty() {
            Arc::clone(&first.0)
        } else {
            let then = then.iter().map(|(model, _)| Arc::clone(model)).collect();
            Arc::new(Fallback::new(Arc::clone(&first.0), then))
        };
        Self { model, links: std::iter::once(first).chain(then).map(Link::new).collect() }
    }

    /// Returns whom to ask, in this order.
    pub(super) fn links(&self) -> &[Link] {
        &self.links
    }

    fn concurrency(&self) -> usize {
        self.links.first().map_or(1, |link| concurrency(link.model.as_ref(), &link.terms))
    }
}

impl Models {
    /// Begins with the model of the run, without terms.
    #[must_use]
    pub fn new(default: Arc<dyn ChatModel>) -> Self {
        Self::on(default, Terms::default())
    }

    /// Begins with the model of the run and the terms on which it is asked.
    #[must_use]
    pub fn on(default: Arc<dyn ChatModel>, terms: Terms) -> Self {
        Self::with((default, terms), Vec::new())
    }

    /// Begins with the model of the run and those that stand in for it where it cannot be asked.
    #[must_use]
    pub fn with(default: Termed, then: Vec<Termed>) -> Self {
        Self { default: Connected::new(default, then), named: HashMap::new(), flights: Flights::default() }
    }

    /// Returns the model of the run.
    #[must_use]
    pub fn default_model(&self) -> &dyn ChatModel {
        self.default.model.as_ref()
    }

    /// Adds a model that agents call `name`, and those that stand in for it.
    pub fn add(&mut self, name: String, model: Termed, then: Vec<Termed>) {
        self.named.insert(name, Connected::new(model, then));
    }

    /// Lets agents call the model of the run `name`, too.
    pub fn alias(&mut self, name: String) {
        self.named.insert(name, self.default.clone());
    }

    /// Puts something between the callers and every model.
    #[must_use]
    pub fn behind(&self, front: &dyn Fn(Arc<dyn ChatModel>) -> Arc<dyn ChatModel>) -> Self {
        let fronted = |one: &Connected| {
            let terms = one.links.first().map(|link| link.terms).unwrap_or_default();
            Connected::new((front(Arc::clone(&one.model)), terms), Vec::new())
        };
        Self {
            default: fronted(&self.default),
            named: self.named.iter().map(|(name, one)| (name.clone(), fronted(one))).collect(),
            flights: Flights::default(),
        }
    }

    /// Returns how many calls can be in flight over all models.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        let same = |one: &&Connected| !Arc::ptr_eq(&one.links, &self.default.links);
        let others = self.named.values().filter(same);
        std::iter::once(&self.default).chain(others).map(Connected::concurrency).sum()
    }

    /// Returns the model that `agent` asks.
    ///
    /// # Errors
    /// [`AgentError::NoModel`] where the agent names one that was not added.
    pub fn of(&self, agent: &AgentSpec) -> Result<&Arc<dyn ChatModel>, AgentError> {
        self.connected(agent).map(|connected| &connected.model)
    }

    /// Returns how many calls of `agent` can be in flight.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn at_once(&self, agent: &AgentSpec) -> Result<usize, AgentError> {
        self.connected(agent).map(Connected::concurrency)
    }

    /// Returns what is being asked of any of them.
    pub(super) fn flights(&self) -> &Flights {
        &self.flights
    }

    pub(super) fn connected(&self, agent: &AgentSpec) -> Result<&Connected, AgentError> {
        let Some(name) = &agent.model else { return Ok(&self.default) };
        self.named
            .get(name)
            .ok_or_else(|| AgentError::NoModel { agent: agent.name.to_string(), model: name.clone() })
    }
}
