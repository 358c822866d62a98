//! Holds a workflow against the models of this machine before anything is asked: whether they are there, and whether its
//! prompts fit their windows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::CommandError;
use super::settings::Settings;
use crate::agent::Models;
use crate::connect::{ConnectError, DEFAULT_MODEL, measure};
use crate::graph::Workflow;
use crate::model::Measure;
use crate::plan::cannot_fit;
use crate::run::{Plan, Purpose};
use crate::spec::{AgentSpec, Diagnostic, Diagnostics};

/// What prompts are measured with, by the model that agents name; the run's own has no name.
pub(super) type Measures = BTreeMap<Option<String>, Arc<dyn Measure>>;

/// Finds what the prompts of a workflow are measured with, without weights and without the network. What is not at hand is
/// told instead, in a sentence each; a model that is not known at all is a mistake of the file that names it.
pub(super) fn measures(workflow: &Workflow, settings: &Settings) -> (Measures, Vec<String>, Diagnostics) {
    let mut measures = Measures::new();
    let (mut told, mut unknown) = (Vec::new(), Diagnostics::default());
    let own = settings.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    let asks_own = workflow.nodes().filter_map(|node| node.agent.as_ref()).any(|agent| agent.model.is_none());
    if asks_own {
        match measure(&own, &settings.connect_options(settings.window)) {
            Ok(found) => {
                measures.insert(None, found);
            }
            Err(error) => told.push(format!("{error}{}", cause(&error))),
        }
    }
    for (name, place) in workflow.models() {
        let resolved = settings.agents_model(name);
        // One that names the model of the run means it as the run uses it.
        let window = settings.window.filter(|_| resolved == own);
        match measure(&resolved, &settings.connect_options(window)) {
            Ok(found) => {
                measures.insert(Some(name.to_owned()), found);
            }
            Err(error @ ConnectError::NotPulled { .. }) => told.push(error.to_string()),
            Err(ConnectError::Script(mut why)) => unknown.0.append(&mut why.0),
            Err(error) => {
                let message = format!("{error}{}", cause(&error));
                let label = "expected a model that can be asked".to_owned();
                unknown.0.push(Diagnostic { message, label, help: error.hint(), ..place.clone() });
            }
        }
    }
    told.sort();
    told.dedup();
    (measures, told, unknown)
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
