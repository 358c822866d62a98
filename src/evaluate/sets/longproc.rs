//! `LongProc`: procedures that are followed step by step, each with one answer that a program can check.

use std::path::Path;

use serde_json::Value as Json;

use super::{DataError, form, json, word};

/// A route to find: what is asked, and the lines of the only answer.
pub(in super::super) type Route = (String, Vec<String>);

/// Numbers, and what they are to be combined to.
pub(in super::super) type Countdown = (Vec<u64>, u64);

/// Reads the routes between cities.
pub(in super::super) fn routes(data: &Path) -> Result<Vec<Route>, DataError> {
    all(data, "path_traversal_0.5k.dev100.json.gz", |one| {
        let (context, question) = (word(one, "context_nl").trim_end(), word(one, "question_nl").trim());
        let route: Vec<String> = word(one, "answer_nl").trim().lines().map(str::to_owned).collect();
        let whole = !context.is_empty() && !question.is_empty() && !route.is_empty();
        whole.then(|| (format!("{context}\n{question}"), route))
    })
}

/// Reads the numbers games.
pub(in super::super) fn countdowns(data: &Path) -> Result<Vec<Countdown>, DataError> {
    all(data, "countdown_0.5k.dev100.json.gz", |one| {
        let numbers = one.get("nums")?.as_array()?.iter().map(Json::as_u64).collect::<Option<_>>()?;
        Some((numbers, one.get("target")?.as_u64()?))
    })
}

fn all<T>(data: &Path, file: &str, read: impl Fn(&Json) -> Option<T>) -> Result<Vec<T>, DataError> {
    let path = data.join("longproc").join(file);
    let all = json(&path)?;
    let all = all.as_array().ok_or_else(|| form(&path, "expected a list"))?;
    let read = |(number, one): (usize, &Json)| {
        read(one).ok_or_else(|| form(&path, format!("problem {} is not whole", number + 1)))
    };
    all.iter().enumerate().map(read).collect()
}
