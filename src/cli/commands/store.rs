//! `store`: looking after the folder that keeps runs.

use std::fmt::Write as _;

use indicatif::HumanBytes;

use super::super::error::{CommandError, ExitStatus};
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::store::{Compaction, IndexHealth, Migration, RunHealth, SessionHealth, Store, Verification};

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Read everything that is kept, sessions of chats too, and hold it against its checks; changes nothing, and exits with 1 if anything is damaged
    Verify,
    /// Give back the space of what can be made anew, was left behind or leads nowhere; runs keep all that happened in them
    Compact {
        /// Remove the backups of older versions, too
        #[arg(long)]
        backups: bool,
    },
    /// Bring a store that an older longhand wrote up to this version, after a backup of all that is in it
    Migrate,
}

pub(in super::super) fn run(
    args: &Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    match args.action {
        Action::Verify => verify(settings, printer),
        Action::Compact { backups } => {
            let done = Store::open(&settings.store)?.compact(backups)?;
            if printer.json {
                printer.json(&done)?;
            } else {
                printer.data(&compacted(&done))?;
            }
            Ok(ExitStatus::Done)
        }
        Action::Migrate => {
            let done = Store::migrate(&settings.store)?;
            if printer.json {
                printer.json(&done)?;
            } else {
                printer.data(
                    &done
                        .as_ref()
                        .map_or_else(|| "the store has the newest version already\n".to_owned(), migrated),
                )?;
            }
            Ok(ExitStatus::Done)
        }
    }
}

fn verify(settings: &Settings, printer: &Printer) -> Result<ExitStatus, CommandError> {
    let found = Store::open(&settings.store)?.verify()?;
    if printer.json {
        printer.json(&found)?;
    } else {
        printer.data(&verified(&found))?;
    }
    Ok(if found.is_sound() { ExitStatus::Done } else { ExitStatus::Failed })
}

fn verified(found: &Verification) -> String {
    let mut text = String::new();
    for run in &found.runs {
        let _ = writeln!(text, "{}  {}", run.run, health(run, AGAIN));
    }
    for session in &found.sessions {
        text.push_str(&of_session(session));
    }
    let index = found.index;
    let _ =
        writeln!(text, "answers that later runs can be served: {} of {} entries", index.live, index.entries);
    if index.damaged + found.astray > 0 {
        let _ = writeln!(
            text,
            "{} entries are damaged and {} lead to no answer: these calls are asked anew; `longhand store compact` removes damaged ones",
            index.damaged, found.astray
        );
    }
    if found.is_sound() {
        text.push_str("everything is whole\n");
        return text;
    }
    let sessions = found.sessions.iter().filter(|session| !session.is_sound()).count();
    let runs = found.runs.iter().filter(|run| !run.is_sound()).count();
    if runs > 0 || sessions == 0 {
        let _ = writeln!(text, "{runs} of {} runs are damaged", found.runs.len());
    }
    if sessions > 0 {
        let _ = writeln!(text, "{sessions} of {} sessions are damaged", found.sessions.len());
    }
    text
}

/// A line for a session, and one for each of its runs that is damaged: a long chat has thousands.
fn of_session(session: &SessionHealth) -> String {
    let name = &session.session;
    let so_far = if session.live { " so far are whole; a chat in it is open" } else { " are whole" };
    let turns = &session.turns.runs;
    let hurt: Vec<&RunHealth> = turns.iter().filter(|run| !run.is_sound()).collect();
    let mut text = format!("session {name}  {} records{so_far}", session.records);
    if !session.damaged.is_empty() {
        let numbers: Vec<String> = session.damaged.iter().map(u64::to_string).collect();
        let _ = write!(
            text,
            "; DAMAGED: {} (numbers {}): what they told of is lost to the chat",
            session.damaged.len(),
            numbers.join(", ")
        );
    }
    if session.index == IndexHealth::Damaged {
        text.push_str("; its index is DAMAGED, and made anew when the chat is next opened: nothing is lost");
    }
    let _ = writeln!(text, "; {} of its {} runs are whole", turns.len() - hurt.len(), turns.len());
    for run in hurt {
        let _ = writeln!(
            text,
            "session {name}  {}  {}",
            run.run,
            health(run, "the turn itself is in the session")
        );
    }
    text
}

/// What follows from damage to a run.
const AGAIN: &str = "what they told of is done again when the run is resumed";

fn health(run: &RunHealth, follows: &str) -> String {
    let mut text = format!("{} records", run.records);
    if run.blobs > 0 {
        let _ = write!(text, " and {} blobs", run.blobs);
    }
    text.push_str(if run.live { " so far are whole; a process works on it" } else { " are whole" });
    if !run.damaged.is_empty() {
        let numbers: Vec<String> = run.damaged.iter().map(u64::to_string).collect();
        let _ = write!(text, "; DAMAGED: {} (numbers {}): {follows}", run.damaged.len(), numbers.join(", "));
    }
    for blob in &run.damaged_blobs {
        let _ = write!(text, "; DAMAGED: blob {}", blob.short());
    }
    if run.index == IndexHealth::Damaged {
        text.push_str("; its index is DAMAGED, and made anew when the run is next resumed: nothing is lost");
    }
    text
}

fn compacted(done: &Compaction) -> String {
    let given_back = done.bytes_before.saturating_sub(done.bytes_after);
    let mut text = format!(
        "{} given back: {} runs took {}, and take {}\n",
        HumanBytes(given_back),
        done.runs,
        HumanBytes(done.bytes_before),
        HumanBytes(done.bytes_after)
    );
    if done.sessions > 0 {
        let _ = writeln!(text, "{} sessions are among that, with the runs of their turns", done.sessions);
    }
    for session in &done.live_sessions {
        let _ = writeln!(text, "session {session} was left alone: a chat in it is open");
    }
    for session in &done.damaged_sessions {
        let _ = writeln!(text, "session {session} is damaged: `longhand store verify` says what is lost");
    }
    if done.entries_after < done.entries_before {
        let gone = done.entries_before - done.entries_after;
        let _ =
            writeln!(text, "{gone} of {} entries of answers led nowhere or stood twice", done.entries_before);
    }
    for run in &done.live {
        let _ = writeln!(text, "{run} was left alone: a process works on it");
    }
    for run in &done.damaged {
        let _ =
            writeln!(text, "{run} is damaged and keeps its index: `longhand store verify` says what is lost");
    }
    if done.backups > 0 {
        text.push_str("a backup of an older version is still there: `--backups` removes it\n");
    }
    text
}

fn migrated(done: &Migration) -> String {
    let sessions = match done.sessions {
        0 => String::new(),
        1 => "1 session brought up; it has its backup in its folder\n".to_owned(),
        many => format!("{many} sessions brought up; each has its backup in its folder\n"),
    };
    if done.from == done.to {
        return sessions;
    }
    format!(
        "{sessions}{} runs brought up from version {} to {}; the store as it was lies in {}, which `longhand store compact --backups` removes\n",
        done.runs,
        done.from,
        done.to,
        done.backup.display()
    )
}
