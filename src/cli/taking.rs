//! What a run takes in: the inputs of its workflow and its documents.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use super::error::{CommandError, ExitStatus};
use crate::graph::Workflow;
use crate::intake::{self, Document, Gathered, Input};
use crate::name::RunId;
use crate::run::{DocumentRecord, Event, Plan, RunState};
use crate::store::Ledger;

/// The file in a run's folder that keeps what was read from standard input.
pub(super) const STDIN: &str = "stdin";

/// How much of a wrong value is shown.
const LONGEST_SHOWN: usize = 60;

/// Holds the inputs that were given against those of the workflow, and fills in defaults.
pub(super) fn inputs(
    workflow: &Workflow,
    mut given: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, CommandError> {
    let known = &workflow.spec().inputs;
    if let Some(unknown) = given.keys().find(|key| !known.contains_key(*key)) {
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        let message = format!("workflow `{}` has no input `{unknown}`", workflow.name());
        return Err(CommandError::new(ExitStatus::Usage, message)
            .hinted(format!("its inputs are: {}", names.join(", "))));
    }
    for (name, input) in known {
        if let Some(value) = given.get(name) {
            input.value(value).map_err(|expected| {
                // A text from a file can be of any length.
                let shown: String = value.chars().take(LONGEST_SHOWN).collect();
                let message = format!("the input `{name}` of workflow `{}` is `{shown}`", workflow.name());
                CommandError::new(ExitStatus::Usage, message).hinted(format!("expected {expected}"))
            })?;
            continue;
        }
        let Some(default) = &input.default else {
            let message = format!("workflow `{}` needs its input `{name}`", workflow.name());
            return Err(
                CommandError::new(ExitStatus::Usage, message).hinted(format!("give it with `-p {name}=...`"))
            );
        };
        given.insert(name.clone(), default.clone());
    }
    Ok(given)
}

/// Reads what the plan names.
pub(super) fn gather(plan: &Plan, spool: &Path) -> Result<Gathered, CommandError> {
    let mut inputs: Vec<Input> = plan.paths.iter().cloned().map(Input::Path).collect();
    if plan.stdin {
        let kept = spool.join(STDIN);
        let failed =
            |error| CommandError::caused(ExitStatus::Failed, "cannot keep what was read from stdin", error);
        if !kept.exists() {
            let under_way = spool.join("stdin.part");
            let mut file = File::create(&under_way).map_err(failed)?;
            io::copy(&mut io::stdin().lock(), &mut file).map_err(failed)?;
            std::fs::rename(&under_way, &kept).map_err(failed)?;
        }
        inputs.push(Input::Stdin(Box::new(File::open(&kept).map_err(failed)?)));
    }
    Ok(intake::gather(inputs, spool))
}

/// Returns the documents as a journal has them.
pub(super) fn records(gathered: &Gathered) -> Vec<DocumentRecord> {
    let record = |document: &Document| DocumentRecord {
        index: document.index,
        name: document.name.clone(),
        hash: document.hash,
        bytes: document.bytes,
    };
    gathered.documents.iter().map(record).collect()
}

/// Journals the documents, or holds them against those that the run began with.
pub(super) fn take_in(ledger: &Ledger, gathered: &Gathered, run: &RunId) -> Result<(), CommandError> {
    let found = records(gathered);
    if ledger.read(RunState::is_gathered) {
        let changed = ledger.read(|state| state.documents() != found.as_slice());
        if changed {
            let message = format!("the documents of the run {run} have changed since it began");
            return Err(CommandError::new(ExitStatus::Failed, message).hinted(format!(
                "put them back as they were, or give the run up with `longhand runs rm {run}` and start again"
            )));
        }
        return Ok(());
    }
    let known = ledger.read(|state| state.documents().len());
    let refused = ledger.read(|state| state.refused().len());
    for document in found.into_iter().skip(known) {
        ledger.record(&Event::Document(document))?;
    }
    for failure in gathered.failed.iter().skip(refused) {
        ledger.record(&Event::Refused { name: failure.name.clone(), error: failure.error.to_string() })?;
    }
    ledger.record(&Event::Gathered)?;
    Ok(())
}
