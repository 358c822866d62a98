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
fn signs_leave_the_nearest() {
    // Clusters, because what is nearest among vectors of chance only chance knows.
    let centres = random_vectors(100, 384, 6);
    let noise = random_vectors(6_000, 384, 7);
    let near = |(at, noise): (usize, &Vec<f32>)| -> Vec<f32> {
        centres[at % 100].iter().zip(noise).map(|(centre, noise)| centre + 0.7 * noise).collect()
    };
    let vectors: Vec<Vec<f32>> = noise.iter().enumerate().map(near).collect();
    let index_above = |most_whole: usize| {
        let mut index = VectorIndex::in_memory(384, "test").unwrap();
        index.codes.sieve_above(most_whole);
        index.push_all(vectors.iter().map(Vec::as_slice)).unwrap();
        assert!(index.forget(17).unwrap());
        index
    };
    let (mut sieved, whole) = (index_above(2_500), index_above(6_000));
    let (mut found, mut all) = (0, 0);
    for query in centres.iter().take(30) {
        let (ours, expected) = (sieved.search(query, 10).unwrap(), whole.search(query, 10).unwrap());
        found += expected.iter().filter(|hit| ours.contains(hit)).count();
        all += expected.len();
    }
    assert!(found * 100 >= all * 99, "{found} of {all}");
    assert!(sieved.search(&vectors[17], 10).unwrap().iter().all(|hit| hit.position != 17));
    sieved.codes.truncate(5_000);
    let hits = sieved.search(&vectors[5_010], 50).unwrap();
    assert!(hits.len() == 50 && hits.iter().all(|hit| hit.position < 5_000));
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
        prop_assert!(hits.is_sorted_by(|a, b| a.order(b).is_lt()));
    }

    #[test]
    fn what_was_written_before_a_cut_is_there(
        batches in prop::collection::vec(1usize..4, 1..8),
        out in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        (cut_codes, cut_rows) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        which in 0..3,
    ) {
        let (codes, rows, ends, gone) = written(&batches, &out);
        let cut_codes = if which == 1 { codes.len() } else { cut_codes.index(codes.len() + 1) };
        let cut_rows = if which == 0 { rows.len() } else { cut_rows.index(rows.len() + 1) };
        let mut index = open(&codes[..cut_codes], &rows[..cut_rows]).unwrap();
        let by_codes = ends.iter().rfind(|(end, _)| *end <= cut_codes).map_or(0, |(_, count)| *count);
        let left = by_codes.min(cut_rows / (4 * DIMENSIONS));
        prop_assert_eq!(index.len(), left);
        if cut_codes == codes.len() {
            for position in gone.iter().filter(|position| **position < left) {
                prop_assert!(index.codes.is_forgotten(*position), "forgotten for good");
            }
        }
        index.push(&[1.0, 0.0, 0.0]).unwrap();
        let [codes, rows] = index.storages();
        let again = open(codes, rows).unwrap();
        prop_assert_eq!((again.lost(), again.living()), (0, index.living()));
        let query = [0.3, 0.5, 0.1];
        prop_assert_eq!(again.search(&query, 50).unwrap(), index.search(&query, 50).unwrap());
        prop_assert_eq!(again.search(&query, 50).unwrap().len(), again.living());
    }

    #[test]
    fn damage_is_found(
        batches in prop::collection::vec(1usize..4, 1..8),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let (codes, rows, ends, _) = written(&batches, &[]);
        let at = at.index(codes.len() + rows.len());
        let (mut bad_codes, mut bad_rows) = (codes.clone(), rows.clone());
        match at.checked_sub(codes.len()) {
            None => bad_codes[at] ^= flip,
            Some(at) => bad_rows[at] ^= flip,
        }
        match open(&bad_codes, &bad_rows) {
            Ok(index) if at < codes.len() => {
                prop_assert!(at >= ends[ends.len() - 2].0, "only the last record can be one that was broken off");
                prop_assert_eq!(index.len(), ends[ends.len() - 2].1);
            }
            Ok(index) => {
                let expected = ((at - codes.len()) / (4 * DIMENSIONS) * (4 * DIMENSIONS)) as u64;
                match index.search(&[0.3, 0.5, 0.1], 50) {
                    Err(IndexError::Damaged { part: "rows", offset }) => prop_assert_eq!(offset, expected),
                    other => prop_assert!(false, "{other:?}"),
                }
            }
            Err(IndexError::Damaged { offset, .. }) => prop_assert!(offset <= at as u64),
            Err(IndexError::Foreign { .. } | IndexError::Version { .. }) => prop_assert!(at < 20),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn any_bytes_are_an_index_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        rows in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = open(&bytes, &rows);
        let mut begun = open(&[], &[]).unwrap().storages()[0].clone();
        begun.extend(&bytes);
        let _ = open(&begun, &rows);
        let _ = Record::read(&bytes, DIMENSIONS);
    }
}

