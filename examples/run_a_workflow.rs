//! Runs a shipped workflow over the sample archive through the library, without the command line and without a model.
//!
//! `cargo run --example run_a_workflow -- WORKFLOW`; the scripted model stands in for a real one, so nothing is
//! fetched. A workflow that is wrong is told about with line and column.

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use longhand::agent::Models;
use longhand::graph::{self, Workflow};
use longhand::intake::{self, Input};
use longhand::model::{ChatModel, Script, ScriptedModel};
use longhand::report;
use longhand::run::{Event, ModelRecord, Plan};
use longhand::schedule::{Stop, drive};
use longhand::spec::Catalog;
use longhand::step::{RunContext, take_in};
use longhand::store::{Durability, Ledger, Store};

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "tree".to_owned());
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/archive");
    let workflow = match graph::compile(&Catalog::load(None)?, &name) {
        Ok(workflow) => workflow,
        Err(problems) => {
            println!("{problems}");
            return Ok(ExitCode::FAILURE);
        }
    };
    // Chunks are cut to the model's window, so a small window gives many of them.
    let model = ScriptedModel::new(Script { context: 2_000, max_output: 200, ..Script::default() });

    // A run is a folder of its own with a journal in it; this one goes away with `folder`.
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path())?;
    let run = "example".parse()?;
    let journal = store.create_run(&run, Durability::Kill)?;
    let spool = journal.spool().to_owned();
    let ledger = Ledger::open(journal)?;

    // What the journal holds is all that there is to know about a run, so its beginning goes in first.
    let plan = plan(&workflow, &model, &archive);
    let record = ModelRecord { window: model.limits().context, kv_bytes: model.kv_bytes() };
    let models = [(model.identity().to_owned(), record)].into();
    ledger.record(&Event::Started {
        run: run.clone(),
        plan: plan.clone(),
        at_ms: 0,
        models: Box::new(models),
    })?;
    let gathered = intake::gather([Input::Path(archive)], &spool);
    take_in(&ledger, &gathered)?;

    let stop = Stop::default();
    let (models, drain) = (Models::new(Arc::new(model)), stop.drain.clone());
    let context = RunContext::new(workflow, plan, gathered.documents, models, ledger, drain);
    let context = Arc::new(context);
    let outcome = drive(&context, &stop).await?;

    let reader = store.read_run(&run)?;
    let events: Vec<Event> =
        reader.entries().map(|entry| entry.map(|(_, event)| event)).collect::<Result<_, _>>()?;
    let report = report::build(run.as_str(), &context.workflow, &events);
    println!("{outcome}: {} documents, {} calls\n", report.documents.len(), report.calls.len());
    println!("{}", report::archive_page(&report).unwrap_or_default());
    Ok(ExitCode::SUCCESS)
}

/// What the command line would write down of its arguments.
fn plan(workflow: &Workflow, model: &ScriptedModel, archive: &Path) -> Plan {
    let inputs = workflow.inputs().iter();
    let question = "What happened to the ferry?";
    let inputs = inputs
        .map(|(name, input)| (name.clone(), input.default.clone().unwrap_or_else(|| question.to_owned())))
        .collect();
    let (name, identity) = (workflow.name().to_string(), model.identity().to_owned());
    let paths = vec![archive.to_owned()];
    Plan { inputs, paths, ..Plan::new(name, workflow.hash(), "scripted".to_owned(), identity) }
}
