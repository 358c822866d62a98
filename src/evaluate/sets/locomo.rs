//! `LoCoMo`: chats of two people over many days, with questions and the messages that answer them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value as Json;

use super::{At, Chat, DataError, Question, form, json, word};
use crate::memory::{Episode, Role, Said, Turn, when};

/// The sessions of a chat: the last turn of each, and what somebody wrote as its summary.
pub(in super::super) type Sessions = Vec<(Turn, String)>;

/// Reads all chats. Each message is a turn of its own; the kinds of questions are the numbers of the set.
pub(in super::super) fn locomo(data: &Path) -> Result<Vec<(Chat, Sessions)>, DataError> {
    let path = data.join("locomo").join("locomo_dev7.json.gz");
    let all = json(&path)?;
    let all = all.as_array().ok_or_else(|| form(&path, "expected a list"))?;
    all.iter().map(|one| chat(one).ok_or_else(|| form(&path, "a chat has no `conversation`"))).collect()
}

fn chat(json: &Json) -> Option<(Chat, Sessions)> {
    let conversation = json.get("conversation")?;
    let mut episodes = Vec::new();
    let mut places: BTreeMap<String, At> = BTreeMap::new();
    let mut sessions = Sessions::new();
    let mut last = 0;
    for number in 1..100 {
        let Some(session) = conversation.get(format!("session_{number}")).and_then(Json::as_array) else {
            continue;
        };
        let date = word(conversation, &format!("session_{number}_date_time"));
        let at_ms = when(date, None).period.map(|period| period.from.begins());
        last = at_ms.unwrap_or(last);
        for message in session {
            let turn = Turn(u32::try_from(episodes.len()).unwrap_or(u32::MAX)).next();
            let mut text = word(message, "text").to_owned();
            let photo = word(message, "blip_caption");
            if !photo.is_empty() {
                text = format!("{text} [photo: {photo}]");
            }
            let said = Said { role: Role::User, name: Some(word(message, "speaker").to_owned()), text };
            places.insert(word(message, "dia_id").to_owned(), (turn.0, 0));
            episodes.push(Episode { turn, at_ms, said: vec![said] });
        }
        let summary = json.get("session_summary").map(|all| word(all, &format!("session_{number}_summary")));
        let end = episodes.last().map(|episode| episode.turn);
        sessions.extend(end.zip(summary.filter(|text| !text.is_empty()).map(str::to_owned)));
    }
    let questions = json.get("qa").and_then(Json::as_array)?.iter().map(|qa| {
        let evidence = qa.get("evidence").and_then(Json::as_array).into_iter().flatten();
        // Some entries hold several places in one text.
        let ids =
            evidence.filter_map(Json::as_str).flat_map(|text| text.split([';', ' ', ','])).map(str::trim);
        let gold: BTreeSet<At> = ids.filter_map(|id| places.get(id).copied()).collect();
        let kind = qa.get("category").and_then(Json::as_u64).unwrap_or_default().to_string();
        Question { text: word(qa, "question").to_owned(), kind, gold, at_ms: last }
    });
    let name = word(json, "sample_id").to_owned();
    let questions = questions.filter(|question| !question.gold.is_empty()).collect();
    Some((Chat { name, episodes, questions }, sessions))
}
