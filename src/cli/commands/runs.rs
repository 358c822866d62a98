//! `runs`: look at runs, also while they are alive, and resume them.

use std::fmt::Write as _;

use super::super::error::{CommandError, ExitStatus};
use super::super::job;
use super::super::journals;
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::name::RunId;
use crate::report::Report;
use crate::run::{CallRecord, Event, RunState};
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List all runs, the oldest first
    List,
    /// Show what a run did; with `--json` its report
    Show {
        /// The run, or the beginning of its name
        run: String,
        /// Print the exact messages and the answer of this call, counted from 0
        #[arg(long, value_name = "N")]
        call: Option<usize>,
    },
    /// Go on with a run that was interrupted, or try again what failed in it
    Resume {
        /// The run, or the beginning of its name
        run: String,
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
        Action::List => list(&store, printer),
        Action::Show { run, call: None } => show(&store.resolve(&run)?, settings, printer),
        Action::Show { run, call: Some(number) } => call(&store, &store.resolve(&run)?, number, printer),
        Action::Resume { run } => job::resume(&store.resolve(&run)?, settings, printer).await,
        Action::Rm { run } => {
            let run = store.resolve(&run)?;
            store.remove(&run)?;
            printer.say(&format!("removed {run}"));
            Ok(ExitStatus::Done)
        }
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
    let Ok(reader) = store.read_run(run) else { return ("unreadable".to_owned(), String::new(), 0) };
    let mut state = RunState::default();
    for (_, event) in reader.entries::<Event>().flatten() {
        state.apply(&event);
    }
    let word = match state.outcome() {
        _ if reader.live() => "running".to_owned(),
        Some(outcome) => outcome.to_string(),
        None => "interrupted".to_owned(),
    };
    let workflow = state.plan().map_or_else(String::new, |plan| plan.workflow.clone());
    (word, workflow, state.documents().len())
}

fn show(run: &RunId, settings: &Settings, printer: &Printer) -> Result<ExitStatus, CommandError> {
    let report = journals::report_of(run, settings)?;
    if printer.json {
        printer.json(&report)?;
    } else {
        printer.data(&text(&report))?;
    }
    Ok(ExitStatus::Done)
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "run {}\nworkflow {}\noutcome {}\n{} calls, {} prompt tokens, {} completion tokens, {} ms\n\n",
        report.run,
        report.workflow,
        report.outcome,
        report.calls.len(),
        report.usage.prompt_tokens,
        report.usage.completion_tokens,
        report.duration_ms,
    );
    for (number, call) in report.calls.iter().enumerate() {
        let document = call.document.as_deref().unwrap_or("-");
        let chunk = call.chunk.map_or_else(|| "-".to_owned(), |chunk| chunk.to_string());
        let _ = writeln!(
            text,
            "call {number:>4}  {:<12} {document} chunk {chunk}: {} + {} tokens, {} ms",
            call.node, call.prompt_tokens, call.completion_tokens, call.ms
        );
    }
    text.push('\n');
    text.push_str(&job::pages(report));
    for failure in &report.failed {
        let _ = writeln!(text, "\nfailed: {}: {}", failure.path, failure.error);
    }
    text
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
