//! Sentences of any script as byte ranges that tile a text. Knows nothing of tokens and of streams.

use std::iter::FusedIterator;
use std::ops::Range;

use super::abbreviation::goes_on;
use super::layout::{is_heading, is_rule, starts_a_block};

/// Returns the byte ranges of the sentences of `text`; together they are the whole text, in order.
///
/// A sentence ends at its final punctuation (of any script), at a blank line, and before a heading, a list item or a
/// speaker's name at the beginning of a line; a line break inside a wrapped paragraph does not end it. The white space
/// after a sentence belongs to it. The rules are simpler than UAX #29, and know abbreviations and Markdown instead.
///
/// ```
/// let text = "Dr. No paid 3.50 for it. Why?\n\n# Next\n他走了。好。";
/// let parts: Vec<_> = longhand::text::sentences(text).map(|range| &text[range]).collect();
/// assert_eq!(parts, ["Dr. No paid 3.50 for it. ", "Why?\n\n", "# Next\n", "他走了。", "好。"]);
/// ```
#[must_use]
pub fn sentences(text: &str) -> Sentences<'_> {
    Sentences { text, start: 0 }
}

/// The iterator of [`sentences`].
#[derive(Debug, Clone)]
pub struct Sentences<'a> {
    text: &'a str,
    start: usize,
}

/// Where a sentence ends, and whether a paragraph ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Boundary {
    pub(super) end: usize,
    pub(super) paragraph: bool,
}

/// A run of white space.
#[derive(Debug, Clone, Copy)]
struct Gap {
    end: usize,
    line_breaks: usize,
}

impl Gap {
    fn boundary(self) -> Boundary {
        Boundary { end: self.end, paragraph: self.line_breaks >= 2 }
    }
}

impl Sentences<'_> {
    /// Finds the end of the sentence that begins where the last one ended.
    pub(super) fn next_boundary(&mut self) -> Option<Boundary> {
        if self.start >= self.text.len() {
            return None;
        }
        let boundary = self.find_end();
        self.start = boundary.end;
        Some(boundary)
    }

    fn find_end(&self) -> Boundary {
        let first = self.gap(self.start).end;
        let heading = is_heading(self.tail(first));
        let mut line = first;
        let mut at = first;
        while let Some(offset) =
            self.text.as_bytes().get(at..).and_then(|rest| rest.iter().position(|byte| may_end(*byte)))
        {
            at += offset;
            let tail = self.tail(at);
            let Some(sign) = tail.chars().next() else { break };
            if matches!(sign, '\n' | '\r' | '\u{2029}') {
                let gap = self.gap(at);
                let ended = self.text.get(line..at).unwrap_or_default();
                let next = self.tail(gap.end);
                if heading || gap.line_breaks >= 2 || is_rule(ended) || starts_a_block(next) {
                    return gap.boundary();
                }
                line = gap.end;
                at = gap.end;
            } else if !heading && is_terminator(sign) {
                let (end, closed) = self.closing(at);
                let gap = self.gap(end);
                if self.ends_sentence(first, at..end, closed, gap) {
                    return gap.boundary();
                }
                at = end;
            } else {
                at += sign.len_utf8();
            }
        }
        Boundary { end: self.text.len(), paragraph: true }
    }

    /// Returns the end of the terminators, closing signs and note marks that begin at `at`, and whether any sign closes.
    fn closing(&self, at: usize) -> (usize, bool) {
        let mut end = at;
        let mut closed = false;
        let mut rest = self.tail(at).chars();
        while let Some(sign) = rest.next() {
            if closes(sign) {
                closed = true;
            } else if sign == '[' {
                let Some((mark, after)) = rest.as_str().split_once(']') else { break };
                if !(1..=3).contains(&mark.len()) || !mark.bytes().all(|b| b.is_ascii_digit()) {
                    break;
                }
                rest = after.chars();
            } else if !is_terminator(sign) {
                break;
            }
            end = self.text.len() - rest.as_str().len();
        }
        (end, closed)
    }

    /// Tells whether the signs at `signs`, in a sentence that begins at `first`, end it before what follows `gap`.
    fn ends_sentence(&self, first: usize, signs: Range<usize>, closed: bool, gap: Gap) -> bool {
        let marks = self.text.get(signs.clone()).unwrap_or_default();
        if marks.chars().any(ends_without_space) {
            return true;
        }
        let next = self.tail(gap.end);
        let Some(after) = next.chars().next() else { return true };
        if gap.end == signs.end {
            return false;
        }
        if gap.line_breaks >= 2 || (gap.line_breaks == 1 && starts_a_block(next)) {
            return true;
        }
        let loud = marks.contains(['!', '?', '‼', '⁇', '⁈', '⁉']);
        if loud {
            return !(closed && after.is_lowercase());
        }
        if after.is_lowercase() || matches!(after, ',' | ';' | ':') {
            return false;
        }
        let single = marks.bytes().filter(|b| *b == b'.').count() == 1 && !marks.contains('…');
        !(single && goes_on(self.text.get(first..signs.start).unwrap_or_default(), next))
    }

    fn tail(&self, at: usize) -> &str {
        self.text.get(at..).unwrap_or_default()
    }

    fn gap(&self, at: usize) -> Gap {
        let mut gap = Gap { end: self.text.len(), line_breaks: 0 };
        let mut before = ' ';
        for (offset, c) in self.tail(at).char_indices() {
            match c {
                '\n' if before == '\r' => {}
                '\n' | '\r' => gap.line_breaks += 1,
                '\u{2029}' => gap.line_breaks += 2,
                c if c.is_whitespace() => {}
                _ => {
                    gap.end = at + offset;
                    break;
                }
            }
            before = c;
        }
        gap
    }
}

