//! `workflows`: the shipped ones, and those of the project.

use std::fs;

use super::super::error::{CommandError, ExitStatus};
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::spec::Catalog;

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the workflows, each with a line that says what it does
    List,
    /// Print the text of a workflow
    Show {
        /// The workflow's name
        name: String,
    },
    /// Copy a workflow into `workflows/` here, where it takes the place of the shipped one
    Copy {
        /// The workflow's name
        name: String,
    },
}

pub(in super::super) fn run(
    args: &Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let catalog = Catalog::load(settings.project.as_deref())?;
    match &args.action {
        Action::List => {
            let listed: Vec<(String, String)> =
                catalog.workflows().into_iter().map(|listed| (listed.name, listed.description)).collect();
            if printer.json {
                let values: Vec<_> = listed
                    .iter()
                    .map(
                        |(name, description)| serde_json::json!({ "name": name, "description": description }),
                    )
                    .collect();
                printer.json(&values)?;
            } else {
                let width = listed.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
                let lines: Vec<String> = listed
                    .iter()
                    .map(|(name, description)| format!("{name:width$}  {description}\n"))
                    .collect();
                printer.data(&lines.concat())?;
            }
        }
        Action::Show { name } => printer.data(&source(&catalog, name)?)?,
        Action::Copy { name } => {
            let text = source(&catalog, name)?;
            let folder = settings.project.as_deref().unwrap_or(&settings.here).join("workflows");
            let path = folder.join(format!("{name}.yaml"));
            if path.exists() {
                let message = format!("`{}` exists already", path.display());
                return Err(CommandError::new(ExitStatus::Usage, message));
            }
            let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, text));
            written.map_err(|error| {
                CommandError::caused(ExitStatus::Failed, format!("cannot write `{}`", path.display()), error)
            })?;
            printer.data(&format!("{}\n", path.display()))?;
            if settings.project.is_none() {
                printer.say("hint: a file `longhand.yaml` here, even an empty one, makes this folder a project, and the copy is used");
            }
        }
    }
    Ok(ExitStatus::Done)
}

fn source(catalog: &Catalog, name: &str) -> Result<String, CommandError> {
    Ok(catalog.source(name)?.text.to_string())
}
