//! Words of any script, and the places inside a sentence where it may be cut. Knows nothing of tokens.

use unicode_segmentation::UnicodeSegmentation;

/// Returns the words of `text` in order, as Unicode's text segmentation (UAX #29) sees them, without punctuation or space.
///
/// ```
/// let words: Vec<_> = longhand::text::words("Don't panic: 3.5 左右").collect();
/// assert_eq!(words, ["Don't", "panic", "3.5", "左", "右"]);
/// ```
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.unicode_words()
}

/// Adds the offset after every word of `text`, with the punctuation and white space that clings to it, to `ends`.
///
/// The end of `text` itself is not added: whether a word ends there, only what follows can tell.
pub(super) fn word_ends(text: &str, ends: &mut Vec<usize>) {
    let mut before = None;
    for (start, segment) in text.split_word_bound_indices() {
        let next = segment.chars().next();
        if let (Some(before), Some(next)) = (before, next)
            && starts_a_word(before, next)
        {
            ends.push(start);
        }
        before = segment.chars().next_back();
    }
}

/// Adds the offset after every grapheme of `text` to `ends`, except that at the end of `text`.
pub(super) fn grapheme_ends(text: &str, ends: &mut Vec<usize>) {
    ends.extend(text.grapheme_indices(true).map(|(start, _)| start).skip(1));
}

/// Adds the offset after every character of `text` to `ends`.
pub(super) fn char_ends(text: &str, ends: &mut Vec<usize>) {
    ends.extend(text.char_indices().map(|(start, c)| start + c.len_utf8()));
}

/// Tells whether a cut between two segments leaves punctuation with the word that it belongs to.
fn starts_a_word(before: char, next: char) -> bool {
    if before.is_whitespace() {
        return !next.is_whitespace();
    }
    let opens = matches!(
        before,
        '(' | '[' | '{' | '"' | '\'' | '“' | '‘' | '«' | '「' | '『' | '（' | '《' | '¿' | '¡'
    );
    next.is_alphanumeric() && !opens
}

/// Returns a text in one line: every run of white space is one space, and none stands at either end.
///
/// ```
/// assert_eq!(longhand::text::one_line(" so\n  it is "), "so it is");
/// ```
#[must_use]
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_leaves_punctuation_with_its_word() {
        let text = "Well, (he said) 3.5\tkm 左右!";
        let mut ends = Vec::new();
        word_ends(text, &mut ends);
        let mut parts = Vec::new();
        let mut start = 0;
        for end in ends.into_iter().chain([text.len()]) {
            parts.push(&text[start..end]);
            start = end;
        }
        assert_eq!(parts, ["Well, ", "(he ", "said) ", "3.5\t", "km ", "左", "右!"]);
    }
}
