//! Which sentences of a chunk may be quoted. Knows the form of a sentence and nothing of its worth.

use std::ops::Range;

use super::usefulness::Candidate;
use crate::retrieve::terms;
use crate::text::{Chunk, Span, line_marks, sentences, underlined, words};

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
        let (start, said) = without_marks(text, range.clone());
        let quoted = text.get(range).is_some_and(|sentence| sentence.trim_start().starts_with('>'));
        if !states(said) || (alone && (quoted || !stands_alone(said))) {
            continue;
        }
        let start = chunk.span.start + start as u64;
        let span = Span { start, end: start + said.len() as u64 };
        found.push(Candidate { chunk: position, document: chunk.document, span, text: said.to_owned() });
    }
    found
}

/// Returns where the words of a sentence begin, and the sentence from there on: the mark of a list item is not said.
///
/// Only at the beginning of a line is a dash or a number such a mark.
fn without_marks(text: &str, range: Range<usize>) -> (usize, &str) {
    let before = text.get(..range.start).unwrap_or("").trim_end_matches([' ', '\t']);
    let sentence = text.get(range.clone()).unwrap_or("");
    let whole = sentence.trim_start();
    let marks = if before.is_empty() || before.ends_with(['\n', '\r']) { line_marks(whole) } else { 0 };
    (range.end - whole.len() + marks, whole.get(marks..).unwrap_or("").trim_end())
}

/// Headings, rows of tables and scraps state nothing.
fn states(sentence: &str) -> bool {
    let layout = sentence.starts_with(['#', '|']) || sentence.starts_with("```") || underlined(sentence);
    let long = sentence.split_whitespace().count() >= FEWEST_WORDS;
    // Scripts without spaces have long sentences of one "word".
    !layout && (long || !sentence.is_ascii())
}

/// A whole sentence that asks nothing, greets nobody and leans on no sentence before it.
///
/// At least half of its words must mean something: what people say to each other rather than of something is made of the
/// others. Where the stop words of a language are not known, all words count.
fn stands_alone(sentence: &str) -> bool {
    let bare = sentence.trim_start_matches(|sign: char| !sign.is_alphanumeric());
    let first = bare.split(|sign: char| !sign.is_alphanumeric()).next().unwrap_or("");
    let begins = first.chars().next().is_some_and(|sign| !sign.is_lowercase());
    let points_back = POINTS_BACK.contains(&first.to_lowercase().as_str());
    let spoken = sentence.starts_with(['"', '“', '«', '「']);
    let short = sentence.is_ascii() && sentence.split_whitespace().count() < FEWEST_WORDS_ALONE;
    let column = sentence.contains(" | ");
    let talk = terms(sentence).len() * 2 < words(sentence).count();
    sentence.ends_with(ENDS) && begins && !points_back && !spoken && !short && !column && !talk
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
        let text = "# The heading of it all\n\nIt held for 20 days.\n\n| a | b | c | d |\n\nNo more.\n\nwind north, gusts of forty\n\n\
            The year of the long repair\n===========================\n\nWhat the Trust has done since\n---\n";
        assert_eq!(found(text, false), ["It held for 20 days.", "wind north, gusts of forty"]);
    }

    #[test]
    fn the_marks_of_a_line_are_no_part_of_what_it_says() {
        let text = "- - The **dial** stood at 24.\n- Oil it once a week. - Or so he said then.\n  12. Look at the step first.\n\
            > > The bell was cast here.\n- two words\n- # A heading in a list";
        assert_eq!(
            found(text, false),
            [
                "The **dial** stood at 24.",
                "Oil it once a week.",
                "- Or so he said then.",
                "Look at the step first.",
                "The bell was cast here."
            ]
        );
        let text = "- The pump ran dry on the second night of the flood.\n> The pump ran dry on the second night of the flood.";
        assert_eq!(found(text, true), ["The pump ran dry on the second night of the flood."]);
    }

    #[test]
    fn what_stands_for_a_document_needs_nothing_around_it() {
        let text = "The pump ran dry on the second night of the flood.\n\nHe said that it would never be enough again.\n\n\
            Who would have thought that the pump ran dry?\n\nDear Martha, my own sister and friend,\n\n\
            Thank you for what you did for me and for all of us here.\n\n\
            \"The pump ran dry, all of it,\" she said.\n\nThe pump ran.\n\nand the pump ran dry on the night of the flood.";
        assert_eq!(found(text, true), ["The pump ran dry on the second night of the flood."]);
    }
}
