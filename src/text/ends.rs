//! Shows of a long text its beginning and its end.

use super::{TokenCount, TokenCounter, sentences};

/// What stands where something is left out.
pub const LEFT_OUT: &str = " […] ";

/// A token has rarely more bytes: only so much of each end is looked at.
const BYTES_OF_A_TOKEN: u64 = 16;

/// Returns `text` where it has at most `most` tokens, and otherwise its beginning and its end, each of half as many at most and
/// in whole sentences; where no sentence is short enough in whole words, and where no word is, in whole characters.
///
/// ```
/// use longhand::text::{ApproximateCounter, TokenCount, ends};
/// let text = "The first one. Then much more is said. Then even more is said. The last one.";
/// assert_eq!(ends(text, TokenCount(12), &ApproximateCounter), "The first one. […] The last one.");
/// ```
#[must_use]
pub fn ends(text: &str, most: TokenCount, counter: &dyn TokenCounter) -> String {
    if counter.count(text) <= most {
        return text.to_owned();
    }
    let half = TokenCount(most.0 / 2);
    let bytes = usize::try_from(half.0.saturating_mul(BYTES_OF_A_TOKEN)).unwrap_or(usize::MAX).max(64);
    let front = beginning(text.get(..text.floor_char_boundary(bytes)).unwrap_or(text), half, counter);
    let rest = text.get(front.len()..).unwrap_or_default();
    let back = rest.floor_char_boundary(rest.len().saturating_sub(bytes));
    let back = end(rest.get(back..).unwrap_or(rest), half, counter);
    format!("{}{LEFT_OUT}{}", front.trim(), back.trim()).trim().to_owned()
}

fn beginning<'a>(text: &'a str, most: TokenCount, counter: &dyn TokenCounter) -> &'a str {
    let longest = |cuts: &mut dyn Iterator<Item = usize>| {
        let parts = cuts.filter_map(|cut| text.get(..cut)).filter(|part| !part.trim().is_empty());
        parts.take_while(|part| counter.count(part) <= most).last()
    };
    longest(&mut sentences(text).map(|sentence| sentence.end))
        .or_else(|| longest(&mut text.match_indices(char::is_whitespace).map(|(at, _)| at)))
        .or_else(|| longest(&mut text.char_indices().map(|(at, _)| at)))
        .unwrap_or_default()
}

fn end<'a>(text: &'a str, most: TokenCount, counter: &dyn TokenCounter) -> &'a str {
    let longest = |cuts: &mut dyn Iterator<Item = usize>| {
        let parts = cuts.filter_map(|cut| text.get(cut..)).filter(|part| !part.trim().is_empty());
        parts.take_while(|part| counter.count(part) <= most).last()
    };
    let starts: Vec<usize> = sentences(text).map(|sentence| sentence.start).collect();
    longest(&mut starts.into_iter().rev())
        .or_else(|| longest(&mut text.rmatch_indices(char::is_whitespace).map(|(at, _)| at)))
        .or_else(|| longest(&mut text.char_indices().rev().map(|(at, _)| at)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ApproximateCounter;
    use super::*;

    #[test]
    fn words_and_characters_are_cut_where_no_sentence_is_short_enough() {
        let shown = |text: &str| ends(text, TokenCount(8), &ApproximateCounter);
        assert_eq!(shown("short"), "short");
        let long = format!("begin {}finish", "word ".repeat(200));
        assert!(shown(&long).starts_with("begin word"), "{}", shown(&long));
        assert!(shown(&long).ends_with("word finish"), "{}", shown(&long));
        let solid = format!("a{}z", "語".repeat(20_000));
        assert!(shown(&solid).starts_with('a') && shown(&solid).ends_with('z'), "{}", shown(&solid));
    }

    proptest! {
        #[test]
        fn both_ends_are_of_the_text_and_within_the_budget(text in "([a-zé語. \n]|\\. ){0,300}", most in 0_u64..60) {
            let most = TokenCount(most);
            let shown = ends(&text, most, &ApproximateCounter);
            if ApproximateCounter.count(&text) <= most {
                prop_assert_eq!(&shown, &text);
            } else {
                let (front, back) = shown.split_once(LEFT_OUT.trim()).unwrap();
                prop_assert!(text.trim().starts_with(front.trim()) && text.trim().ends_with(back.trim()));
                prop_assert!(ApproximateCounter.count(front) + ApproximateCounter.count(back) <= most + TokenCount(2));
            }
        }
    }
}
