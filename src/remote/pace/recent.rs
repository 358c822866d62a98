//! What was asked in the last minute, in slices, so that it takes the same memory at any pace. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// What is asked within this time is counted together.
const SLICE: Duration = Duration::from_millis(100);

/// How long what was asked counts. A minute would do if each request took equally long to arrive.
const KEPT: Duration = Duration::from_millis(60_800);

/// Requests and tokens.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) requests: u64,
    pub(super) tokens: u64,
}

#[derive(Debug)]
struct Slice {
    begun: Instant,
    amount: Amount,
}

impl Slice {
    /// From then on it does not count.
    fn forgotten(&self) -> Instant {
        self.begun + SLICE + KEPT
    }
}

/// The last minute.
#[derive(Debug, Default)]
pub(super) struct Recent {
    slices: VecDeque<Slice>,
    total: Amount,
}

impl Recent {
    /// Forgets what is longer ago than a minute.
    pub(super) fn forget(&mut self, now: Instant) {
        while let Some(slice) = self.slices.pop_front_if(|slice| slice.forgotten() <= now) {
            self.total = self.total.less(slice.amount);
        }
    }

    /// Counts one request of so many tokens.
    pub(super) fn add(&mut self, now: Instant, tokens: u64) {
        let one = Amount { requests: 1, tokens };
        self.total = self.total.more(one);
        match self.slices.back_mut() {
            Some(last) if last.begun + SLICE > now => last.amount = last.amount.more(one),
            _ => self.slices.push_back(Slice { begun: now, amount: one }),
        }
    }

    /// Counts otherwise what was asked at a moment: `before` of it was `after`.
    pub(super) fn correct(&mut self, at: Instant, before: Amount, after: Amount) {
        let behind = self.slices.partition_point(|slice| slice.begun <= at);
        let found = behind.checked_sub(1).and_then(|index| self.slices.get_mut(index));
        // Else it is forgotten already.
        if let Some(slice) = found.filter(|slice| slice.begun + SLICE > at) {
            slice.amount = slice.amount.less(before).more(after);
            self.total = self.total.less(before).more(after);
        }
    }

    /// What was asked in all.
    pub(super) fn total(&self) -> Amount {
        self.total
    }

    /// How many requests were made since then.
    pub(super) fn requests_since(&self, then: Instant) -> u64 {
        let behind = self.slices.iter().rev().take_while(|slice| slice.begun >= then);
        behind.map(|slice| slice.amount.requests).sum()
    }

    /// When the first of what counts was asked.
    pub(super) fn first(&self) -> Option<Instant> {
        self.slices.front().map(|slice| slice.begun)
    }

    /// Returns when there is room for `cost` beside the rest; none where it is there. A cost may not be above its limit.
    pub(super) fn room(&self, cost: u64, limit: u64, of: fn(Amount) -> u64) -> Option<Instant> {
        let mut total = of(self.total);
        let mut at = None;
        for slice in &self.slices {
            if total.saturating_add(cost) <= limit {
                return at;
            }
            total = total.saturating_sub(of(slice.amount));
            at = Some(slice.forgotten());
        }
        at
    }
}

impl Amount {
    fn more(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            tokens: self.tokens.saturating_add(other.tokens),
        }
    }

    fn less(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            tokens: self.tokens.saturating_sub(other.tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn requests(amount: Amount) -> u64 {
        amount.requests
    }

    #[test]
    fn what_is_longer_ago_than_a_minute_makes_room() {
        let begun = Instant::now();
        let mut recent = Recent::default();
        recent.add(begun, 10);
        recent.add(begun + SLICE, 20);
        assert_eq!(recent.room(1, 3, requests), None);
        let at = recent.room(1, 2, requests).unwrap();
        assert_eq!(at, begun + SLICE + KEPT);
        recent.forget(at);
        assert_eq!(recent.total(), Amount { requests: 1, tokens: 20 });
        assert_eq!(recent.room(1, 2, requests), None);
        assert_eq!(
            recent.room(100, 100, |amount| amount.tokens),
            Some(begun + SLICE + SLICE + KEPT),
            "alone"
        );
        recent.correct(begun, Amount { requests: 1, tokens: 10 }, Amount::default());
        assert_eq!(recent.total(), Amount { requests: 1, tokens: 20 }, "what is forgotten is not corrected");
    }

    proptest! {
        #[test]
        fn the_total_is_that_of_the_slices(
            steps in prop::collection::vec((0_u64..2_000, 0_u64..100, 0_usize..8, 0_u64..200), 1..200),
        ) {
            let (mut now, mut recent) = (Instant::now(), Recent::default());
            let mut asked: Vec<(Instant, u64)> = Vec::new();
            for (later, tokens, back, used) in steps {
                now += Duration::from_millis(later);
                recent.forget(now);
                recent.add(now, tokens);
                asked.push((now, tokens));
                let which = asked.len().saturating_sub(back + 1);
                let (at, before) = asked[which];
                recent.correct(at, Amount { requests: 0, tokens: before }, Amount { requests: 0, tokens: used });
                asked[which].1 = used;
                let sum = recent.slices.iter().fold(Amount::default(), |sum, slice| sum.more(slice.amount));
                prop_assert_eq!(recent.total(), sum);
                let minute = asked.iter().filter(|(at, _)| *at + Duration::from_mins(1) >= now);
                prop_assert!(recent.total().tokens >= minute.map(|(_, tokens)| tokens).sum(), "a minute is never counted short");
                prop_assert!(recent.slices.len() <= 700);
            }
        }
    }
}
