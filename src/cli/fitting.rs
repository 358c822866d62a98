//! Holds a workflow against the models of this machine before anything is asked: whether they are there, and whether its
//! prompts fit their windows.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::error::CommandError;
use super::settings::Settings;
use crate::agent::Models;
use crate::connect::{ConnectError, DEFAULT_MODEL, measure};
use crate::graph::Workflow;
use crate::model::Measure;
use crate::plan::cannot_fit;
use crate::run::{Plan, Purpose};
use crate::spec::{AgentSpec, Diagnostic, Diagnostics, leads_out};

/// What prompts are measured with, by the model that agents name; the run's own has no name.
pub(super) type Measures = BTreeMap<Option<String>, Arc<dyn Measure>>;

/// Finds what the prompts of a workflow are measured with, without weights and without the network. What is not at hand is
/// told instead, in a sentence each; a model that is not known at all is a mistake of the file that names it.
pub(super) fn measures(workflow: &Workflow, settings: &Settings) -> (Measures, Vec<String>, Diagnostics) {
    let own = settings.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    let mut found = Found::new(&own, settings);
    let asks_own = workflow.nodes().filter_map(|node| node.agent.as_ref()).any(|agent| agent.model.is_none());
    if asks_own {
        match measure(&own, &settings.connect_options(settings.window)) {
            Ok(own) => {
                found.measures.insert(None, own);
            }
            Err(error) => found.told.push(format!("{error}{}", cause(&error))),
        }
    }
    workflow.models().for_each(|(name, place)| found.add(name, place));
    found.told.sort();
    found.told.dedup();
    found.unknown.tidy();
    (found.measures, found.told, found.unknown)
}

/// Refuses a run of which an agent or a step names a model that is not known, where it does so and as `check` does, before
/// anything is fetched for it. `own` is the model of the run, which is known.
pub(super) fn know(workflow: &Workflow, own: &str, settings: &Settings) -> Result<(), CommandError> {
    let mut found = Found::new(own, settings);
    let others = workflow.models().filter(|(name, _)| settings.agents_model(name) != own);
    others.for_each(|(name, place)| found.add(name, place));
    found.unknown.tidy();
    if found.unknown.is_empty() { Ok(()) } else { Err(found.unknown.into()) }
}

/// What was found of the models that a workflow asks.
struct Found<'a> {
    /// The model of the run.
    own: &'a str,
    settings: &'a Settings,
    measures: Measures,
    /// What is not at hand.
    told: Vec<String>,
    /// The mistakes of the files that name models.
    unknown: Diagnostics,
}

impl<'a> Found<'a> {
    fn new(own: &'a str, settings: &'a Settings) -> Self {
        Self { own, settings, measures: Measures::new(), told: Vec::new(), unknown: Diagnostics::default() }
    }

    /// Looks for the model that a file calls `name`, at `place`.
    fn add(&mut self, name: &str, place: &Diagnostic) {
        let settings = self.settings;
        let resolved = settings.agents_model(name);
        let is_own = resolved == self.own;
        // A settings file and a flag may name any path; a file from elsewhere none outside of the folder.
        if !is_own && is_link_out(settings, &resolved) {
            let message = format!("the model `{name}` is a link that leads out of the project's folder");
            let label = "expected a name, or a file of the folder".to_owned();
            let help = "list the file under a name in `longhand.yaml`, and write that name here".to_owned();
            self.unknown.0.push(Diagnostic { message, label, help: Some(help), ..place.clone() });
            return;
        }
        // One that names the model of the run means it as the run uses it.
        match measure(&resolved, &settings.connect_options(settings.window.filter(|_| is_own))) {
            Ok(found) => {
                self.measures.insert(Some(name.to_owned()), found);
            }
            Err(error @ ConnectError::NotPulled { .. }) => self.told.push(error.to_string()),
            Err(ConnectError::Script(mut why)) => self.unknown.0.append(&mut why.0),
            Err(error) => {
                let message = format!("{error}{}", cause(&error));
                let label = "expected a model that can be asked".to_owned();
                self.unknown.0.push(Diagnostic { message, label, help: error.hint(), ..place.clone() });
            }
        }
    }
}

fn is_link_out(settings: &Settings, model: &str) -> bool {
    // A name stays a name, and a path is written out in full.
    let file = Path::new(model.strip_prefix("scripted:").unwrap_or(model));
    file.is_absolute() && leads_out(settings.folder(), file)
}

fn cause(error: &ConnectError) -> String {
    std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default()
}

/// Returns which prompts cannot fit, by what was found to measure them with.
pub(super) fn held(workflow: &Workflow, measures: &Measures) -> Diagnostics {
    cannot_fit(workflow, &BTreeMap::new(), true, &|agent: &AgentSpec| measures.get(&agent.model).cloned())
}

/// Refuses a run of which a prompt cannot fit the window of a connected model; returns warnings of state that can outgrow
/// it.
pub(super) fn hold(workflow: &Workflow, plan: &Plan, models: &Models) -> Result<Diagnostics, CommandError> {
    let measure = |agent: &AgentSpec| {
        let model = Arc::clone(models.of(agent).ok()?);
        Some(Arc::new(model) as Arc<dyn Measure>)
    };
    let found = cannot_fit(workflow, &plan.inputs, reaches_archive(plan), &measure);
    if found.has_errors() { Err(found.into()) } else { Ok(found) }
}

/// Tells whether the steps of the archive may be asked: never where only one document is named.
fn reaches_archive(plan: &Plan) -> bool {
    let several = plan.paths.len() + usize::from(plan.stdin) > 1;
    plan.purpose == Purpose::Each && (several || plan.paths.iter().any(|path| path.is_dir()))
}
