//! Where the lines of a chat come from: an editor on a terminal, or stdin as it is.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::thread;

use rustyline::error::ReadlineError;
use rustyline::history::{History as _, MemHistory};
use rustyline::{Config, Editor};
use tokio::sync::mpsc;

use super::super::error::{CommandError, ExitStatus};
use crate::memory::{Role, Session};

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Typed {
    /// A line, perhaps of several joined.
    Line(String),
    /// There are no more.
    End,
    /// Somebody pressed Ctrl-C while nothing was under way.
    Interrupted,
}

/// Where lines come from.
pub(in super::super) enum Lines {
    Editor(Box<Editor<(), MemHistory>>),
    /// Lines that a thread reads: nobody can be called away from reading, and an interrupt has to be heard meanwhile.
    Stdin(mpsc::Receiver<io::Result<String>>),
}

impl Lines {
    /// Opens the editor, with what the user said in this session before. It is kept in no file, which would outlive `/forget`.
    pub(in super::super) fn open(session: &Session) -> Self {
        let editor = || Editor::with_history(Config::default(), MemHistory::new()).ok();
        match editor().filter(|_| io::stdin().is_terminal() && io::stdout().is_terminal()) {
            Some(editor) => {
                let mut lines = Self::Editor(Box::new(editor));
                lines.forget(session);
                lines
            }
            None => Self::Stdin(read_stdin()),
        }
    }

    /// Puts what the session holds into the place of all that was typed.
    pub(in super::super) fn forget(&mut self, session: &Session) {
        let Self::Editor(editor) = self else { return };
        // A history in memory cannot fail, and a chat without one is a chat.
        let _ = editor.history_mut().clear();
        for said in said_before(session) {
            let _ = editor.add_history_entry(said);
        }
    }

    /// Returns what is typed next, lines that end with a backslash joined.
    pub(in super::super) async fn next(&mut self) -> Result<Typed, CommandError> {
        let mut whole = String::new();
        loop {
            let prompt = if whole.is_empty() { "> " } else { ". " };
            let line = match self.line(prompt).await? {
                Typed::Line(line) => line,
                Typed::End if !whole.is_empty() => return Ok(Typed::Line(whole)),
                other => return Ok(other),
            };
            if let Some(part) = line.strip_suffix('\\') {
                whole.push_str(part);
                whole.push('\n');
                continue;
            }
            whole.push_str(&line);
            if let Self::Editor(editor) = self {
                let _ = editor.add_history_entry(&whole);
            }
            return Ok(Typed::Line(whole));
        }
    }

    async fn line(&mut self, prompt: &str) -> Result<Typed, CommandError> {
        let failed = |error: &dyn std::fmt::Display| {
            CommandError::new(ExitStatus::Failed, format!("cannot read what is typed: {error}"))
        };
        match self {
            Self::Editor(editor) => loop {
                match editor.readline(prompt) {
                    Ok(line) => return Ok(Typed::Line(line)),
                    // Ctrl-C drops what was typed; Ctrl-D ends.
                    Err(ReadlineError::Interrupted) => {}
                    Err(ReadlineError::Eof) => return Ok(Typed::End),
                    Err(error) => return Err(failed(&error)),
                }
            },
            Self::Stdin(lines) => {
                let told = async {
                    tracing::debug!("waits for a line");
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    biased;
                    Ok(()) = tokio::signal::ctrl_c() => Ok(Typed::Interrupted),
                    line = lines.recv() => match line {
                        Some(Ok(line)) => Ok(Typed::Line(line)),
                        Some(Err(error)) => Err(failed(&error)),
                        None => Ok(Typed::End),
                    },
                    () = told => Ok(Typed::End),
                }
            }
        }
    }
}

/// Reads stdin line by line on a thread of its own, which ends with the process.
fn read_stdin() -> mpsc::Receiver<io::Result<String>> {
    let (sender, lines) = mpsc::channel(1);
    thread::spawn(move || {
        loop {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line);
            let read = match read {
                Ok(0) => return,
                read => read.map(|_| line.trim_end_matches(['\n', '\r']).to_owned()),
            };
            let failed = read.is_err();
            if sender.blocking_send(read).is_err() || failed {
                return;
            }
        }
    });
    lines
}

/// What the user said, as it counts now; nobody with a name, who is another person of an imported chat.
fn said_before(session: &Session) -> Vec<String> {
    session.read(|memory| {
        let said = memory.episodes().flat_map(|episode| &episode.said);
        let own = said.filter(|said| said.role == Role::User && said.name.is_none());
        own.map(|said| said.text.clone()).collect()
    })
}
