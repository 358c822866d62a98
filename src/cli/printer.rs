//! Where words go: data to stdout, everything else to stderr.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};

use rustyline::history::MemHistory;
use rustyline::{Config, Editor};
use tracing_subscriber::EnvFilter;

use super::args::{Color, Global};
use super::error::{CommandError, ExitStatus};

/// The characters in a line of a terminal that does not tell.
const WIDTH: usize = 80;

/// Decides what reaches stdout and stderr.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "five independent answers to where words go")]
pub(super) struct Printer {
    /// Whether results are printed as JSON.
    pub(super) json: bool,
    /// Whether a run tells what happens in lines of JSON.
    pub(super) jsonl: bool,
    quiet: bool,
    /// Whether data is not printed.
    mute: bool,
    terminal: bool,
    color: bool,
}

impl Printer {
    pub(super) fn new(global: &Global) -> Self {
        let terminal = io::stderr().is_terminal();
        let color = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && super::settings::colour_is_welcome(),
        };
        Self { json: global.json, jsonl: global.jsonl, quiet: global.quiet, mute: false, terminal, color }
    }

    /// Prints data. A reader that has seen enough (a closed pipe) is no failure.
    pub(super) fn data(&self, text: &str) -> Result<(), CommandError> {
        if self.mute {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CommandError::caused(ExitStatus::Failed, "cannot write to stdout", error))
            }
            _ => Ok(()),
        }
    }

    /// Prints one JSON document.
    pub(super) fn json(&self, value: &impl serde::Serialize) -> Result<(), CommandError> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|error| CommandError::caused(ExitStatus::Failed, "cannot write JSON", error))?;
        text.push('\n');
        self.data(&text)
    }

    /// Prints one JSON value on one line.
    pub(super) fn line(&self, value: &impl serde::Serialize) -> Result<(), CommandError> {
        let mut text = serde_json::to_string(value)
            .map_err(|error| CommandError::caused(ExitStatus::Failed, "cannot write JSON", error))?;
        text.push('\n');
        self.data(&text)
    }

    /// Says something on stderr, unless told to be quiet.
    pub(super) fn say(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Says that something is amiss but not fatal.
    pub(super) fn warn(&self, text: &str) {
        self.say(&format!("{} {text}", self.coloured("warning:", "33")));
    }

    /// Says that a part of what was asked for failed, even to one who wants to hear of errors only.
    pub(super) fn failure(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{} {text}", self.coloured("error:", "31;1"));
    }

    /// Shows problems that bring their own heading.
    pub(super) fn problems(text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Says why the command failed, and what could be done.
    pub(super) fn error(&self, error: &CommandError) {
        let mut text = error.to_string();
        // Diagnostics bring their own heading.
        if !text.starts_with("error") && !text.starts_with("warning") {
            text = format!("{} {text}", self.coloured("error:", "31;1"));
        }
        let mut cause = error.source();
        while let Some(next) = cause {
            text.push_str("\n  caused by: ");
            text.push_str(&next.to_string());
            cause = next.source();
        }
        for hint in error.hints() {
            text.push_str("\n\n");
            text.push_str(&self.coloured("hint:", "36"));
            text.push(' ');
            text.push_str(hint);
        }
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// The same for what nobody is to see: errors alone are told, and data goes nowhere.
    pub(super) fn silent(&self) -> Self {
        Self { quiet: true, mute: true, json: false, jsonl: false, ..self.clone() }
    }

    /// Whether progress may be drawn.
    pub(super) fn draws(&self) -> bool {
        self.terminal && !self.quiet
    }

    /// Whether progress may be told in lines.
    pub(super) fn tells(&self) -> bool {
        !self.quiet
    }

    fn coloured(&self, text: &str, code: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Returns how many characters a line of the terminal has that stdout is; those of the usual one where it is none.
pub(super) fn width() -> usize {
    let editor = Editor::<(), MemHistory>::with_history(Config::default(), MemHistory::new());
    let size = editor.ok().and_then(|mut editor| editor.dimensions());
    size.map_or(WIDTH, |(columns, _)| usize::from(columns))
}

/// Sends the developer's log to stderr: warnings by default, more with `-v`, or as `LONGHAND_LOG` says.
pub(super) fn trace(verbose: u8) {
    let level = match verbose {
        0 => "error",
        1 => "longhand=info",
        2 => "longhand=debug",
        _ => "longhand=trace",
    };
    // What an endpoint says may hold a person's text, and the client of its protocol logs it.
    let quiet = |text: &str| EnvFilter::try_new(format!("{text},async_openai=off"));
    let asked = super::settings::log_filter().and_then(|text| quiet(&text).ok());
    let filter = asked.or_else(|| quiet(level).ok()).unwrap_or_default();
    let subscriber =
        tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter).without_time().finish();
    // A second call in one process finds a subscriber in place, and keeps it.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
