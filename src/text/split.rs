//! Cuts a stream of text into chunks of whole sentences within a token budget. Knows nothing of files and of models.

use std::io::{self, Read};

use super::fit::{Density, Fit, Measure};
use super::layout::REACH;
use super::sentence::sentences;
use super::utf8::{InvalidUtf8, Utf8Stream};
use super::word::{char_ends, grapheme_ends, word_ends};
use super::{Span, TokenCount, TokenCounter};
use crate::hash::ContentHash;

/// How many bytes are asked of the reader at a time.
const BLOCK: usize = 64 * 1024;

/// How much text after a sentence must be in sight for its end to be certain, in bytes.
const LOOKAHEAD: usize = 2 * REACH;

/// A chunk ends with a paragraph where that costs at most one part in so many of its bytes.
const PARAGRAPH_SHARE: usize = 5;

/// A part of a stream that fits a token budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where in the stream it stands, in bytes.
    pub span: Span,
    /// Its exact length under the splitter's counter.
    pub tokens: TokenCount,
    /// The hash of its text.
    pub hash: ContentHash,
    /// Its text.
    pub text: String,
}

/// A stream cannot be split.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// The budget holds nothing.
    #[error("cannot split text into chunks of 0 tokens: expected a budget of at least 1")]
    NoBudget,
    /// A single character has more tokens than the budget.
    #[error(
        "cannot split the text at byte {offset}: one character has {needed} tokens and the budget is {budget}; \
         raise the budget"
    )]
    BudgetTooSmall {
        /// Where the character stands.
        offset: u64,
        /// Its count.
        needed: TokenCount,
        /// The budget of a chunk.
        budget: TokenCount,
    },
    /// The stream is not text.
    #[error(transparent)]
    InvalidUtf8(#[from] InvalidUtf8),
    /// The reader failed.
    #[error("cannot read the text after byte {offset}")]
    Read {
        /// How many bytes had been read.
        offset: u64,
        /// What the reader said.
        source: io::Error,
    },
}

/// An iterator over the chunks of a stream: greedy whole sentences within a token budget.
///
/// This is the splitting rule of Chain-of-Agents (arXiv 2406.02818, Algorithm 2) with what the rule leaves open settled:
/// the chunk is counted as a whole, because counts of sentences do not add up; a sentence longer than the budget is cut
/// between words, a word between graphemes, a grapheme between characters; and a chunk ends with its last paragraph
/// where that leaves it at least four fifths as long. The chunks tile the stream byte for byte, and depend on nothing but the text, the
/// budget and the counter. Memory is bounded by the text that the budget holds, whatever the length of the stream.
///
/// After an error the iterator is at its end; the chunks before it stand.
///
/// ```
/// use longhand::text::{ApproximateCounter, Splitter, TokenCount};
/// let text = "One sentence. Another sentence. A third.";
/// let pieces: Result<Vec<_>, _> = Splitter::new(text.as_bytes(), TokenCount(8), &ApproximateCounter).collect();
/// let texts: Vec<_> = pieces?.into_iter().map(|piece| piece.text).collect();
/// assert_eq!(texts, ["One sentence. Another sentence. ", "A third."]);
/// # Ok::<(), longhand::text::SplitError>(())
/// ```
#[derive(Debug)]
pub struct Splitter<'a, R> {
    window: Window<R>,
    measure: Measure<'a>,
    ends: Vec<usize>,
    finished: bool,
}

impl<'a, R: Read> Splitter<'a, R> {
    /// Begins to split what `reader` gives into chunks of at most `budget` tokens by `counter`.
    ///
    /// A budget of zero is reported by the first call of `next`.
    pub fn new(reader: R, budget: TokenCount, counter: &'a dyn TokenCounter) -> Self {
        let window = Window {
            reader,
            block: Vec::new(),
            stream: Utf8Stream::default(),
            text: String::new(),
            start: 0,
            end: None,
        };
        let measure = Measure { counter, budget, density: Density::PROSE };
        Self { window, measure, ends: Vec::new(), finished: false }
    }

    /// Returns the length and count of the next chunk, or `None` at the end of the stream.
    fn cut(&mut self) -> Result<Option<Fit>, SplitError> {
        if self.measure.budget == TokenCount(0) {
            return Err(SplitError::NoBudget);
        }
        let guess = self.measure.density.bytes_for(self.measure.budget);
        let mut target = guess.saturating_add(guess / 4).saturating_add(2 * LOOKAHEAD);
        loop {
            let last = self.window.fill(target);
            let text = self.window.up_to(target);
            if text.is_empty() {
                return Ok(None);
            }
            let sure = if last { text.len() } else { text.floor_char_boundary(text.len() - LOOKAHEAD) };
            let mut paragraph = Vec::new();
            self.ends.clear();
            let mut scan = sentences(text);
            while let Some(boundary) = scan.next_boundary().filter(|boundary| boundary.end <= sure) {
                if boundary.paragraph {
                    paragraph.push(boundary.end);
                }
                self.ends.push(boundary.end);
            }
            let best = self.measure.longest(text, &self.ends);
            let all_fit = best.is_none_or(|fit| fit.position + 1 == self.ends.len());
            let undecided = !last && all_fit && (best.is_some() || self.ends.is_empty());
            if undecided && text.get(..sure).is_some_and(|sure| self.measure.fits(sure).is_some()) {
                target = target.saturating_mul(2);
                continue;
            }
            return match best {
                Some(fit) if last && all_fit => Ok(Some(fit)),
                Some(fit) => Ok(Some(at_paragraph(&self.measure, text, &paragraph, fit))),
                None => {
                    let limit = self.ends.first().copied().unwrap_or(sure);
                    self.cut_inside(target, limit).map(Some)
                }
            };
        }
    }

