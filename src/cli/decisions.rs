//! What a person decides about the texts that gates show, and how a run says that it waits for that.

use std::fmt::Write as _;
use std::fs;

use super::error::{CommandError, ExitStatus};
use crate::name::RunId;
use crate::report::Waiting;
use crate::run::{Decision, Event, Purpose, RunState, Slot, TaskId};

#[derive(Debug, Default, clap::Args)]
pub(super) struct Decisions {
    /// Hand on the text that this gate shows
    #[arg(long, value_name = "NODE")]
    approve: Vec<String>,
    /// Hand on this text in its place; `NODE=@FILE` takes that of a file
    #[arg(long, value_name = "NODE=TEXT")]
    edit: Vec<String>,
    /// Let the source fail, for a reason if one is given
    #[arg(long, value_name = "NODE[=REASON]")]
    reject: Vec<String>,
    /// Decide for this document only, not for every one that waits; `.` is the whole archive
    #[arg(long, value_name = "NAME")]
    document: Option<String>,
}

impl Decisions {
    /// Tells whether there are any.
    pub(super) fn are_given(&self) -> bool {
        [&self.approve, &self.edit, &self.reject].into_iter().any(|given| !given.is_empty())
    }

    /// Returns the decisions as events, each about a task that waits.
    pub(super) fn events(&self, run: &RunId, state: &RunState) -> Result<Vec<Event>, CommandError> {
        let mut events: Vec<Event> = Vec::new();
        for (node, decision) in self.given()? {
            let meant = |task: &&TaskId| {
                let document = self.document.as_deref().is_none_or(|name| name == path_of(task, state));
                task.node.as_str() == node && document
            };
            let tasks: Vec<&TaskId> = state.waiting().filter(meant).collect();
            if tasks.is_empty() {
                return Err(nothing_waits(node, self.document.as_deref(), run, state));
            }
            for task in tasks {
                let twice =
                    events.iter().any(|event| matches!(event, Event::Decided { task: t, .. } if t == task));
                if twice {
                    let message = format!("`{node}` is decided twice: expected one decision for each gate");
                    return Err(CommandError::new(ExitStatus::Usage, message));
                }
                events.push(Event::Decided { task: task.clone(), decision: decision.clone() });
            }
        }
        if events.is_empty() && self.document.is_some() {
            let message = "`--document` says for which document, and no decision is given";
            return Err(CommandError::new(ExitStatus::Usage, message)
                .hinted("add `--approve NODE`, `--edit NODE=TEXT` or `--reject NODE`"));
        }
        Ok(events)
    }

    fn given(&self) -> Result<Vec<(&str, Decision)>, CommandError> {
        let mut given: Vec<(&str, Decision)> =
            self.approve.iter().map(|node| (node.as_str(), Decision::Approved)).collect();
        for edit in &self.edit {
            let Some((node, text)) = edit.split_once('=') else {
                let message = format!("`{edit}` is no edit: expected NODE=TEXT or NODE=@FILE");
                return Err(CommandError::new(ExitStatus::Usage, message));
            };
            let text = match text.strip_prefix('@') {
                Some(file) => fs::read_to_string(file).map_err(|error| {
                    CommandError::caused(ExitStatus::Usage, format!("cannot read `{file}`"), error)
                })?,
                None => text.to_owned(),
            };
            given.push((node, Decision::Edited(text.trim_end_matches(['\n', '\r']).to_owned())));
        }
        for reject in &self.reject {
            let (node, reason) = reject.split_once('=').unwrap_or((reject, ""));
            given.push((node, Decision::Rejected(reason.trim().to_owned())));
        }
        Ok(given)
    }
}

/// The document that a task is about; `.` for all of them.
fn path_of<'a>(task: &TaskId, state: &'a RunState) -> &'a str {
    let each = state.plan().is_some_and(|plan| plan.purpose == Purpose::Each);
    let document = match task.slot {
        Slot::Source(index) if each => {
            usize::try_from(index).ok().and_then(|index| state.documents().get(index))
        }
        Slot::Source(_) | Slot::Archive => None,
    };
    document.map_or(".", |document| document.name.as_str())
}

fn nothing_waits(node: &str, document: Option<&str>, run: &RunId, state: &RunState) -> CommandError {
    let over = document.map_or_else(String::new, |name| format!(" over `{name}`"));
    let message = format!("nothing waits at `{node}`{over} in the run {run}");
    CommandError::new(ExitStatus::Usage, message).hinted(match list(state) {
        Some(waiting) => format!("what waits is {waiting}"),
        None => "the run waits for nobody".to_owned(),
    })
}

/// What waits, in words; `None` where nothing does.
fn list(state: &RunState) -> Option<String> {
    const MOST: usize = 5;
    let count = state.waiting().count();
    let shown =
        state.waiting().take(MOST).map(|task| format!("`{}` over `{}`", task.node, path_of(task, state)));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match count.saturating_sub(MOST) {
        _ if count == 0 => None,
        0 => Some(shown),
        more => Some(format!("{shown} and {more} more")),
    }
}

/// What is said to one who repeats a command whose run waits.
pub(super) fn waits(run: &RunId, state: &RunState) -> CommandError {
    let waiting = list(state).unwrap_or_else(|| "nothing".to_owned());
    let message = format!("the run {run} of this command waits for a decision: {waiting}");
    let node = state.waiting().next().map_or("NODE", |task| task.node.as_str());
    CommandError::new(ExitStatus::Waiting, message)
        .hinted(format!("`longhand runs show {run}` shows it; {}", ways(run.as_str(), node)))
        .hinted(format!("`longhand runs rm {run}` gives the run up, so that the same command starts another"))
}

/// How to go on with a run that waits.
pub(super) fn how_to_decide(run: &str, waiting: &[Waiting]) -> String {
    let mut text = format!("run {run} waits for a decision:\n");
    for one in waiting {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  `{}` over `{}`: {}", one.node, one.path, one.question);
    }
    let node = waiting.first().map_or("NODE", |one| one.node.as_str());
    let _ = write!(text, "see it with: longhand runs show {run}\n{}", ways(run, node));
    if waiting.len() > 1 {
        text.push_str("\n`--document NAME` decides for one document only");
    }
    text
}

fn ways(run: &str, node: &str) -> String {
    format!(
        "decide with: longhand runs resume {run} --approve {node} | --edit {node}=@FILE | --reject {node}=REASON"
    )
}
