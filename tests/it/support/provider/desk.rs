//! Files and batches: `POST /v1/files`, `POST /v1/batches`, looking after them, and cancelling.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::batch::{Line, Outcome, outcomes, shuffled};
use super::behaviour::End;
use super::refusal::{invalid, unknown_path};
use super::server::Server;
use super::wire::Reply;

/// Files and batches are of this time.
const CREATED: u64 = 1_760_000_000;

/// A file as it is handed in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) purpose: String,
    pub(crate) bytes: Vec<u8>,
}

/// A request for anything but a new file.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) body: &'a Value,
    /// The number of its entry in the ledger.
    pub(crate) entry: usize,
}

/// All files and batches.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// The last number that was given to a file or a batch.
    numbers: usize,
    files: BTreeMap<String, Upload>,
    batches: BTreeMap<String, Batch>,
}

#[derive(Debug)]
struct Batch {
    number: usize,
    /// How many batches were made before.
    before: usize,
    /// The entry of the request that made it.
    entry: usize,
    lines: Vec<Line>,
    state: State,
    polls: u32,
    /// What the request said, and later the files with the results.
    told: Map<String, Value>,
    completed: usize,
    failed: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Validating,
    InProgress,
    Finalizing,
    Completed,
    Failed,
    Expired,
    Cancelling,
    Cancelled,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Validating => "validating",
            Self::InProgress => "in_progress",
            Self::Finalizing => "finalizing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
        }
    }

    fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Expired | Self::Cancelled)
    }
}

impl Desk {
    fn name(&mut self, kind: &str) -> (usize, String) {
        self.numbers += 1;
        (self.numbers, format!("{kind}{:06}", self.numbers))
    }

    /// Keeps a file; none is a form that cannot be read.
    pub(crate) fn upload(&mut self, upload: Option<Upload>) -> Reply {
        let Some(upload) = upload.filter(|upload| upload.purpose == "batch") else {
            return invalid(
                400,
                None,
                "A form is expected with `file` and with `purpose`, which is `batch`.",
            );
        };
        let name = self.keep(upload);
        self.file(&name)
    }

    fn keep(&mut self, upload: Upload) -> String {
        let (_, name) = self.name("file-");
        self.files.insert(name.clone(), upload);
        name
    }

    fn file(&self, name: &str) -> Reply {
        let Some(file) = self.files.get(name) else { return missing("File", name) };
        let told = json!({
            "id": name,
            "object": "file",
            "bytes": file.bytes.len(),
            "created_at": CREATED,
            "filename": file.name,
            "purpose": file.purpose,
            "status": "processed",
        });
        Reply::json(200, &told)
    }

    /// Answers everything but the upload of a file.
    pub(crate) fn answer(&mut self, asked: &Asked<'_>, server: &Server) -> Reply {
        let steps: Vec<&str> = asked.path.trim_start_matches("/v1/").split('/').collect();
        match (asked.method, steps.as_slice()) {
            ("GET", ["files", name]) => self.file(name),
            ("GET", ["files", name, "content"]) => match self.files.get(*name) {
                Some(file) => Reply::new(200, "application/octet-stream", file.bytes.clone()),
                None => missing("File", name),
            },
            ("DELETE", ["files", name]) => match self.files.remove(*name) {
                Some(_) => Reply::json(200, &json!({"id": name, "object": "file", "deleted": true})),
                None => missing("File", name),
            },
            ("POST", ["batches"]) => self.create(asked, server),
            ("GET", ["batches"]) => {
                let all: Vec<Value> =
                    self.batches.iter().rev().map(|(name, batch)| batch.shown(name)).collect();
                Reply::json(200, &json!({"object": "list", "data": all, "has_more": false}))
            }
            ("GET", ["batches", name]) => self.poll(name, server),
            ("POST", ["batches", name, "cancel"]) => self.cancel(name),
            _ => unknown_path(asked.path),
        }
    }

    fn create(&mut self, asked: &Asked<'_>, server: &Server) -> Reply {
        let input = asked.body["input_file_id"].as_str().unwrap_or_default();
        let Some(file) = self.files.get(input) else { return missing("File", input) };
        let lines = match Line::read(&file.bytes) {
            Ok(lines) => lines,
            Err(wrong) => return invalid(400, Some("invalid_jsonl"), &wrong),
        };
        if asked.body["completion_window"] != "24h" {
            return invalid(400, None, "The completion window has to be `24h`.");
        }
        let mut told = Map::new();
        for key in ["endpoint", "input_file_id", "completion_window", "metadata"] {
            told.insert(key.to_owned(), asked.body[key].clone());
        }
        server.book.handed_in(lines.iter().map(|line| line.id.clone()).collect());
        let (number, name) = self.name("batch_");
        let (entry, state) = (asked.entry, State::Validating);
        let before = self.batches.len();
        let batch = Batch { number, before, entry, lines, state, polls: 0, told, completed: 0, failed: 0 };
        let shown = batch.shown(&name);
        self.batches.insert(name, batch);
        Reply::json(200, &shown)
    }

