//! `store`: looking after the folder that keeps runs.

use std::fmt::Write as _;

use indicatif::HumanBytes;

use super::super::error::{CommandError, ExitStatus};
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::store::{Compaction, IndexHealth, Migration, RunHealth, Store, Verification};

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Read everything that is kept and hold it against its checks; changes nothing, and exits with 1 if anything is damaged
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
        let _ = writeln!(text, "{}  {}", run.run, health(run));
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
    let hurt = found.runs.iter().filter(|run| !run.is_sound()).count();
    let _ = match hurt {
        0 if found.is_sound() => writeln!(text, "everything is whole"),
        _ => writeln!(text, "{hurt} of {} runs are damaged", found.runs.len()),
    };
    text
}

fn health(run: &RunHealth) -> String {
    let mut text = format!("{} records", run.records);
    if run.blobs > 0 {
        let _ = write!(text, " and {} blobs", run.blobs);
    }
    text.push_str(if run.live { " so far are whole; a process works on it" } else { " are whole" });
    if !run.damaged.is_empty() {
        let numbers: Vec<String> = run.damaged.iter().map(u64::to_string).collect();
        let _ = write!(
            text,
            "; DAMAGED: {} (numbers {}): what they told of is done again when the run is resumed",
            run.damaged.len(),
            numbers.join(", ")
        );
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
    format!(
        "{} runs brought up from version {} to {}; the store as it was lies in {}, which `longhand store compact --backups` removes\n",
        done.runs,
        done.from,
        done.to,
        done.backup.display()
    )
}
