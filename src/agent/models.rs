//! The models of a run, each with the permits that keep its concurrency.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::AgentError;
use super::flight::Flights;
use crate::model::{ChatModel, Terms};
use crate::spec::AgentSpec;

/// A connected model, the terms on which it is asked, and its permits.
#[derive(Debug, Clone)]
pub(super) struct Connected {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) terms: Terms,
    pub(super) permits: Arc<Semaphore>,
}

/// The models that the agents of a run may ask: the run's own, and those that agents name.
#[derive(Debug)]
pub struct Models {
    default: Connected,
    named: HashMap<String, Connected>,
    flights: Flights,
}

impl Connected {
    fn new(model: Arc<dyn ChatModel>, terms: Terms) -> Self {
        let mut connected = Self { model, terms, permits: Arc::new(Semaphore::new(0)) };
        connected.permits = Arc::new(Semaphore::new(connected.concurrency()));
        connected
    }

    /// Says whether an answer costs money, so that it must not be lost.
    pub(super) fn is_paid(&self) -> bool {
        self.terms.price.is_some()
    }

    /// Returns how many calls may be in flight: what the model can take, or what the terms allow of it.
    fn concurrency(&self) -> usize {
        let most = self.model.limits().concurrency;
        self.terms.concurrency.map_or(most, |allowed| allowed.min(most)).max(1)
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
        Self { default: Connected::new(default, terms), named: HashMap::new(), flights: Flights::default() }
    }

    /// Returns the model of the run.
    #[must_use]
    pub fn default_model(&self) -> &dyn ChatModel {
        self.default.model.as_ref()
    }

    /// Adds a model that agents call `name`.
    pub fn add(&mut self, name: String, model: Arc<dyn ChatModel>, terms: Terms) {
        self.named.insert(name, Connected::new(model, terms));
    }

    /// Lets agents call the model of the run `name`, too.
    pub fn alias(&mut self, name: String) {
        self.named.insert(name, self.default.clone());
    }

    /// Puts something between the callers and every model.
    #[must_use]
    pub fn behind(&self, front: &dyn Fn(Arc<dyn ChatModel>) -> Arc<dyn ChatModel>) -> Self {
        let fronted = |one: &Connected| Connected::new(front(Arc::clone(&one.model)), one.terms);
        Self {
            default: fronted(&self.default),
            named: self.named.iter().map(|(name, one)| (name.clone(), fronted(one))).collect(),
            flights: Flights::default(),
        }
    }

    /// Returns how many calls can be in flight over all models.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        let same = |one: &&Connected| !Arc::ptr_eq(&one.permits, &self.default.permits);
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
