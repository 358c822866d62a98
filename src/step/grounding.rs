//! Whether an answer says no more than the quotes it rests on.

use std::collections::HashSet;

use crate::retrieve::terms;
use crate::run::Quote;

/// Tells whether every word of `answer` that carries a fact stands in the question or in one and the same quote.
///
/// Words are compared by their stems, so "repaired" is held by "repairs"; numbers are compared as they are written. One
/// quote must hold them all, because an answer put together from several says what none of them does. An answer without
/// any new word is supported by nothing. The check is mechanical: it cannot tell who did what to whom, which is why an
/// answer is always shown beside its quotes.
pub(super) fn supported(answer: &str, quotes: &[Quote], question: &str) -> bool {
    let known: HashSet<String> = terms(question).into_iter().collect();
    let mut stated = terms(answer);
    stated.retain(|word| !known.contains(word));
    let holds = |quote: &Quote| {
        let held: HashSet<String> = terms(&quote.text).into_iter().collect();
        stated.iter().all(|word| held.contains(word))
    };
    !stated.is_empty() && quotes.iter().any(holds)
}

/// Tells whether an answer is `phrase` and no more, whatever its capitals, quotation marks and final punctuation.
///
/// The quotes were found by words and likelihood; a model that has read them may know that they do not hold the answer.
pub(super) fn says_nothing_was_found(answer: &str, phrase: &str) -> bool {
    answer.trim_matches(|sign: char| !sign.is_alphanumeric()).eq_ignore_ascii_case(phrase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{DocumentIndex, Span};

    fn quote(text: &str) -> Quote {
        let span = Span { start: 0, end: text.len() as u64 };
        Quote { document: DocumentIndex(0), span, text: text.to_owned(), score: 1.0 }
    }

    #[test]
    fn an_answer_may_use_the_words_of_quotes_and_question_only() {
        let quotes = [quote("The lamp was repaired by Anna Holt in 1913.")];
        let question = "Who repaired the lamp?";
        assert!(supported("Anna Holt", &quotes, question));
        assert!(supported("The lamp was repaired by Anna Holt in 1913.", &quotes, question));
        assert!(!supported("Anna Brand", &quotes, question));
        assert!(!supported("Anna Holt repaired it in 1931", &quotes, question));
        assert!(!supported("It was", &quotes, question), "says nothing");
        assert!(!supported("The lamp was repaired.", &quotes, question), "repeats the question");
        let quotes = [quote("Anna Holt was ill in 1913."), quote("The lamp was repaired by her brother.")];
        assert!(!supported("Her brother, in 1913", &quotes, question), "no quote says both");
    }

    #[test]
    fn only_the_phrase_alone_says_that_nothing_was_found() {
        for answer in ["not found", "Not found.", "\"Not Found\"", "*not found*"] {
            assert!(says_nothing_was_found(answer, "not found"), "{answer}");
        }
        for answer in ["", "The lamp was not found.", "not found, but Anna Holt", "found"] {
            assert!(!says_nothing_was_found(answer, "not found"), "{answer}");
        }
    }
}
