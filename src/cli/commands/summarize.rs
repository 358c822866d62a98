//! `summarize`: one summary per document, and one of the whole archive.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::error::{CommandError, ExitStatus};
use super::super::job::{self, Job};
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::run::Purpose;

/// The method where none is named: one that a model of few parameters can be trusted with, or the paper's own.
const METHODS: job::Methods = job::Methods { small: "quote-chain", large: "chain-of-agents" };

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// Files and folders to read; `-` is stdin
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write one Markdown file per document into this folder
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// The method: any workflow that `workflows list` shows
    #[arg(short, long, value_name = "NAME")]
    method: Option<String>,
    /// Overwrite files in the output folder
    #[arg(long)]
    force: bool,
}

pub(in super::super) async fn run(
    args: Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    job::start(args.job(), settings, printer).await
}

impl Args {
    pub(super) fn job(self) -> Job {
        Job {
            workflow: self.method,
            methods: METHODS,
            inputs: BTreeMap::new(),
            paths: self.paths,
            text: None,
            purpose: Purpose::Each,
            output: self.output,
            force: self.force,
        }
    }
}
