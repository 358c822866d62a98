//! Whether a call that failed is tried again, and when. Pure: the same call waits equally long in every run.

use std::time::Duration;

use super::CallSite;
use crate::hash::ContentHash;

/// How often and how long a call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often at most, the first try included.
    pub tries: u32,
    /// The wait before the second try, twice as long before each further one.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

impl Patience {
    /// Returns how long to wait before the next try; none where there is none.
    ///
    /// `attempt` is the try that failed, from 1. `asked` is the wait that a server asked for. It is never cut short: where
    /// it is longer than the longest wait there is no next try.
    ///
    /// ```
    /// use longhand::run::{CallSite, Patience, Slot, TaskId};
    /// use std::time::Duration;
    ///
    /// let (first_wait, longest_wait) = (Duration::from_secs(1), Duration::from_secs(60));
    /// let patience = Patience { tries: 3, first_wait, longest_wait };
    /// let task = TaskId { slot: Slot::Source(0), node: "read".parse()? };
    /// let site = CallSite { task, step: 0 };
    /// let wait = patience.after(&site, 1, None).expect("there are two more tries");
    /// assert!(wait > Duration::from_millis(750) && wait <= Duration::from_secs(1));
    /// assert_eq!(patience.after(&site, 1, Some(Duration::from_secs(7))), Some(Duration::from_secs(7)));
    /// assert_eq!(patience.after(&site, 1, Some(Duration::from_secs(61))), None);
    /// assert_eq!(patience.after(&site, 3, None), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn after(&self, site: &CallSite, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
        let asked = asked.unwrap_or_default();
        if attempt >= self.tries || asked > self.longest_wait {
            return None;
        }
        let doubled = 2_u32.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let full = self.first_wait.saturating_mul(doubled).min(self.longest_wait);
        let share = full / 4 * share(site, attempt) / 256;
        Some(full.saturating_sub(share).max(asked))
    }
}

/// Draws a number below 256 that is the same whenever this try of this call fails.
fn share(site: &CallSite, attempt: u32) -> u32 {
    let slot = site.task.slot.to_string();
    let drawn = ContentHash::of(format!("{slot}/{}/{}/{attempt}", site.task.node, site.step).as_bytes());
    u32::from(drawn.half().first().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Slot, TaskId};
    use super::*;

    fn site(source: u32, step: u32) -> CallSite {
        CallSite { task: TaskId { slot: Slot::Source(source), node: "read".parse().unwrap() }, step }
    }

    #[test]
    fn calls_that_failed_together_do_not_come_back_together() {
        let patience =
            Patience { tries: 9, first_wait: Duration::from_secs(1), longest_wait: Duration::from_mins(1) };
        let waits: std::collections::BTreeSet<_> =
            (0..64).map(|step| patience.after(&site(0, step), 1, None).unwrap()).collect();
        assert!(waits.len() > 40, "{} different waits", waits.len());
    }

    proptest! {
        #[test]
        fn every_wait_is_within_its_bounds(
            source in 0_u32..50,
            step in 0_u32..50,
            attempt in 1_u32..40,
            tries in 1_u32..40,
            first in 0_u64..5_000,
            longest in 0_u64..100_000,
            asked in prop::option::of(0_u64..200_000),
        ) {
            let patience = Patience {
                tries,
                first_wait: Duration::from_millis(first),
                longest_wait: Duration::from_millis(longest),
            };
            let asked = asked.map(Duration::from_millis);
            let wait = patience.after(&site(source, step), attempt, asked);
            prop_assert_eq!(wait, patience.after(&site(source, step), attempt, asked), "the same try waits as long again");
            let over = attempt >= tries || asked.is_some_and(|asked| asked > patience.longest_wait);
            prop_assert_eq!(wait.is_none(), over);
            if let Some(wait) = wait {
                prop_assert!(wait <= patience.longest_wait);
                prop_assert!(asked.is_none_or(|asked| wait >= asked));
                let full = Duration::from_millis(first.saturating_mul(1 << (attempt - 1).min(20)));
                prop_assert!(wait >= full.min(patience.longest_wait) * 3 / 4);
            }
        }
    }
}
