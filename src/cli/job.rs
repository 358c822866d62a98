//! Starts a run, takes up one that was interrupted, and reports how it ended.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::budget;
use super::closing;
use super::connecting::{Connections, connection};
use super::decisions::Decisions;
use super::error::{CommandError, ExitStatus};
use super::files;
use super::fitting;
use super::journals::{all_events, begin, interrupted, ledger, now_ms, tell_recovery};
use super::output;
use super::printer::Printer;
use super::progress::{Progress, Work};
use super::settings::Settings;
use super::signals;
use super::stream::Stream;
use super::taking::{gather, inputs, keep};
use super::unfolding::Unfolding;
use crate::connect::DEFAULT_MODEL;
use crate::graph::{self, Workflow};
use crate::intake::Document;
use crate::name::RunId;
use crate::run::{Budget, Event, Plan, Purpose, RunState, Slot};
use crate::schedule::{Stop, drive};
use crate::spec::Catalog;
use crate::step::{RunContext, TakeInError, take_in};
use crate::store::{Durability, Journal, Ledger, Store};

/// A model of fewer parameters than this quotes by default: measured, a model of 135 million writes false facts into
/// free summaries and loses every fact over a chain of notes.
const SMALL: u64 = 1_000_000_000;

/// The methods that a command uses where none is named.
#[derive(Debug, Clone, Copy)]
pub(super) struct Methods {
    /// For models of few parameters.
    pub(super) small: &'static str,
    /// For all others.
    pub(super) large: &'static str,
}

/// What a command wants done.
#[derive(Debug)]
pub(super) struct Job {
    /// The workflow by name or path; none leaves it to `methods`.
    pub(super) workflow: Option<String>,
    pub(super) methods: Methods,
    pub(super) inputs: BTreeMap<String, String>,
    pub(super) paths: Vec<PathBuf>,
    /// What is read in the place of standard input.
    pub(super) text: Option<String>,
    pub(super) purpose: Purpose,
    pub(super) output: Option<PathBuf>,
    pub(super) force: bool,
}

/// A run that could begin: everything that decides it.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) workflow: Workflow,
    pub(super) connections: Connections,
}

/// Finds the model and the workflow, and checks the inputs.
pub(super) fn prepare(job: Job, settings: &Settings, printer: &Printer) -> Result<Prepared, CommandError> {
    let name = settings.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    let connection = connection(&name, settings, settings.window, printer)?;
    let small = connection.parameters.is_some_and(|parameters| parameters < SMALL);
    let method = if small { job.methods.small } else { job.methods.large };
    let workflow_name = job.workflow.clone().unwrap_or_else(|| method.to_owned());
    let workflow_name = if Path::new(&workflow_name).is_file() {
        settings.here.join(&workflow_name).display().to_string()
    } else {
        workflow_name
    };
    let workflow = compile(&workflow_name, settings, printer)?;
    files::check_folder(&workflow, job.output.as_ref())?;
    let inputs = inputs(&workflow, job.inputs)?;
    let connections = Connections::with(connection, &name, &workflow, settings, printer)?;
    let stdin = job.text.is_some() || job.paths.iter().any(|path| path.as_os_str() == "-");
    let paths = job
        .paths
        .iter()
        .filter(|path| path.as_os_str() != "-")
        .map(|path| settings.here.join(path))
        .collect();
    let plan = Plan {
        workflow: workflow_name,
        workflow_hash: workflow.hash(),
        inputs,
        paths,
        stdin,
        purpose: job.purpose,
        nodes: workflow.node_hashes(),
        model: name,
        model_identity: connections.own.identity(),
        models: connections.identities(),
        window: settings.window,
        batch: settings.batch,
        output: job.output.map(|folder| settings.here.join(folder)),
        force: job.force,
    };
    let warnings = fitting::hold(&workflow, &plan, &connections.models())?;
    if !warnings.is_empty() {
        printer.say(&warnings.to_string());
    }
    Ok(Prepared { plan, workflow, connections })
}

/// Starts the run, or takes it up where the same command was interrupted.
pub(super) async fn start(
    job: Job,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    open(job, settings, printer)?.work(settings, printer).await
}

