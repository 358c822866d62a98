//! Replies of an endpoint in a file: written down once, given again where the same is asked, without a network.
//!
//! A line of JSON for each reply, in the order of the requests, with the request that it is a reply to. Neither the key nor the
//! password of an address is in any of them: headers of requests are not written, and what a body holds of them is taken out.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::endpoint::AddressError;
use super::failure::Failure;
use super::secrets::Secrets;

/// The headers of a reply that decide anything.
const KEPT: [&str; 4] = ["content-type", "retry-after", "retry-after-ms", "x-ratelimit-"];

/// A request as it is told from others: its path and its body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Asked {
    path: String,
    body: Value,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Reply {
    #[serde(flatten)]
    asked: Asked,
    status: u16,
    headers: Vec<(String, String)>,
    answer: String,
}

/// A file of replies.
#[derive(Debug)]
pub(super) struct Recording {
    path: PathBuf,
    secrets: Arc<Secrets>,
    replies: Vec<Reply>,
    /// How often each request was asked again, by its text.
    given: Mutex<HashMap<String, usize>>,
    file: Option<Mutex<File>>,
}

impl Recording {
    /// Begins a new file, or goes on with one that is there.
    pub(super) fn record(path: &Path, secrets: Arc<Secrets>) -> Result<Self, AddressError> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| unusable(path, &error.to_string()))?;
        let file = Some(Mutex::new(file));
        Ok(Self { path: path.to_owned(), secrets, replies: Vec::new(), given: Mutex::default(), file })
    }

    /// Opens a file of replies to give them again. Requests are compared without their secrets, as they were written down.
    pub(super) fn replay(path: &Path, secrets: Arc<Secrets>) -> Result<Self, AddressError> {
        let text = fs::read_to_string(path).map_err(|error| unusable(path, &error.to_string()))?;
        let replies = text.lines().zip(1..).map(|(line, number): (&str, u32)| {
            serde_json::from_str(line).map_err(|error| unusable(path, &format!("line {number}: {error}")))
        });
        let replies = replies.collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_owned(), secrets, replies, given: Mutex::default(), file: None })
    }

    /// Tells what a request asks. A body that is no JSON, such as a file, counts by its path alone.
    pub(super) fn asked(&self, request: &reqwest::Request) -> Asked {
        let body = request.body().and_then(reqwest::Body::as_bytes);
        let mut body = body.and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        self.secrets.hide_in_values(&mut body);
        Asked { path: request.url().path().to_owned(), body }
    }

    /// Writes a reply down.
    pub(super) fn write(
        &self,
        asked: &Asked,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Failure> {
        let Some(file) = &self.file else { return Ok(()) };
        let kept = headers.iter().filter(|(name, _)| KEPT.iter().any(|kept| name.as_str().starts_with(kept)));
        let headers =
            kept.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
        let reply = Reply {
            asked: asked.clone(),
            status: status.as_u16(),
            headers: headers.collect(),
            answer: self.secrets.hide_in_reply(&String::from_utf8_lossy(body)),
        };
        let line = serde_json::to_string(&reply).unwrap_or_default();
        let written = writeln!(locked(file), "{line}");
        written
            .map_err(|error| Failure::NotRecorded(format!("cannot write `{}`: {error}", self.path.display())))
    }

    /// Finds the reply to a request: the first time the first, and so on; the last again when there are no more.
    pub(super) fn reply(&self, asked: &Asked) -> Result<(StatusCode, HeaderMap, Vec<u8>), Failure> {
        let same: Vec<&Reply> = self.replies.iter().filter(|reply| reply.asked == *asked).collect();
        let mut given = locked(&self.given);
        let turn = given.entry(serde_json::to_string(asked).unwrap_or_default()).or_default();
        let reply = same.get(*turn).or_else(|| same.last()).ok_or_else(|| self.differs(asked))?;
        *turn += 1;
        let headers = reply.headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        });
        let status = StatusCode::from_u16(reply.status).unwrap_or_default();
        Ok((status, headers.collect(), reply.answer.clone().into_bytes()))
    }

    /// Says in what the request differs from those that were written down: by names of keys, never by what they hold.
    fn differs(&self, asked: &Asked) -> Failure {
        let there = self.replies.iter().map(|reply| &reply.asked).filter(|other| other.path == asked.path);
        let nearest = there.map(|other| differing(&asked.body, &other.body)).min_by_key(Vec::len);
        let how = match nearest {
            Some(keys) => format!("the nearest differs in {}", keys.join(", ")),
            None => format!("none was sent to {}", asked.path),
        };
        Failure::NotRecorded(format!("`{}` holds no reply to this request: {how}", self.path.display()))
    }
}

fn differing(one: &Value, other: &Value) -> Vec<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            names.filter(|name| one.get(*name) != other.get(*name)).map(|name| format!("`{name}`")).collect()
        }
        _ => vec!["the whole body".to_owned()],
    }
}

fn unusable(path: &Path, reason: &str) -> AddressError {
    AddressError::Recording { path: path.to_owned(), reason: reason.to_owned() }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
