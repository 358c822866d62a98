//! The metrics of retrieval, as `trec_eval` defines them.

use std::collections::BTreeSet;

/// Returns the share of `gold` that is among the first `k` of `ranked`; 1 where nothing is wanted.
///
/// ```
/// let gold = ["a", "b"].into();
/// assert_eq!(longhand::evaluate::recall(&["b", "x", "a"], &gold, 2), 0.5);
/// ```
#[must_use]
pub fn recall<T: Ord>(ranked: &[T], gold: &BTreeSet<T>, k: usize) -> f64 {
    if gold.is_empty() {
        return 1.0;
    }
    let found: BTreeSet<&T> = ranked.iter().take(k).filter(|one| gold.contains(one)).collect();
    count(found.len()) / count(gold.len())
}

/// Returns 1 where any of `gold` is among the first `k` of `ranked`, else 0.
#[must_use]
pub fn success<T: Ord>(ranked: &[T], gold: &BTreeSet<T>, k: usize) -> f64 {
    f64::from(u8::from(ranked.iter().take(k).any(|one| gold.contains(one))))
}

/// Returns the normalized discounted cumulative gain of the first `k` of `ranked`, where everything in `gold` is worth the same
/// (Järvelin and Kekäläinen, 2002, with the logarithm of base 2 of the rank plus 1).
///
/// ```
/// let gold = [1, 2].into();
/// let gain = longhand::evaluate::ndcg(&[1, 3, 2], &gold, 10);
/// assert!((gain - (1.0 + 0.5) / (1.0 + 1.0 / 3.0_f64.log2())).abs() < 1e-12);
/// ```
#[must_use]
pub fn ndcg<T: Ord>(ranked: &[T], gold: &BTreeSet<T>, k: usize) -> f64 {
    let discount = |at: usize| 1.0 / count(at + 2).log2();
    let gained: f64 = ranked
        .iter()
        .take(k)
        .enumerate()
        .filter(|(_, one)| gold.contains(one))
        .map(|(at, _)| discount(at))
        .sum();
    let ideal: f64 = (0..gold.len().min(k)).map(discount).sum();
    if ideal > 0.0 { gained / ideal } else { 1.0 }
}

/// Returns the mean; 0 of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len().max(1))
}

pub(super) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
