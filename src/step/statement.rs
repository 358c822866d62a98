//! Which sentences of a chunk may be quoted. Knows the form of a sentence and nothing of its worth.

use super::usefulness::Candidate;
use crate::text::{Chunk, Span, sentences};

/// A sentence of fewer words states nothing.
const FEWEST_WORDS: usize = 4;

/// A sentence of fewer words rarely says who did what, so it cannot stand for a document.
const FEWEST_WORDS_ALONE: usize = 9;

/// Signs with which a whole sentence ends, closing marks included.
const ENDS: [char; 13] = ['.', '!', '"', '”', '’', ')', '*', '。', '！', '؟', '।', '»', '」'];

/// English words that point back: what such a sentence is about stands in the one before.
const POINTS_BACK: [&str; 26] = [
    "he",
    "she",
    "it",
    "they",
    "this",
    "that",
    "these",
    "those",
    "his",
    "her",
    "their",
    "its",
    "him",
    "them",
    "but",
    "and",
    "so",
    "then",
    "or",
    "yet",
    "therefore",
    "however",
    "also",
    "yes",
    "no",
    "well",
];

/// Returns the sentences of a chunk that can be evidence for an answer; with `alone`, those that can stand for the
/// document without the text around them.
pub(super) fn statements(position: usize, chunk: &Chunk, text: &str, alone: bool) -> Vec<Candidate> {
    let mut found = Vec::new();
    for range in sentences(text) {
        let raw = text.get(range.clone()).unwrap_or("");
        let trimmed = raw.trim();
        if !states(trimmed) || (alone && !stands_alone(trimmed)) {
            continue;
        }
        let lead = raw.len() - raw.trim_start().len();
        let start = chunk.span.start + (range.start + lead) as u64;
        let span = Span { start, end: start + trimmed.len() as u64 };
        found.push(Candidate { chunk: position, document: chunk.document, span, text: trimmed.to_owned() });
    }
    found
}

/// Headings, rows of tables and scraps state nothing.
fn states(sentence: &str) -> bool {
    let layout = sentence.starts_with(['#', '|']) || sentence.starts_with("```");
    let long = sentence.split_whitespace().count() >= FEWEST_WORDS;
    // Scripts without spaces have long sentences of one "word".
    !layout && (long || !sentence.is_ascii())
}

/// A whole sentence that asks nothing, greets nobody and leans on no sentence before it.
fn stands_alone(sentence: &str) -> bool {
    let bare = sentence.trim_start_matches(|sign: char| !sign.is_alphanumeric());
    let first = bare.split(|sign: char| !sign.is_alphanumeric()).next().unwrap_or("");
    let begins = first.chars().next().is_some_and(|sign| !sign.is_lowercase());
    let points_back = POINTS_BACK.contains(&first.to_lowercase().as_str());
    let spoken = sentence.starts_with(['"', '“', '«', '「', '>']);
    let words = sentence.split_whitespace().count();
    let short = sentence.is_ascii() && words < FEWEST_WORDS_ALONE;
    let column = sentence.contains(" | ");
    sentence.ends_with(ENDS) && begins && !points_back && !spoken && !short && !column
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ContentHash;
    use crate::text::{DocumentIndex, TokenCount};

    fn found(text: &str, alone: bool) -> Vec<String> {
        let span = Span { start: 10, end: 10 + text.len() as u64 };
        let hash = ContentHash::of(text.as_bytes());
        let chunk = Chunk { document: DocumentIndex(0), span, tokens: TokenCount(1), hash };
        let found = statements(0, &chunk, text, alone);
        for candidate in &found {
            let at = |offset: u64| usize::try_from(offset - 10).unwrap();
            assert_eq!(candidate.text, text[at(candidate.span.start)..at(candidate.span.end)]);
        }
        found.into_iter().map(|candidate| candidate.text).collect()
    }

    #[test]
    fn evidence_is_any_sentence_and_no_layout() {
        let text = "# The heading of it all\n\nIt held for 20 days.\n\n| a | b | c | d |\n\nNo more.\n\nwind north, gusts of forty";
        assert_eq!(found(text, false), ["It held for 20 days.", "wind north, gusts of forty"]);
    }

    #[test]
    fn what_stands_for_a_document_needs_nothing_around_it() {
        let text = "The pump ran dry on the second night of the flood.\n\nHe said that it would never be enough again.\n\n\
            Who would have thought that the pump ran dry?\n\nDear Martha, my own sister and friend,\n\n\
            \"The pump ran dry, all of it,\" she said.\n\nThe pump ran.\n\nand the pump ran dry on the night of the flood.";
        assert_eq!(found(text, true), ["The pump ran dry on the second night of the flood."]);
    }
}
