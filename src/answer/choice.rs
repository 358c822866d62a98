//! Finds the letter of a choice, A to E, and tells it from the article.

/// What models say before the letter, in small letters.
pub(super) const PHRASES: [&str; 8] =
    ["answer is", "answer:", "answer =", "answer**:", "choice is", "option is", "choice:", "option:"];

/// What may stand between a phrase and its letter.
const OPENINGS: [&str; 17] = [
    " ", "\n", "\t", "*", "(", "[", "\"", ":", "$", "{", "_", "\\text", "\\mathrm", "\\textbf", "\\boxed",
    "option ", "choice ",
];

/// Words behind `A` that show it to be a letter: an article stands before other ones.
const AFTER_A_LETTER: [&str; 9] = ["because", "since", "as", "for", "which", "with", "is", "and", "or"];

/// The letter that a text begins with.
pub(super) fn leading(text: &str) -> Option<&str> {
    let mut rest = text;
    // A prefix shorter than any opening that is a word; what is longer would only cost time.
    while let Some(opened) = OPENINGS.iter().find_map(|opening| rest.strip_prefix(opening)) {
        rest = opened;
    }
    let (letter, behind) = rest.split_at_checked(1)?;
    let capital = matches!(letter, "A" | "B" | "C" | "D" | "E");
    if !capital && !matches!(letter, "a" | "b" | "c" | "d" | "e") {
        return None;
    }
    if behind
        .starts_with(|c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | '-' | '+' | '^' | '=' | '_'))
    {
        return None;
    }
    let follows = behind.trim_start_matches([' ', '\t']);
    let prose = follows.len() < behind.len() && follows.starts_with(char::is_alphabetic);
    let word = follows.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
    let letter_of_choice = match letter {
        "A" => !prose || AFTER_A_LETTER.contains(&word),
        _ if capital => true,
        _ => !prose,
    };
    letter_of_choice.then_some(letter)
}

/// The letter that is the whole text, or stands before the words of the choice: `B`, `(B)`, `B. Paris`.
pub(super) fn leading_alone(text: &str) -> Option<&str> {
    let found = leading(text)?;
    let capital = found.starts_with(|c: char| c.is_ascii_uppercase());
    let behind = text.get(text.find(found)? + 1..)?;
    let delimited = behind.trim().is_empty() || behind.starts_with([')', '.', ':', '*', ']', ',', '}', '\n']);
    let lonely = behind.chars().all(|c| !c.is_alphanumeric());
    (delimited && (capital || lonely)).then_some(found)
}

/// The last capital letter in brackets or bold; where there is none, the last that stands alone.
pub(super) fn last(text: &str) -> Option<&str> {
    let mut marked = None;
    let mut alone = None;
    let mut before = (' ', ' ');
    for (at, c) in text.char_indices() {
        let behind = text.get(at + c.len_utf8()..).unwrap_or("");
        let ends = behind.chars().next().unwrap_or(' ');
        if matches!(c, 'A'..='E') && !before.1.is_alphanumeric() && !matches!(before.1, '\'' | '’' | '\\') {
            let letter = text.get(at..=at);
            let bracketed = matches!((before.1, ends), ('(', ')') | ('[', ']') | ('*', '*'));
            let named = text.get(..at).is_some_and(ends_in_a_name);
            if (bracketed || named) && !ends.is_alphanumeric() {
                marked = letter;
            }
            let article = c == 'A'
                && !matches!(ends, '.' | ',' | ';' | ':' | ')' | '!' | '?' | '\n' | '*')
                && !behind.is_empty();
            if !ends.is_alphanumeric()
                && !matches!(ends, '+' | '#' | '\'' | '’' | '-' | '=' | '^' | '_')
                && !article
            {
                alone = letter;
            }
        }
        before = (before.1, c);
    }
    marked.or(alone)
}

fn ends_in_a_name(before: &str) -> bool {
    ["option ", "choice ", "Option ", "Choice "].into_iter().any(|name| before.ends_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_is_no_choice_and_neither_is_a_name() {
        assert_eq!(leading("A dog"), None);
        assert_eq!(leading(" **(A)** dog"), Some("A"));
        assert_eq!(leading("a."), Some("a"));
        assert_eq!(leading("Apples"), None);
        assert_eq!(leading("B-12"), None);
        assert_eq!(last("I think C. A dog would say so"), Some("C"));
        assert_eq!(last("C++ and D'Artagnan"), None);
        assert_eq!(last("It is option B, not C."), Some("B"));
        assert_eq!(last("é A"), Some("A"));
    }
}
