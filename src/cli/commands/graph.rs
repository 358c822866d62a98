//! `graph`: what a workflow looks like.

use clap::ValueEnum;

use super::super::error::{CommandError, ExitStatus};
use super::super::journals;
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::draw::{Diagram, dot, mermaid, svg};
use crate::graph;
use crate::run::{Event, Plan};
use crate::spec::Catalog;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// The workflow: a name that `workflows list` shows, or the path of a YAML file
    #[arg(value_name = "WORKFLOW")]
    workflow: String,
    /// How it is drawn
    #[arg(long, value_name = "FORMAT", default_value = "mermaid")]
    format: Format,
    /// Draw in how this run stands: the run, or the beginning of its name
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Mermaid, which many pages and editors show
    Mermaid,
    /// The language of Graphviz
    Dot,
    /// A picture
    Svg,
}

pub(in super::super) fn run(
    args: &Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let catalog = Catalog::load(settings.project.as_deref())?;
    let workflow = graph::compile(&catalog, &args.workflow)?;
    let diagram = match &args.run {
        None => Diagram::of(&workflow),
        Some(name) => {
            let store = Store::open(&settings.store)?;
            let run = store.resolve(name)?;
            let events = journals::all_events(&store, &run)?;
            let plan = events.iter().find_map(|event| match event {
                Event::Started { plan, .. } => Some(plan),
                _ => None,
            });
            if plan.is_some_and(|plan: &Plan| plan.workflow_hash != workflow.hash()) {
                printer.warn(&format!(
                    "the run {run} was made with another workflow, or with `{}` as it was then",
                    args.workflow
                ));
            }
            Diagram::of_run(&workflow, run.as_str(), &events)
        }
    };
    let text = match args.format {
        Format::Mermaid => mermaid(&diagram),
        Format::Dot => dot(&diagram),
        Format::Svg => svg(&diagram),
    };
    if printer.json || printer.jsonl {
        printer.json(&serde_json::json!({ "workflow": workflow.name().as_str(), "graph": text }))?;
    } else {
        printer.data(&text)?;
    }
    Ok(ExitStatus::Done)
}
