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
        || is_item(line)
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

fn is_item(line: &str) -> bool {
    let mut chars = line.chars();
    match chars.next() {
        Some('-' | '*' | '+' | '•' | '–' | '▪' | '◦') => matches!(chars.next(), Some(' ' | '\t')),
        Some('0'..='9') => {
            let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
            line.len() - rest.len() <= 3 && matches!(rest.as_bytes(), [b'.' | b')', b' ' | b'\t', ..])
        }
        Some('a'..='z' | 'A'..='Z') => matches!(line.as_bytes(), [_, b')', b' ', ..]),
        _ => false,
    }
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
}
