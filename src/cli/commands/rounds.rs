//! The rounds of a run as examples to train a model on, in a file.

use std::fs;
use std::path::Path;

use super::super::error::{CommandError, ExitStatus};
use super::super::journals::{events_of, past};
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::name::RunId;
use crate::report::{RoundInstance, RoundsReader};
use crate::run::Event;
use crate::store::Store;

/// Refuses a file that is there, or that no folder is there for, before anything is asked.
pub(super) fn check_free(file: &Path, force: bool) -> Result<(), CommandError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let message = format!("there is no folder `{}` for `{}`", folder.display(), file.display());
        return Err(CommandError::new(ExitStatus::Usage, message).hinted("make it, or name another file"));
    }
    if force || !file.exists() {
        return Ok(());
    }
    let message = format!("`{}` is there already", file.display());
    Err(CommandError::new(ExitStatus::Usage, message)
        .hinted("name another file, or overwrite it with `--force`"))
}

/// Writes every round of a run into a file, one JSON value a line.
pub(super) fn export(
    run: &RunId,
    file: &Path,
    settings: &Settings,
    printer: &Printer,
) -> Result<(), CommandError> {
    let before = past(run, settings)?;
    let mut reader = RoundsReader::new(&before.workflow, &before.plan);
    if !reader.has_rounds() {
        let message = format!("no step of the workflow `{}` reasons in rounds", before.plan.workflow);
        return Err(CommandError::new(ExitStatus::Usage, message)
            .hinted("`longhand think` does, and so does any `iterate` step with `carry: summary`"));
    }
    for event in events_of(&Store::open(&settings.store)?.read_run(run)?) {
        if let Event::Called(call) = event? {
            reader.see(&call);
        }
    }
    let instances = reader.instances();
    let text: String = instances.iter().map(line).collect::<Result<_, _>>()?;
    fs::write(file, text).map_err(|error| unwritten(file, error))?;
    let rounds = match instances.len() {
        1 => "1 round is".to_owned(),
        many => format!("{many} rounds are"),
    };
    printer.say(&format!("{rounds} in `{}`", file.display()));
    Ok(())
}

/// One instance as a line of JSON.
pub(super) fn line(instance: &RoundInstance) -> Result<String, CommandError> {
    let line = serde_json::to_string(instance);
    line.map(|line| line + "\n")
        .map_err(|error| CommandError::caused(ExitStatus::Failed, "cannot write JSON", error))
}

pub(super) fn unwritten(file: &Path, error: std::io::Error) -> CommandError {
    CommandError::caused(ExitStatus::Failed, format!("cannot write `{}`", file.display()), error)
}
