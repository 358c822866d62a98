//! Runs the command as a person would, in a folder and with a home of its own.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use tempfile::TempDir;

/// A folder to work in and a `LONGHAND_HOME`, gone when dropped.
#[derive(Debug)]
pub(crate) struct Longhand {
    folder: TempDir,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Longhand {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Writes a file below the working folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longhand"));
        command.args(args).current_dir(self.work()).env_clear();
        for kept in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command.env("LONGHAND_HOME", self.home()).env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.ended(self.command(args).output().unwrap())
    }

    pub(crate) fn spawn(&self, command: &mut Command) -> Child {
        command.spawn().unwrap()
    }

    /// Makes output that is the same wherever the test runs.
    pub(crate) fn ended(&self, output: Output) -> Ended {
        let folder = self.folder.path().display().to_string();
        let clean = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&folder, "[folder]");
        Ended { stdout: clean(output.stdout), stderr: clean(output.stderr), code: output.status.code() }
    }
}

impl Longhand {
    /// The messages and the answer of every call of the only run, in order.
    pub(crate) fn calls(&self) -> Vec<serde_json::Value> {
        let runs = self.run(&["runs", "list", "--json"]).json();
        let run = runs[0]["run"].as_str().unwrap().to_owned();
        let report = self.run(&["runs", "show", &run, "--json"]).json();
        let count = report["calls"].as_array().unwrap().len();
        let call =
            |number: usize| self.run(&["runs", "show", &run, "--call", &number.to_string(), "--json"]).json();
        (0..count).map(call).collect()
    }
}

/// A command that is at work.
#[derive(Debug)]
pub(crate) struct Working {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Longhand {
    /// Starts a command that tells of every call it makes.
    pub(crate) fn begin(&self, args: &[&str]) -> Working {
        self.begin_as(&mut self.command(args))
    }

    /// Starts a prepared command that tells of every call it makes.
    pub(crate) fn begin_as(&self, command: &mut Command) -> Working {
        let mut child = self.spawn(command.env("LONGHAND_LOG", "longhand=debug"));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Working { child, stderr, said: String::new() }
    }

    /// Waits for the end. What was logged for developers is left out.
    pub(crate) fn wait(&self, mut working: Working) -> Ended {
        working.stderr.read_to_string(&mut working.said).unwrap();
        let mut output = working.child.wait_with_output().unwrap();
        output.stderr = working.said.into_bytes();
        let mut ended = self.ended(output);
        let log = ["TRACE ", "DEBUG ", "INFO ", "WARN ", "ERROR "];
        let logged = |line: &str| log.iter().any(|level| line.trim_start().starts_with(level));
        ended.stderr = ended.stderr.split_inclusive('\n').filter(|line| !logged(line)).collect();
        ended
    }
}

impl Working {
    /// Waits until something that contains `word` was said; fails where the command ends before.
    pub(crate) fn until(&mut self, word: &str) {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert_ne!(
                self.stderr.read_line(&mut line).unwrap(),
                0,
                "ended before it said {word:?}: {}",
                self.said
            );
            self.said.push_str(&line);
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the signal of Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }
}

impl Ended {
    /// The whole in one text, for a snapshot; names of runs and times are left out.
    pub(crate) fn shown(&self) -> String {
        let code = self.code.map_or_else(|| "killed".to_owned(), |code| code.to_string());
        let stderr: Vec<&str> = self.stderr.lines().filter(|line| !line.starts_with("run 20")).collect();
        let text = format!("exit {code}\n--- stdout\n{}--- stderr\n{}\n", self.stdout, stderr.join("\n"));
        without_run_names(&text)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.shown()))
    }
}

/// Puts `[run]` in the place of every name of a run, such as `20261123-210449-6014f573`.
fn without_run_names(text: &str) -> String {
    const FORM: &str = "00000000-000000-00000000";
    let fits = |(c, form): (char, char)| if form == '-' { c == '-' } else { c.is_ascii_hexdigit() };
    let mut shown = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let name = rest.get(..FORM.len()).filter(|name| name.chars().zip(FORM.chars()).all(fits));
        shown.push_str(if name.is_some() { "[run]" } else { &rest[..first.len_utf8()] });
        rest = &rest[name.map_or(first.len_utf8(), str::len)..];
    }
    shown
}

/// What must be the same however often a run was stopped: everything but its name and its times, calls in a fixed order.
pub(crate) fn timeless(mut report: serde_json::Value) -> serde_json::Value {
    report["run"] = "".into();
    report["duration_ms"] = 0.into();
    let calls = report["calls"].as_array_mut().unwrap();
    for call in calls.iter_mut() {
        call["ms"] = 0.into();
    }
    calls.sort_by_key(ToString::to_string);
    report
}

/// A document of this many numbered sentences in paragraphs.
pub(crate) fn document(sentences: usize) -> String {
    let mut text = String::new();
    for number in 1..=sentences {
        let place = ["harbour", "mill", "tower", "bridge", "school"][number % 5];
        let _ = write!(
            text,
            "Entry {number} says that the {place} was repaired on day {} of the year. ",
            number * 7 % 365
        );
        if number % 6 == 0 {
            text.push_str("\n\n");
        }
    }
    text
}

/// The default model, where it has been fetched.
pub(crate) fn default_model() -> Option<PathBuf> {
    let home = std::env::var_os("LONGHAND_HOME").map(PathBuf::from);
    let path = home.map(|home| home.join("models/smollm2.gguf")).filter(|path: &PathBuf| Path::is_file(path));
    if path.is_none() {
        println!("skipped: the default model is not below LONGHAND_HOME");
    }
    path
}
