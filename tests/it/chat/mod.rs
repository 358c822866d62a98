//! Long chats at the command line.

mod forgotten;
mod imported;
mod killed;
mod long;
mod odd;
mod talks;
mod thousand;
mod upkeep;
mod vectors;

use crate::longhand::{Ended, Longhand};

/// A model that says the first words of what it is asked.
const MODEL: [&str; 4] = ["--model", "scripted", "--embedder", "none"];

impl Longhand {
    /// Says something in a session, with the answer as JSON.
    pub(crate) fn say(&self, session: &str, text: &str) -> Ended {
        let args = ["chat", "--session", session, "--message", text, "--json"];
        self.run(&[&args[..], &MODEL[..]].concat())
    }

    /// Types lines into a chat and returns what it printed.
    pub(crate) fn typed(&self, session: &str, lines: &str) -> Ended {
        use std::io::Write as _;
        let mut command =
            self.command(&["chat", "--session", session, "--model", "scripted", "--embedder", "none"]);
        let mut child = self.spawn(command.stdin(std::process::Stdio::piped()));
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        self.ended(child.wait_with_output().unwrap())
    }

    /// The turns of a session as they are kept.
    pub(crate) fn session(&self, name: &str) -> Vec<serde_json::Value> {
        let ended = self.run(&["chat", "--session", name, "--export", "--json"]);
        assert_eq!(ended.code, Some(0), "{}", ended.shown());
        ended.json().as_array().unwrap().clone()
    }
}
