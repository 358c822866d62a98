//! Makes text of a model, a file or a user safe to show: what would steer the terminal becomes a sign that can be seen.

/// Returns `text` with a visible sign (`␛` and the like) in the place of every character that would steer a terminal. Line breaks
/// and tabs stay.
pub(in super::super) fn visible(text: &str) -> String {
    text.chars().map(seen).collect()
}

fn seen(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\u{7f}' => '␡',
        // The block "Control Pictures" has them in the order of their codes.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('�'),
        // The other half of the control characters, and the signs that turn the direction of writing.
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '�',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(visible("a\tb\nc"), "a\tb\nc");
        assert_eq!(visible("\u{1b}[2J\u{7}x\r"), "␛[2J␇x␍");
        assert_eq!(visible("\u{9b}31m \u{202e}evil"), "�31m �evil");
    }
}
