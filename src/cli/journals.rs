//! The journals of runs: finding the one to go on with, making a new one, reading what one holds.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::connecting::Connections;
use super::decisions;
use super::error::{CommandError, ExitStatus};
use super::printer::Printer;
use super::settings::Settings;
use crate::ContentHash;
use crate::agent;
use crate::date::stamp;
use crate::graph::{self, Workflow};
use crate::name::RunId;
use crate::report::{self, Report};
use crate::run::{Event, Outcome, Plan, RunState};
use crate::spec::Catalog;
use crate::store::{Durability, Journal, JournalReader, Ledger, Store, StoreError};

/// A run as its journal tells it, also while it is alive.
pub(super) struct Past {
    /// What it was started for.
    pub(super) plan: Plan,
    /// Its workflow, as that is now.
    pub(super) workflow: Workflow,
    pub(super) report: Report,
    /// Whether a process works on it.
    pub(super) live: bool,
}

/// Reads what a run did.
pub(super) fn past(run: &RunId, settings: &Settings) -> Result<Past, CommandError> {
    let reader = Store::open(&settings.store)?.read_run(run)?;
    let never = || CommandError::new(ExitStatus::Failed, format!("the run {run} never started"));
    let (plan, _) = started(&reader)?.ok_or_else(never)?;
    let catalog = Catalog::load(settings.project.as_deref())?;
    let workflow = graph::compile(&catalog, &plan.workflow)?;
    let report = report_from(&reader, &workflow)?;
    Ok(Past { plan, workflow, report, live: reader.live() })
}

/// Returns what a run was started for and when, once it has started.
pub(super) fn started(reader: &JournalReader) -> Result<Option<(Plan, u64)>, StoreError> {
    let mut events = events_of(reader);
    let found = events.find_map(|event| match event {
        Ok(Event::Started { plan, at_ms, .. }) => Some(Ok((plan, at_ms))),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    found.transpose()
}

/// Builds the report of a run that is of this workflow.
pub(super) fn report_from(reader: &JournalReader, workflow: &Workflow) -> Result<Report, CommandError> {
    let mut failed = None;
    let events = events_of(reader).map_while(|event| event.map_err(|error| failed = Some(error)).ok());
    let report = report::build(reader.run().as_str(), workflow, events);
    failed.map_or(Ok(report), |error| Err(error.into()))
}

/// Walks over the events of a run, also while it is alive. Damaged records are left out: a run that is resumed does again
/// what they told of.
pub(super) fn events_of(reader: &JournalReader) -> impl Iterator<Item = Result<Event, StoreError>> + use<> {
    let entries = reader.entries::<Event>().map(|entry| entry.map(|(_, event)| event));
    entries.filter(|event| !matches!(event, Err(StoreError::DamagedRecord { .. })))
}

/// Reads all events of a run at once, also while it is alive.
pub(super) fn all_events(store: &Store, run: &RunId) -> Result<Vec<Event>, CommandError> {
    Ok(events_of(&store.read_run(run)?).collect::<Result<_, _>>()?)
}

/// Reads a journal, and the answers of other runs where they may be served.
pub(super) fn ledger(store: &Store, journal: Journal, settings: &Settings) -> Result<Ledger, StoreError> {
    if settings.cache {
        Ledger::recalling(journal, store.recall(), &agent::key_of)
    } else {
        Ledger::open(journal)
    }
}

/// Finds the newest run of the same plan, however far it came. One that another process works on is busy, and is left to it.
pub(super) fn of_plan(
    store: &Store,
    plan: &Plan,
    settings: &Settings,
) -> Result<Option<(RunId, Ledger)>, CommandError> {
    let mark = mark(plan);
    for run in store.runs()?.into_iter().rev().filter(|run| run.as_str().contains(&mark)) {
        let journal = match store.open_run(&run, Durability::Kill) {
            Ok(journal) => journal,
            Err(error) => {
                tracing::debug!(%run, %error, "passed over");
                continue;
            }
        };
        let ledger = ledger(store, journal, settings)?;
        if ledger.read(|state| state.plan() == Some(plan)) {
            return Ok(Some((run, ledger)));
        }
    }
    Ok(None)
}

/// Finds the newest run of the same plan that did not come to its end, or whose results nobody has seen: a process can be
/// killed between the two. One that waits for a person is an error that says so: whoever repeats a command has decided
/// nothing.
pub(super) fn interrupted(
    store: &Store,
    plan: &Plan,
    settings: &Settings,
) -> Result<Option<(RunId, Ledger)>, CommandError> {
    if plan.stdin {
        return Ok(None);
    }
    let Some((run, ledger)) = of_plan(store, plan, settings)? else { return Ok(None) };
    if ledger.read(RunState::outcome) == Some(Outcome::Waiting) {
        return Err(ledger.read(|state| decisions::waits(&run, state)));
    }
    let left =
        |state: &RunState| matches!(state.outcome(), None | Some(Outcome::Interrupted)) || !state.is_told();
    Ok(ledger.read(left).then_some((run, ledger)))
}

/// Begins a run, in a folder of its own that is named by the time and by what it does.
pub(super) fn begin(
    store: &Store,
    plan: &Plan,
    connections: &Connections,
) -> Result<(RunId, Journal), CommandError> {
    let (run, journal) = create(store, plan)?;
    let models = connections.records().into();
    journal.append(&Event::Started { run: run.clone(), plan: plan.clone(), at_ms: now_ms(), models })?;
    Ok((run, journal))
}

fn create(store: &Store, plan: &Plan) -> Result<(RunId, Journal), CommandError> {
    let at = stamp(now_ms());
    let mark = mark(plan);
    let mut number = 1;
    loop {
        let name = if number == 1 { format!("{at}-{mark}") } else { format!("{at}-{mark}-{number}") };
        let run: RunId = name
            .parse()
            .map_err(|error| CommandError::caused(ExitStatus::Failed, "cannot name the run", error))?;
        match store.create_run(&run, Durability::Kill) {
            Err(StoreError::RunExists { .. }) => number += 1,
            result => return Ok((run, result?)),
        }
    }
}

/// Says what was lost and found where a journal was damaged.
pub(super) fn tell_recovery(run: &RunId, ledger: &Ledger, printer: &Printer) {
    if let Some(recovery) = ledger.journal().and_then(Journal::recovery) {
        let lies = |aside: &PathBuf| format!(", what could not be read lies in `{}`", aside.display());
        let aside = recovery.aside.as_ref().map_or_else(String::new, lies);
        let restored = recovery.restored;
        printer.warn(&format!("the journal of {run} was damaged: {restored} records were restored{aside}"));
    }
    if ledger.lost() > 0 {
        let lost = ledger.lost();
        printer.warn(&format!("{lost} records of {run} are lost to damage: what they told of is done again"));
    }
}

/// What the names of all runs of one plan have in common.
fn mark(plan: &Plan) -> String {
    ContentHash::of(&serde_json::to_vec(plan).unwrap_or_default()).short()
}

#[expect(clippy::disallowed_methods, reason = "a run is named and dated by the time at which it was started")]
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