impl Iterator for Sentences<'_> {
    type Item = Range<usize>;
    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.start;
        self.next_boundary().map(|boundary| start..boundary.end)
    }
}

impl FusedIterator for Sentences<'_> {}

/// Tells whether a byte is, or begins, a character that can end a sentence: the scan passes over all others.
fn may_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | b'.' | b'!' | b'?' | 0xD6 | 0xD8 | 0xDB | 0xE0 | 0xE1 | 0xE2 | 0xE3 | 0xEF)
}

fn is_terminator(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '‼' | '⁇' | '⁈' | '⁉') || ends_without_space(c)
}

/// Full stops of scripts that need no space after them, or whose stop means nothing else.
fn ends_without_space(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '｡' | '．' | '؟' | '۔' | '।' | '॥' | '։' | '።' | '፧' | '။' | '។' | '៕')
}

fn closes(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | ')'
            | ']'
            | '}'
            | '’'
            | '”'
            | '»'
            | '›'
            | '」'
            | '』'
            | '）'
            | '】'
            | '〉'
            | '》'
            | '＂'
            | '*'
            | '_'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every text is written with `|` where a sentence must end.
    fn check(marked: &str) {
        let text = marked.replace('|', "");
        let found: Vec<_> = sentences(&text).map(|range| &text[range]).collect();
        assert_eq!(found.join("|"), marked);
    }

    #[test]
    fn prose_ends_at_its_stops() {
        check(
            "Mr. Smith paid $3.50, e.g. for No. 5. |He left... |Then J. R. R. Tolkien came! |“Why?” she asked. |End",
        );
        check("It grew.[1] |Next one.[12][13] |See www.example.org/a.b for more (really). |Fine.");
        check("\n  Leading space stays. |Trailing too.  \n");
        check("He waited… |But nobody came… not one. |Stop");
    }

    #[test]
    fn every_script_has_its_stop() {
        check("他走了。|真的？|「好！」|是。");
        check("هل أنت هنا؟ |نعم. |یہ ہے۔ |ٹھیک");
        check("वह गया। |ठीक है॥ |हाँ");
    }

    #[test]
    fn layout_ends_a_sentence_and_wrapping_does_not() {
        check("A wrapped\nparagraph goes on\n\n|New one\nstill here");
        check("# A heading. With stops\n|Text here\n|- one\n|- two\n|1. three\n|ANNA: Hello\n|BOB: Bye\n");
        check("Title\n=====\n|Text\r\nwraps\r\n\r\n|End");
        check("One\u{2029}|Two");
    }

    proptest! {
        #[test]
        fn ranges_tile_any_text(text in prop_oneof!["\\PC*", "[a-zA-Z0-9 .!?\n\r#:)\"。…\\[\\]-]{0,200}"]) {
            let mut end = 0;
            for range in sentences(&text) {
                prop_assert_eq!(range.start, end);
                prop_assert!(range.end > range.start);
                prop_assert!(text.is_char_boundary(range.end));
                end = range.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
