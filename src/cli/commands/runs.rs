//! `runs`: look at runs, also while they are alive, and resume them.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::super::chat::session_name;
use super::super::decisions::Decisions;
use super::super::error::{CommandError, ExitStatus};
use super::super::fork::{self, Fork};
use super::super::job;
use super::super::journals;
use super::super::printer::Printer;
use super::super::settings::Settings;
use super::plotted::{self, Target};
use super::{rounds, run, shown};
use crate::name::RunId;
use crate::report::{self, Diff, Parting};
use crate::run::{CallRecord, Event, Outcome, RunState};
use crate::store::{JournalReader, Store, StoreError};

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    #[command(subcommand)]
    action: Action,
}

/// What is shown of a run.
#[derive(Debug, clap::Args)]
struct Show {
    /// The run, or the beginning of its name
    #[arg(required_unless_present = "session")]
    run: Option<String>,
    /// The run is a turn of this chat; without a run, `--plot` draws all of its turns
    #[arg(short, long, value_name = "NAME")]
    session: Option<String>,
    /// Print the exact messages and the answer of this call, counted from 0
    #[arg(long, value_name = "N")]
    call: Option<usize>,
    /// Print only what was planned beside what was asked, however much there is to read again for it
    #[arg(long, conflicts_with = "call")]
    plan: bool,
    /// Draw the tokens in the context of every call, here and in a file; `RUN.svg` where none is named
    #[arg(long, value_name = "FILE", conflicts_with_all = ["call", "plan"])]
    #[expect(clippy::option_option, reason = "a flag that may have a value")]
    plot: Option<Option<PathBuf>>,
    /// Write every round of reasoning into this file as an example to train a model on, one JSON value a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["call", "plan", "plot"])]
    export_rounds: Option<PathBuf>,
    /// Overwrite the file of the picture or of the rounds
    #[arg(long)]
    force: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List all runs, the oldest first
    List {
        /// List the turns of this chat
        #[arg(short, long, value_name = "NAME")]
        session: Option<String>,
    },
    /// Show what a run did, beside what was planned; with `--json` its report
    Show(Show),
    /// Tell in which calls two runs differ, by node, document and position
    Diff {
        /// The first run, or the beginning of its name
        a: String,
        /// The second run, or the beginning of its name
        b: String,
    },
    /// Begin a new run that takes over what a run made before a node, and does that node and all that depends on it anew
    Fork {
        /// The run, or the beginning of its name
        run: String,
        /// The first node that is done anew
        #[arg(long, value_name = "NODE")]
        from: String,
        /// Give an input another value; `key=@FILE` takes the text of a file
        #[arg(short = 'p', long = "param", value_name = "KEY=VALUE")]
        params: Vec<String>,
        /// Write one Markdown file per document into this folder
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// Overwrite files in the output folder
        #[arg(long)]
        force: bool,
    },
    /// Go on with a run that was interrupted, decide what it waits for, or try again what failed in it
    Resume {
        /// The run, or the beginning of its name
        run: String,
        /// Work on nothing but what failed
        #[arg(long)]
        retry_failed: bool,
        #[command(flatten)]
        decisions: Decisions,
    },
    /// Remove a run and everything it kept
    Rm {
        /// The run, or the beginning of its name
        run: String,
    },
}

pub(in super::super) async fn run(
    args: Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let store = Store::open(&settings.store)?;
    match args.action {
        Action::List { session: None } => list(&store, printer),
        Action::List { session: Some(name) } => {
            list(&Store::open(&store.session_folder(&session_name(&name)?)?)?, printer)
        }
        Action::Show(asked) => show(asked, &store, settings, printer).await,
        Action::Diff { a, b } => differences(&store, &store.resolve(&a)?, &store.resolve(&b)?, printer),
        Action::Fork { run, from, params, output, force } => {
            let fork = Fork { from, inputs: run::inputs(&params)?, output, force };
            fork::fork(&store.resolve(&run)?, fork, settings, printer).await
        }
        Action::Resume { run, retry_failed, decisions } => {
            job::resume(&store.resolve(&run)?, &decisions, retry_failed, settings, printer).await
        }
        Action::Rm { run } => {
            let run = store.resolve(&run)?;
            store.remove(&run)?;
            printer.say(&format!("removed {run}"));
            Ok(ExitStatus::Done)
        }
    }
}

