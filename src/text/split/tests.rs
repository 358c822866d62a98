//! Chunks tile their text within the budget, however it is read and counted.

use proptest::prelude::*;

use super::*;
use crate::text::ApproximateCounter;

/// Merges pairs of equal neighbours, and gives a character a token for each byte: counts do not add up.
#[derive(Debug)]
struct Merging;

impl TokenCounter for Merging {
    fn count(&self, text: &str) -> TokenCount {
        let mut tokens = 0;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            chars.next_if_eq(&c);
            tokens += c.len_utf8() as u64;
        }
        TokenCount(tokens)
    }
}

/// Hands out at most `step` bytes a read.
struct Dripping<'a> {
    rest: &'a [u8],
    step: usize,
}

impl Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.step.min(buffer.len());
        self.rest.take(length as u64).read(buffer).inspect(|read| self.rest = &self.rest[*read..])
    }
}

fn split(
    bytes: &[u8],
    step: usize,
    budget: u64,
    counter: &dyn TokenCounter,
) -> (Vec<Piece>, Option<SplitError>) {
    let mut pieces = Vec::new();
    for piece in Splitter::new(Dripping { rest: bytes, step }, TokenCount(budget), counter) {
        match piece {
            Ok(piece) => pieces.push(piece),
            Err(error) => return (pieces, Some(error)),
        }
    }
    (pieces, None)
}

fn texts(pieces: &[Piece]) -> Vec<&str> {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

fn tile(pieces: &[Piece], text: &str, budget: u64, counter: &dyn TokenCounter) {
    let mut end = 0;
    for piece in pieces {
        assert_eq!(piece.span, Span { start: end, end: end + piece.text.len() as u64 });
        assert_eq!(piece.tokens, counter.count(&piece.text));
        assert!(piece.tokens.0 <= budget && !piece.text.is_empty());
        assert_eq!(piece.hash, ContentHash::of(piece.text.as_bytes()));
        end = piece.span.end;
    }
    assert_eq!(texts(pieces).concat(), text);
}

#[test]
fn chunks_at_paragraphs_end_with_one_wherever_one_ends() {
    let text = "One two.\n\nThree four five. Six seven.\n\nand eight.\n\nNine ten eleven twelve. Thirteen.";
    let pieces = |at_paragraphs| {
        let splitter = Splitter::new(text.as_bytes(), TokenCount(14), &ApproximateCounter);
        let splitter = if at_paragraphs { splitter.at_paragraphs() } else { splitter };
        splitter.map(|piece| piece.unwrap().text).collect::<Vec<_>>()
    };
    assert_eq!(pieces(true)[0], "One two.\n\nThree four five. Six seven.\n\nand eight.\n\n");
    assert_eq!(pieces(true).concat(), text);
    assert!(pieces(false)[0].len() >= pieces(true)[0].len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn chunks_tile_within_budget_however_the_bytes_come(
        text in prop_oneof!["\\PC{0,900}", "([a-z]{1,12}[ ,.!\n]{1,3}){0,300}", "[ab]{0,3000}"],
        step in 1_usize..50,
        budget in 4_u64..200,
    ) {
        for counter in [&ApproximateCounter as &dyn TokenCounter, &Merging] {
            let (whole, error) = split(text.as_bytes(), usize::MAX, budget, counter);
            prop_assert!(error.is_none());
            tile(&whole, &text, budget, counter);
            prop_assert_eq!(&split(text.as_bytes(), step, budget, counter).0, &whole);
        }
    }
}

#[test]
fn sentences_stay_whole_where_they_fit() {
    let text = "Aaa bbb ccc. Ddd eee fff. Ggg hhh iii. Jjj.";
    let (pieces, _) = split(text.as_bytes(), 7, 7, &ApproximateCounter);
    assert_eq!(texts(&pieces), ["Aaa bbb ccc. Ddd eee fff. ", "Ggg hhh iii. Jjj."]);
}

#[test]
fn a_chunk_prefers_to_end_with_a_paragraph() {
    let text = "Aaaa aaaa aaaa aaaa.\n\nBb. Cccc cccc cccc cccc.";
    let (pieces, _) = split(text.as_bytes(), 7, 7, &ApproximateCounter);
    assert_eq!(texts(&pieces), ["Aaaa aaaa aaaa aaaa.\n\n", "Bb. Cccc cccc cccc cccc."]);
}

#[test]
fn a_long_sentence_is_cut_between_words_then_graphemes_then_characters() {
    let (pieces, _) = split(b"one two three four", 5, 2, &ApproximateCounter);
    assert_eq!(texts(&pieces), ["one two ", "three ", "four"]);
    let (pieces, _) = split("e\u{301}e\u{301}e\u{301}".as_bytes(), 5, 1, &ApproximateCounter);
    assert_eq!(texts(&pieces), ["e\u{301}"; 3]);
    let (pieces, _) = split("e\u{301}\u{301}\u{301}".as_bytes(), 5, 1, &ApproximateCounter);
    assert_eq!(texts(&pieces), ["e\u{301}", "\u{301}\u{301}"]);
}

#[test]
fn what_cannot_be_split_is_an_error_with_its_place() {
    let (_, error) = split(b"text", 1, 0, &ApproximateCounter);
    assert!(matches!(error, Some(SplitError::NoBudget)));
    let (pieces, error) = split("ab é".as_bytes(), 1, 1, &Merging);
    assert_eq!(texts(&pieces), ["a", "b", " "]);
    assert!(matches!(error, Some(SplitError::BudgetTooSmall { offset: 3, needed: TokenCount(2), .. })));
    let (pieces, error) = split(b"Fine. \xff", 1, 9, &ApproximateCounter);
    assert_eq!(texts(&pieces), ["Fine. "]);
    assert!(matches!(error, Some(SplitError::InvalidUtf8(InvalidUtf8 { offset: 6 }))));
}

#[test]
fn a_line_of_megabytes_is_split_within_a_small_window() {
    let mut splitter = Splitter::new(io::repeat(b'x').take(5 << 20), TokenCount(1_000), &ApproximateCounter);
    let mut bytes = 0;
    while let Some(piece) = splitter.next() {
        bytes += piece.unwrap().text.len();
        assert!(splitter.window.text.capacity() <= 4 * BLOCK);
    }
    assert_eq!(bytes, 5 << 20);
}
