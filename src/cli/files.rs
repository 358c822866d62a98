//! The files that `write` steps make: looked at before anything is spent, written when the run ends.

use std::path::PathBuf;

use super::error::{CommandError, ExitStatus};
use super::output::{self, Pages};
use crate::graph::Workflow;
use crate::intake::Document;
use crate::run::{Plan, Value};
use crate::spec::StepSpec;
use crate::step::{self, OutputFile, RunContext, output_files};

/// Refuses a workflow that writes files where no folder was named.
pub(super) fn check_folder(workflow: &Workflow, folder: Option<&PathBuf>) -> Result<(), CommandError> {
    let writes = workflow.nodes().find(|node| matches!(node.step, StepSpec::Write(_)));
    match writes {
        Some(node) if folder.is_none() => {
            let message = format!("workflow `{}` writes a file (node `{}`)", workflow.name(), node.name);
            Err(CommandError::new(ExitStatus::Usage, message)
                .hinted("say where with `longhand run WORKFLOW PATH... -o DIR`"))
        }
        _ => Ok(()),
    }
}

/// Refuses files that would lie outside of the output folder, in the place of a page, or over another file.
pub(super) fn check(workflow: &Workflow, plan: &Plan, documents: &[Document]) -> Result<(), CommandError> {
    let Some(folder) = &plan.output else { return Ok(()) };
    let pages: Vec<PathBuf> = documents.iter().map(|document| output::page_name(&document.name)).collect();
    for OutputFile { path, .. } in planned(workflow, plan, documents)? {
        if pages.contains(&path) || output::is_common_page(&path) {
            let message = format!("`{}` is the page of a result", folder.join(&path).display());
            return Err(CommandError::new(ExitStatus::Usage, message)
                .hinted("give the `path` of the step another name"));
        }
        let file = output::inside(folder, &path)?;
        if !plan.force && file.exists() {
            return Err(output::exists(&file));
        }
    }
    Ok(())
}

/// Writes the files of the steps that are done.
pub(super) fn write(context: &RunContext, pages: &Pages<'_>) -> Result<(), CommandError> {
    for OutputFile { task, path } in planned(&context.workflow, &context.plan, &context.documents)? {
        let text = context.ledger.read(|state| state.value(&task.node, task.slot).cloned());
        if let Some(Value::Text(text)) = text {
            pages.put(&path, &text)?;
        }
    }
    Ok(())
}

fn planned(
    workflow: &Workflow,
    plan: &Plan,
    documents: &[Document],
) -> Result<Vec<OutputFile>, CommandError> {
    let sources = step::sources_of(documents, plan.purpose);
    let names: Vec<String> = sources.iter().map(|source| RunContext::name_of(documents, source)).collect();
    output_files(workflow, &plan.inputs, &names)
        .map_err(|error| CommandError::new(ExitStatus::Usage, error.to_string()))
}
