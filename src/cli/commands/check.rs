//! `check`: compile workflows, hold them against the models at hand, and report every problem in them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::error::{CommandError, ExitStatus};
use super::super::fitting;
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::graph;
use crate::spec::{Catalog, Diagnostic, Diagnostics, Severity};

/// How many problems of a workflow are told as data. Finding the line of one means reading the file up to it.
const MOST_TOLD: usize = 1000;

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
    let mut not_held = BTreeSet::new();
    for name in &args.workflows {
        let checked = graph::compile(&catalog, name).and_then(|workflow| {
            let (measures, told, mut found) = fitting::measures(&workflow, settings);
            not_held.extend(told);
            found.0.extend(workflow.warnings().0.iter().cloned());
            found.0.extend(fitting::held(&workflow, &measures).0);
            if found.has_errors() { Err(found) } else { Ok((workflow, measures, found)) }
        });
        match checked {
            Ok((workflow, measures, found)) => {
                let warnings = found.to_string();
                if !warnings.is_empty() {
                    printer.say(&warnings);
                }
                let nodes = workflow.nodes().count();
                let _ = writeln!(lines, "{name}: valid, {nodes} nodes");
                let window = measures.get(&None).map(|measure| measure.limits().context);
                values.push(serde_json::json!({
                    "workflow": name, "valid": true, "nodes": nodes, "window": window,
                    "found": found.0.len(), "problems": told(&found),
                }));
            }
            Err(diagnostics) => {
                Printer::problems(&diagnostics.to_string());
                values.push(serde_json::json!({
                    "workflow": name, "valid": false,
                    "found": diagnostics.0.len(), "problems": told(&diagnostics),
                }));
                status = ExitStatus::Invalid;
            }
        }
    }
    for why in not_held {
        printer.say(&format!("note: not every prompt was held against a window: {why}"));
    }
    if printer.json {
        printer.json(&values)?;
    } else {
        printer.data(&lines)?;
    }
    Ok(status)
}

/// Problems for programs, in the order in which people are told of them; lines and columns count from 1.
fn told(diagnostics: &Diagnostics) -> Vec<serde_json::Value> {
    let value = |one: &Diagnostic| {
        let place = (!one.source.is_empty()).then(|| one.position());
        serde_json::json!({
            "severity": if one.severity == Severity::Error { "error" } else { "warning" },
            "file": one.file,
            "line": place.map(|(line, _)| line),
            "column": place.map(|(_, column)| column),
            "message": one.message,
            "expected": Some(&one.label).filter(|label| !label.is_empty()),
            "help": one.help,
        })
    };
    diagnostics.0.iter().take(MOST_TOLD).map(value).collect()
}
