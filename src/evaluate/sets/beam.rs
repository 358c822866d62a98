//! BEAM: chats of a user and an assistant, with questions of ten kinds and the messages that answer them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value as Json;

use super::{At, Chat, DataError, Question, form, json, lines, word};
use crate::memory::{Episode, Said, Turn, when};

/// The kinds of questions that ask for something that was said.
pub(in super::super) const RETRIEVAL: [&str; 5] = [
    "information_extraction",
    "knowledge_update",
    "contradiction_resolution",
    "multi_session_reasoning",
    "temporal_reasoning",
];

/// The kinds of questions that a standing statement decides.
pub(in super::super) const INSTRUCTIONS: [&str; 2] = ["instruction_following", "preference_following"];

/// Reads all chats of a size, `100K` or `500K`, in the order of their names.
pub(in super::super) fn beam(data: &Path, size: &str) -> Result<Vec<Chat>, DataError> {
    let folder = data.join("beam");
    let listed =
        std::fs::read_dir(&folder).map_err(|source| DataError::Read { path: folder.clone(), source })?;
    let mut names: Vec<String> = listed
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| {
            name.strip_suffix(".gz").unwrap_or(&name).strip_suffix(".chat.jsonl").map(str::to_owned)
        })
        .filter(|name| name.starts_with(size))
        .collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no chat of this size");
        return Err(DataError::Read { path: folder.join(format!("{size}-*.chat.jsonl.gz")), source });
    }
    names.iter().map(|name| chat(&folder, name)).collect()
}

fn chat(folder: &Path, name: &str) -> Result<Chat, DataError> {
    let mut episodes: Vec<Episode> = Vec::new();
    let mut places: BTreeMap<u64, At> = BTreeMap::new();
    let mut at_ms = None;
    for message in lines(&folder.join(format!("{name}.chat.jsonl.gz")))? {
        let text = without_marker(word(&message, "content")).to_owned();
        let anchor = word(&message, "time_anchor").replace('-', " ");
        at_ms = when(&anchor, None).period.map(|period| period.from.begins()).or(at_ms);
        let said = if word(&message, "role") == "user" { Said::user(text) } else { Said::assistant(text) };
        let begins = word(&message, "role") == "user" || episodes.is_empty();
        if begins {
            let turn = Turn(u32::try_from(episodes.len()).unwrap_or(u32::MAX)).next();
            episodes.push(Episode { turn, at_ms, said: Vec::new() });
        }
        let Some(episode) = episodes.last_mut() else { continue };
        let id = message.get("id").and_then(Json::as_u64).unwrap_or_default();
        places.insert(id, (episode.turn.0, u32::try_from(episode.said.len()).unwrap_or(u32::MAX)));
        episode.said.push(said);
    }
    let path = folder.join(format!("{name}.questions.json"));
    let asked = json(&path)?;
    let kinds = asked.get("probing_questions").and_then(Json::as_object);
    let kinds = kinds.ok_or_else(|| form(&path, "expected `probing_questions`"))?;
    let mut questions = Vec::new();
    for (kind, list) in kinds {
        for question in list.as_array().into_iter().flatten() {
            let mut ids = BTreeSet::new();
            numbers(question.get("source_chat_ids").unwrap_or(&Json::Null), &mut ids);
            let gold: BTreeSet<At> = ids.iter().filter_map(|id| places.get(id).copied()).collect();
            let text = word(question, "question").to_owned();
            questions.push(Question { text, kind: kind.clone(), gold, at_ms: at_ms.unwrap_or_default() });
        }
    }
    Ok(Chat { name: name.to_owned(), episodes, questions })
}

/// Every number in a value: ids stand in lists, in maps of lists, or in texts.
fn numbers(value: &Json, found: &mut BTreeSet<u64>) {
    match value {
        Json::Number(number) => found.extend(number.as_u64()),
        Json::Array(list) => list.iter().for_each(|one| numbers(one, found)),
        Json::Object(map) => map.values().for_each(|one| numbers(one, found)),
        Json::String(text) => {
            found.extend(
                text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse::<u64>().ok()),
            );
        }
        Json::Null | Json::Bool(_) => {}
    }
}

/// A message without the sign that the generator left at its end, such as `->-> 1,12`.
fn without_marker(text: &str) -> &str {
    match text.rfind("->->") {
        Some(at) if text.get(at + 4..).is_some_and(|rest| rest.trim().len() < 12) => {
            text.get(..at).unwrap_or(text).trim_end()
        }
        _ => text.trim_end(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_and_ids_are_read() {
        assert_eq!(without_marker("How do I start? ->-> 1,12"), "How do I start?");
        assert_eq!(
            without_marker("an arrow ->-> points to the next part of it"),
            "an arrow ->-> points to the next part of it"
        );
        let mut found = BTreeSet::new();
        numbers(&serde_json::json!({"first": [58], "second": ["24", 7]}), &mut found);
        assert_eq!(found, [7, 24, 58].into());
    }
}
