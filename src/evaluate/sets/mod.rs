//! Readers of the public data sets. Each turns the set's own form into chats, questions and what is gold in them.

mod beam;
mod ir;
mod locomo;
mod longmemeval;
mod longproc;
mod math;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value as Json;

use crate::memory::Episode;

pub(super) use beam::{INSTRUCTIONS, RETRIEVAL, beam};
pub(super) use ir::{Pool, wikipool};
pub(super) use locomo::{Sessions, locomo};
pub(super) use longmemeval::longmemeval;
pub(super) use longproc::{Countdown, Route, countdowns, routes};
pub(super) use math::MathProblem;
pub use math::MathSet;

/// A data set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file is missing or cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("`{}` is not as expected: {problem}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// Where a message stands: the turn, and its place in the turn.
pub(super) type At = (u32, u32);

/// A chat and the questions about it.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) name: String,
    pub(super) episodes: Vec<Episode>,
    pub(super) questions: Vec<Question>,
}

/// A question and the messages that its answer stands in.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) text: String,
    /// What the set calls its kind.
    pub(super) kind: String,
    pub(super) gold: BTreeSet<At>,
    /// When it is asked, in milliseconds since 1970, where the set says so.
    pub(super) at_ms: u64,
}

impl DataError {
    /// Tells whether the set is not there at all.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}

/// Reads a file, unpacked where it is packed. Where there is no `x.gz`, an `x` that nobody packed will do.
pub(super) fn text(path: &Path) -> Result<String, DataError> {
    let packed = path.extension().is_some_and(|extension| extension == "gz");
    let plain = path.with_extension("");
    if packed && !path.exists() && plain.exists() {
        return text(&plain);
    }
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut text = String::new();
    if packed {
        GzDecoder::new(file).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::io::BufReader::new(file).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}

/// Reads a file of JSON.
fn json(path: &Path) -> Result<Json, DataError> {
    serde_json::from_str(&text(path)?).map_err(|error| form(path, error.to_string()))
}

/// Reads a file of JSON lines.
fn lines(path: &Path) -> Result<Vec<Json>, DataError> {
    let parse = |line: &str| serde_json::from_str(line).map_err(|error| form(path, error.to_string()));
    text(path)?.lines().filter(|line| !line.trim().is_empty()).map(parse).collect()
}

fn form(path: &Path, problem: impl Into<String>) -> DataError {
    DataError::Form { path: path.to_owned(), problem: problem.into() }
}

/// The text under a key; empty where there is none.
fn word<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}
