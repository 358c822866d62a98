//! A run through the library, without the command line: with models that no name can connect to, and a look at its store.

use std::path::Path;
use std::sync::Arc;

use longhand::agent::Models;
use longhand::graph;
use longhand::intake::{self, Input};
use longhand::model::ChatModel;
use longhand::name::RunId;
use longhand::report::{self, Report};
use longhand::run::{Decision, Event, ModelRecord, Outcome, Plan, TaskId};
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
    /// Prepares a run of `workflow`, shipped or of the `project`, over `input`, with its store below `folder`; or takes up
    /// the one that is there.
    pub(crate) fn new(
        folder: &Path,
        project: Option<&Path>,
        workflow: &str,
        input: &Path,
        model: Arc<dyn ChatModel>,
    ) -> Self {
        let workflow =
            graph::compile(&Catalog::load(project).unwrap(), workflow).unwrap_or_else(|why| panic!("{why}"));
        let inputs = workflow.inputs().keys().map(|name| (name.clone(), "What?".to_owned())).collect();
        let (name, identity) = (workflow.name().to_string(), model.identity().to_owned());
        let plan = Plan { inputs, ..Plan::new(name, workflow.hash(), "test".to_owned(), identity) };
        let store = Store::open(&folder.join("store")).unwrap();
        let run: RunId = "driven".parse().unwrap();
        let journal = if store.runs().unwrap().contains(&run) {
            store.open_run(&run, Durability::Kill).unwrap()
        } else {
            store.create_run(&run, Durability::Kill).unwrap()
        };
        let ledger = Ledger::open(journal).unwrap();
        if ledger.read(|state| state.plan().is_none()) {
            let record = ModelRecord { window: model.limits().context, kv_bytes: model.kv_bytes() };
            let models = [(plan.model_identity.clone(), record)].into();
            let started =
                Event::Started { run: run.clone(), plan: plan.clone(), at_ms: 0, models: Box::new(models) };
            ledger.record(&started).unwrap();
        }
        if ledger.read(|state| state.outcome().is_some()) {
            ledger.record(&Event::Resumed { at_ms: 0, decided: false }).unwrap();
        }
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

    /// Drives until nothing waits any more. `decide` is asked about every task that waits.
    pub(crate) async fn drive_deciding(&self, decide: impl Fn(&TaskId) -> Decision) -> Outcome {
        loop {
            let outcome = self.drive().await;
            if outcome != Outcome::Waiting {
                return outcome;
            }
            let ledger = &self.context.ledger;
            let waiting: Vec<TaskId> = ledger.read(|state| state.waiting().cloned().collect());
            ledger.record(&Event::Resumed { at_ms: 0, decided: true }).unwrap();
            for task in waiting {
                let decision = decide(&task);
                ledger.record(&Event::Decided { task, decision }).unwrap();
            }
        }
    }

    /// Everything that is in the journal.
    pub(crate) fn events(&self) -> Vec<Event> {
        let reader = self.store.read_run(&self.run).unwrap();
        reader.entries::<Event>().map(|entry| entry.unwrap().1).collect()
    }

    pub(crate) fn report(&self) -> Report {
        report::build(self.run.as_str(), &self.context.workflow, self.events())
    }
}