async fn show(
    asked: Show,
    store: &Store,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let session = asked.session.as_deref().map(session_name).transpose()?;
    // A session is a store of its own.
    let root = session.as_ref().map(|name| store.session_folder(name)).transpose()?;
    let settings = &root.map_or_else(|| settings.clone(), |store| Settings { store, ..settings.clone() });
    let store = Store::open(&settings.store)?;
    let plot = asked.plot.map(|file| Target { file, force: asked.force });
    let run = match (&asked.run, &session, plot) {
        (None, Some(name), Some(target)) => return plotted::session(name, target, settings, printer),
        (Some(run), _, Some(target)) => {
            let run = store.resolve(run)?;
            let (standing, _, _) = standing(&store, &run);
            return plotted::run(&run, &standing, target, settings, printer);
        }
        (Some(run), _, None) => store.resolve(run)?,
        (None, _, _) => {
            let hint = "`longhand runs list --session NAME` shows the turns, and `--plot` draws all of them";
            return Err(CommandError::new(ExitStatus::Usage, "which turn of the chat?").hinted(hint));
        }
    };
    if let Some(file) = &asked.export_rounds {
        rounds::check_free(file, asked.force)?;
        rounds::export(&run, file, settings, printer)?;
        return Ok(ExitStatus::Done);
    }
    match asked.call {
        Some(number) => call(&store, &run, number, printer),
        None if asked.plan => shown::against_plan(&run, settings, printer).await,
        None => shown::show(&run, settings, printer).await,
    }
}

fn list(store: &Store, printer: &Printer) -> Result<ExitStatus, CommandError> {
    let mut lines = String::new();
    let mut values = Vec::new();
    for run in store.runs()? {
        let (state, workflow, documents) = standing(store, &run);
        let _ = writeln!(lines, "{run}  {state:<12}  {documents:>5} documents  {workflow}");
        values.push(serde_json::json!({
            "run": run, "state": state, "workflow": workflow, "documents": documents,
        }));
    }
    if printer.json {
        printer.json(&values)?;
    } else {
        printer.data(&lines)?;
    }
    Ok(ExitStatus::Done)
}

/// How a run stands: `running` while a process works on it. A run that cannot be read does not hide the others.
fn standing(store: &Store, run: &RunId) -> (String, String, usize) {
    let known = || -> Result<_, StoreError> {
        let reader = store.read_run(run)?;
        let (state, outcome) = beginning_and_end(&reader)?;
        Ok((reader.live(), state, outcome))
    };
    let Ok((live, state, outcome)) = known() else { return ("unreadable".to_owned(), String::new(), 0) };
    let word = match outcome {
        _ if live => "running".to_owned(),
        Some(outcome) => outcome.to_string(),
        None => "interrupted".to_owned(),
    };
    let workflow = state.plan().map_or_else(String::new, |plan| plan.workflow.clone());
    (word, workflow, state.documents().len())
}

/// What a run was begun with, and how it ended. A list of runs does not read every call of each: between the documents and
/// the end nothing is of interest to it.
fn beginning_and_end(reader: &JournalReader) -> Result<(RunState, Option<Outcome>), StoreError> {
    let mut state = RunState::default();
    let events = || reader.entries::<Event>().flatten().map(|(_, event)| event);
    for event in events() {
        state.apply(&event);
        if state.is_gathered() {
            break;
        }
    }
    let told = |event: &Event| match event {
        Event::Ended { outcome, .. } => Some(Some(*outcome)),
        // A call is only made by a run that goes on.
        Event::Resumed { .. } | Event::Called(_) => Some(None),
        _ => None,
    };
    let ending = reader.ending::<Event>()?;
    let outcome = ending.iter().rev().find_map(told);
    // Where the end says nothing, what was said last lies further in front.
    let outcome = outcome.or_else(|| events().filter_map(|event| told(&event)).last()).flatten();
    Ok((state, outcome))
}

