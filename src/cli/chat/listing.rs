//! What of a session is shown to a person: the last prompt, what was recalled, summaries, the chat as Markdown.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value as Json;

use super::import;
use super::visible::visible;
use crate::date::Day;
use crate::memory::{Composition, Earlier, Episode, Forgotten, Memory, Part, PartKind, Turn};
use crate::text::one_line;

/// How much of a part is shown, in characters.
const SHOWN: usize = 120;

/// Lists the parts of the last prompt: what each is, what it takes, what it says and why it is there.
pub(super) fn parts(records: &[Json], amended: bool) -> String {
    if amended {
        return "the last prompt is not shown any more: turns that it may have held were put right or deleted".to_owned();
    }
    if records.is_empty() {
        return "nothing was in the last prompt but what you said".to_owned();
    }
    let mut text = String::new();
    let mut sum = 0;
    for record in records {
        let word = |key: &str| record.get(key).and_then(Json::as_str).unwrap_or_default();
        let tokens = record.get("tokens").and_then(Json::as_u64).unwrap_or_default();
        sum += tokens;
        let why = match word("why") {
            "" => String::new(),
            why => format!("\n             because of: {why}"),
        };
        let _ = writeln!(text, "{:<9} {tokens:>5}  {}{why}", word("part"), short(word("line")));
    }
    let _ = write!(text, "{:<9} {sum:>5}  tokens, beside the system message and what you said", "together");
    text
}

/// Lists what was recalled for a query, and what is in every prompt: a statement that stands is no passage beside.
pub(super) fn passages(found: &Composition) -> String {
    let passages = found.parts.iter().filter(|part| part.kind == PartKind::Passage);
    let mut ranked: Vec<_> = passages.collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    let always = |part: &&Part| matches!(part.kind, PartKind::Standing | PartKind::Pin);
    let standing: Vec<_> = found.parts.iter().filter(always).collect();
    if ranked.is_empty() && standing.is_empty() {
        return "the memory holds nothing of that".to_owned();
    }
    let line = |part: &&Part| {
        let why = part.why.map_or_else(|| "it is in every prompt".to_owned(), |why| why.to_string());
        let alone = Part { dated: true, ..(*part).clone() };
        format!("{}\n    because of: {why}", visible(&alone.line()))
    };
    ranked.iter().chain(&standing).map(line).collect::<Vec<_>>().join("\n")
}

/// Shows the summaries and how the running one came about.
pub(super) fn summaries(memory: &Memory) -> String {
    let compact = memory.compact();
    let (summary, overview) = (compact.summary(), compact.overview());
    if summary.is_empty() {
        return "there is no summary yet".to_owned();
    }
    let mut text = format!("now: {}", visible(&summary));
    if !overview.is_empty() {
        let _ = write!(text, "\nof earlier blocks of 100 turns: {}", visible(&overview));
    }
    for (turn, summary) in compact.history().iter().rev().skip(1).take(5) {
        let _ = write!(text, "\nafter turn {turn}: {}", short(summary));
    }
    text
}

/// Shows a turn word for word, and what its messages said before they were put right; none where there is no such turn.
pub(super) fn turn(memory: &Memory, turn: Turn) -> Option<String> {
    let mut lines = Vec::new();
    for (at, said) in (0..).zip(&memory.episode(turn)?.said) {
        lines.push(format!("{}: {}", visible(said.speaker()), visible(&said.text)));
        for earlier in memory.earlier(turn).iter().filter(|earlier| earlier.said == at) {
            lines.push(format!("    before it was put right: {}", visible(&earlier.text)));
        }
    }
    Some(lines.join("\n"))
}

/// Says what forgetting took away, and what it could not.
pub(super) fn forgotten(forgotten: &Forgotten) -> String {
    let count = forgotten.turns.len();
    let mut text = format!("{count} {} deleted", if count == 1 { "turn is" } else { "turns are" });
    if !forgotten.heard_by.is_empty() {
        let turns: Vec<String> = forgotten.heard_by.iter().map(Turn::to_string).collect();
        let _ = write!(
            text,
            "; later answers had them in view and may repeat what they said: turns {}",
            turns.join(", ")
        );
    }
    text
}

/// A turn as it is exported.
#[derive(Debug, Serialize)]
pub(in super::super) struct Exported<'a> {
    #[serde(flatten)]
    episode: &'a Episode,
    /// What its messages said before they were put right.
    #[serde(skip_serializing_if = "<[Earlier]>::is_empty")]
    earlier: &'a [Earlier],
}

/// Returns all turns, attached files among them.
pub(in super::super) fn exported(memory: &Memory) -> Vec<Exported<'_>> {
    let turn = |episode| Exported { episode, earlier: memory.earlier(episode.turn) };
    memory.episodes().map(turn).collect()
}

/// Returns the chat as Markdown, which `--import` reads back; files that were attached are left out. A line of a message that looks
/// like the beginning of another one has a backslash before it. What a message said before it was put right stands behind it.
pub(in super::super) fn markdown(memory: &Memory) -> String {
    let mut text = String::new();
    for episode in memory.episodes().filter(|episode| episode.is_chat()) {
        let day = episode.at_ms.and_then(Day::at).map(|day| format!(" ({day})")).unwrap_or_default();
        for (at, said) in (0..).zip(&episode.said) {
            let _ = writeln!(text, "**{}**{day}:\n", said.speaker());
            message(&mut text, &said.text);
            for earlier in memory.earlier(episode.turn).iter().filter(|earlier| earlier.said == at) {
                let _ = writeln!(text, "**{}**{}\n", said.speaker(), import::EARLIER);
                message(&mut text, &earlier.text);
            }
        }
    }
    text
}

fn message(text: &mut String, said: &str) {
    for line in said.trim().lines() {
        let sign = if import::begins(line.trim_start_matches('\\')) { "\\" } else { "" };
        let _ = writeln!(text, "{sign}{line}");
    }
    text.push('\n');
}

fn short(text: &str) -> String {
    let line = visible(&one_line(text));
    let mut shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}
