//! `run`: any workflow, by shipped name or by path.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::super::error::{CommandError, ExitStatus};
use super::super::job::{self, Job};
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::run::Purpose;

#[derive(Debug, clap::Args)]
#[group(id = "workflow-run")]
pub(in super::super) struct Args {
    /// The workflow: a name that `workflows list` shows, or the path of a YAML file
    #[arg(value_name = "WORKFLOW")]
    workflow: String,
    /// Files and folders to read; `-` is stdin
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Set an input of the workflow; `key=@FILE` takes the text of a file
    #[arg(short = 'p', long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// Read all documents as one source, with one result
    #[arg(long)]
    together: bool,
    /// Write one Markdown file per document into this folder
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Overwrite files in the output folder
    #[arg(long)]
    force: bool,
}

pub(in super::super) async fn run(
    args: Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    job::start(args.job()?, settings, printer).await
}

impl Args {
    pub(super) fn job(self) -> Result<Job, CommandError> {
        Ok(Job {
            workflow: Some(self.workflow),
            methods: job::Methods { small: "", large: "" },
            inputs: inputs(&self.params)?,
            paths: self.paths,
            text: None,
            purpose: if self.together { Purpose::Together } else { Purpose::Each },
            output: self.output,
            force: self.force,
        })
    }
}

/// Reads the values of inputs as they are typed.
pub(super) fn inputs(params: &[String]) -> Result<BTreeMap<String, String>, CommandError> {
    let mut inputs = BTreeMap::new();
    for param in params {
        let Some((key, value)) = param.split_once('=') else {
            let message = format!("`{param}` is not a parameter: expected KEY=VALUE");
            return Err(CommandError::new(ExitStatus::Usage, message));
        };
        let value = match value.strip_prefix('@') {
            Some(file) => fs::read_to_string(file).map_err(|error| {
                CommandError::caused(ExitStatus::Usage, format!("cannot read `{file}`"), error)
            })?,
            None => value.to_owned(),
        };
        inputs.insert(key.to_owned(), value);
    }
    Ok(inputs)
}
