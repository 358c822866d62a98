//! What a run may use: as flags and settings say, and as its workflow says of single nodes.

use std::collections::BTreeMap;

use super::settings::Settings;
use crate::graph::Workflow;
use crate::name::NodeName;
use crate::run::{Budget, Limits};

/// Returns what a run may use that begins, or that the same command goes on with.
pub(super) fn begun(settings: &Settings, workflow: &Workflow) -> Budget {
    Budget { run: settings.limits, document: settings.document_limits, nodes: of_nodes(workflow) }
}

/// Returns what a run may use that is resumed by name: as much as before, but for what is said anew.
pub(super) fn resumed(settings: &Settings, workflow: &Workflow, before: &Budget) -> Budget {
    Budget { run: before.run.but(settings.typed_limits), ..begun(settings, workflow) }
}

fn of_nodes(workflow: &Workflow) -> BTreeMap<NodeName, Limits> {
    let limited = workflow.nodes().filter_map(|node| {
        let calls = node.step.calls()?;
        Some((node.name.clone(), Limits::of(calls.max_tokens, calls.max_cost)))
    });
    limited.filter(|(_, limits)| !limits.is_none()).collect()
}