    /// Cuts a sentence that does not fit: between words, else graphemes, else characters.
    fn cut_inside(&mut self, target: usize, limit: usize) -> Result<Fit, SplitError> {
        let text = self.window.up_to(target);
        let sentence = text.get(..limit).unwrap_or(text);
        for ends_of in [word_ends, grapheme_ends, char_ends] {
            self.ends.clear();
            ends_of(sentence, &mut self.ends);
            if let Some(fit) = self.measure.longest(sentence, &self.ends) {
                return Ok(fit);
            }
        }
        let first = sentence.get(..sentence.ceil_char_boundary(1)).unwrap_or(sentence);
        Err(SplitError::BudgetTooSmall {
            offset: self.window.start,
            needed: self.measure.counter.count(first),
            budget: self.measure.budget,
        })
    }
}

impl<R: Read> Iterator for Splitter<'_, R> {
    type Item = Result<Piece, SplitError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        match self.cut() {
            Ok(Some(fit)) => Some(Ok(self.window.take(fit))),
            Ok(None) => {
                self.finished = true;
                self.window.end.take().and_then(Result::err).map(Err)
            }
            Err(error) => {
                self.finished = true;
                Some(Err(error))
            }
        }
    }
}

/// Moves the end of a chunk back to its last paragraph's, where that costs little.
fn at_paragraph(measure: &Measure<'_>, text: &str, paragraphs: &[usize], fit: Fit) -> Fit {
    let within = paragraphs.partition_point(|end| *end <= fit.end);
    let last = within.checked_sub(1).and_then(|position| paragraphs.get(position));
    let near = last.filter(|end| **end < fit.end && **end >= fit.end - fit.end / PARAGRAPH_SHARE);
    let counted = near.and_then(|end| Some((*end, measure.fits(text.get(..*end)?)?)));
    counted.map_or(fit, |(end, tokens)| Fit { end, tokens, ..fit })
}

/// The part of the stream from the next chunk on that has been read.
#[derive(Debug)]
struct Window<R> {
    reader: R,
    block: Vec<u8>,
    stream: Utf8Stream,
    text: String,
    /// The offset of `text` in the stream.
    start: u64,
    /// Set where nothing more can be read: how the stream ended.
    end: Option<Result<(), SplitError>>,
}

impl<R: Read> Window<R> {
    /// Reads until more than `target` bytes are there, and tells whether the stream has no more than `target`.
    ///
    /// One byte more than asked for makes the answer the same however the reader hands out its bytes.
    fn fill(&mut self, target: usize) -> bool {
        while self.text.len() <= target && self.end.is_none() {
            self.end = self.read().err();
        }
        self.text.len() <= target
    }

    /// Reads one block; an error is the end of the stream, of whichever kind.
    fn read(&mut self) -> Result<(), Result<(), SplitError>> {
        self.block.resize(BLOCK, 0);
        let length = match self.reader.read(&mut self.block) {
            Ok(0) => return Err(self.stream.finish().map_err(SplitError::from)),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(source) => {
                let offset = self.start + self.text.len() as u64;
                return Err(Err(SplitError::Read { offset, source }));
            }
        };
        let bytes = self.block.get(..length).unwrap_or_default();
        let text = &mut self.text;
        self.stream.push(bytes, |part| text.push_str(part)).map_err(|error| Err(error.into()))
    }
}

impl<R> Window<R> {
    fn up_to(&self, target: usize) -> &str {
        self.text.get(..self.text.floor_char_boundary(target)).unwrap_or(&self.text)
    }

    fn take(&mut self, fit: Fit) -> Piece {
        let text = self.text.get(..fit.end).unwrap_or_default().to_owned();
        self.text.drain(..text.len());
        let start = self.start;
        self.start += text.len() as u64;
        let span = Span { start, end: self.start };
        Piece { span, tokens: fit.tokens, hash: ContentHash::of(text.as_bytes()), text }
    }
}

#[cfg(test)]
mod tests {
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
        let mut splitter =
            Splitter::new(io::repeat(b'x').take(5 << 20), TokenCount(1_000), &ApproximateCounter);
        let mut bytes = 0;
        while let Some(piece) = splitter.next() {
            bytes += piece.unwrap().text.len();
            assert!(splitter.window.text.capacity() <= 4 * BLOCK);
        }
        assert_eq!(bytes, 5 << 20);
    }
}
