//! The end of a run: its results, and what a person should know beside them.

use std::collections::BTreeSet;

use super::decisions::how_to_decide;
use super::error::{CommandError, ExitStatus};
use super::files;
use super::journals::report_from;
use super::output;
use super::printer::Printer;
use super::settings::Settings;
use crate::name::RunId;
use crate::report::{self, CallLine, Lost, Report, RoundsLine};
use crate::run::{Event, Outcome};
use crate::step::RunContext;
use crate::store::Store;

/// Prints or writes the results, and says what a person should know.
pub(super) fn finish(
    run: &RunId,
    outcome: Outcome,
    context: &RunContext,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let reader = Store::open(&settings.store)?.read_run(run)?;
    let report = report_from(&reader, &context.workflow)?;
    if let Some(folder) = &context.plan.output {
        let pages = output::Pages { folder, force: context.plan.force, run, ledger: &context.ledger };
        pages.write(&report)?;
        files::write(context, &pages)?;
    }
    if printer.jsonl {
        printer.line(&report::Line::Report { report: Box::new(report.clone()) })?;
    } else if printer.json {
        printer.json(&report)?;
    } else if context.plan.output.is_none() {
        printer.data(&pages(&report))?;
    }
    for failure in &report.failed {
        // Most errors name the document themselves, by its whole path.
        let named = failure.error.contains(&format!("{}`", failure.path));
        let told = if named {
            failure.error.clone()
        } else {
            format!("`{}` failed: {}", failure.path, failure.error)
        };
        printer.failure(&told);
    }
    for line in &report.rounds {
        printer.say(&rounds(line));
    }
    // A round that is cut is asked for its summary, and told above.
    let in_rounds = |call: &&CallLine| report.rounds.iter().any(|line| line.node == call.node);
    if let Some(cut) = cut_off(report.calls.iter().filter(|call| !in_rounds(call))) {
        printer.warn(&cut);
    }
    if let Some(folder) = &context.plan.output {
        printer.say(&format!("written to `{}`", folder.display()));
    }
    if outcome == Outcome::Interrupted {
        printer.say(&format!("interrupted; go on with: longhand runs resume {run}"));
    } else if let Some(refusal) = context.account.refusal().filter(|_| outcome == Outcome::OutOfBudget) {
        printer.say(&format!(
            "{refusal}\nwhat is finished is kept; allow more and go on with: longhand runs resume {run} {}",
            if refusal.limits.tokens.is_some() { "--max-tokens N" } else { "--max-cost USD" }
        ));
    } else if let Some(closed) = context.closed().filter(|_| outcome == Outcome::NoModel) {
        printer.failure(&format!("agent `{}` has no model to ask: {}", closed.agent, closed.reason));
        if let Some(hint) = &closed.hint {
            printer.say(hint);
        }
        printer.say(&format!("what is finished is kept; go on with: longhand runs resume {run}"));
    } else if outcome == Outcome::Waiting {
        printer.say(&how_to_decide(run.as_str(), &report.waiting));
    } else {
        let usage = report.usage;
        let seconds = report.duration_ms / 1000;
        let documents = report.documents.len();
        let calls = report.calls.len();
        let cached = match report.calls.iter().filter(|call| call.cached).count() {
            0 => String::new(),
            cached => format!(" ({cached} answered before)"),
        };
        printer.say(&format!(
            "run {run}: {outcome}, {documents} documents, {calls} calls{cached}, {} + {} tokens, {seconds} s",
            usage.prompt_tokens, usage.completion_tokens
        ));
        if !report.lost.is_nothing() {
            printer.say(&lost(&report.lost));
        }
        context.ledger.record(&Event::Told)?;
    }
    Ok(outcome.into())
}

/// Every page of a report, as it is printed where no folder was asked for.
pub(super) fn pages(report: &Report) -> String {
    let mut pages: Vec<String> = report::document_pages(report).map(|(_, page)| page).collect();
    if pages.len() != 1 {
        pages.extend(report::archive_page(report));
    }
    pages.join("\n")
}

/// Says how a step reasoned in rounds.
fn rounds(line: &RoundsLine) -> String {
    let RoundsLine { node, rounds, recovered, end, .. } = line;
    let made = if *rounds == 1 { "1 round".to_owned() } else { format!("{rounds} rounds") };
    let mended = if *recovered == 0 { String::new() } else { format!(", {recovered} of them mended") };
    let ended = end.map_or_else(|| "not finished".to_owned(), |end| end.to_string());
    format!("`{node}`: {made}{mended}; {ended}")
}

/// Says how many answers ended at the longest length they were allowed; nothing where none did.
fn cut_off<'a>(calls: impl Iterator<Item = &'a CallLine>) -> Option<String> {
    let cut: Vec<&CallLine> = calls.filter(|call| call.is_cut_off()).collect();
    let nodes: BTreeSet<String> = cut.iter().map(|call| format!("`{}`", call.node)).collect();
    let nodes = nodes.into_iter().collect::<Vec<_>>().join(", ");
    let answers = match cut.len() {
        0 => return None,
        1 => "1 answer was cut off at its longest length".to_owned(),
        many => format!("{many} answers were cut off at their longest length"),
    };
    Some(format!("{answers} (in {nodes}): give the agents there a larger `max_output`"))
}

/// Says what tries without an answer cost, or may have cost.
fn lost(lost: &Lost) -> String {
    let cost = if lost.cost_usd > 0.0 { format!(" and {} USD", lost.cost_usd) } else { String::new() };
    format!("{} tokens{cost} beside that went to tries without an answer, or may have", lost.tokens)
}
