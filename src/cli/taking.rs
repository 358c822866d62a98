//! What a run takes in: the inputs of its workflow and its documents.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::{NamedTempFile, TempDir};

use super::error::{CommandError, ExitStatus};
use crate::graph::Workflow;
use crate::intake::{self, Gathered, Input};
use crate::run::Plan;

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

/// Makes a folder for files under way of what leaves nothing behind.
pub(super) fn unkept() -> Result<TempDir, CommandError> {
    let failed = |error| CommandError::caused(ExitStatus::Failed, "cannot make a temporary folder", error);
    tempfile::tempdir().map_err(failed)
}

/// Keeps a text among the files of a run, in the place of what would be read from standard input.
pub(super) fn keep(text: &str, spool: &Path) -> Result<(), CommandError> {
    let failed = |error| CommandError::caused(ExitStatus::Failed, "cannot keep the question", error);
    // Such a file is its owner's alone, as all that a run keeps.
    let mut file = NamedTempFile::new_in(spool).map_err(failed)?;
    io::copy(&mut text.as_bytes(), &mut file).map_err(failed)?;
    file.persist(spool.join(STDIN)).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Reads what the plan names.
pub(super) fn gather(plan: &Plan, spool: &Path) -> Result<Gathered, CommandError> {
    let mut inputs: Vec<Input> = plan.paths.iter().cloned().map(Input::Path).collect();
    if plan.stdin {
        let kept = spool.join(STDIN);
        let failed =
            |error| CommandError::caused(ExitStatus::Failed, "cannot keep what was read from stdin", error);
        if !kept.exists() {
            // Such a file is its owner's alone, as all that a run keeps.
            let mut file = NamedTempFile::new_in(spool).map_err(failed)?;
            io::copy(&mut io::stdin().lock(), &mut file).map_err(failed)?;
            file.persist(&kept).map_err(|error| failed(error.error))?;
        }
        inputs.push(Input::Stdin(Box::new(File::open(&kept).map_err(failed)?)));
    }
    Ok(intake::gather(inputs, spool))
}
