//! A run through the library, without the command line: with models that no name can connect to, and a look at its store.

use std::path::Path;
use std::sync::Arc;

use longhand::agent::Models;
use longhand::graph;
use longhand::intake::{self, Input};
use longhand::model::ChatModel;
use longhand::name::RunId;
use longhand::report::{self, Report};
use longhand::run::{Event, Outcome, Plan};
use longhand::schedule::{Stop, drive};
use longhand::spec::Catalog;
use longhand::step::{RunContext, take_in};
use longhand::store::{Durability, Ledger, Store};

/// A run that is prepared, or done.
#[derive(Debug)]
pub(crate) struct Driven {
    store: Store,
    run: RunId,
    context: Arc<RunContext>,
    stop: Stop,
}

impl Driven {
    /// Prepares a run of `workflow`, shipped or of the `project`, over `input`, with its store below `folder`.
    pub(crate) fn new(
        folder: &Path,
        project: Option<&Path>,
        workflow: &str,
        input: &Path,
        model: Arc<dyn ChatModel>,
    ) -> Self {
        let workflow = graph::compile(&Catalog::load(project).unwrap(), workflow).unwrap();
        let inputs = workflow.inputs().keys().map(|name| (name.clone(), "What?".to_owned())).collect();
        let (name, identity) = (workflow.name().to_string(), model.identity().to_owned());
        let plan = Plan { inputs, ..Plan::new(name, workflow.hash(), "test".to_owned(), identity) };
        let store = Store::open(&folder.join("store")).unwrap();
        let run: RunId = "driven".parse().unwrap();
        let ledger = Ledger::open(store.create_run(&run, Durability::Kill).unwrap()).unwrap();
        ledger.record(&Event::Started { run: run.clone(), plan: plan.clone(), at_ms: 0 }).unwrap();
        let gathered = intake::gather([Input::Path(input.to_owned())], ledger.journal().unwrap().spool());
        take_in(&ledger, &gathered).unwrap();
        let stop = Stop::default();
        let (models, drain) = (Models::new(model), stop.drain.clone());
        let context = RunContext::new(workflow, plan, gathered.documents, models, ledger, drain);
        Self { store, run, context: Arc::new(context), stop }
    }

    pub(crate) async fn drive(&self) -> Outcome {
        drive(&self.context, &self.stop).await.unwrap()
    }

    pub(crate) fn report(&self) -> Report {
        let reader = self.store.read_run(&self.run).unwrap();
        let events = reader.entries::<Event>().map(|entry| entry.unwrap().1);
        report::build(self.run.as_str(), &self.context.workflow, events)
    }
}
