//! What the beginning of a line says: a heading, a list item, a speaker, or more of the paragraph. Knows nothing of sentences.

/// How far into a line the rules look, in bytes: a bound on what must be in sight to decide.
pub(super) const REACH: usize = 96;

/// The longest speaker's name in bytes.
const LONGEST_NAME: usize = 64;

/// The length of a date, as in `2026-01-31`.
const DATE: usize = 10;

/// Tells whether a line that begins with `line` starts something new rather than going on with a wrapped paragraph.
pub(super) fn starts_a_block(line: &str) -> bool {
    let line = line.get(..line.floor_char_boundary(REACH)).unwrap_or(line);
    is_heading(line)
        || item_mark(line).is_some()
        || is_date(line)
        || line.starts_with("```")
        || line.starts_with("> ")
        || line.starts_with("| ")
        || is_speaker(line)
}

/// Tells whether a line is a Markdown heading: one to six `#` and a space.
pub(super) fn is_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    (1..=6).contains(&(line.len() - rest.len())) && rest.starts_with(' ')
}

/// Tells whether a whole line underlines the heading above it, or is a rule between sections.
pub(super) fn is_rule(line: &str) -> bool {
    let line = line.trim_end();
    line.len() >= 3 && (line.bytes().all(|b| b == b'=') || line.bytes().all(|b| b == b'-'))
}

/// Tells whether a text is a heading by the line of `=` or `-` under it, or is nothing but such a line.
///
/// ```
/// use longhand::text::underlined;
/// assert!(underlined("The ferry in its worst year\n---------------------------"));
/// assert!(!underlined("It held for 20 days."));
/// ```
#[must_use]
pub fn underlined(text: &str) -> bool {
    text.trim_end().lines().next_back().is_some_and(is_rule)
}

/// Returns the length of what stands before the words at the beginning of a line: the marks of list items and of block
/// quotes, however deep, each with the space after it.
///
/// ```
/// use longhand::text::line_marks;
/// assert_eq!(line_marks("- - Oil it."), 4);
/// assert_eq!(line_marks("> 12. Oil it."), 6);
/// assert_eq!(line_marks("**Oil** it."), 0);
/// ```
#[must_use]
pub fn line_marks(line: &str) -> usize {
    let mut rest = line;
    while let Some(mark) = item_mark(rest).or_else(|| rest.starts_with("> ").then_some(1)) {
        rest = rest.get(mark..).unwrap_or_default().trim_start_matches([' ', '\t']);
    }
    line.len() - rest.len()
}

/// Returns the length of the mark of a list item, without the space that must follow it.
fn item_mark(line: &str) -> Option<usize> {
    let first = line.chars().next()?;
    let mark = match first {
        '-' | '*' | '+' | '•' | '–' | '▪' | '◦' => first.len_utf8(),
        '0'..='9' => {
            let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            (digits <= 3 && line.get(digits..)?.starts_with(['.', ')'])).then_some(digits + 1)?
        }
        'a'..='z' | 'A'..='Z' => line.get(1..)?.starts_with(')').then_some(2)?,
        _ => return None,
    };
    line.get(mark..)?.starts_with([' ', '\t']).then_some(mark)
}

/// Tells whether a line begins with a date as logs write it, alone or in brackets.
fn is_date(line: &str) -> bool {
    let line = line.strip_prefix('[').unwrap_or(line);
    let sign =
        |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    line.len() >= DATE && line.bytes().take(DATE).enumerate().all(sign)
}

/// Tells whether a line begins with a name and a colon, as in a play or a transcript.
fn is_speaker(line: &str) -> bool {
    let Some((name, rest)) = line.split_once([':', '：']) else { return false };
    let apart = rest.is_empty() || rest.starts_with(char::is_whitespace) || line.contains('：');
    let named = |word: &str| {
        word.chars().next().is_some_and(|c| {
            (c.is_alphabetic() && !c.is_lowercase()) || c.is_numeric() || matches!(c, '(' | '[' | '*')
        })
    };
    apart
        && name.len() <= LONGEST_NAME
        && !name.contains(['\n', '\r', ',', ';', '!', '?', '"'])
        && name.split_whitespace().count() <= 4
        && !name.trim().is_empty()
        && name.split_whitespace().all(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_a_block_or_goes_on() {
        for line in [
            "# Title",
            "- item",
            "* item",
            "12. item",
            "a) item",
            "MR. DARCY: No",
            "Speaker 1:",
            "> quoted",
            "[2026-01-31 10:00] up",
            "2026-01-31 down",
            "太郎：はい",
        ] {
            assert!(starts_a_block(line), "{line}");
        }
        for line in ["#tag", "-5 degrees", "1945. The", "he said: no", "and so", "Then: 5, yes"] {
            assert_eq!(starts_a_block(line), line.starts_with("Then"), "{line}");
        }
    }

    #[test]
    fn marks_are_what_markdown_puts_before_the_words() {
        for (marks, words) in [
            ("- ", "item"),
            ("- - ", "The **dial**"),
            ("*\t", "item"),
            ("• ", "item"),
            ("12. ", "item"),
            ("a) ", "item"),
            ("> > ", "quoted"),
            ("> 1)   ", "quoted"),
            ("", "-5 degrees"),
            ("", "1945. The"),
            ("", "**bold** words"),
            ("", "# Title"),
            ("", "MR. DARCY: No"),
            ("", "A Title"),
        ] {
            assert_eq!(line_marks(&format!("{marks}{words}")), marks.len(), "{marks}{words}");
        }
        assert_eq!(line_marks("- "), 2);
        assert_eq!(line_marks(""), 0);
    }
}
