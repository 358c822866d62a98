//! Which statement puts an older one right. By rules: nobody is asked.

use std::collections::BTreeSet;

use crate::retrieve::terms;
use crate::text::words;

/// Words and phrases with which people put right what they said before.
const MARKS: [&str; 16] = [
    "actually",
    "correction",
    "i meant",
    "i was wrong",
    "no longer",
    "not anymore",
    "any more",
    "instead of",
    "has changed",
    "changed to",
    "changed my",
    "moved to",
    "updated to",
    "is now",
    "are now",
    "now it's",
];

/// The share of the shorter statement's terms from which on two statements are about one thing.
const SHARED: f64 = 0.5;

/// Tells whether a statement says that something is not as it was said before.
pub(super) fn corrects(text: &str) -> bool {
    let lower: Vec<String> = words(text).map(str::to_lowercase).collect();
    let line = format!(" {} ", lower.join(" "));
    MARKS.iter().any(|mark| line.contains(&format!(" {mark} ")))
}

/// Tells whether two statements are about one thing: whether half the terms of the shorter one stand in both.
pub(super) fn same_subject(one: &str, other: &str) -> bool {
    let of = |text: &str| terms(text).into_iter().collect::<BTreeSet<_>>();
    let (one, other) = (of(one), of(other));
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let shorter = one.len().min(other.len());
    shorter > 1 && count(one.intersection(&other).count()) >= SHARED * count(shorter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_is_told_from_a_statement() {
        assert!(corrects("Actually, the boat is green."));
        assert!(corrects("The deadline has changed."));
        assert!(!corrects("The boat is blue."));
        assert!(same_subject("Actually, the project is due in June.", "The project is due on 3 May."));
        assert!(!same_subject("Actually, the boat is green.", "The deadline is in May."));
    }
}