/// Begins the journal of a run, or takes up that of the same command where it was interrupted.
pub(super) fn open(job: Job, settings: &Settings, printer: &Printer) -> Result<Opened, CommandError> {
    let text = job.text.clone();
    let Prepared { plan, workflow, connections } = prepare(job, settings, printer)?;
    let budget = budget::begun(settings, &workflow);
    let store = Store::open(&settings.store)?;
    if let Some((run, ledger)) = interrupted(&store, &plan, settings)? {
        printer.say(&format!("going on with the interrupted run {run}"));
        tell_recovery(&run, &ledger, printer);
        let decided = Vec::new();
        return Ok(Opened { run, ledger, plan, workflow, connections, budget, decided, only: None });
    }
    // An interrupted run has pages of its own there.
    if let Some(folder) = &plan.output {
        output::check_free(folder, plan.force)?;
    }
    let (run, journal) = begin(&store, &plan, &connections)?;
    if let Some(text) = text {
        keep(&text, journal.spool())?;
    }
    let ledger = ledger(&store, journal, settings)?;
    Ok(Opened { run, ledger, plan, workflow, connections, budget, decided: Vec::new(), only: None })
}

/// Takes up a run by name, with what a person has decided.
pub(super) async fn resume(
    run: &RunId,
    decisions: &Decisions,
    only_failed: bool,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let store = Store::open(&settings.store)?;
    let ledger = ledger(&store, store.open_run(run, Durability::Kill)?, settings)?;
    tell_recovery(run, &ledger, printer);
    let mut state = ledger.read(Clone::clone);
    let plan = state.plan().cloned().ok_or_else(|| {
        CommandError::new(
            ExitStatus::Failed,
            format!("the run {run} never started: there is nothing to resume"),
        )
        .hinted(format!("remove it with `longhand runs rm {run}` and start again"))
    })?;
    // What a resumed run forgets, nobody can decide about.
    state.apply(&Event::Resumed { at_ms: 0, decided: decisions.are_given() });
    let decided = decisions.events(run, &state)?;
    let workflow = compile(&plan.workflow, settings, printer)?;
    if workflow.hash() != plan.workflow_hash {
        let message = format!("the workflow `{}` has changed since the run {run} began", plan.workflow);
        return Err(CommandError::new(ExitStatus::Invalid, message)
            .hinted("put it back as it was, or start a new run with the changed one"));
    }
    let settings = &settings.as_begun(&plan);
    let connections = Connections::open(&plan.model, plan.window, &workflow, settings, printer)?;
    same_models(&plan, &connections, run)?;
    let budget = ledger.read(|state| budget::resumed(settings, &workflow, state.budget()));
    let only = only_failed
        .then(|| ledger.read(failed))
        .map(|found| found.ok_or_else(|| none_failed(run)))
        .transpose()?;
    let job = Opened { run: run.clone(), ledger, plan, workflow, connections, budget, decided, only };
    job.work(settings, printer).await
}

/// A run whose journal this process writes.
pub(super) struct Opened {
    pub(super) run: RunId,
    pub(super) ledger: Ledger,
    pub(super) plan: Plan,
    pub(super) workflow: Workflow,
    pub(super) connections: Connections,
    /// What the calls may use.
    pub(super) budget: Budget,
    /// What a person has decided since the run stopped.
    pub(super) decided: Vec<Event>,
    /// The only slots to work on, where not all are.
    pub(super) only: Option<HashSet<Slot>>,
}

