//! `eval math`: what reasoning in rounds is worth.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueEnum as _;

use super::super::budget;
use super::super::connecting::{Connections, connection};
use super::super::error::{CommandError, ExitStatus};
use super::super::fitting;
use super::super::journals::{all_events, begin, ledger, now_ms, of_plan, tell_recovery};
use super::super::printer::Printer;
use super::super::settings::Settings;
use super::super::signals;
use super::super::taking::{inputs, keep, unkept};
use super::eval::told;
use crate::agent::Models;
use crate::connect::DEFAULT_MODEL;
use crate::evaluate::{Grid, Kept, MathBench, MathError, MathSet, Method, Quality, Runs, RunsError};
use crate::graph;
use crate::name::RunId;
use crate::run::{Budget, Event, Limits, Outcome, Plan, Purpose, RunState, Spent};
use crate::schedule::Stop;
use crate::spec::{Amount, Catalog};
use crate::store::{Journal, Ledger, Store};

/// The shipped workflows that are measured: for any model, and for one that was trained to it.
const ROUNDS: [&str; 2] = ["inftythink-prompted", "inftythink"];

/// The shipped workflow that they are held against.
const SINGLE: &str = "single-shot";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The sets to measure on; all of them where neither a set nor a file is named
    #[arg(value_name = "SET")]
    sets: Vec<SetName>,
    /// Measure on problems of your own: a file of JSON lines, each with `question` and `answer`
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The folder of the data sets; `LONGHAND_DATA` says it, too
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How many problems are drawn from each set
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(1..))]
    sample: u32,
    /// What they are drawn by: the same seed draws the same problems
    #[arg(long, value_name = "S", default_value = "0")]
    seed: u64,
    /// The model was trained to reason in rounds: leave out what tells it to
    #[arg(long)]
    trained: bool,
    /// The most tokens of a round
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..=Amount::MOST_TOKENS))]
    segment: Option<u64>,
    /// The most tokens of a summary that is asked for because a round was cut before its own
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..=Amount::MOST_TOKENS))]
    summary: Option<u64>,
    /// The number of rounds at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=Amount::MOST_ROUNDS))]
    rounds: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SetName {
    /// Problems of competitions, with formulas as answers
    Math500,
    /// Word problems of school, with numbers as answers
    Gsm8k,
    /// The competitions AMC 12 of 2023
    Amc23,
}

impl SetName {
    fn set(self) -> MathSet {
        match self {
            Self::Math500 => MathSet::Math500,
            Self::Gsm8k => MathSet::Gsm8k,
            Self::Amc23 => MathSet::Amc23,
        }
    }

    /// The name as it is typed.
    fn typed(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// What is to be measured, by the name that it goes by.
struct Wanted {
    /// Whether nobody named a set: who does not wants what there is.
    any: bool,
    sets: Vec<(String, MathSet)>,
    data: PathBuf,
}

const NO_DATA: &str = "name the folder of data sets with `--data` or LONGHAND_DATA, or a file of your own with `--file`; \
                       docs/inftythink.md says what they hold";

impl Args {
    fn wanted(&self, settings: &Settings) -> Result<Wanted, CommandError> {
        let any = self.sets.is_empty() && self.file.is_none();
        let names = if any { SetName::value_variants() } else { self.sets.as_slice() };
        let data = self.data.as_ref().or(settings.data.as_ref()).map(|folder| settings.here.join(folder));
        if data.is_none() && !names.is_empty() {
            return Err(
                CommandError::new(ExitStatus::Usage, "nobody says where the data sets are").hinted(NO_DATA)
            );
        }
        let own = self.file.iter().map(|file| settings.here.join(file));
        let own = own.map(|file| (file.display().to_string(), MathSet::Own(file)));
        let sets = names.iter().map(|name| (name.typed(), name.set())).chain(own).collect();
        Ok(Wanted { any, sets, data: data.unwrap_or_else(|| settings.here.clone()) })
    }

    /// The inputs of the rounds; that of the question is given problem by problem.
    fn inputs(&self) -> BTreeMap<String, String> {
        let numbers = [("segment", self.segment), ("summary", self.summary), ("most_rounds", self.rounds)];
        let given = numbers.into_iter().filter_map(|(name, number)| Some((name, number?.to_string())));
        given.map(|(name, number)| (name.to_owned(), number)).collect()
    }
}

pub(super) async fn run(
    args: Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let wanted = args.wanted(settings)?;
    let name = settings.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    // What is measured is the methods as they are shipped, whatever a project makes of them.
    let catalog = Catalog::load(None)?;
    let [prompted, trained] = ROUNDS;
    let rounds = graph::compile(&catalog, if args.trained { trained } else { prompted })?;
    let single = graph::compile(&catalog, SINGLE)?;
    let of_run = connection(&name, settings, settings.window, printer)?;
    // No agent of either names a model, so both ask that of the run.
    let connections = Connections::with(of_run, &name, &rounds, settings, printer)?;
    let method = |workflow, given| method(workflow, given, &name, &connections, settings);
    let (rounds, single) = (method(rounds, args.inputs())?, method(single, BTreeMap::new())?);
    // The one answer is made to fit, problem by problem.
    let warnings = fitting::hold(&rounds.workflow, &rounds.plan, &connections.models())?;
    if !warnings.is_empty() {
        printer.say(&warnings.to_string());
    }
    let store = Store::open(&settings.store)?;
    let runs = InStore { store, connections, settings, printer };
    let (spool, stop) = (unkept()?, Stop::default());
    let progress = |text: &str| printer.say(text);
    let bench = MathBench {
        rounds,
        single,
        trained: args.trained,
        runs: &runs,
        limits: settings.limits,
        spool: spool.path(),
        stop: &stop,
        sample: usize::try_from(args.sample).unwrap_or(usize::MAX),
        seed: args.seed,
        progress: &progress,
    };
    let signals = tokio::spawn(signals::watch(stop.clone(), printer.clone()));
    let ended = measured(&bench, &wanted, printer).await;
    signals.abort();
    ended
}

/// Measures on every set, and prints each table as soon as it is there.
async fn measured(
    bench: &MathBench<'_>,
    wanted: &Wanted,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let (mut grids, mut failed, mut spent): (Vec<Grid>, usize, Spent) = (Vec::new(), 0, Spent::default());
    let mut stopped = None;
    for (name, set) in &wanted.sets {
        let quality = match bench.measure(set, &wanted.data, &mut spent).await {
            Err(MathError::Data(error)) if wanted.any && error.is_missing() => {
                let missing = told(&error);
                printer.say(&format!("skipped {name}: {missing}; docs/inftythink.md says where it is from"));
                continue;
            }
            Err(MathError::Stopped { finished, of, outcome, reason }) => {
                let told = format!("{name}: {finished} of {of} problems are finished: {reason}");
                printer.failure(&told);
                printer.say(goes_on(outcome));
                stopped = Some(outcome);
                break;
            }
            quality => quality.map_err(|error| not_measured(name, error))?,
        };
        let Quality { grid, failed: here } = quality;
        failed += here;
        if !printer.json {
            printer.data(&format!("{grid}\n"))?;
        }
        grids.push(grid);
    }
    if grids.is_empty() && stopped.is_none() {
        let message = format!("`{}` holds none of the sets", wanted.data.display());
        return Err(CommandError::new(ExitStatus::Failed, message).hinted(NO_DATA));
    }
    if printer.json {
        printer.json(&grids)?;
    }
    Ok(match stopped {
        Some(outcome) => outcome.into(),
        None if failed > 0 => ExitStatus::SomeFailed,
        None => ExitStatus::Done,
    })
}

fn goes_on(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::OutOfBudget => {
            "what is finished is kept; allow more with `--max-tokens` or `--max-cost`, and the same command goes on"
        }
        _ => "what is finished is kept; the same command goes on",
    }
}

/// A shipped workflow with what all runs of it begin with.
fn method(
    workflow: graph::Workflow,
    mut given: BTreeMap<String, String>,
    model: &str,
    connections: &Connections,
    settings: &Settings,
) -> Result<Method, CommandError> {
    given.insert("question".to_owned(), String::new());
    let (name, hash) = (workflow.name().to_string(), workflow.hash());
    let plan = Plan {
        inputs: inputs(&workflow, given)?,
        stdin: true,
        purpose: Purpose::Together,
        nodes: workflow.node_hashes(),
        models: connections.identities(),
        window: settings.window,
        batch: settings.batch,
        ..Plan::new(name, hash, model.to_owned(), connections.own.identity())
    };
    Ok(Method { workflow, plan })
}

/// Runs that are kept as all others are.
struct InStore<'a> {
    store: Store,
    connections: Connections,
    settings: &'a Settings,
    printer: &'a Printer,
}

