//! `check`: compile workflows and report every problem in them.

use std::fmt::Write as _;

use super::super::error::{CommandError, ExitStatus};
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::graph;
use crate::spec::Catalog;

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// Names or paths of workflows
    #[arg(required = true, value_name = "WORKFLOW")]
    workflows: Vec<String>,
}

pub(in super::super) fn run(
    args: &Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let catalog = Catalog::load(settings.project.as_deref())?;
    let mut status = ExitStatus::Done;
    let mut lines = String::new();
    let mut values = Vec::new();
    for name in &args.workflows {
        match graph::compile(&catalog, name) {
            Ok(workflow) => {
                let warnings = workflow.warnings().to_string();
                if !warnings.is_empty() {
                    printer.say(&warnings);
                }
                let nodes = workflow.nodes().count();
                let _ = writeln!(lines, "{name}: valid, {nodes} nodes");
                values.push(serde_json::json!({ "workflow": name, "valid": true, "nodes": nodes }));
            }
            Err(diagnostics) => {
                Printer::problems(&diagnostics.to_string());
                values.push(serde_json::json!({ "workflow": name, "valid": false }));
                status = ExitStatus::Invalid;
            }
        }
    }
    if printer.json {
        printer.json(&values)?;
    } else {
        printer.data(&lines)?;
    }
    Ok(status)
}
