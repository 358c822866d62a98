//! The lines of a batch and what becomes of each.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::behaviour::Fault;
use super::chance::{happens, hash, mix};
use super::chat::sound;
use super::embedding;
use super::ledger::Usage;
use super::refusal::error;
use super::server::Server;

/// One request of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: String,
    url: String,
    body: Value,
}

/// What became of a line, as it is written into a file.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Answered(Value, Usage),
    Failed(Value),
}

impl Line {
    /// Reads a file of requests; what is wrong is told with its line.
    pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Self>, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())?;
        let mut known = HashSet::new();
        let mut lines = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |what: &str| format!("line {}: {what}", number + 1);
            let mut value: Value = serde_json::from_str(line).map_err(|_| wrong("is no JSON"))?;
            let id = value["custom_id"].as_str().ok_or_else(|| wrong("has no `custom_id`"))?.to_owned();
            if value["method"] != "POST" || !value["body"].is_object() {
                return Err(wrong("has no `body`, or a `method` other than `POST`"));
            }
            if !known.insert(id.clone()) {
                return Err(wrong("has the `custom_id` of another line"));
            }
            let url = value["url"].as_str().unwrap_or_default().to_owned();
            lines.push(Self { id, url, body: value["body"].take() });
        }
        if lines.is_empty() { Err("the file has no lines".to_owned()) } else { Ok(lines) }
    }

    fn answered(&self, number: usize, status: u16, body: &Value) -> Value {
        let print = mix(hash(self.id.as_bytes()), number as u64);
        json!({
            "id": format!("batch_req_{print:016x}"),
            "custom_id": self.id,
            "response": {"status_code": status, "request_id": format!("req_{print:016x}"), "body": body},
            "error": null,
        })
    }

    fn outcome(&self, batch: usize, server: &Server, in_time: bool) -> Outcome {
        let behaviour = &server.behaviour;
        // A line that is handed in again has a new chance.
        let own = mix(mix(behaviour.seed, hash(self.id.as_bytes())), batch as u64);
        if !in_time || happens(own, behaviour.batches.expired) {
            let message = "This request could not be executed before the completion window expired.";
            return Outcome::Failed(json!({
                "id": format!("batch_req_{own:016x}"),
                "custom_id": self.id,
                "response": null,
                "error": {"code": "batch_expired", "message": message},
            }));
        }
        if let Some(refused) = server.refused(&self.url, &self.body) {
            let body = error("invalid_request_error", None, "This request is refused.");
            return Outcome::Failed(self.answered(batch, refused.status(), &body));
        }
        if happens(mix(own, 1), behaviour.batches.failed) {
            let body = error("server_error", None, "The server had an error while processing your request.");
            return Outcome::Failed(self.answered(batch, 500, &body));
        }
        let (body, used) = if self.url == "/v1/embeddings" {
            (embedding::vectors(&Fault::Sound, behaviour, &self.body), embedding::used(behaviour, &self.body))
        } else {
            let said = sound(behaviour, &self.body);
            (said.completion(&Fault::Sound, behaviour, &self.body), said.used)
        };
        Outcome::Answered(self.answered(batch, 200, &body), used)
    }
}

/// What becomes of the lines of a batch, of which the first so many come in time.
pub(crate) fn outcomes(lines: &[Line], batch: usize, in_time: usize, server: &Server) -> Vec<Outcome> {
    lines.iter().enumerate().map(|(number, line)| line.outcome(batch, server, number < in_time)).collect()
}

/// The same lines in an order that says nothing.
pub(crate) fn shuffled(mut lines: Vec<Value>, seed: u64) -> Vec<Value> {
    lines.sort_by_cached_key(|line| mix(seed, hash(line["custom_id"].to_string().as_bytes())));
    lines
}
