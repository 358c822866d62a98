//! `schema`: the JSON Schema of a file format, for editors and scripts.

use clap::ValueEnum;

use super::super::error::{CommandError, ExitStatus};
use super::super::printer::Printer;
use crate::plan::Forecast;
use crate::report::{Contexts, Diff, Line, Report};
use crate::spec::{AgentSpec, Config, WorkflowSpec};

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// The format
    kind: Kind,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// `workflows/*.yaml`
    Workflow,
    /// `agents/*.yaml`
    Agent,
    /// `longhand.yaml`
    Config,
    /// What `--json` prints
    Report,
    /// What `--jsonl` prints, line by line
    Events,
    /// What `plan --json` prints
    Plan,
    /// What `runs diff --json` prints
    Diff,
    /// What `runs show --plot --json` prints
    Contexts,
}

pub(in super::super) fn run(args: &Args, printer: &Printer) -> Result<ExitStatus, CommandError> {
    let schema = match args.kind {
        Kind::Workflow => schemars::schema_for!(WorkflowSpec),
        Kind::Agent => schemars::schema_for!(AgentSpec),
        Kind::Config => schemars::schema_for!(Config),
        Kind::Report => schemars::schema_for!(Report),
        Kind::Events => schemars::schema_for!(Line),
        Kind::Plan => schemars::schema_for!(Forecast),
        Kind::Diff => schemars::schema_for!(Diff),
        Kind::Contexts => schemars::schema_for!(Contexts),
    };
    printer.json(&schema)?;
    Ok(ExitStatus::Done)
}
