//! Finds how much of a text a token budget holds, asking the counter as seldom as it can. Knows nothing of sentences.

use super::{TokenCount, TokenCounter};

/// How many bytes a number of tokens held when it was last counted: where the next search begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Density {
    bytes: u64,
    tokens: u64,
}

/// How often the density guides the search before halving takes over: after that the text is too uneven for it.
const GUIDED_STEPS: usize = 6;

impl Density {
    /// Four bytes a token: about right for English prose under the usual vocabularies.
    pub(super) const PROSE: Self = Self { bytes: 4, tokens: 1 };

    fn observed(bytes: usize, tokens: TokenCount) -> Self {
        Self { bytes: bytes as u64, tokens: tokens.0.max(1) }
    }

    /// Returns about how many bytes `budget` tokens hold.
    pub(super) fn bytes_for(self, budget: TokenCount) -> usize {
        let bytes = u128::from(budget.0) * u128::from(self.bytes) / u128::from(self.tokens);
        usize::try_from(bytes).unwrap_or(usize::MAX).max(1)
    }
}

/// A prefix of a text that was counted and fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fit {
    /// The position of its end in the list of ends.
    pub(super) position: usize,
    /// The length of the prefix in bytes.
    pub(super) end: usize,
    /// Its exact count.
    pub(super) tokens: TokenCount,
}

/// A token budget, and what counts against it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure<'a> {
    pub(super) counter: &'a dyn TokenCounter,
    pub(super) budget: TokenCount,
    pub(super) density: Density,
}

impl Measure<'_> {
    /// Returns the count of `text` where it is within the budget.
    pub(super) fn fits(&self, text: &str) -> Option<TokenCount> {
        Some(self.counter.count(text)).filter(|tokens| *tokens <= self.budget)
    }

    /// Returns the longest prefix of `text` that ends at one of `ends` (ascending) and fits the budget.
    ///
    /// Counts of merged tokens do not add up, so every candidate is counted as a whole; the density of the last count
    /// says which candidate to try next, so two or three counts are enough. The prefix returned has been counted.
    /// It is the longest one where a longer prefix never has fewer tokens.
    pub(super) fn longest(&mut self, text: &str, ends: &[usize]) -> Option<Fit> {
        let mut best: Option<Fit> = None;
        let (mut low, mut high) = (0, ends.len());
        for step in 0.. {
            if low >= high {
                break;
            }
            let guess = if step < GUIDED_STEPS {
                let bytes = self.density.bytes_for(self.budget);
                ends.partition_point(|end| *end <= bytes).saturating_sub(1).clamp(low, high - 1)
            } else {
                low.midpoint(high - 1)
            };
            let Some((end, prefix)) = ends.get(guess).and_then(|end| Some((*end, text.get(..*end)?))) else {
                break;
            };
            let tokens = self.counter.count(prefix);
            self.density = Density::observed(end, tokens);
            if tokens <= self.budget {
                best = Some(Fit { position: guess, end, tokens });
                low = guess + 1;
            } else {
                high = guess;
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::ApproximateCounter;

    /// Counts a run of equal characters once, whatever its length: density says nothing here.
    #[derive(Debug)]
    struct Runs;

    impl TokenCounter for Runs {
        fn count(&self, text: &str) -> TokenCount {
            let mut last = None;
            TokenCount(text.chars().filter(|c| last.replace(*c) != Some(*c)).count() as u64)
        }
    }

    proptest! {
        #[test]
        fn finds_what_trying_every_end_finds(text in "[ab]{0,200}", gaps in prop::collection::vec(1_usize..9, 0..40), budget in 0_u64..60) {
            let mut ends: Vec<usize> = gaps.iter().scan(0, |sum, gap| { *sum += gap; Some(*sum) }).collect();
            ends.retain(|end| *end <= text.len());
            for counter in [&Runs as &dyn TokenCounter, &ApproximateCounter] {
                let mut measure = Measure { counter, budget: TokenCount(budget), density: Density::PROSE };
                let expected = ends.iter().copied().rfind(|end| counter.count(&text[..*end]).0 <= budget);
                prop_assert_eq!(measure.longest(&text, &ends).map(|fit| fit.end), expected);
            }
        }
    }

    #[test]
    fn even_text_takes_few_counts() {
        #[derive(Debug, Default)]
        struct Calls(std::sync::atomic::AtomicUsize);
        impl TokenCounter for Calls {
            fn count(&self, text: &str) -> TokenCount {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                TokenCount(text.len() as u64 / 3)
            }
        }
        let text = "x".repeat(100_000);
        let ends: Vec<usize> = (1..=1_000).map(|n| n * 100).collect();
        let calls = Calls::default();
        let mut measure = Measure { counter: &calls, budget: TokenCount(10_000), density: Density::PROSE };
        assert_eq!(measure.longest(&text, &ends).map(|fit| fit.end), Some(30_000));
        assert!(calls.0.into_inner() <= 3);
    }
}
