//! What can be typed in a chat beside what is said: `/help` and its like.

use std::collections::BTreeSet;

use super::super::error::{CommandError, ExitStatus};
use super::listing;
use super::{Chat, visible};
use crate::memory::{Room, Turn};
use crate::text::{ApproximateCounter, TokenCount};

/// How much of the memory `/recall` shows, in tokens.
const SHOWN: TokenCount = TokenCount(1_000);

const HELP: &str = "\
/memory          what was in the last prompt, with its tokens, and why each passage was recalled
/recall QUERY    what the memory holds of something
/summary         the running summary, and how it came about
/turn N          a turn, word for word
/pin N           put a turn into every prompt; /unpin N ends it
/edit N TEXT     put right what you said in a turn
/undo            take the last turn back; /forget deletes it
/forget N[-M]    really delete turns, with everything that was made from them
/export [FILE]   the chat as Markdown
/model [NAME]    which model answers, or another one from now on
/help            this
/quit            end; the session goes on when you open it again
A line that ends with \\ goes on in the next one.";

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Slash {
    Help,
    Memory,
    Recall(String),
    Summary,
    Turn(Turn),
    Pin(Turn, bool),
    Edit(Turn, String),
    Undo,
    Forget(BTreeSet<Turn>),
    Export(Option<String>),
    Model(Option<String>),
    Quit,
}

/// What a command tells.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Told {
    /// A text to show.
    Text(String),
    /// Nothing more is to come.
    End,
}

impl Slash {
    /// Reads a line; none where it is something that is said. `//` says a line that begins with `/`.
    pub(in super::super) fn read(line: &str) -> Option<Result<Self, String>> {
        let line = line.trim();
        if !line.starts_with('/') || line.starts_with("//") {
            return None;
        }
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let some = || (!rest.is_empty()).then(|| rest.to_owned());
        Some(match word {
            "/help" | "/?" => Ok(Self::Help),
            "/memory" => Ok(Self::Memory),
            "/recall" => {
                some().map(Self::Recall).ok_or_else(|| "write what to look for: /recall the boat".to_owned())
            }
            "/summary" => Ok(Self::Summary),
            "/turn" => turn(rest).map(Self::Turn),
            "/pin" => turn(rest).map(|turn| Self::Pin(turn, true)),
            "/unpin" => turn(rest).map(|turn| Self::Pin(turn, false)),
            "/edit" => edit(rest),
            "/undo" => Ok(Self::Undo),
            "/forget" => turns(rest).map(Self::Forget),
            "/export" => Ok(Self::Export(some())),
            "/model" => Ok(Self::Model(some())),
            "/quit" | "/exit" | "/q" => Ok(Self::Quit),
            other => Err(format!("there is no command `{}`: /help names them all", visible(other))),
        })
    }
}

fn turn(text: &str) -> Result<Turn, String> {
    text.parse()
        .map(Turn)
        .map_err(|_| format!("expected the number of a turn instead of `{}`", visible(text)))
}

fn turns(text: &str) -> Result<BTreeSet<Turn>, String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (turn(from.trim())?, turn(to.trim())?);
    // Beyond this nobody means it, and the list of them would fill the memory of the machine.
    if from > to || to.0 - from.0 > 100_000 {
        return Err(format!("`{}` is no stretch of turns: expected one such as 12-15", visible(text)));
    }
    Ok((from.0..=to.0).map(Turn).collect())
}

fn edit(rest: &str) -> Result<Slash, String> {
    let (number, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let at = turn(number)?;
    let text = text.trim();
    if text.is_empty() {
        return Err("write the new words behind the number: /edit 12 I meant Tuesday".to_owned());
    }
    Ok(Slash::Edit(at, text.to_owned()))
}

impl Chat<'_> {
    /// Does what was typed and says what came of it.
    pub(in super::super) async fn command(&mut self, slash: Slash) -> Result<Told, CommandError> {
        let text = match slash {
            Slash::Help => HELP.to_owned(),
            Slash::Memory => listing::parts(self.shown(), self.amended),
            Slash::Recall(query) => self.recalled(&query).await?,
            Slash::Summary => self.session().read(listing::summaries),
            Slash::Turn(turn) => {
                let found = self.session().read(|memory| listing::turn(memory, turn));
                found.unwrap_or_else(|| format!("there is no turn {turn}"))
            }
            Slash::Pin(turn, pinned) => {
                self.session().pin(turn, pinned)?;
                format!("turn {turn} is {} every prompt", if pinned { "now in" } else { "no longer in" })
            }
            Slash::Edit(turn, text) => {
                self.edit(turn, text)?;
                format!("turn {turn} says so from now on")
            }
            Slash::Undo => match self.session().undo()? {
                Some(turn) => format!("turn {turn} is taken back; /forget {turn} would delete it"),
                None => "there is nothing to take back".to_owned(),
            },
            Slash::Forget(turns) => listing::forgotten(&self.forget(&turns)?),
            Slash::Export(file) => self.export(file.as_deref())?,
            Slash::Model(None) => format!("{} answers", self.model()),
            Slash::Model(Some(name)) => {
                self.change_model(&name)?;
                format!("{name} answers from now on")
            }
            Slash::Quit => return Ok(Told::End),
        };
        Ok(Told::Text(text))
    }

    async fn recalled(&self, query: &str) -> Result<String, CommandError> {
        self.session().hear(query);
        super::embed(self.session(), self.printer).await?;
        let found = self.session().recall(query, Room::alone(SHOWN), &ApproximateCounter).await?;
        Ok(listing::passages(&found))
    }

    fn export(&self, file: Option<&str>) -> Result<String, CommandError> {
        let text = self.session().read(listing::markdown);
        let Some(file) = file else { return Ok(visible(&text)) };
        let failed =
            |error| CommandError::caused(ExitStatus::Failed, format!("cannot write `{file}`"), error);
        // An existing file is never overwritten.
        let mut options = std::fs::OpenOptions::new();
        let path = self.settings.here.join(file);
        let mut written = options.write(true).create_new(true).open(path).map_err(failed)?;
        std::io::Write::write_all(&mut written, text.as_bytes()).map_err(failed)?;
        Ok(format!("written to `{file}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_commands_or_as_what_is_said() {
        assert_eq!(Slash::read("hello /help"), None);
        assert_eq!(Slash::read("//etc is a folder"), None);
        assert_eq!(Slash::read("/pin 3"), Some(Ok(Slash::Pin(Turn(3), true))));
        assert_eq!(Slash::read(" /recall  the boat "), Some(Ok(Slash::Recall("the boat".into()))));
        let some: BTreeSet<Turn> = [Turn(2), Turn(3)].into();
        assert_eq!(Slash::read("/forget 2-3"), Some(Ok(Slash::Forget(some))));
        for wrong in
            ["/pin", "/pin x", "/forget 3-2", "/forget 1-4000000000", "/edit 3", "/recall", "/nonsense"]
        {
            assert!(matches!(Slash::read(wrong), Some(Err(_))), "{wrong}");
        }
    }
}
