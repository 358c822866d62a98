//! Text of a given length in tokens, to stand for what nobody has written yet.

use crate::text::{TokenCount, TokenCounter};

/// Four bytes, and one token in the usual vocabularies.
const WORD: &str = "word";
const FURTHER: &str = " and";

/// Returns a text of `length` tokens, or of the next more where the counter knows no such text.
pub(super) fn filler(length: TokenCount, counter: &dyn TokenCounter) -> String {
    let mut text = String::new();
    let mut long = TokenCount(0);
    while long < length {
        // What is missing is added at once, and counted as a whole: tokens of joined texts do not add up.
        for _ in 0..length.saturating_sub(long).0 {
            text.push_str(if text.is_empty() { WORD } else { FURTHER });
        }
        long = counter.count(&text);
    }
    while text.len() > WORD.len() {
        let shorter = text.len() - FURTHER.len();
        let Some(head) = text.get(..shorter) else { break };
        if counter.count(head) < length {
            break;
        }
        text.truncate(shorter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::ApproximateCounter;

    /// Counts words, each as three.
    #[derive(Debug)]
    struct Threes;

    impl TokenCounter for Threes {
        fn count(&self, text: &str) -> TokenCount {
            TokenCount(text.split_whitespace().count() as u64 * 3)
        }
    }

    #[test]
    fn filler_is_as_long_as_asked_and_holds_all_the_bytes_that_so_many_tokens_can() {
        for length in [0, 1, 7, 512] {
            let text = filler(TokenCount(length), &ApproximateCounter);
            assert_eq!(text.len() as u64, length * 4);
            let counted = Threes.count(&filler(TokenCount(length), &Threes)).0;
            assert_eq!(counted, length.div_ceil(3) * 3);
        }
    }
}