impl Opened {
    pub(super) async fn work(
        self,
        settings: &Settings,
        printer: &Printer,
    ) -> Result<ExitStatus, CommandError> {
        let Self { run, ledger, plan, workflow, mut connections, budget, decided, only } = self;
        let unfolding = Unfolding::of(&workflow, &plan, printer);
        if let Some(unfolding) = &unfolding {
            connections.own.model = unfolding.around(connections.own.model);
        }
        let models = connections.models();
        let gathered = gather(&plan, spool(&ledger))?;
        if let Some(folder) = plan.output.as_ref().filter(|_| !ledger.read(RunState::is_gathered)) {
            files::check(&workflow, &plan, &gathered.documents)?;
            let names = gathered.documents.iter().map(|document| document.name.as_str());
            output::check_pages(folder, names, plan.force)?;
        }
        let resumed = ledger.read(RunState::is_gathered);
        if let Some(unfolding) = unfolding.as_ref().filter(|_| resumed) {
            for event in all_events(&Store::open(&settings.store)?, &run)? {
                unfolding.catch_up(&event);
            }
        }
        if resumed {
            ledger.record(&Event::Resumed { at_ms: now_ms(), decided: !decided.is_empty() })?;
        }
        if ledger.read(|state| *state.budget() != budget) {
            ledger.record(&Event::Allowed { budget })?;
        }
        for event in &decided {
            ledger.record(event)?;
        }
        take_in(&ledger, &gathered).map_err(|error| not_taken_in(error, &run))?;
        let stream = Stream::begin(printer, &run, &plan, resumed, &ledger)?;
        let documents = gathered.documents;
        let each = plan.purpose == Purpose::Each;
        let finished = |document: &Document| {
            let slot = Slot::Source(if each { document.index.0 } else { 0 });
            ledger.read(|state| state.is_done(workflow.output(), slot))
        };
        let work = documents.iter().map(|document| Work {
            name: document.name.clone(),
            bytes: document.bytes,
            finished: finished(document),
        });
        // Where rounds are shown as they come, a bar of documents says nothing.
        let shown = if unfolding.is_some() { &printer.silent() } else { printer };
        let progress = Progress::new(shown, work.collect(), each);
        let output_node = workflow.output().clone();
        let ledger = ledger.observed(Box::new(move |event| {
            progress.see(event);
            if let Some(unfolding) = &unfolding {
                unfolding.see(event);
            }
            stream.see(event);
            if let Event::Done { task, .. } = event
                && task.node == output_node
            {
                progress.finished(task);
            }
        }));
        let stop = Stop::default();
        let drain = stop.drain.clone();
        let mut context = RunContext::new(workflow, plan, documents, models, ledger, drain);
        context.only = only;
        let context = Arc::new(context);
        let signals = tokio::spawn(signals::watch(stop.clone(), printer.clone()));
        let outcome = drive(&context, &stop).await;
        signals.abort();
        let outcome = outcome.map_err(|error| {
            CommandError::caused(ExitStatus::Failed, "the run stopped", error).hinted(format!(
                "what is finished is kept; mend the cause and go on with: longhand runs resume {run}"
            ))
        })?;
        closing::finish(&run, outcome, &context, settings, printer)
    }
}

/// Compiles a workflow and says what is probably not as it was meant.
pub(super) fn compile(name: &str, settings: &Settings, printer: &Printer) -> Result<Workflow, CommandError> {
    let catalog = Catalog::load(settings.project.as_deref())?;
    let workflow = graph::compile(&catalog, name)?;
    let warnings = workflow.warnings().to_string();
    if !warnings.is_empty() {
        printer.say(&warnings);
    }
    Ok(workflow)
}

/// The sources that failed; none where none did.
fn failed(state: &RunState) -> Option<HashSet<Slot>> {
    let slots: HashSet<Slot> = state.failures().map(|(task, _)| task.slot).collect();
    Some(slots).filter(|slots| !slots.is_empty())
}

fn none_failed(run: &RunId) -> CommandError {
    CommandError::new(
        ExitStatus::Failed,
        format!("nothing in the run {run} failed, so there is nothing to try again"),
    )
    .hinted(format!("`longhand runs resume {run}` goes on with what is open"))
}

/// Refuses models that are not those that a run began with: what they said already would be mixed with what others say.
pub(super) fn same_models(plan: &Plan, connections: &Connections, run: &RunId) -> Result<(), CommandError> {
    let own = connections.own.identity() != plan.model_identity;
    let now = connections.identities();
    let of_agents = plan.models.iter().find(|(name, identity)| now.get(*name) != Some(identity));
    let other = own.then_some(&plan.model).or(of_agents.map(|(name, _)| name));
    other.map_or(Ok(()), |name| {
        let message = format!("the model `{name}` is not the one that the run {run} began with");
        Err(CommandError::new(ExitStatus::Provider, message)
            .hinted("put the model back, or start a new run with the other one"))
    })
}

/// Where the run keeps files under way; a run that is worked on has a journal.
fn spool(ledger: &Ledger) -> &Path {
    ledger.journal().map_or(Path::new("."), Journal::spool)
}

fn not_taken_in(error: TakeInError, run: &RunId) -> CommandError {
    match error {
        TakeInError::Store(error) => error.into(),
        TakeInError::Changed => {
            let message = format!("the documents of the run {run} have changed since it began");
            CommandError::new(ExitStatus::Failed, message).hinted(format!(
                "put them back as they were, or give the run up with `longhand runs rm {run}` and start again"
            ))
        }
    }
}
