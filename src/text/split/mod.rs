//! Cuts a stream of text into chunks of whole sentences within a token budget. Knows nothing of files and of models.

#[cfg(test)]
mod tests;

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
    /// A chunk ends with a paragraph where that costs at most one part in so many of its bytes.
    share: usize,
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
        Self { window, measure, ends: Vec::new(), finished: false, share: PARAGRAPH_SHARE }
    }

    /// Ends every chunk in which a paragraph ends with a paragraph, whatever that costs. A paragraph that does not begin with a
    /// capital letter belongs to the one before: chains of reasoning are cut so (`InftyThink`, arXiv 2503.06692, section 3.2).
    #[must_use]
    pub fn at_paragraphs(self) -> Self {
        Self { share: 1, ..self }
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
                let next = || text.get(boundary.end..).and_then(|rest| rest.chars().next());
                if boundary.paragraph && (self.share > 1 || next().is_none_or(char::is_uppercase)) {
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
                Some(fit) => Ok(Some(at_paragraph(&self.measure, text, &paragraph, fit, self.share))),
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
fn at_paragraph(measure: &Measure<'_>, text: &str, paragraphs: &[usize], fit: Fit, share: usize) -> Fit {
    let within = paragraphs.partition_point(|end| *end <= fit.end);
    let last = within.checked_sub(1).and_then(|position| paragraphs.get(position));
    let near = last.filter(|end| **end < fit.end && **end >= fit.end - fit.end / share);
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
