//! The models of a run, each with the permits that keep its concurrency.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::AgentError;
use crate::model::ChatModel;
use crate::spec::AgentSpec;

/// A connected model and its permits.
#[derive(Debug, Clone)]
pub(super) struct Connected {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) permits: Arc<Semaphore>,
}

/// The models that the agents of a run may ask: the run's own, and those that agents name.
#[derive(Debug)]
pub struct Models {
    default: Connected,
    named: HashMap<String, Connected>,
}

fn connected(model: Arc<dyn ChatModel>) -> Connected {
    let permits = Arc::new(Semaphore::new(model.limits().concurrency.max(1)));
    Connected { model, permits }
}

impl Models {
    /// Begins with the model of the run.
    #[must_use]
    pub fn new(default: Arc<dyn ChatModel>) -> Self {
        Self { default: connected(default), named: HashMap::new() }
    }

    /// Returns the model of the run.
    #[must_use]
    pub fn default_model(&self) -> &dyn ChatModel {
        self.default.model.as_ref()
    }

    /// Adds a model that agents call `name`.
    pub fn add(&mut self, name: String, model: Arc<dyn ChatModel>) {
        self.named.insert(name, connected(model));
    }

    /// Returns how many calls can be in flight over all models.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        let all = std::iter::once(&self.default).chain(self.named.values());
        all.map(|connected| connected.model.limits().concurrency).sum()
    }

    /// Returns the model that `agent` asks.
    ///
    /// # Errors
    /// [`AgentError::NoModel`] where the agent names one that was not added.
    pub fn of(&self, agent: &AgentSpec) -> Result<&Arc<dyn ChatModel>, AgentError> {
        self.connected(agent).map(|connected| &connected.model)
    }

    pub(super) fn connected(&self, agent: &AgentSpec) -> Result<&Connected, AgentError> {
        let Some(name) = &agent.model else { return Ok(&self.default) };
        self.named
            .get(name)
            .ok_or_else(|| AgentError::NoModel { agent: agent.name.to_string(), model: name.clone() })
    }
}
