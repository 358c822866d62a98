//! Tells whether a full stop ends a sentence or only the word before it. Knows Western abbreviations and nothing of layout.

/// Titles and shortenings after which the sentence always goes on.
const NEVER_LAST: &[&str] = &[
    "adm", "brig", "capt", "cf", "cmdr", "col", "dr", "gen", "gov", "hon", "lt", "maj", "messrs", "mlle",
    "mme", "mr", "mrs", "ms", "mt", "prof", "rep", "rev", "sen", "sgt", "st", "viz", "vs", "bzw", "ca",
    "approx", "e.g", "i.e", "z.b", "d.h",
];

/// Shortenings after which the sentence goes on where a number or a bracket follows.
const BEFORE_NUMBERS: &[&str] = &[
    "al", "apr", "art", "aug", "ch", "chap", "dec", "eq", "eqs", "feb", "fig", "figs", "jan", "jul", "jun",
    "mar", "no", "nos", "nov", "nr", "oct", "op", "p", "par", "pp", "ref", "refs", "sec", "sep", "sept",
    "tab", "vol", "vols", "§",
];

/// Words that begin a sentence far more often than they follow an abbreviation such as `U.S.`.
const STARTERS: &[&str] = &[
    "a", "after", "all", "although", "an", "and", "as", "at", "but", "for", "he", "her", "his", "how",
    "however", "if", "in", "it", "its", "no", "on", "she", "so", "that", "the", "their", "then", "there",
    "these", "they", "this", "those", "to", "we", "what", "when", "where", "while", "who", "why", "you",
];

/// Tells whether the word that ends `before` keeps its full stop to itself, so that the sentence goes on with `after`.
///
/// `before` is the sentence up to the stop, `after` the text from the next visible character on.
pub(super) fn goes_on(before: &str, after: &str) -> bool {
    let word = last_word(before);
    let lower = word.to_lowercase();
    let next = after.chars().next();
    if NEVER_LAST.contains(&lower.as_str()) {
        return true;
    }
    if BEFORE_NUMBERS.contains(&lower.as_str()) {
        return next.is_some_and(|c| c.is_numeric() || matches!(c, '(' | '['));
    }
    let alone = before.trim_start().len() == word.len();
    if !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()) {
        return alone;
    }
    let mut letters = word.chars();
    match (letters.next(), letters.next()) {
        (Some('I'), None) => alone || previous_is_initial(before, word),
        (Some(first), None) => first.is_uppercase(),
        _ => is_dotted(word) && !starts_a_sentence(after),
    }
}

fn last_word(before: &str) -> &str {
    before
        .rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '[' | '"' | '“' | '«' | '—' | '–' | '/'))
        .next()
        .unwrap_or_default()
}

/// Tells whether the word before `word` is an initial too, as in `A. I. Newton`.
fn previous_is_initial(before: &str, word: &str) -> bool {
    let mut end = before.strip_suffix(word).unwrap_or_default().trim_end().chars().rev();
    end.next() == Some('.')
        && end.next().is_some_and(char::is_uppercase)
        && end.next().is_none_or(char::is_whitespace)
}

/// Tells whether `word` is letters with stops between them: `U.S`, `a.m`, `Ph.D`.
fn is_dotted(word: &str) -> bool {
    let short = |part: &str| (1..=2).contains(&part.chars().count()) && part.chars().all(char::is_alphabetic);
    word.contains('.') && word.split('.').all(short)
}

fn starts_a_sentence(after: &str) -> bool {
    let word = after.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    word.chars().next().is_some_and(char::is_uppercase) && STARTERS.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_belongs_to_a_word_or_to_the_sentence() {
        for (before, after) in [
            ("I met Mr", "Smith"),
            ("see No", "5"),
            ("J", "Doe"),
            ("fruit, e.g", "Apples"),
            ("the U.S", "Congress"),
            ("12", "First"),
            ("A. I", "Newton"),
        ] {
            assert!(goes_on(before, after), "{before}. {after}");
        }
        for (before, after) in [
            ("He said no", "I left"),
            ("in the U.S", "The end"),
            ("So did I", "Then"),
            ("in 1945", "The war"),
            ("end", "Next"),
            ("at 5 p.m", "He left"),
        ] {
            assert!(!goes_on(before, after), "{before}. {after}");
        }
    }
}