const DIMENSIONS: usize = 3;

fn open(codes: &[u8], rows: &[u8]) -> Result<VectorIndex<Vec<u8>>, IndexError> {
    VectorIndex::open(codes.to_vec(), rows.to_vec(), DIMENSIONS, "test")
}

/// Codes and rows of an index, where each batch ends in the codes and how many vectors there are then, and what was
/// forgotten at last.
type Written = (Vec<u8>, Vec<u8>, Vec<(usize, usize)>, Vec<usize>);

fn written(batches: &[usize], out: &[prop::sample::Index]) -> Written {
    let mut index = open(&[], &[]).unwrap();
    let mut ends = vec![(index.storages()[0].len(), 0)];
    for (seed, batch) in batches.iter().enumerate() {
        let vectors = random_vectors(*batch, DIMENSIONS, seed as u64);
        index.push_all(vectors.iter().map(Vec::as_slice)).unwrap();
        ends.push((index.storages()[0].len(), index.len()));
    }
    let gone: Vec<usize> = out.iter().map(|at| at.index(index.len())).collect();
    for position in &gone {
        index.forget(*position).unwrap();
    }
    let [codes, rows] = index.storages();
    (codes.clone(), rows.clone(), ends, gone)
}

#[test]
fn the_vectors_of_another_embedder_are_refused() {
    let (codes, rows, ..) = written(&[2], &[]);
    for (dimensions, embedder) in [(3, "other"), (4, "test")] {
        let error = VectorIndex::open(codes.clone(), rows.clone(), dimensions, embedder).unwrap_err();
        assert!(matches!(error, IndexError::Maker { .. }), "{error}");
    }
    let newer = [b"longhand vectors 2\n".as_slice(), &codes[19..]].concat();
    assert!(matches!(open(&newer, &rows), Err(IndexError::Version { expected: 1, .. })));
    assert!(matches!(open(b"longhand terms 1\n", &rows), Err(IndexError::Foreign { .. })));
}

/// Memory that has no room for more than so many bytes.
#[derive(Debug)]
struct Full(Vec<u8>, usize);

impl Storage for Full {
    fn length(&self) -> std::io::Result<u64> {
        self.0.length()
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> std::io::Result<()> {
        self.0.read_at(offset, into)
    }
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let fitting = bytes.len().min(self.1.saturating_sub(self.0.len()));
        self.0.extend(&bytes[..fitting]);
        if fitting < bytes.len() { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
    fn cut(&mut self, length: u64) -> std::io::Result<()> {
        self.0.cut(length)
    }
}

#[test]
fn an_append_that_failed_leaves_nothing_behind() {
    for room in 0..200 {
        let Ok(mut index) = VectorIndex::open(Full(Vec::new(), room), Full(Vec::new(), 50), 3, "test") else {
            continue;
        };
        let pushed = (0..6).filter(|_| index.push(&[1.0, 2.0, 2.0]).is_ok()).count();
        assert_eq!(index.len(), pushed);
        (index.log.storage_mut().1, index.rows.1) = (1_000, 1_000);
        index.push(&[0.0, 1.0, 0.0]).unwrap();
        let [codes, rows] = index.storages();
        let again = open(&codes.0, &rows.0).unwrap();
        assert_eq!((again.len(), again.lost()), (pushed + 1, 0));
        assert_eq!(again.search(&[0.0, 1.0, 0.0], 1).unwrap()[0].position, pushed);
    }
}

#[test]
fn an_index_lies_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let mut options = std::fs::File::options();
        options.read(true).write(true).create(true).truncate(false).open(folder.path().join(name)).unwrap()
    };
    let vectors = random_vectors(700, 20, 5);
    let mut index = VectorIndex::open(file("codes"), file("rows"), 20, "test").unwrap();
    index.push_all(vectors[..600].iter().map(Vec::as_slice)).unwrap();
    index.forget(3).unwrap();
    drop(index);
    let mut index = VectorIndex::open(file("codes"), file("rows"), 20, "test").unwrap();
    for vector in &vectors[600..] {
        index.push(vector).unwrap();
    }
    let mut whole = index_of(&vectors);
    whole.forget(3).unwrap();
    assert_eq!(index.search(&vectors[3], 10).unwrap(), whole.search(&vectors[3], 10).unwrap());
    file("codes").set_len(5_000).unwrap();
    assert_eq!(VectorIndex::open(file("codes"), file("rows"), 20, "test").unwrap().len(), 0);
}
