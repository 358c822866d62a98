//! The command line: the only room that prints, reads the environment or asks for the time.

mod args;
mod budget;
mod chat;
mod closing;
mod commands;
mod connecting;
mod decisions;
mod error;
mod files;
mod fitting;
mod fork;
mod heard;
mod job;
mod journals;
mod output;
mod printer;
mod progress;
mod settings;
mod signals;
mod stream;
mod taking;
mod unfolding;

pub use error::ExitStatus;

use clap::Parser as _;

use args::{Args, Command};
use error::CommandError;
use printer::Printer;
use settings::Settings;

/// Runs the command that the process was started with and returns its exit status.
pub async fn main() -> ExitStatus {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to stdout with status 0, mistakes to stderr with status 2: clap knows which is which.
            let _ = error.print();
            return if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Done };
        }
    };
    let printer = Printer::new(&args.global);
    printer::trace(args.global.verbose);
    // The state of every command together is large.
    match Box::pin(dispatch(args, &printer)).await {
        Ok(status) => status,
        Err(error) => {
            printer.error(&error);
            error.status()
        }
    }
}

async fn dispatch(args: Args, printer: &Printer) -> Result<ExitStatus, CommandError> {
    let settings = Settings::resolve(&args.global)?;
    match args.command {
        Command::Summarize(args) => commands::summarize::run(args, &settings, printer).await,
        Command::Ask(args) => commands::ask::run(args, &settings, printer).await,
        Command::Think(args) => commands::think::run(args, &settings, printer).await,
        Command::Chat(args) => commands::chat::run(args, &settings, printer).await,
        Command::Run(args) => Box::pin(commands::run::run(args, &settings, printer)).await,
        Command::Plan(args) => commands::plan::run(args, &settings, printer).await,
        Command::Graph(args) => commands::graph::run(&args, &settings, printer),
        Command::Check(args) => commands::check::run(&args, &settings, printer),
        Command::Eval(args) => commands::eval::run(args, &settings, printer).await,
        Command::Runs(args) => commands::runs::run(args, &settings, printer).await,
        Command::Cache(args) => commands::cache::run(&args, &settings, printer),
        Command::Store(args) => commands::store::run(&args, &settings, printer),
        Command::Models(args) => commands::models::run(&args, &settings, printer),
        Command::Workflows(args) => commands::workflows::run(&args, &settings, printer),
        Command::Schema(args) => commands::schema::run(&args, printer),
        Command::Doctor(args) => commands::doctor::run(args, &settings, printer).await,
        Command::Completions(args) => Ok(commands::completions::run(&args)),
    }
}
