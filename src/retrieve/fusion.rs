//! Fuses several rankings of the same texts into one. Knows nothing of how they were made.

use super::terms::{count, score};

/// Fuses lists of scores over the same texts: every text gets the sum of `1 / (k + rank)` over the lists.
///
/// This is reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009), whose usual `k` is 60. Higher scores rank
/// first, from rank 1; equal scores share a rank, and the ranks after them are skipped. A text beyond the end of a list
/// gets nothing from it. The result is as long as the longest list.
#[must_use]
pub fn reciprocal_rank_fusion(rankings: &[&[f32]], k: f32) -> Vec<f32> {
    let length = rankings.iter().map(|scores| scores.len()).max().unwrap_or_default();
    let mut fused = vec![0.0; length];
    for scores in rankings {
        let mut order: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
        order.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let mut rank = 1;
        for tied in order.chunk_by(|(_, a), (_, b)| a.total_cmp(b).is_eq()) {
            for (position, _) in tied {
                if let Some(sum) = fused.get_mut(*position) {
                    *sum += 1.0 / (f64::from(k) + count(rank));
                }
            }
            rank += tied.len();
        }
    }
    fused.into_iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_add_up_and_ties_share() {
        let fused = reciprocal_rank_fusion(&[&[3.0, 1.0, 1.0, 0.5], &[0.0, 9.0]], 60.0);
        let expected = [1.0 / 61.0 + 1.0 / 62.0, 1.0 / 62.0 + 1.0 / 61.0, 1.0 / 62.0, 1.0 / 64.0];
        assert_eq!(fused.len(), 4);
        for (score, expected) in fused.iter().zip(expected) {
            assert!((score - expected).abs() < 1e-7, "{fused:?}");
        }
        assert!(reciprocal_rank_fusion(&[], 60.0).is_empty());
    }
}
