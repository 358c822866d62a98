//! `ask`: an answer from documents, with the passages it rests on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::error::{CommandError, ExitStatus};
use super::super::job::{self, Job};
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::run::Purpose;

const METHODS: job::Methods = job::Methods { small: "quote-answer", large: "chain-of-agents" };

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// Files and folders to read; `-` is stdin
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The question
    #[arg(short, long)]
    question: String,
    /// The method: any workflow with an input named `question`
    #[arg(short, long, value_name = "NAME")]
    method: Option<String>,
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
        if self.question.trim().is_empty() {
            return Err(CommandError::new(ExitStatus::Usage, "the question is empty"));
        }
        Ok(Job {
            workflow: self.method,
            methods: METHODS,
            inputs: BTreeMap::from([("question".to_owned(), self.question)]),
            paths: self.paths,
            text: None,
            purpose: Purpose::Together,
            output: None,
            force: false,
        })
    }
}
