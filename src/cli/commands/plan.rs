//! `plan`: what a run would ask, cost and take, before anything is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::error::{CommandError, ExitStatus};
use super::super::job::{self, Job, Prepared};
use super::super::journals;
use super::super::printer::Printer;
use super::super::settings::Settings;
use super::super::taking;
use super::{ask, run, summarize, think};
use crate::connect::Connection;
use crate::intake::Gathered;
use crate::model::ChatModel;
use crate::name::RunId;
use crate::plan::{Failure, Fit, Forecast, Measured, Pace, Stage, forecast, table};
use crate::run::{CallRecord, Event, Limits};
use crate::store::Store;

/// How many of the newest runs are searched for calls of the same model.
const SEARCHED: usize = 20;

/// How many calls are measured: the middle of more is no better known, and journals of long runs take seconds to read.
const ENOUGH: usize = 2_000;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(in super::super) struct Args {
    #[command(subcommand)]
    of: Option<Of>,
    #[command(flatten)]
    run: Option<run::Args>,
}

#[derive(Debug, clap::Subcommand)]
enum Of {
    /// Plan `summarize`
    Summarize(summarize::Args),
    /// Plan `ask`
    Ask(ask::Args),
    /// Plan `think`
    Think(think::Args),
}

pub(in super::super) async fn run(
    args: Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let settings = &Settings { unasked: true, ..settings.clone() };
    let limits = settings.limits;
    let job = match (args.of, args.run) {
        (Some(Of::Summarize(args)), _) => args.job(),
        (Some(Of::Ask(args)), _) => args.job()?,
        (Some(Of::Think(args)), _) => args.job()?,
        (None, Some(args)) => args.job()?,
        (None, None) => {
            return Err(CommandError::new(ExitStatus::Usage, "there is nothing to plan")
                .hinted("name a workflow and what it reads: `longhand plan WORKFLOW PATH...`"));
        }
    };
    // Nothing is written, so nothing can be in the way.
    let text = job.text.clone();
    let prepared = job::prepare(Job { output: None, ..job }, settings, printer)?;
    let spool = taking::unkept()?;
    if let Some(text) = text {
        taking::keep(&text, spool.path())?;
    }
    let gathered = taking::gather(&prepared.plan, spool.path())?;
    let found = planned(prepared, gathered, None, limits, settings).await?;
    if printer.json || printer.jsonl {
        printer.json(&found)?;
    } else {
        printer.data(&table(&found))?;
    }
    for failure in &found.failed {
        printer.failure(&format!("`{}` cannot be done: {}", failure.path, failure.error));
    }
    Ok(match found.fit() {
        Fit::DoesNotFit => ExitStatus::OutOfBudget,
        Fit::Fits | Fit::MayNotFit if found.failed.is_empty() => ExitStatus::Done,
        Fit::Fits | Fit::MayNotFit if found.worst.calls > 0 => ExitStatus::SomeFailed,
        Fit::Fits | Fit::MayNotFit => ExitStatus::Failed,
    })
}

/// Plans a run over what was gathered for it; `but` is a run that nothing is to be learned from.
pub(super) async fn planned(
    prepared: Prepared,
    gathered: Gathered,
    but: Option<&RunId>,
    limits: Limits,
    settings: &Settings,
) -> Result<Forecast, CommandError> {
    let Prepared { plan, workflow, connections } = prepared;
    let measured = measured(connections.own.model.as_ref(), but, settings)?;
    let models = connections.models();
    let paces = connections.all().map(|(name, one)| (name.cloned(), pace(one, name.is_none(), &measured)));
    let paces: BTreeMap<Option<String>, Pace> = paces.collect();
    // A run that is held against its plan has given the answers itself.
    let recall = if settings.cache && but.is_none() && settings.store.is_dir() {
        Some(Arc::new(Store::open(&settings.store)?.recall()))
    } else {
        None
    };
    let stage = Stage { workflow, plan, documents: gathered.documents, models, recall };
    let mut found = forecast(&stage, &paces, measured, limits).await;
    let refused = gathered.failed.iter();
    let refused = refused.map(|one| Failure { path: one.name.clone(), error: one.error.to_string() });
    found.failed.splice(0..0, refused);
    Ok(found)
}

/// What settings say of a model counts before what was measured.
fn pace(connection: &Connection, own: bool, measured: &Measured) -> Pace {
    let terms = connection.terms;
    let most = connection.model.limits().concurrency;
    Pace {
        price: terms.price,
        speed: terms.speed.or(measured.speed.filter(|_| own)),
        concurrency: terms.concurrency.map_or(most, |allowed| allowed.min(most)).max(1),
    }
}

/// Looks for calls of the model in the newest journals; there need not be any.
fn measured(
    model: &dyn ChatModel,
    but: Option<&RunId>,
    settings: &Settings,
) -> Result<Measured, CommandError> {
    if !settings.store.is_dir() {
        return Ok(Measured::default());
    }
    let store = Store::open(&settings.store)?;
    let mut calls: Vec<CallRecord> = Vec::new();
    for run in store.runs()?.iter().rev().filter(|run| Some(*run) != but).take(SEARCHED) {
        // A journal that cannot be read teaches nothing, and is told of by the commands that are about it.
        let Ok(reader) = store.read_run(run) else { continue };
        for event in journals::events_of(&reader).map_while(Result::ok) {
            match event {
                Event::Started { plan, .. } if !plan.asks(model.identity()) => break,
                // What was taken over took no time, and its answer was measured where it was given.
                Event::Called(call) if call.cached_from.is_none() && call.model == model.identity() => {
                    calls.push(*call);
                }
                _ => {}
            }
            if calls.len() == ENOUGH {
                return Ok(Measured::of(&calls, model.counter()));
            }
        }
    }
    Ok(Measured::of(&calls, model.counter()))
}
