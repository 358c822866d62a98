//! Cuts what was said into passages: the units that are found again. Each knows exactly where it stands.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::episode::{Episode, Place, Role, Turn};
use crate::text::{Span, sentences, words};

/// The most words of a passage; a sentence that is longer is a passage of its own, up to [`LONGEST`].
pub(super) const MOST_WORDS: usize = 60;

/// The most bytes of a passage: what an embedder reads, whatever the script. Longer sentences are cut at a space where one
/// is near.
const LONGEST: usize = 600;

/// A part of a message that is found again as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Where it stands.
    pub place: Place,
    /// Whose words they are.
    pub role: Role,
}

/// Returns the passages of a turn, in order. Together they are all of its text but white space.
pub(super) fn passages(episode: &Episode) -> Vec<Passage> {
    let mut found = Vec::new();
    for (at, said) in (0..).zip(&episode.said) {
        for range in pieces(&said.text) {
            found.push(Passage { place: place(episode.turn, at, &range), role: said.role });
        }
    }
    found
}

fn place(turn: Turn, said: u32, range: &Range<usize>) -> Place {
    Place { turn, said, span: Span { start: range.start as u64, end: range.end as u64 } }
}

/// Gathers sentences until the next one would be too many words.
fn pieces(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut open: Option<(Range<usize>, usize)> = None;
    for sentence in sentences(text).flat_map(|range| short(text, range)) {
        let piece = text.get(sentence.clone()).unwrap_or_default();
        let count = words(piece).take(MOST_WORDS + 1).count();
        open = match open {
            Some((range, so_far))
                if so_far + count <= MOST_WORDS && sentence.end - range.start <= LONGEST =>
            {
                Some((range.start..sentence.end, so_far + count))
            }
            Some((range, _)) => {
                found.push(range);
                Some((sentence, count))
            }
            None => Some((sentence, count)),
        };
    }
    found.extend(open.map(|(range, _)| range));
    found.into_iter().map(|range| trimmed(text, range)).filter(|range| !range.is_empty()).collect()
}

/// Cuts a sentence that is too long, at spaces where there are some.
fn short(text: &str, sentence: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = sentence.start;
    while sentence.end - start > LONGEST {
        let most = text.floor_char_boundary(start + LONGEST);
        let piece = text.get(start..most).unwrap_or_default();
        let space = piece.rfind(char::is_whitespace).filter(|at| at * 2 > LONGEST).map(|at| start + at);
        let end = space.unwrap_or(most);
        parts.push(start..end);
        start = end;
    }
    parts.push(start..sentence.end);
    parts
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let piece = text.get(range.clone()).unwrap_or_default();
    let start = range.start + (piece.len() - piece.trim_start().len());
    start..start + piece.trim().len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::episode::Said;
    use super::*;

    fn episode(text: &str) -> Episode {
        Episode { turn: Turn(7), at_ms: None, said: vec![Said::user(text), Said::assistant("Good.")] }
    }

    fn texts(text: &str) -> Vec<String> {
        let episode = episode(text);
        let own = passages(&episode).into_iter().filter(|passage| passage.place.said == 0);
        let range = |place: Place| {
            usize::try_from(place.span.start).unwrap()..usize::try_from(place.span.end).unwrap()
        };
        own.map(|passage| text[range(passage.place)].to_owned()).collect()
    }

    #[test]
    fn sentences_are_gathered_and_long_ones_cut() {
        assert_eq!(texts("One. Two.  Three."), ["One. Two.  Three."]);
        let sentence = "Word ".repeat(40) + "end. ";
        assert_eq!(texts(&sentence.repeat(3)).len(), 3);
        assert!(texts("").is_empty() && texts(" \n ").is_empty());
        let long = "x".repeat(5_000_000);
        assert_eq!(texts(&long).concat(), long);
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost(text in "([a-zé東. \n]|\\. ){0,400}", repeat in 1_usize..20) {
            let text = text.repeat(repeat);
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            let found = texts(&text);
            prop_assert_eq!(bare(&found.concat()), bare(&text));
            prop_assert!(found.iter().all(|piece| piece.len() <= LONGEST && !piece.is_empty()));
        }
    }
}
