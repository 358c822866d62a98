//! Scores beside those computed by hand and beside an index made at once; logs that were cut and damaged.

use std::collections::BTreeSet;

use super::*;
use proptest::prelude::*;

#[test]
fn scores_are_those_computed_by_hand() {
    let index = Bm25::new(["cat dog", "cat cat mouse bird", "fish fish fish"]);
    let scores = index.scores("cats and fish");
    // Average length 3. idf(cat) = ln(1 + 1.5 / 2.5) = 0.470004, idf(fish) = ln(1 + 2.5 / 1.5) = 0.980829.
    // Text 0: 0.470004 * 2.2 / (1 + 1.2 * 0.75); text 1: 0.470004 * 4.4 / (2 + 1.2 * 1.25); text 2: 0.980829 * 6.6 / 4.2.
    for (score, expected) in scores.iter().zip([0.544_215, 0.590_862, 1.541_303]) {
        assert!((score - expected).abs() < 1e-5, "{scores:?}");
    }
    assert_eq!(scores.len(), 3);
    let top: Vec<(usize, f32)> =
        index.top("cats and fish", 2).iter().map(|hit| (hit.position, hit.score)).collect();
    assert_eq!(top, [(2, scores[2]), (1, scores[1])]);
}

#[test]
fn coverage_is_the_share_of_the_question_that_a_text_holds() {
    let index = Bm25::new(["cat dog", "cat", "fish"]);
    assert_eq!(index.coverage("the dog and the cat"), [1.0, index.coverage("dog cat")[1], 0.0]);
    // idf(cat) = ln(1 + 1.5 / 2.5) = 0.470004, idf(dog) = ln(1 + 2.5 / 1.5) = 0.980829, idf(unicorn) = ln(1 + 3.5 / 0.5) = 2.079442.
    let coverage = index.coverage("cat dog unicorn");
    assert!((coverage[0] - 0.410_969).abs() < 1e-5, "{coverage:?}");
    assert_eq!(index.coverage("the"), [0.0; 3]);
}

#[test]
fn nothing_in_common_is_zero() {
    assert_eq!(Bm25::new(["cat", ""]).scores("dog the"), [0.0, 0.0]);
    assert!(Bm25::new([]).scores("dog").is_empty());
    assert!(Bm25::new(["cat"]).top("dog", 3).is_empty() && Bm25::new(["cat"]).top("cat", 0).is_empty());
    let none = Bm25::new(["", "the"]);
    assert_eq!((none.top("cat", 3), none.coverage("cat")), (Vec::new(), vec![0.0, 0.0]));
}

#[test]
fn words_without_spaces_are_found() {
    let index = Bm25::new(["昨天我们在北京吃了烤鸭。", "京都的北边很冷。", "서울에서 김치를 먹었다"]);
    assert_eq!(index.top("北京", 3)[0].position, 0);
    assert_eq!(index.top("京都", 3)[0].position, 1);
    assert_eq!(index.top("김치", 3)[0].position, 2);
}

const WORDS: [&str; 12] =
    ["lamp", "brass", "ship", "fog", "gull", "v1.2", "3.14", "東京", "the", "2024-05-01", "harbour", ""];

fn texts() -> impl Strategy<Value = Vec<String>> {
    let text = prop::collection::vec(prop::sample::select(&WORDS[..]), 0..12);
    prop::collection::vec(text.prop_map(|words| words.join(" ")), 1..30)
}

fn kept(texts: &[String], forgotten: &BTreeSet<usize>) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    let mut index = KeptBm25::open(Vec::new()).unwrap();
    ends.push(index.storage().len());
    for text in texts {
        index.push(text).unwrap();
        ends.push(index.storage().len());
    }
    for position in forgotten {
        assert!(index.forget(*position).unwrap() && !index.forget(*position).unwrap());
    }
    bytes.append(&mut index.storage().clone());
    (bytes, ends)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_forgotten_text_counts_as_if_it_had_never_been_there(
        texts in texts(),
        out in prop::collection::btree_set(0usize..30, 0..8),
        k in 1usize..40,
    ) {
        let mut index = Bm25::default();
        for text in &texts {
            index.push(text).unwrap();
        }
        let out: BTreeSet<usize> = out.into_iter().filter(|at| index.forget(*at)).collect();
        let left: Vec<usize> = (0..texts.len()).filter(|at| !out.contains(at)).collect();
        let fresh = Bm25::new(left.iter().map(|at| texts[*at].as_str()));
        let query = "brass lamp in 東京, 2024-05-01 v1.2 lamp unicorn";
        for (all, few) in [
            (index.scores(query), fresh.scores(query)),
            (index.coverage(query), fresh.coverage(query)),
        ] {
            let of_left: Vec<f32> = left.iter().map(|at| all[*at]).collect();
            prop_assert!(of_left.iter().zip(&few).all(|(a, b)| (a - b).abs() < 1e-6), "{of_left:?} {few:?}");
            prop_assert!(out.iter().all(|at| all[*at] == 0.0));
        }
        let scores = index.scores(query);
        let mut expected: Vec<usize> = (0..texts.len()).filter(|at| scores[*at] > 0.0).collect();
        expected.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        expected.truncate(k);
        let top: Vec<usize> = index.top(query, k).iter().map(|hit| hit.position).collect();
        prop_assert_eq!(top, expected);
    }

    #[test]
    fn what_was_written_before_a_cut_is_there(
        texts in texts(),
        out in prop::collection::btree_set(0usize..4, 0..3),
        cut in any::<prop::sample::Index>(),
    ) {
        let out = out.into_iter().filter(|at| *at < texts.len()).collect();
        let (bytes, ends) = kept(&texts, &out);
        let cut = cut.index(bytes.len() + 1);
        let mut index = KeptBm25::open(bytes[..cut].to_vec()).unwrap();
        let whole = ends.iter().filter(|end| **end <= cut).count().saturating_sub(1);
        prop_assert_eq!(index.index().len(), whole);
        if cut == bytes.len() {
            prop_assert_eq!(index.index().living(), texts.len() - out.len());
            prop_assert_eq!(index.lost(), 0);
        }
        prop_assert_eq!(index.push("the brass lamp again").unwrap(), whole);
        let again = KeptBm25::open(index.storage().clone()).unwrap();
        prop_assert_eq!(again.lost(), 0);
        prop_assert_eq!(again.index().scores("lamp 東京"), index.index().scores("lamp 東京"));
    }

    #[test]
    fn damage_is_found_or_costs_the_last_record(
        texts in texts(),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let (mut bytes, ends) = kept(&texts, &BTreeSet::new());
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        match KeptBm25::open(bytes) {
            Ok(index) => {
                prop_assert!(at >= ends[ends.len() - 2]);
                prop_assert_eq!(index.index().len(), texts.len() - 1);
                prop_assert!(index.lost() > 0);
            }
            Err(IndexError::Damaged { offset, .. }) => prop_assert!(offset <= at as u64),
            Err(IndexError::Foreign { .. } | IndexError::Version { .. }) => prop_assert!(at < 20),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn any_bytes_are_an_index_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = KeptBm25::open(bytes.clone());
        let mut begun = KeptBm25::open(Vec::new()).unwrap().storage().clone();
        begun.extend(&bytes);
        let _ = KeptBm25::open(begun);
        let _ = record::Record::read(&bytes);
    }
}
