//! Branches a run off: what stands before a node is taken over from the old run, the rest is done anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::budget;
use super::connecting::Connections;
use super::error::{CommandError, ExitStatus};
use super::job::{self, Opened};
use super::journals::{begin, ledger};
use super::output;
use super::printer::Printer;
use super::settings::Settings;
use super::taking::{self, STDIN};
use crate::graph::Workflow;
use crate::name::{NodeName, RunId};
use crate::run::{Event, Plan, TaskId};
use crate::step;
use crate::store::{Durability, Journal, Store};

/// Where a run branches off, and what is different from there on.
pub(super) struct Fork {
    pub(super) from: String,
    pub(super) inputs: BTreeMap<String, String>,
    pub(super) output: Option<PathBuf>,
    pub(super) force: bool,
}

/// Begins a new run that takes over from `old` all that does not depend on the node named.
pub(super) async fn fork(
    old: &RunId,
    fork: Fork,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let store = Store::open(&settings.store)?;
    // Held open, so that nobody works on the old run while it is read.
    let journal = store.open_run(old, Durability::Kill)?;
    let before = started(&journal)?.ok_or_else(|| {
        CommandError::new(
            ExitStatus::Failed,
            format!("the run {old} never started: there is nothing to branch off"),
        )
    })?;
    let workflow = job::compile(&before.workflow, settings, printer)?;
    let from = node(&workflow, &fork.from)?;
    let anew = workflow.downstream(&from);
    let plan = changed(&before, &workflow, fork, settings)?;
    let kept: BTreeSet<NodeName> =
        workflow.nodes().map(|node| node.name.clone()).filter(|name| !anew.contains(name)).collect();
    check_inputs(&before, &plan, &workflow, &kept)?;
    check_nodes(&before, &workflow, &kept)?;
    let settings = &settings.as_begun(&plan);
    let connections = Connections::open(&plan.model, plan.window, &workflow, settings, printer)?;
    job::same_models(&plan, &connections, old)?;
    let records = records(&journal, &kept)?;
    if !records.is_empty() {
        check_documents(&before, &journal, old)?;
    }
    let (run, new) = begin(&store, &plan, &connections)?;
    if before.stdin {
        let copied = std::fs::copy(journal.spool().join(STDIN), new.spool().join(STDIN));
        copied.map_err(|error| {
            CommandError::caused(ExitStatus::Failed, "cannot copy what was read from stdin", error)
        })?;
    }
    let tasks: BTreeSet<TaskId> = records.iter().filter_map(|event| task(event).cloned()).collect();
    let count = tasks.len();
    new.append(&Event::Forked { from: old.clone(), node: from, tasks: tasks.into_iter().collect() })?;
    for event in &records {
        new.append(event)?;
    }
    drop(journal);
    printer.say(&format!("{run} takes {count} finished tasks over from {old}"));
    let (ledger, budget) = (ledger(&store, new, settings)?, budget::begun(settings, &workflow));
    Opened { run, ledger, plan, workflow, connections, budget, decided: Vec::new(), only: None }
        .work(settings, printer)
        .await
}

/// What the run of a journal does, once it has started.
fn started(journal: &Journal) -> Result<Option<Plan>, CommandError> {
    for entry in journal.entries::<Event>() {
        if let Event::Started { plan, .. } = entry?.1 {
            return Ok(Some(plan));
        }
    }
    Ok(None)
}

fn node(workflow: &Workflow, name: &str) -> Result<NodeName, CommandError> {
    let found = workflow.nodes().find(|node| node.name.as_str() == name);
    found.map(|node| node.name.clone()).ok_or_else(|| {
        let names: Vec<&str> = workflow.nodes().map(|node| node.name.as_str()).collect();
        CommandError::new(ExitStatus::Usage, format!("workflow `{}` has no node `{name}`", workflow.name()))
            .hinted(format!("its nodes are: {}", names.join(", ")))
    })
}

