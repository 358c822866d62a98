//! The models of a run: its own, and those that agents and steps name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::commands::models::pull;
use super::error::{CommandError, ExitStatus};
use super::fitting;
use super::printer::Printer;
use super::settings::Settings;
use crate::agent::Models;
use crate::connect::{self, ConnectError, Connection, connect, connect_unasked};
use crate::graph::Workflow;
use crate::model::Embedder;
use crate::run::{ModelRecord, Plan};

/// Every model that a run asks, each connected once.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    pub(super) own: Connection,
    /// By the names that agents use; a name that leads to the model of the run is here, too.
    named: BTreeMap<String, Named>,
}

#[derive(Debug, Clone)]
struct Named {
    connection: Connection,
    /// Whether it is the model of the run.
    own: bool,
}

impl Connections {
    /// Connects to the model of a run and to those that the agents of its workflow name, fetching what can be fetched.
    pub(super) fn open(
        own: &str,
        window: Option<u64>,
        workflow: &Workflow,
        settings: &Settings,
        printer: &Printer,
    ) -> Result<Self, CommandError> {
        Self::with(connection(own, settings, window, printer)?, own, workflow, settings, printer)
    }

    /// Connects to the models that the agents of a workflow name, beside that of the run.
    pub(super) fn with(
        connection_of_run: Connection,
        own: &str,
        workflow: &Workflow,
        settings: &Settings,
        printer: &Printer,
    ) -> Result<Self, CommandError> {
        fitting::know(workflow, own, settings)?;
        let connections = Self::joined(connection_of_run, own, workflow, settings, |_, resolved| {
            connection(resolved, settings, None, printer)
        })?;
        if settings.batch && !connections.are_batched() {
            return Err(CommandError::new(
                ExitStatus::Usage,
                "`--batch` is for models behind endpoints, and none of them is asked here",
            )
            .hinted("leave `--batch` out, or name such a model with `--model`"));
        }
        let notes: BTreeSet<&String> = connections.all().filter_map(|(_, one)| one.note.as_ref()).collect();
        for note in notes {
            printer.warn(note);
        }
        Ok(connections)
    }

    /// Finds what the prompts of a run that has been are counted with. Nothing is loaded that answers, and nothing fetched.
    pub(super) fn unasked(
        plan: &Plan,
        workflow: &Workflow,
        settings: &Settings,
    ) -> Result<Self, CommandError> {
        let options = settings.connect_options(plan.window);
        let own = connect_unasked(&plan.model, plan.model_identity.clone(), &options)?;
        Self::joined(own, &plan.model, workflow, settings, |name, resolved| {
            let identity = plan.models.get(name).cloned().unwrap_or_else(|| resolved.to_owned());
            Ok(connect_unasked(resolved, identity, &settings.connect_options(None))?)
        })
    }

    /// Connects to each model that an agent names, by `connect`, which is given the name and what settings make of it.
    fn joined(
        connection_of_run: Connection,
        own: &str,
        workflow: &Workflow,
        settings: &Settings,
        connect: impl Fn(&str, &str) -> Result<Connection, CommandError>,
    ) -> Result<Self, CommandError> {
        let mut connections = Self { own: connection_of_run, named: BTreeMap::new() };
        let agents = workflow.nodes().filter_map(|node| node.agent.as_ref());
        for name in agents.filter_map(|agent| agent.model.as_ref()).collect::<BTreeSet<_>>() {
            let resolved = settings.agents_model(name);
            let is_own = resolved == own;
            let connection = if is_own { connections.own.clone() } else { connect(name, &resolved)? };
            connections.named.insert(name.clone(), Named { connection, own: is_own });
        }
        Ok(connections)
    }

    /// Returns all of them: that of the run without a name, the others under the names that agents use.
    pub(super) fn all(&self) -> impl Iterator<Item = (Option<&String>, &Connection)> {
        let named = self.named.iter().map(|(name, named)| (Some(name), &named.connection));
        std::iter::once((None, &self.own)).chain(named)
    }

    /// Tells whether any of them is asked in batches.
    fn are_batched(&self) -> bool {
        let outlives =
            |one: &Connection| one.model.outlives() || one.then.iter().any(|(model, _)| model.outlives());
        self.all().any(|(_, one)| outlives(one))
    }

    /// Makes of them the models that a run asks.
    pub(super) fn models(&self) -> Models {
        let (first, then) = self.own.termed();
        let mut models = Models::with(first, then);
        for (name, Named { connection, own }) in &self.named {
            if *own {
                models.alias(name.clone());
            } else {
                let (first, then) = connection.termed();
                models.add(name.clone(), first, then);
            }
        }
        models
    }

    /// Returns what each of them can hold, by its identity.
    pub(super) fn records(&self) -> BTreeMap<String, ModelRecord> {
        let mut records = BTreeMap::new();
        for (_, one) in self.all() {
            let (first, then) = one.termed();
            for (model, _) in std::iter::once(first).chain(then) {
                let record = ModelRecord { window: model.limits().context, kv_bytes: model.kv_bytes() };
                // That of the run comes first, and its window may have been made smaller.
                records.entry(model.identity().to_owned()).or_insert(record);
            }
        }
        records
    }

    /// Returns the identities of those that agents name.
    pub(super) fn identities(&self) -> BTreeMap<String, String> {
        let identity = |named: &Named| named.connection.identity();
        self.named.iter().map(|(name, named)| (name.clone(), identity(named))).collect()
    }
}

/// Connects to a model, fetching it first where it is one that can be fetched.
pub(super) fn connection(
    name: &str,
    settings: &Settings,
    window: Option<u64>,
    printer: &Printer,
) -> Result<Connection, CommandError> {
    let options = settings.connect_options(window);
    fetching(settings, printer, || connect(name, &options))
}

/// Connects to a model that turns texts into vectors, fetching it first where it is one that can be fetched.
pub(super) fn embedder(
    name: &str,
    settings: &Settings,
    printer: &Printer,
) -> Result<Arc<dyn Embedder>, CommandError> {
    let options = settings.connect_options(None);
    fetching(settings, printer, || connect::embedder(name, &options))
}

/// Connects, and where a model is wanted that can be fetched, fetches it and connects once more.
fn fetching<T>(
    settings: &Settings,
    printer: &Printer,
    connect: impl Fn() -> Result<T, ConnectError>,
) -> Result<T, CommandError> {
    match connect() {
        Err(ConnectError::NotPulled { name }) if !settings.offline => {
            pull(&name, settings, printer)?;
            Ok(connect()?)
        }
        result => Ok(result?),
    }
}
