//! Turns text into the terms that scores count, and numbers them. Knows English endings and nothing of scores.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};
use serde::{Deserialize, Serialize};

use crate::text::words;

/// English words that say how a sentence is built rather than what it is about.
const STOP_WORDS: &[&str] = &[
    "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "because", "been",
    "before", "being", "both", "but", "by", "can", "could", "did", "do", "does", "during", "each", "for",
    "from", "had", "has", "have", "he", "her", "here", "his", "how", "i", "if", "in", "into", "is", "it",
    "its", "itself", "may", "me", "might", "must", "my", "of", "on", "or", "other", "our", "she", "should",
    "so", "some", "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this",
    "those", "through", "to", "too", "under", "until", "was", "we", "were", "what", "when", "where", "which",
    "while", "who", "whom", "whose", "why", "will", "with", "would", "you", "your",
];

/// The stop words, to be found without going through them.
static MEANINGLESS: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP_WORDS.iter().copied().collect());

/// The rules below. Indexes that are kept name them: with other rules a word would not be found under its old terms.
pub(super) const RULES: &str = "terms 1, English Snowball, pairs of CJK characters, dates";

/// The number of a term in its vocabulary, from 0.
pub(super) type TermIndex = usize;

/// The terms of a collection, each with a number.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Vocabulary(HashMap<Box<str>, TermIndex>);

impl Vocabulary {
    /// Returns each term of `text` with how often it stands there, in the order of their numbers; new terms get numbers.
    pub(super) fn learn(&mut self, text: &str) -> Vec<(TermIndex, f64)> {
        let counted = tally(terms(text).iter().map(|term| self.add(term)).collect());
        counted.into_iter().map(|(term, frequency)| (term, f64::from(frequency))).collect()
    }

    /// Returns the number of a term, which is new if the collection does not hold it.
    pub(super) fn add(&mut self, term: &str) -> TermIndex {
        if let Some(number) = self.number(term) {
            return number;
        }
        let next = self.0.len();
        self.0.insert(term.into(), next);
        next
    }

    /// Returns each known term of `text` with how often it stands there.
    pub(super) fn look_up(&self, text: &str) -> Vec<(TermIndex, u32)> {
        tally(terms(text).iter().filter_map(|term| self.number(term)).collect())
    }

    /// Returns the number of a term, if the collection holds it.
    pub(super) fn number(&self, term: &str) -> Option<TermIndex> {
        self.0.get(term).copied()
    }

    /// Returns how many terms have numbers.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Returns the words of `text` in lower case, without stop words, cut to their stems (Porter's English Snowball stemmer).
///
/// Numbers and versions are words as they stand (`3.14`, `v1.2`). After the words come the terms that are more than one
/// word: dates such as `2024-05-01`, and each pair of neighbours in a run of Chinese, Japanese or Korean characters, because
/// those scripts put no space between words, and most words of theirs have two characters or more.
#[must_use]
pub fn terms(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    let mut found: Vec<String> = words(text)
        .map(str::to_lowercase)
        .filter(|word| !MEANINGLESS.contains(word.as_str()))
        .map(|word| stemmer.stem(&word).into_owned())
        .collect();
    found.extend(dates(text).map(str::to_owned));
    if !text.is_ascii() {
        found.extend(pairs(text));
    }
    found
}

/// Returns the dates of a text: three numbers with the same sign between them, `-` or `/`.
fn dates(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '/');
    text.split(move |c| !part(c)).map(|run| run.trim_matches(['-', '/'])).filter(|run| {
        let one = |sign: char| {
            let mut parts = run.split(sign);
            let digits =
                |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            parts.by_ref().take(3).filter(|part| digits(part)).count() == 3 && parts.next().is_none()
        };
        one('-') || one('/')
    })
}

/// Returns each two characters of scripts without spaces that stand side by side.
fn pairs(text: &str) -> impl Iterator<Item = String> {
    text.chars()
        .zip(text.chars().skip(1))
        .filter(|(a, b)| is_cjk(*a) && is_cjk(*b))
        .map(|(a, b)| [a, b].into_iter().collect())
}

/// Tells whether a character belongs to a script whose words are found by pairs: Han, Hiragana, Katakana, Hangul.
fn is_cjk(c: char) -> bool {
    matches!(c,
        '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9d}'
        | '\u{20000}'..='\u{3134f}')
}

/// Counts how often each number stands in a list, in the order of the numbers.
pub(super) fn tally(mut indices: Vec<TermIndex>) -> Vec<(TermIndex, u32)> {
    indices.sort_unstable();
    let counted = |run: &[TermIndex]| Some((*run.first()?, u32::try_from(run.len()).unwrap_or(u32::MAX)));
    indices.chunk_by(PartialEq::eq).filter_map(counted).collect()
}

/// Returns a count as a number to calculate with.
pub(super) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Returns a score in the precision that scores are handed out in.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a score needs seven digits, and rounding is what is meant"
)]
pub(super) fn score(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_the_stem_of_a_word_that_means_something() {
        assert_eq!(terms("The Cats were RUNNING to 東京"), ["cat", "run", "東", "京", "東京"]);
        assert_eq!(Vocabulary::default().learn("dog cat dogs"), [(0, 2.0), (1, 1.0)]);
    }

    #[test]
    fn scripts_without_spaces_have_pairs_beside_their_words() {
        assert_eq!(
            terms("東京都に行く"),
            ["東", "京", "都", "に", "行", "く", "東京", "京都", "都に", "に行", "行く"]
        );
        assert_eq!(terms("コーヒー"), ["コーヒー", "コー", "ーヒ", "ヒー"]);
        assert_eq!(terms("학교에서 공부"), ["학교에서", "공부", "학교", "교에", "에서", "공부"]);
        assert_eq!(
            terms("京，都 Ünï 京a都"),
            ["京", "都", "ünï", "京", "a都"].map(|term| match term {
                "a都" => "都",
                other => other,
            })
        );
    }

    #[test]
    fn numbers_dates_and_versions_are_terms() {
        assert_eq!(terms("pi is 3.14, v1.2 came"), ["pi", "3.14", "v1.2", "came"]);
        assert_eq!(terms("on 2024-05-01."), ["2024", "05", "01", "2024-05-01"]);
        assert_eq!(terms("1/5/2024"), ["1", "5", "2024", "1/5/2024"]);
        for none in ["1913-1914", "2024-05-01-02", "1-2/3", "--", "12345-1-1"] {
            assert!(!terms(none).iter().any(|term| term.contains(['-', '/'])), "{none}");
        }
        assert_eq!(terms("1.2.3 10,000"), ["1.2.3", "10,000"]);
    }
}
