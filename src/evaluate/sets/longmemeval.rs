//! `LongMemEval`: histories of many sessions of a user and an assistant, with questions and the sessions that answer them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;

use super::{Chat, DataError, Question, form, json, word};
use crate::date::Day;
use crate::memory::{Episode, Said, Turn};

/// Reads the histories. Gold are all turns of the sessions that answer; the second value is the session of each turn.
pub(in super::super) fn longmemeval(data: &Path) -> Result<Vec<(Chat, Vec<usize>)>, DataError> {
    let path = data.join("longmemeval_mini").join("dev2.json.gz");
    let all = json(&path)?;
    let all = all.as_array().ok_or_else(|| form(&path, "expected a list"))?;
    all.iter().map(|one| history(one).ok_or_else(|| form(&path, "a history is not whole"))).collect()
}

fn history(json: &Json) -> Option<(Chat, Vec<usize>)> {
    let list = |key: &str| json.get(key).and_then(Json::as_array);
    let ids: Vec<&str> = list("haystack_session_ids")?.iter().filter_map(Json::as_str).collect();
    let mut episodes: Vec<Episode> = Vec::new();
    let mut sessions = Vec::new();
    for (number, (session, date)) in
        list("haystack_sessions")?.iter().zip(list("haystack_dates")?).enumerate()
    {
        let at_ms = date.as_str().and_then(day).map(Day::begins);
        let mut begun = false;
        for message in session.as_array()? {
            let (role, text) = (word(message, "role"), word(message, "content"));
            let said = if role == "user" { Said::user(text) } else { Said::assistant(text) };
            if role == "user" || !begun {
                let turn = Turn(u32::try_from(episodes.len()).unwrap_or(u32::MAX)).next();
                episodes.push(Episode { turn, at_ms, said: Vec::new() });
                sessions.push(number);
            }
            begun = true;
            episodes.last_mut()?.said.push(said);
        }
    }
    let at_ms = day(word(json, "question_date")).map_or(0, Day::begins);
    let questions =
        list("questions")?.iter().zip(list("answer_session_ids")?).filter_map(|(question, gold)| {
            let named: BTreeSet<&str> = gold.as_array()?.iter().filter_map(Json::as_str).collect();
            let of = |at: usize| sessions.get(at).and_then(|session| ids.get(*session));
            let gold = (0..episodes.len()).filter(|at| of(*at).is_some_and(|id| named.contains(*id)));
            let gold = gold.filter_map(|at| Some((u32::try_from(at + 1).ok()?, 0))).collect();
            Some(Question { text: question.as_str()?.to_owned(), kind: "session".to_owned(), gold, at_ms })
        });
    let questions = questions.collect();
    Some((Chat { name: word(json, "question_id").to_owned(), episodes, questions }, sessions))
}

/// A date as `2023/12/18 (Mon) 04:17`.
fn day(text: &str) -> Option<Day> {
    let mut parts = text.split([' ', '/']);
    Day::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?)
}