    /// Looking at a batch is what lets it go on.
    fn poll(&mut self, name: &str, server: &Server) -> Reply {
        let Some(mut batch) = self.batches.remove(name) else { return missing("Batch", name) };
        let plan = server.behaviour.batches;
        batch.polls += 1;
        match batch.state {
            State::Cancelling => {
                // The polls before the cancelling and this one: only a batch that was looked at had begun.
                let done = if batch.polls > 1 { batch.lines.len() / 2 } else { 0 };
                self.finish(&mut batch, State::Cancelled, done, server);
            }
            state if state.is_over() => {}
            _ if batch.polls >= plan.polls => {
                let all = batch.lines.len();
                let end = plan.ends.get(batch.before).or(plan.ends.last()).unwrap_or(&End::Completed);
                let (state, done) = match end {
                    End::Completed => (State::Completed, all),
                    End::Expired => (State::Expired, all / 2),
                    End::Cancelled => (State::Cancelled, all / 2),
                    End::Failed { code, message } => {
                        let one = json!({"code": code, "message": message, "param": null, "line": null});
                        batch.told.insert("errors".into(), json!({"object": "list", "data": [one]}));
                        (State::Failed, 0)
                    }
                };
                self.finish(&mut batch, state, done, server);
            }
            _ if batch.polls > 1 && batch.polls + 1 == plan.polls => batch.state = State::Finalizing,
            _ => batch.state = State::InProgress,
        }
        let shown = batch.shown(name);
        self.batches.insert(name.to_owned(), batch);
        Reply::json(200, &shown)
    }

    /// Answers the first so many lines, lets the others expire, and writes the two files.
    fn finish(&mut self, batch: &mut Batch, state: State, answered: usize, server: &Server) {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        // What a failed or cancelled batch had not come to is in neither file.
        let told =
            if matches!(state, State::Failed | State::Cancelled) { answered } else { batch.lines.len() };
        for outcome in outcomes(&batch.lines, batch.number, answered, server).into_iter().take(told) {
            match outcome {
                Outcome::Answered(line, usage) => {
                    server.book.charge(batch.entry, usage);
                    server.book.answered(&line["custom_id"]);
                    output.push(line);
                }
                Outcome::Failed(line) => errors.push(line),
            }
        }
        (batch.state, batch.completed, batch.failed) = (state, output.len(), errors.len());
        for (key, lines) in [("output_file_id", output), ("error_file_id", errors)] {
            if lines.is_empty() {
                continue;
            }
            let lines = shuffled(lines, server.behaviour.seed ^ batch.number as u64);
            let text: Vec<String> = lines.iter().map(Value::to_string).collect();
            let upload = Upload {
                name: format!("{key}.jsonl"),
                purpose: "batch_output".into(),
                bytes: (text.join("\n") + "\n").into(),
            };
            let file = self.keep(upload);
            batch.told.insert(key.to_owned(), Value::String(file));
        }
    }

    fn cancel(&mut self, name: &str) -> Reply {
        let Some(batch) = self.batches.get_mut(name) else { return missing("Batch", name) };
        if batch.state.is_over() {
            let message = format!("Cannot cancel a batch with status '{}'.", batch.state.name());
            return invalid(409, None, &message);
        }
        batch.state = State::Cancelling;
        Reply::json(200, &batch.shown(name))
    }
}

fn missing(kind: &str, name: &str) -> Reply {
    invalid(404, None, &format!("{kind} not found: {name}"))
}

impl Batch {
    fn shown(&self, name: &str) -> Value {
        let at = |reached: bool| if reached { json!(CREATED) } else { Value::Null };
        let mut shown = json!({
            "id": name,
            "object": "batch",
            "endpoint": null,
            "errors": null,
            "input_file_id": null,
            "completion_window": null,
            "status": self.state.name(),
            "output_file_id": null,
            "error_file_id": null,
            "created_at": CREATED,
            "in_progress_at": at(self.polls > 0),
            "expires_at": CREATED + 86_400,
            "finalizing_at": null,
            "completed_at": at(self.state == State::Completed),
            "failed_at": at(self.state == State::Failed),
            "expired_at": at(self.state == State::Expired),
            "cancelling_at": at(matches!(self.state, State::Cancelling | State::Cancelled)),
            "cancelled_at": at(self.state == State::Cancelled),
            "request_counts": {"total": self.lines.len(), "completed": self.completed, "failed": self.failed},
            "metadata": null,
        });
        for (key, value) in &self.told {
            shown[key] = value.clone();
        }
        shown
    }
}
