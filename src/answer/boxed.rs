//! Finds what stands in a box: `\boxed{…}` and `\fbox{…}`.

/// How many empty boxes are passed over.
const MOST_EMPTY: usize = 8;

const COMMANDS: [&str; 2] = ["\\boxed", "\\fbox"];

/// Returns the offset of the brace that closes a group, for the text behind the one that opens it.
pub(super) fn closing(inside: &str) -> Option<usize> {
    let mut open = 1_usize;
    let mut escaped = false;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => open += 1,
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Returns the content of the last box of a text that has one; of a box that is never closed, what is left of its line.
pub(super) fn last_boxed(text: &str) -> Option<&str> {
    let mut before = text;
    for _ in 0..MOST_EMPTY {
        let at = COMMANDS.iter().filter_map(|command| before.rfind(command)).max()?;
        let (rest, behind) = (before.get(..at)?, text.get(at..)?);
        let behind = COMMANDS.iter().find_map(|command| behind.strip_prefix(command))?;
        let content = content(behind).trim();
        if !content.is_empty() {
            return Some(content);
        }
        before = rest;
    }
    None
}

fn content(behind: &str) -> &str {
    let behind = behind.trim_start_matches([' ', '\t']);
    let until = |text: &'_ str, ends: &[char]| text.find(ends).unwrap_or(text.len());
    match behind.strip_prefix('{') {
        Some(inside) => {
            let end = closing(inside).unwrap_or_else(|| until(inside, &['$', '\n']));
            inside.get(..end).unwrap_or(inside)
        }
        // `\boxed` is a word of its own, and a letter behind it belongs to another command.
        None if behind.starts_with(|c: char| c.is_ascii_alphabetic()) && behind.len() > 1 => "",
        None => {
            let end = until(behind, &['$', '\n', ' ']);
            let found = behind.get(..end).unwrap_or(behind);
            found.trim_end_matches(['.', ',', ';'])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_box_with_balanced_braces_counts() {
        assert_eq!(last_boxed(r"so \boxed{3}, no: $\boxed{\frac{1}{2}}$."), Some(r"\frac{1}{2}"));
        assert_eq!(last_boxed(r"$\boxed{\left\{1, 2\right\}}$"), Some(r"\left\{1, 2\right\}"));
        assert_eq!(last_boxed(r"\fbox{ 7 }"), Some("7"));
        assert_eq!(last_boxed(r"\boxed{\boxed{5}}"), Some("5"));
        assert_eq!(last_boxed("none"), None);
    }

    #[test]
    fn a_box_without_braces_or_end_is_read_as_far_as_it_goes() {
        assert_eq!(last_boxed(r"thus $\boxed 5$."), Some("5"));
        assert_eq!(last_boxed(r"thus \boxed 5."), Some("5"));
        assert_eq!(last_boxed(r"thus $\boxed{\sqrt{2"), Some(r"\sqrt{2"));
        assert_eq!(last_boxed("\\boxed{12\nand more"), Some("12"));
        assert_eq!(last_boxed(r"\boxed{4} and \boxed{}"), Some("4"));
    }
}
