//! The index of vectors beside a plain scan, and over storages that were cut and damaged.

use super::*;
use proptest::prelude::*;

/// Numbers from -1 to 1 that look like chance and are the same in every run.
pub(super) fn random_vectors(count: usize, dimensions: usize, mut seed: u64) -> Vec<Vec<f32>> {
    let mut number = || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f32::from(((mixed >> 48) as u16).cast_signed()) / 32768.0
    };
    (0..count).map(|_| (0..dimensions).map(|_| number()).collect()).collect()
}

fn index_of(vectors: &[Vec<f32>]) -> VectorIndex<Vec<u8>> {
    let mut index = VectorIndex::in_memory(vectors[0].len(), "test").unwrap();
    index.push_all(vectors.iter().map(Vec::as_slice)).unwrap();
    index
}

/// Positions and cosines, the nearest first.
fn scan(vectors: &[Vec<f32>], query: &[f32]) -> Vec<(usize, f64)> {
    let dot =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
    let cosine = |v: &Vec<f32>| dot(v, query) / dot(v, v).sqrt() / dot(query, query).sqrt();
    let mut scores: Vec<(usize, f64)> = vectors.iter().map(cosine).enumerate().collect();
    scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scores
}

fn positions(hits: &[Hit]) -> Vec<usize> {
    hits.iter().map(|hit| hit.position).collect()
}

#[test]
fn the_best_of_many_are_those_of_a_plain_scan() {
    let vectors = random_vectors(2_000, 384, 1);
    let index = index_of(&vectors);
    for query in random_vectors(20, 384, 2) {
        let (hits, expected) = (index.search(&query, 10).unwrap(), scan(&vectors, &query));
        let expected: Vec<usize> = expected.into_iter().take(10).map(|(position, _)| position).collect();
        assert_eq!(positions(&hits), expected);
    }
}

#[test]
fn scores_have_the_same_bits_everywhere() {
    let index = index_of(&random_vectors(40, 50, 3));
    let hits = index.search(&random_vectors(1, 50, 4)[0], 4).unwrap();
    let found: Vec<(usize, u32)> = hits.iter().map(|hit| (hit.position, hit.score.to_bits())).collect();
    assert_eq!(found, [(8, 0x3e83_4824), (30, 0x3e76_d232), (31, 0x3e45_7801), (28, 0x3e44_bfa0)]);
}

#[test]
fn equal_vectors_come_in_the_order_of_their_positions() {
    let mut vectors = vec![vec![1.0, 2.0, 3.0]; 300];
    vectors[7] = vec![-1.0, 0.0, 0.0];
    let mut index = index_of(&vectors);
    index.forget(2).unwrap();
    assert_eq!(positions(&index.search(&[1.0, 2.0, 3.0], 8).unwrap()), [0, 1, 3, 4, 5, 6, 8, 9]);
}

#[test]
fn what_has_no_direction_is_refused() {
    let mut index = VectorIndex::in_memory(2, "test").unwrap();
    assert!(index.search(&[1.0, 0.0], 3).unwrap().is_empty());
    for bad in [[0.0, 0.0], [f32::NAN, 1.0], [1.0, f32::INFINITY]] {
        assert!(matches!(index.push(&bad), Err(IndexError::Direction)), "{bad:?}");
    }
    assert!(matches!(index.push(&[1.0]), Err(IndexError::Length { found: 1, expected: 2 })));
    assert!(matches!(index.search(&[1.0], 1), Err(IndexError::Length { .. })));
    assert!(index.is_empty() && !index.forget(0).unwrap());
    index.push(&[f32::MAX, f32::MAX]).unwrap();
    index.push(&[f32::MIN_POSITIVE, 0.0]).unwrap();
    assert_eq!(positions(&index.search(&[1.0, 0.9], 2).unwrap()), [0, 1]);
    assert!(index.search(&[1.0, 0.9], 0).unwrap().is_empty());
    assert_eq!(index.search(&[1.0, 0.9], usize::MAX).unwrap().len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_search_is_a_scan_of_what_was_not_forgotten(
        (seed, count, dimensions) in (any::<u64>(), 1usize..400, 1usize..80),
        forgotten in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        k in 1usize..30,
    ) {
        let vectors = random_vectors(count, dimensions, seed);
        let mut index = index_of(&vectors);
        let mut gone = std::collections::BTreeSet::new();
        for at in forgotten {
            let at = at.index(count);
            prop_assert_eq!(index.forget(at).unwrap(), gone.insert(at));
        }
        prop_assert_eq!(index.living(), count - gone.len());
        let query = &random_vectors(1, dimensions, seed ^ 1)[0];
        let hits = index.search(query, k).unwrap();
        let mut expected = scan(&vectors, query);
        expected.retain(|(position, _)| !gone.contains(position));
        prop_assert_eq!(hits.len(), k.min(expected.len()));
        // In few dimensions many vectors lie closer together than the codes and the scores can tell.
        let slack = if dimensions > 20 { 1e-6 } else { 0.02 };
        for (hit, (_, expected)) in hits.iter().zip(&expected) {
            prop_assert!((f64::from(hit.score) - expected).abs() < slack, "{hits:?}");
            prop_assert!(!gone.contains(&hit.position));
        }
        prop_assert!(hits.is_sorted_by(before));
    }
}
