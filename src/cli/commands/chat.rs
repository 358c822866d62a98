//! `chat`: a talk that goes on over many turns and days.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::super::chat::{self, Answered, Chat, Lines, Slash, Told, Typed, Which, session_name, visible};
use super::super::error::{CommandError, ExitStatus};
use super::super::heard::Listener;
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::hash::ContentHash;
use crate::intake::{self, Input};
use crate::memory::{MemoryError, Reading, Role, Said, Session};
use crate::name::SessionName;

/// The session where none is named.
const DEFAULT: &str = "default";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  longhand chat
  longhand chat --session work --message \"What did we decide about the lamp?\"
  longhand chat --session mia --import whatsapp.jsonl
  longhand chat --session law --attach contracts/")]
pub(in super::super) struct Args {
    /// Which chat: a name; it goes on where it was left
    #[arg(short, long, value_name = "NAME", default_value = DEFAULT)]
    session: String,
    /// Say this, print the answer and end; `-` is stdin
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Take in a chat that another program kept: JSON lines, a JSON export, or a Markdown transcript
    #[arg(long, value_name = "FILE")]
    import: Option<PathBuf>,
    /// Make files and folders recallable in the session
    #[arg(long, value_name = "PATH")]
    attach: Vec<PathBuf>,
    /// The workflow that a turn is: one with an input `message` and a `remember` step
    #[arg(long, value_name = "NAME", default_value = chat::WORKFLOW)]
    workflow: String,
    /// Run that workflow at every Nth turn only, and `chat` at the others: where it has a summary written, that is one call in N turns
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    every: u32,
    /// The workflow that a turn is whose message is too long for a prompt: it has the whole message as its document
    #[arg(long, value_name = "NAME", default_value = chat::LONG_WORKFLOW)]
    long_workflow: String,
    /// What finds passages by their meaning: `minilm`, a name of `longhand.yaml`, or `none` to find them by words alone
    #[arg(long, value_name = "NAME", default_value = chat::EMBEDDER)]
    embedder: String,
    /// Take the 0.5 % of passages that matter least out of the index every 100 turns; what was said stays
    #[arg(long, value_name = "HOW")]
    forgetting: Option<Forgetting>,
    /// Make the vectors of the session anew, with the embedder of today
    #[arg(long)]
    reembed: bool,
    /// List the sessions and end
    #[arg(long)]
    list: bool,
    /// Print the session as Markdown and end
    #[arg(long, conflicts_with = "message")]
    export: bool,
}

/// The two readings of the paper's salience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Forgetting {
    /// What was recalled lately matters more
    Intended,
    /// What was not recalled lately matters more, as the formula in the paper says
    Literal,
}

impl From<Forgetting> for Reading {
    fn from(forgetting: Forgetting) -> Self {
        match forgetting {
            Forgetting::Intended => Self::Intended,
            Forgetting::Literal => Self::Literal,
        }
    }
}

pub(in super::super) async fn run(
    args: Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    refuse(settings, printer)?;
    if args.list {
        return list(settings, printer);
    }
    let name = session_name(&args.session)?;
    if args.export {
        return export(&name, settings, printer);
    }
    let at = Which {
        session: &name,
        workflow: &args.workflow,
        long_workflow: &args.long_workflow,
        every: args.every,
        embedder: &args.embedder,
        forgetting: args.forgetting.map(Reading::from),
    };
    if args.reembed && args.embedder == chat::NO_EMBEDDER {
        return Err(CommandError::new(
            ExitStatus::Usage,
            "`--reembed` makes vectors, and `--embedder none` wants none",
        ));
    }
    let mut opened = None;
    if args.import.is_some() || !args.attach.is_empty() || args.reembed {
        let (store, mut session) = chat::open_session(&at, settings, printer)?;
        if args.reembed {
            session.reembed()?;
        }
        if let Some(file) = &args.import {
            import(&session, &settings.here.join(file), printer)?;
        }
        attach(&session, &args.attach, settings, printer)?;
        chat::embed(&session, printer).await?;
        opened = Some((store, session));
    }
    match &args.message {
        None if opened.is_some() && !io::stdin().is_terminal() => Ok(ExitStatus::Done),
        Some(text) => {
            once(text, Chat::open(&at, settings, printer, Arc::new(Nobody), opened)?, printer).await
        }
        None => talk(Chat::open(&at, settings, printer, Arc::new(Terminal), opened)?, printer).await,
    }
}

