//! `completions`: a completion script for a shell.

use std::io;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::super::error::ExitStatus;

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// The shell
    shell: Shell,
}

pub(in super::super) fn run(args: &Args) -> ExitStatus {
    let mut command = super::super::args::Args::command();
    clap_complete::generate(args.shell, &mut command, "longhand", &mut io::stdout().lock());
    ExitStatus::Done
}