fn call(store: &Store, run: &RunId, number: usize, printer: &Printer) -> Result<ExitStatus, CommandError> {
    let mut count = 0;
    for event in journals::events_of(&store.read_run(run)?) {
        let Event::Called(call) = event? else { continue };
        if count == number {
            if printer.json {
                printer.json(&call)?;
            } else {
                printer.data(&messages(&call))?;
            }
            return Ok(ExitStatus::Done);
        }
        count += 1;
    }
    let message = format!("the run {run} has no call {number}: it has made {count}, counted from 0");
    Err(CommandError::new(ExitStatus::Usage, message))
}

fn messages(call: &CallRecord) -> String {
    let mut text = String::new();
    for message in &call.request.messages {
        let _ = writeln!(text, "--- {:?}\n{}", message.role, message.content);
    }
    let _ = writeln!(text, "--- Answer ({:?})\n{}", call.response.stop, call.response.text);
    text
}

fn differences(store: &Store, a: &RunId, b: &RunId, printer: &Printer) -> Result<ExitStatus, CommandError> {
    let (first, second) = (journals::all_events(store, a)?, journals::all_events(store, b)?);
    let found = report::diff((a.as_str(), &first), (b.as_str(), &second));
    if printer.json || printer.jsonl {
        printer.json(&found)?;
    } else {
        printer.data(&told(&found))?;
    }
    Ok(ExitStatus::Done)
}

fn told(diff: &Diff) -> String {
    let mut text = String::new();
    for (letter, side) in [("a", &diff.a), ("b", &diff.b)] {
        let _ = writeln!(
            text,
            "{letter}  {}  {}, {}: {} calls, {} + {} tokens",
            side.run, side.workflow, side.model, side.calls, side.prompt_tokens, side.completion_tokens
        );
    }
    let _ = writeln!(
        text,
        "{} calls alike, {} differ, {} only in a, {} only in b",
        diff.same,
        diff.differing.len(),
        diff.only_a.len(),
        diff.only_b.len()
    );
    for call in &diff.differing {
        let place = &call.a;
        let _ = writeln!(
            text,
            "\n{} {} step {} (calls {} and {})",
            place.node, place.path, place.step, place.call, call.b_call
        );
        if call.asked_otherwise {
            text.push_str("  another model, or asked in another way\n");
        }
        for (what, parting) in [("prompt", &call.prompt), ("answer", &call.answer)] {
            if let Some(parting) = parting {
                part(&mut text, what, parting);
            }
        }
    }
    for (letter, places) in [("a", &diff.only_a), ("b", &diff.only_b)] {
        for place in places {
            let _ = writeln!(
                text,
                "\nonly in {letter}: {} {} step {} (call {})",
                place.node, place.path, place.step, place.call
            );
        }
    }
    text
}

/// How much of a line is shown; `runs show --call` shows all of it.
const LONGEST_SHOWN: usize = 100;

fn part(text: &mut String, what: &str, parting: &Parting) {
    let _ = writeln!(text, "  {what} from line {}:", parting.line);
    for (letter, line) in [("a", &parting.a), ("b", &parting.b)] {
        let shown = match line {
            Some(line) if line.chars().count() > LONGEST_SHOWN => {
                format!("{}...", line.chars().take(LONGEST_SHOWN).collect::<String>())
            }
            Some(line) => line.clone(),
            None => "(ends)".to_owned(),
        };
        let _ = writeln!(text, "    {letter}: {shown}");
    }
}