/// Refuses what means something for runs over documents alone, before anything is done as if it had not been said.
fn refuse(settings: &Settings, printer: &Printer) -> Result<(), CommandError> {
    let (flag, reason, hint) = if settings.batch {
        ("--batch", "a turn is answered at once, or it is no talk", "leave it out")
    } else if printer.jsonl {
        (
            "--jsonl",
            "it has no report that its events could end with",
            "`--message TEXT --json` prints one turn",
        )
    } else {
        return Ok(());
    };
    Err(CommandError::new(ExitStatus::Usage, format!("`{flag}` means nothing in a chat: {reason}"))
        .hinted(hint))
}

fn list(settings: &Settings, printer: &Printer) -> Result<ExitStatus, CommandError> {
    let sessions = crate::store::Store::open(&settings.store)?.sessions()?;
    if printer.json {
        printer.json(&sessions)?;
    } else {
        let names: Vec<&str> = sessions.iter().map(SessionName::as_str).collect();
        printer.data(&names.iter().flat_map(|name| [*name, "\n"]).collect::<String>())?;
    }
    Ok(ExitStatus::Done)
}

/// Prints a session, also while a chat in it is open.
fn export(name: &SessionName, settings: &Settings, printer: &Printer) -> Result<ExitStatus, CommandError> {
    let memory = chat::read_session(name, settings)?;
    if printer.json {
        printer.json(&chat::exported(&memory))?;
    } else {
        printer.data(&shown(&chat::markdown(&memory)))?;
    }
    Ok(ExitStatus::Done)
}

fn import(session: &Session, file: &Path, printer: &Printer) -> Result<(), CommandError> {
    let failed = |error| {
        CommandError::caused(ExitStatus::Failed, format!("cannot read `{}`", file.display()), error)
            .hinted("expected JSON lines, a JSON export or a Markdown transcript, in UTF-8")
    };
    let text = std::fs::read_to_string(file).map_err(failed)?;
    let content = ContentHash::of(text.as_bytes());
    if session.read(|memory| memory.has_imported(&content)) {
        // Before it is told again what of it is left out.
        let session = session.folder(|folder| folder.name().clone());
        return Err(MemoryError::Imported { session }.into());
    }
    let imported = chat::read_import(&text);
    for (line, reason) in imported.left_out.iter().take(10) {
        printer.warn(&format!("{}:{line}: left out: {reason}", file.display()));
    }
    if imported.left_out.len() > 10 {
        printer.warn(&format!("{} more are left out", imported.left_out.len() - 10));
    }
    if imported.turns.is_empty() {
        return Err(CommandError::new(ExitStatus::Failed, format!("there is no chat in `{}`", file.display()))
            .hinted("expected lines such as {\"role\": \"user\", \"content\": \"...\"}, or `**user**:` before each message"));
    }
    let count = imported.turns.len();
    session.import(imported.turns, content)?;
    printer.say(&format!("took in {count} turns"));
    Ok(())
}

