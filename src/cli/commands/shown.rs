//! `runs show`: what a run did, beside what `plan` says of it.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::closing;
use super::super::connecting::Connections;
use super::super::decisions::how_to_decide;
use super::super::error::{CommandError, ExitStatus};
use super::super::job::Prepared;
use super::super::journals::{self, Past};
use super::super::printer::Printer;
use super::super::settings::Settings;
use super::super::taking;
use super::plan::planned;
use crate::graph::Workflow;
use crate::intake::{Gathered, weigh};
use crate::model::Money;
use crate::name::RunId;
use crate::plan::{Actual, Amount, Forecast, actual_table, with_actual};
use crate::report::{CallLine, Report};
use crate::run::{Limits, Plan, in_one_line};

/// How many megabytes of documents are planned again where nobody asked for it. With the vocabulary of a local model one
/// takes about 1.4 s, and nobody should have to wait long for what they did not ask for.
const UNASKED_MB: u64 = 2;

/// Prints what a run did, and once no process works on it any more what was planned beside it. Where that cannot be planned
/// again, or not soon, a line says why.
pub(super) async fn show(
    run: &RunId,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let Past { plan, workflow, report, live } = journals::past(run, settings)?;
    if printer.json {
        printer.json(&report)?;
        return Ok(ExitStatus::Done);
    }
    let beside = if live {
        String::new()
    } else {
        match soon_beside(run, plan, workflow, &report, settings).await {
            Ok(table) => format!("{table}\n"),
            Err(why) => format!("not held against its plan: {why}\n\n"),
        }
    };
    printer.data(&text(&report, &beside))?;
    Ok(ExitStatus::Done)
}

/// Prints what was planned beside what was asked, however long that takes. The plan is made now: at the start of the run it
/// would have tokenized every document twice more.
pub(super) async fn against_plan(
    run: &RunId,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let Past { plan, workflow, report, .. } = journals::past(run, settings)?;
    if plan.stdin {
        let message = format!("the run {run} read standard input, which cannot be read again for a plan");
        return Err(CommandError::new(ExitStatus::Failed, message));
    }
    let spool = taking::unkept()?;
    let gathered = taking::gather(&plan, spool.path())?;
    let (planned, actual) = compared(run, plan, workflow, gathered, &report, settings).await?;
    if printer.json || printer.jsonl {
        let value = serde_json::json!({ "plan": planned, "nodes": actual.nodes, "all": actual.all });
        printer.json(&value)?;
    } else {
        printer.data(&table(&actual, &report))?;
    }
    Ok(ExitStatus::Done)
}

/// Returns the table, or why there is none, in a line.
async fn soon_beside(
    run: &RunId,
    plan: Plan,
    workflow: Workflow,
    report: &Report,
    settings: &Settings,
) -> Result<String, String> {
    let asked_for = format!("`longhand runs show {run} --plan`");
    if plan.stdin {
        return Err("it read standard input, which cannot be read again".to_owned());
    }
    if workflow.hash() != plan.workflow_hash {
        return Err(format!(
            "its workflow `{}` has changed since; {asked_for} plans it as it is now",
            workflow.name()
        ));
    }
    let most = UNASKED_MB * 1_000_000;
    if weigh(&plan.paths, most) > most {
        return Err(format!(
            "counting the tokens of more than {UNASKED_MB} MB of documents takes a while; {asked_for} does it"
        ));
    }
    // Some errors have many lines, and most a hint.
    let said = |error: CommandError| {
        let told = in_one_line(&error);
        format!("{}; {asked_for} says more", told.lines().next().unwrap_or_default())
    };
    let spool = taking::unkept().map_err(said)?;
    let gathered = taking::gather(&plan, spool.path()).map_err(said)?;
    if !are_the_same(&gathered, report) {
        return Err(format!(
            "its documents are not there as it read them; {asked_for} plans what is there now"
        ));
    }
    let (_, actual) = compared(run, plan, workflow, gathered, report, settings).await.map_err(said)?;
    Ok(table(&actual, report))
}

fn are_the_same(gathered: &Gathered, report: &Report) -> bool {
    let now = gathered.documents.iter().map(|document| (document.name.clone(), document.hash.to_string()));
    now.eq(report.documents.iter().map(|document| (document.path.clone(), document.hash.clone())))
}

/// Plans a run again and puts what it asked beside that. No model is loaded that could answer, and none fetched.
async fn compared(
    run: &RunId,
    plan: Plan,
    workflow: Workflow,
    gathered: Gathered,
    report: &Report,
    settings: &Settings,
) -> Result<(Forecast, Actual), CommandError> {
    let settings = &settings.as_begun(&plan);
    let connections = Connections::unasked(&plan, &workflow, settings)?;
    let prepared = Prepared { plan, workflow, connections };
    // A rehearsal is a large future, which would make every future around it as large.
    let planned = Box::pin(planned(prepared, gathered, Some(run), Limits::default(), settings)).await?;
    let made = report.calls.iter().filter(|call| !call.cached);
    let calls = made.map(|call| (call.node.clone(), amount(call)));
    let actual = with_actual(&planned, calls, seconds(report.duration_ms));
    Ok((planned, actual))
}

fn amount(call: &CallLine) -> Amount {
    Amount {
        calls: 1,
        prompt_tokens: call.prompt_tokens,
        completion_tokens: call.completion_tokens,
        cost_usd: call.cost_usd,
        seconds: Some(seconds(call.ms)),
    }
}

fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

fn table(actual: &Actual, report: &Report) -> String {
    let mut text = actual_table(actual);
    let cached = report.calls.iter().filter(|call| call.cached).count();
    if cached > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "not counted as actual: {cached} calls that were answered before");
    }
    text
}

fn text(report: &Report, beside: &str) -> String {
    let mut text = format!(
        "run {}\nworkflow {}\noutcome {}\n{} calls, {} prompt tokens, {} completion tokens{}, {} ms\n\n",
        report.run,
        report.workflow,
        report.outcome,
        report.calls.len(),
        report.usage.prompt_tokens,
        report.usage.completion_tokens,
        cost(report.usage.cost_usd),
        report.duration_ms,
    );
    for (number, call) in report.calls.iter().enumerate() {
        let document = call.document.as_deref().unwrap_or("-");
        let chunk = call.chunk.map_or_else(|| "-".to_owned(), |chunk| chunk.to_string());
        let _ = writeln!(
            text,
            "call {number:>4}  {:<12} {document} chunk {chunk}: {} + {} tokens{}, {} ms{}",
            call.node,
            call.prompt_tokens,
            call.completion_tokens,
            cost(call.cost_usd),
            call.ms,
            if call.cached { ", answered before" } else { "" },
        );
    }
    text.push('\n');
    text.push_str(beside);
    text.push_str(&closing::pages(report));
    for waiting in &report.waiting {
        let _ = writeln!(text, "\n{} waits over {}: {}\n", waiting.node, waiting.path, waiting.question);
        let _ = writeln!(text, "{}", waiting.text);
    }
    if !report.waiting.is_empty() {
        let _ = writeln!(text, "\n{}", how_to_decide(&report.run, &report.waiting));
    }
    for failure in &report.failed {
        let _ = writeln!(text, "\nfailed: {}: {}", failure.path, failure.error);
    }
    text
}

/// What something cost, where it cost anything.
fn cost(usd: f64) -> String {
    if usd > 0.0 { format!(", {} USD", Money::from_usd(usd).figure()) } else { String::new() }
}
