//! The metrics of retrieval, as `trec_eval` defines them (the reference is `ir-measures`, <https://ir-measur.es>). A ranking holds
//! nothing twice.

use std::collections::{BTreeMap, BTreeSet};

/// Returns the share of the first `k` that is in `gold`. A ranking that is shorter than `k` is divided by `k` all the same, so that
/// few relevant things put a ceiling of `|gold| / k` on it.
///
/// ```
/// let gold = ["a", "b"].into();
/// assert_eq!(longhand::evaluate::precision(&["b", "x", "a"], &gold, 5), 0.4);
/// ```
#[must_use]
pub fn precision<T: Ord>(ranked: &[T], gold: &BTreeSet<T>, k: usize) -> f64 {
    count(ranked.iter().take(k).filter(|one| gold.contains(one)).count()) / count(k.max(1))
}

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

/// Returns one divided by the rank of the first of `gold`, where that is among the first `k`; else 0. Its mean over questions is
/// `MRR@k`.
#[must_use]
pub fn reciprocal_rank<T: Ord>(ranked: &[T], gold: &BTreeSet<T>, k: usize) -> f64 {
    ranked.iter().take(k).position(|one| gold.contains(one)).map_or(0.0, |at| 1.0 / count(at + 1))
}

/// Returns the average precision of the first `k`: the precision at the rank of each of `gold`, over all of `gold`; 1 where nothing
/// is wanted. Over all ranks (`usize::MAX`) it is the usual estimate of the area under the curve of precision over recall, AUPRC
/// (Davis and Goadrich, 2006): a step function, without interpolation.
///
/// ```
/// let gold = [1, 2].into();
/// let area = longhand::evaluate::average_precision(&[1, 3, 2], &gold, usize::MAX);
/// assert!((area - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
/// ```
#[must_use]
pub fn average_precision<T: Ord>(ranked: &[T], gold: &BTreeSet<T>, k: usize) -> f64 {
    if gold.is_empty() {
        return 1.0;
    }
    let hits = ranked.iter().take(k).enumerate().filter(|(_, one)| gold.contains(one));
    // A sum of nothing would be minus zero.
    let sum = (1..).zip(hits).fold(0.0, |sum, (found, (at, _))| sum + count(found) / count(at + 1));
    sum / count(gold.len())
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
    graded_ndcg(ranked, &gold.iter().map(|one| (one, 1.0)).collect(), k)
}

/// Returns the same where things are worth what `grades` says, and nothing where it does not name them. The gain is linear, the
/// ideal ranking that of the grades.
#[must_use]
pub fn graded_ndcg<T: Ord>(ranked: &[T], grades: &BTreeMap<&T, f64>, k: usize) -> f64 {
    let gain = |grades: &mut dyn Iterator<Item = f64>| -> f64 {
        grades.take(k).enumerate().map(|(at, grade)| grade / count(at + 2).log2()).sum()
    };
    let mut best: Vec<f64> = grades.values().copied().collect();
    best.sort_by(|a, b| b.total_cmp(a));
    let ideal = gain(&mut best.into_iter());
    let gained = gain(&mut ranked.iter().map(|one| grades.get(one).copied().unwrap_or_default()));
    if ideal > 0.0 { gained / ideal } else { 1.0 }
}

/// Returns the mean; 0 of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len().max(1))
}

/// Returns the value that a share of the values does not exceed: the nearest rank, as for a 95th percentile; 0 of nothing.
pub(super) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let below = |at: &usize| count(at + 1) < share * count(sorted.len());
    let at = (0..sorted.len()).take_while(below).count();
    sorted.get(at).copied().unwrap_or_default()
}

pub(super) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn rankings_worked_out_by_hand() {
        // Each: what is ranked, what is gold, then P@5, R@5, success@5, RR@10, AP@50, nDCG@10.
        let two = 1.0 + 1.0 / 3.0_f64.log2();
        let rows: [(&[u32], &[u32], [f64; 6]); 6] = [
            (&[1, 2, 3], &[1], [0.2, 1.0, 1.0, 1.0, 1.0, 1.0]),
            (&[2, 1, 3], &[1], [0.2, 1.0, 1.0, 0.5, 0.5, 1.0 / 3.0_f64.log2()]),
            (&[3, 1, 2], &[1, 2], [0.4, 1.0, 1.0, 0.5, 7.0 / 12.0, (two - 1.0 + 0.5) / two]),
            (
                &[9, 8, 7, 6, 5, 1],
                &[1, 2],
                [0.0, 0.0, 0.0, 1.0 / 6.0, 1.0 / 12.0, 1.0 / 7.0_f64.log2() / two],
            ),
            (&[], &[1], [0.0; 6]),
            (&[4, 5], &[1, 2, 3], [0.0; 6]),
        ];
        for (ranked, gold, [p, r, s, rr, ap, gain]) in rows {
            let gold: BTreeSet<u32> = gold.iter().copied().collect();
            let told = format!("{ranked:?} for {gold:?}");
            assert!(close(precision(ranked, &gold, 5), p), "{told}");
            assert!(close(recall(ranked, &gold, 5), r), "{told}");
            assert!(close(success(ranked, &gold, 5), s), "{told}");
            assert!(close(reciprocal_rank(ranked, &gold, 10), rr), "{told}");
            assert!(close(average_precision(ranked, &gold, 50), ap), "{told}");
            assert!(close(ndcg(ranked, &gold, 10), gain), "{told}");
        }
    }

    #[test]
    fn grades_count_and_what_comes_too_late_does_not() {
        let grades = BTreeMap::from([(&"good", 3.0), (&"fair", 1.0)]);
        let gained = graded_ndcg(&["fair", "bad", "good"], &grades, 10);
        assert!(close(gained, (1.0 + 1.5) / (3.0 + 1.0 / 3.0_f64.log2())));
        assert!(close(graded_ndcg(&["fair", "bad", "good"], &grades, 2), 1.0 / (3.0 + 1.0 / 3.0_f64.log2())));
        assert!(close(average_precision(&[5, 1], &[1].into(), 1), 0.0));
        assert!(close(reciprocal_rank(&[5, 1], &[1].into(), 1), 0.0));
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert!(close(percentile(&values, 0.5), 10.0) && close(percentile(&values, 0.95), 19.0));
        assert!(close(percentile(&[7.0], 0.95), 7.0) && close(percentile(&[], 0.5), 0.0));
    }
}