fn attach(
    session: &Session,
    paths: &[PathBuf],
    settings: &Settings,
    printer: &Printer,
) -> Result<(), CommandError> {
    if paths.is_empty() {
        return Ok(());
    }
    let spool = super::super::taking::unkept()?;
    let inputs: Vec<_> = paths.iter().map(|path| Input::Path(settings.here.join(path))).collect();
    let gathered = intake::gather(inputs, spool.path());
    for failure in &gathered.failed {
        printer.failure(&format!("`{}` is not attached: {}", failure.name, failure.error));
    }
    for document in &gathered.documents {
        let failed = |error| {
            CommandError::caused(ExitStatus::Failed, format!("cannot read `{}`", document.name), error)
        };
        let mut text = String::new();
        let mut reader = document.reader().map_err(|error| {
            CommandError::caused(ExitStatus::Failed, format!("cannot read `{}`", document.name), error)
        })?;
        reader.read_to_string(&mut text).map_err(failed)?;
        let turn = session.attach(Said { role: Role::Document, name: Some(document.name.clone()), text })?;
        printer.say(&format!("`{}` is attached as number {turn}", document.name));
    }
    Ok(())
}

/// Says one thing and prints the answer.
async fn once(text: &str, mut chat: Chat<'_>, printer: &Printer) -> Result<ExitStatus, CommandError> {
    let mut message = text.to_owned();
    if text == "-" {
        message.clear();
        let read = io::stdin().lock().read_to_string(&mut message);
        read.map_err(|error| CommandError::caused(ExitStatus::Usage, "cannot read stdin", error))?;
    }
    let answered = chat.say(&message).await?;
    if printer.json {
        let used = answered.used;
        printer.json(&json!({
            "session": chat.name(), "turn": answered.turn, "answer": answered.answer, "run": answered.run,
            "memory": chat.shown(), "tokens": used.tokens.0, "cost": used.cost,
        }))?;
    } else {
        printer.data(&format!("{}\n", shown(&answered.answer)))?;
    }
    Ok(ExitStatus::Done)
}

/// Data for a program is the answer as it is; a terminal is not to be steered by it.
fn shown(answer: &str) -> String {
    if io::stdout().is_terminal() { visible(answer) } else { answer.to_owned() }
}

/// Reads lines and answers them until there are no more.
async fn talk(mut chat: Chat<'_>, printer: &Printer) -> Result<ExitStatus, CommandError> {
    let turns = chat.session().read(|memory| memory.episodes().count());
    let known = if turns == 0 { "a new session".to_owned() } else { format!("{turns} turns so far") };
    printer.say(&format!("{}: {known}; {} answers; /help says what can be typed", chat.name(), chat.model()));
    let mut lines = Lines::open(chat.session());
    loop {
        let line = match lines.next().await? {
            Typed::Line(line) if line.trim().is_empty() => continue,
            Typed::Line(line) => line,
            Typed::End => return Ok(ExitStatus::Done),
            Typed::Interrupted => return Ok(ExitStatus::Interrupted),
        };
        let told = match Slash::read(&line) {
            Some(Ok(slash)) => {
                let forgets = matches!(slash, Slash::Forget(_));
                let told = chat.command(slash).await;
                if forgets {
                    lines.forget(chat.session());
                }
                told
            }
            Some(Err(reason)) => {
                printer.failure(&reason);
                continue;
            }
            None => {
                let line = line.strip_prefix('/').filter(|rest| rest.starts_with('/')).unwrap_or(&line);
                let unheard = |answered: Answered| {
                    if answered.heard { String::new() } else { visible(&answered.answer) }
                };
                chat.say(line).await.map(unheard).map(Told::Text)
            }
        };
        // One turn that fails does not end a chat.
        match told {
            Ok(Told::Text(text)) => printer.data(&format!("{text}\n"))?,
            Ok(Told::End) => return Ok(ExitStatus::Done),
            Err(error) => printer.error(&error),
        }
        printer.say("");
    }
}

/// Hears an answer and prints it as it comes.
struct Terminal;

impl Listener for Terminal {
    fn piece(&self, text: &str) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(visible(text).as_bytes());
        let _ = stdout.flush();
    }

    fn broken(&self) {
        let _ = writeln!(io::stdout(), "\n[the answer broke off and is asked for again]");
    }
}

/// Hears nothing: the answer is printed when it is whole.
struct Nobody;

impl Listener for Nobody {
    fn piece(&self, _: &str) {}

    fn broken(&self) {}
}
