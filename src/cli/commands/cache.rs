//! `cache`: the answers of earlier runs that later ones are served.

use super::super::error::{CommandError, ExitStatus};
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Tell how many answers of earlier runs can be served, and what the index of them takes; the answers lie in the runs
    Stats,
    /// Forget where answers are, so that every call is asked anew; runs keep their answers
    Clear,
}

pub(in super::super) fn run(
    args: &Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let store = Store::open(&settings.store)?;
    let stats = store.index_stats()?;
    match args.action {
        Action::Stats if printer.json => printer.json(&stats)?,
        Action::Stats => printer.data(&format!(
            "{} entries, {} of them live, in {} runs, {} bytes\n",
            stats.entries, stats.live, stats.runs, stats.bytes
        ))?,
        Action::Clear => {
            store.clear_index()?;
            printer.say(&format!("forgot {} entries, {} bytes", stats.entries, stats.bytes));
        }
    }
    Ok(ExitStatus::Done)
}