impl InStore<'_> {
    /// Finds the run of the same plan, or begins one. Who wants no earlier answers goes on with what has not ended alone.
    fn found(&self, plan: &Plan) -> Result<(RunId, Ledger), CommandError> {
        let kept = of_plan(&self.store, plan, self.settings)?;
        let ended = |ledger: &Ledger| ledger.read(RunState::outcome) == Some(Outcome::Succeeded);
        if let Some((run, ledger)) = kept.filter(|(_, ledger)| self.settings.cache || !ended(ledger)) {
            tell_recovery(&run, &ledger, self.printer);
            return Ok((run, ledger));
        }
        let (run, journal) = begin(&self.store, plan, &self.connections)?;
        Ok((run, ledger(&self.store, journal, self.settings)?))
    }

    fn opened(&self, method: &Method, plan: &Plan, limits: Limits) -> Result<Kept, CommandError> {
        let (run, ledger) = self.found(plan)?;
        if ledger.read(RunState::outcome) != Some(Outcome::Succeeded) {
            // `runs resume` finds it there, as if it had been read from standard input.
            if let Some(spool) = ledger.journal().map(Journal::spool) {
                keep(plan.inputs.get("question").map_or("", String::as_str), spool)?;
            }
            if ledger.read(RunState::is_gathered) {
                ledger.record(&Event::Resumed { at_ms: now_ms(), decided: false })?;
            }
            let budget = Budget { run: limits, ..budget::begun(self.settings, &method.workflow) };
            if ledger.read(|state| *state.budget() != budget) {
                ledger.record(&Event::Allowed { budget })?;
            }
        }
        Ok(Kept { events: all_events(&self.store, &run)?, ledger, models: self.connections.models() })
    }
}

impl Runs for InStore<'_> {
    fn models(&self) -> Models {
        self.connections.models()
    }

    fn open(&self, method: &Method, plan: &Plan, limits: Limits) -> Result<Kept, RunsError> {
        Ok(self.opened(method, plan, limits)?)
    }
}

fn not_measured(name: &str, error: MathError) -> CommandError {
    let hint = match error {
        // What could not be kept says best itself what is to be done.
        MathError::Runs(error) => match error.downcast::<CommandError>() {
            Ok(error) => return *error,
            Err(error) => return CommandError::new(ExitStatus::Failed, told(error.as_ref())),
        },
        MathError::Data(ref error) if error.is_missing() => Some(NO_DATA),
        MathError::Data(_) => Some("put the file there anew as its makers publish it, or mend your own"),
        _ => None,
    };
    let failed = CommandError::caused(ExitStatus::Failed, format!("cannot measure `{name}`"), error);
    match hint {
        Some(hint) => failed.hinted(hint),
        None => failed,
    }
}
