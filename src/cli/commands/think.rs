//! `think`: a problem that is reasoned about in rounds of bounded length.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::PathBuf;

use super::super::error::{CommandError, ExitStatus};
use super::super::job::{self, Job};
use super::super::printer::Printer;
use super::super::settings::Settings;
use super::{converting, rounds};
use crate::run::Purpose;
use crate::spec::Amount;

/// Any model can be told in words to reason in rounds; only few were trained to it.
const METHODS: job::Methods = job::Methods { small: "inftythink-prompted", large: "inftythink-prompted" };

/// The method for models that were trained to it.
const TRAINED: &str = "inftythink";

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// The problem; `-` reads it from stdin
    #[arg(value_name = "QUESTION", required_unless_present = "convert")]
    question: Option<String>,
    /// The method: any workflow with an input named `question`
    #[arg(short, long, value_name = "NAME")]
    method: Option<String>,
    /// The model was trained to reason in rounds: leave out what tells it to. The same as `--method inftythink`
    #[arg(long, conflicts_with = "method")]
    trained: bool,
    /// The most tokens of a round
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..=Amount::MOST_TOKENS))]
    segment: Option<u64>,
    /// The most tokens of a summary that is asked for because a round was cut before its own
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..=Amount::MOST_TOKENS))]
    summary: Option<u64>,
    /// The number of rounds at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=Amount::MOST_ROUNDS))]
    rounds: Option<u64>,
    /// Write every round into this file as an example to train a model on, one JSON value a line
    #[arg(long, value_name = "FILE")]
    export_rounds: Option<PathBuf>,
    /// Solve nothing: cut the long chains of reasoning in this file of JSON lines into rounds, sum up each, and write them into the
    /// file of `--export-rounds`
    #[arg(long, value_name = "FILE", requires = "export_rounds", conflicts_with_all = ["question", "method", "trained"])]
    convert: Option<PathBuf>,
    /// Overwrite the file of the rounds
    #[arg(long, requires = "export_rounds")]
    force: bool,
}

pub(in super::super) async fn run(
    args: Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let export = args.export_rounds.clone();
    if let Some(file) = &export {
        rounds::check_free(file, args.force)?;
    }
    if let (Some(from), Some(to)) = (&args.convert, &export) {
        return converting::convert(from, to, args.segment, settings, printer).await;
    }
    let opened = job::open(args.job()?, settings, printer)?;
    let run = opened.run.clone();
    let status = opened.work(settings, printer).await?;
    if let Some(file) = export {
        rounds::export(&run, &file, settings, printer)?;
    }
    Ok(status)
}

impl Args {
    pub(super) fn job(self) -> Result<Job, CommandError> {
        let mut question = self.question.unwrap_or_default();
        if question == "-" {
            question.clear();
            let read = io::stdin().lock().read_to_string(&mut question);
            read.map_err(|error| CommandError::caused(ExitStatus::Usage, "cannot read stdin", error))?;
        }
        if question.trim().is_empty() {
            return Err(CommandError::new(ExitStatus::Usage, "the question is empty"));
        }
        let numbers = [("segment", self.segment), ("summary", self.summary), ("most_rounds", self.rounds)];
        let given = numbers.into_iter().filter_map(|(name, number)| Some((name, number?.to_string())));
        let mut inputs: BTreeMap<String, String> =
            given.map(|(name, number)| (name.to_owned(), number)).collect();
        inputs.insert("question".to_owned(), question.trim().to_owned());
        Ok(Job {
            workflow: self.method.or_else(|| self.trained.then(|| TRAINED.to_owned())),
            methods: METHODS,
            inputs,
            paths: Vec::new(),
            text: Some(question),
            purpose: Purpose::Together,
            output: None,
            force: false,
        })
    }
}