/// What the new run does.
fn changed(
    before: &Plan,
    workflow: &Workflow,
    fork: Fork,
    settings: &Settings,
) -> Result<Plan, CommandError> {
    let known = |name: &String| workflow.inputs().contains_key(name);
    let kept =
        before.inputs.iter().filter(|(name, _)| known(name)).map(|(name, text)| (name.clone(), text.clone()));
    let inputs = kept.chain(fork.inputs).collect();
    let output = fork.output.map(|folder| settings.here.join(folder));
    if let Some(folder) = &output {
        output::check_free(folder, fork.force)?;
    }
    Ok(Plan {
        workflow_hash: workflow.hash(),
        nodes: workflow.node_hashes(),
        inputs: taking::inputs(workflow, inputs)?,
        output,
        batch: before.batch || settings.batch,
        force: fork.force,
        ..before.clone()
    })
}

/// Refuses another value for an input that a node read whose values are taken over.
fn check_inputs(
    before: &Plan,
    plan: &Plan,
    workflow: &Workflow,
    kept: &BTreeSet<NodeName>,
) -> Result<(), CommandError> {
    for (name, value) in &plan.inputs {
        if before.inputs.get(name) == Some(value) {
            continue;
        }
        let reader = workflow
            .nodes()
            .find(|node| kept.contains(&node.name) && workflow.inputs_of(node).contains(name));
        if let Some(reader) = reader {
            let message = format!("the input `{name}` is another one, and `{}` read it before", reader.name);
            return Err(CommandError::new(ExitStatus::Usage, message)
                .hinted(format!("branch off there: `--from {}`", reader.name)));
        }
    }
    Ok(())
}

/// Refuses a workflow in which a node is another whose values are taken over.
fn check_nodes(before: &Plan, workflow: &Workflow, kept: &BTreeSet<NodeName>) -> Result<(), CommandError> {
    let now = workflow.node_hashes();
    let same = |name: &NodeName| before.nodes.contains_key(name) && before.nodes.get(name) == now.get(name);
    let untold = before.nodes.is_empty() && before.workflow_hash == workflow.hash();
    match workflow.nodes().find(|node| kept.contains(&node.name) && !same(&node.name)) {
        Some(node) if !untold => {
            let message =
                format!("`{}`, its agent or its prompt has changed since the run was made", node.name);
            Err(CommandError::new(ExitStatus::Invalid, message)
                .hinted(format!("put it back as it was, or branch off there: `--from {}`", node.name)))
        }
        _ => Ok(()),
    }
}

/// Refuses documents that are not what the old run read.
fn check_documents(before: &Plan, journal: &Journal, old: &RunId) -> Result<(), CommandError> {
    let gathered = taking::gather(before, journal.spool())?;
    let found = step::records(&gathered);
    let mut known = Vec::new();
    for entry in journal.entries::<Event>() {
        if let Event::Document(document) = entry?.1 {
            known.push(document);
        }
    }
    if found == known {
        return Ok(());
    }
    let other = known
        .iter()
        .find(|document| !found.contains(document))
        .or_else(|| found.iter().find(|document| !known.contains(document)));
    let name = other.map_or("a document", |document| document.name.as_str());
    let message =
        format!("`{name}` is not what the run {old} read, and what it made of it would be taken over");
    Err(CommandError::new(ExitStatus::Failed, message)
        .hinted("put the documents back as they were, branch off at the first node, or start a new run"))
}

/// The records of the old run that are taken over: what is known of the documents, and answers and values of kept nodes.
fn records(journal: &Journal, kept: &BTreeSet<NodeName>) -> Result<Vec<Event>, CommandError> {
    let mut records = Vec::new();
    for entry in journal.entries::<Event>() {
        let event = entry?.1;
        let wanted = match (&event, task(&event)) {
            (_, Some(task)) => kept.contains(&task.node),
            (Event::Document(_) | Event::Refused { .. } | Event::Gathered, None) => true,
            _ => false,
        };
        if wanted {
            records.push(event);
        }
    }
    let any = records.iter().any(|event| task(event).is_some());
    // Where nothing is taken over the documents may be others.
    Ok(if any { records } else { Vec::new() })
}

/// The task that a record gives an answer or a value to.
fn task(event: &Event) -> Option<&TaskId> {
    match event {
        Event::Called(call) => Some(&call.site.task),
        Event::Done { task, .. } => Some(task),
        _ => None,
    }
}
