//! What is appended comes back, in order, whoever appends and however large it is.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;

use longhand::ContentHash;
use longhand::name::RunId;
use longhand::store::{Durability, Journal, JournalReader, Store, StoreError};
use proptest::prelude::*;
use serde_json::{Value, json};

fn run() -> RunId {
    "first".parse().unwrap()
}

fn read(journal: &Journal) -> Vec<(u64, String)> {
    journal.entries().collect::<Result<_, _>>().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_of_any_size_come_back_in_order(
        sizes in prop::collection::vec(prop_oneof![0_usize..40, 1000_usize..1050, 0_usize..200_000], 0..30),
        reopen_at in 0_usize..30,
        kill_safe in any::<bool>(),
    ) {
        let durability = if kill_safe { Durability::Kill } else { Durability::None };
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut journal = store.create_run(&run(), durability).unwrap();
        let texts: Vec<String> = sizes.iter().enumerate().map(|(at, size)| format!("{at}é").repeat(*size / 3)).collect();
        for (at, text) in texts.iter().enumerate() {
            if at == reopen_at {
                drop(journal);
                journal = store.open_run(&run(), durability).unwrap();
            }
            prop_assert_eq!(journal.append(text).unwrap(), at as u64);
        }
        let expected: Vec<(u64, String)> = (0..).zip(texts).collect();
        prop_assert_eq!(&read(&journal), &expected);
        drop(journal);
        let journal = store.open_run(&run(), durability).unwrap();
        prop_assert_eq!(journal.recovery(), None);
        prop_assert_eq!(&read(&journal), &expected);
        drop(journal);
        let reader = store.read_run(&run()).unwrap();
        prop_assert_eq!(reader.entries().collect::<Result<Vec<(u64, String)>, _>>().unwrap(), expected);
    }
}

#[test]
fn the_ending_is_the_last_of_the_records() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let journal = store.create_run(&run(), Durability::Kill).unwrap();
    let mut expected = Vec::new();
    for n in 0..400_u64 {
        let reader = store.read_run(&run()).unwrap();
        let ending = reader.ending::<String>().unwrap();
        assert!(expected.ends_with(&ending), "{n}");
        // Small journals are all ending; of a long one there is enough to find what was said last.
        assert!(ending.len() == expected.len() || ending.len() > 50, "{n}: {}", ending.len());
        let word = |at: u64| format!("{:x} ", (n * 60 + at).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let text = (0..60).map(word).collect::<Vec<_>>().concat();
        journal.append(&text).unwrap();
        expected.push(text);
    }
    assert!(store.read_run(&run()).unwrap().ending::<String>().unwrap().len() < 400);
    // A long record whose writer was killed half-way is none, and hides none.
    drop(journal);
    let mut file = fs::File::options().append(true).open(folder.path().join("runs/first/records")).unwrap();
    file.write_all("x".repeat(100_000).as_bytes()).unwrap();
    assert_eq!(store.read_run(&run()).unwrap().ending::<String>().unwrap(), Vec::<String>::new());
}

#[test]
fn many_threads_append_and_each_number_is_given_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let journal = store.create_run(&run(), Durability::Kill).unwrap();
    let given: Vec<(u64, String)> = std::thread::scope(|scope| {
        let append = |thread: usize| {
            let journal = &journal;
            move || {
                (0..25)
                    .map(|n| {
                        let text = format!("{thread} {n} ").repeat(1 + n * 20);
                        (journal.append(&text).unwrap(), text)
                    })
                    .collect::<Vec<_>>()
            }
        };
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(append(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut sorted = given;
    sorted.sort_unstable();
    assert_eq!(sorted.iter().map(|(seq, _)| *seq).collect::<BTreeSet<_>>(), (0..200).collect());
    // What a kill would leave is what a reader beside the writer finds.
    let reader = store.read_run(&run()).unwrap();
    assert!(reader.live());
    assert_eq!(reader.entries().collect::<Result<Vec<(u64, String)>, _>>().unwrap(), sorted);
}

#[test]
fn records_that_are_forced_take_their_turn_among_those_that_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for durability in [Durability::Kill, Durability::None] {
        let run: RunId = format!("{durability:?}").parse().unwrap();
        let journal = store.create_run(&run, durability).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let journal = &journal;
                scope.spawn(move || {
                    for n in 0..6 {
                        let text = format!("{thread} {n} ").repeat(1 + n * 20);
                        let append = if n % 3 == 0 { Journal::append_forced } else { Journal::append };
                        let seq = append(journal, &text).unwrap();
                        // What is forced is with the system at the latest, and so is all before it.
                        let found = journal_now(journal, seq);
                        assert!(n % 3 != 0 || found == Some(text));
                    }
                });
            }
        });
        drop(journal);
        let journal = store.open_run(&run, durability).unwrap();
        assert_eq!((journal.recovery(), read(&journal).len()), (None, 48));
    }
}

#[test]
fn journals_go_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Journal>();
    shared::<JournalReader>();
    shared::<Store>();
}

#[test]
fn blobs_come_back_by_their_hash() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let journal = store.create_run(&run(), Durability::Kill).unwrap();
    for bytes in [Vec::new(), b"a".to_vec(), vec![0; 100_000]] {
        let hash = journal.put_blob(&bytes).unwrap();
        assert_eq!(hash, ContentHash::of(&bytes));
        assert_eq!(journal.put_blob(&bytes).unwrap(), hash);
        assert_eq!(journal.blob(&hash).unwrap(), bytes);
        assert_eq!(store.read_run(&run()).unwrap().blob(&hash).unwrap(), bytes);
    }
    let absent = journal.blob(&ContentHash::of(b"b")).unwrap_err();
    assert!(matches!(absent, StoreError::MissingBlob { .. }));
    let message = absent.to_string().replace(&folder.path().display().to_string(), "STORE");
    insta::assert_snapshot!(message, @"blob `10e5cf3d` is missing: expected it at `STORE/runs/first/blobs/10/10e5cf3d3c8a4f9f3468c8cc58eea84892a22fdadbc1acb22410190044c1d553`");
}

#[test]
fn a_record_of_another_form_is_named_and_the_walk_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let journal = store.create_run(&run(), Durability::None).unwrap();
    journal.append(&json!("text")).unwrap();
    journal.append(&json!(7)).unwrap();
    let walked: Vec<Result<(u64, u32), StoreError>> = journal.entries().collect();
    assert!(matches!(walked.as_slice(), [Err(StoreError::Decode { seq: 0, .. }), Ok((1, 7))]));
}

#[test]
fn a_value_that_is_not_json_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let journal = store.create_run(&run(), Durability::Kill).unwrap();
    let keys_are_no_texts = std::collections::BTreeMap::from([(vec![1], 2)]);
    assert!(matches!(journal.append(&keys_are_no_texts), Err(StoreError::Encode { .. })));
    assert_eq!(journal.append(&"next").unwrap(), 0);
    assert_eq!(journal.entries::<Value>().count(), 1);
}

fn journal_now(journal: &Journal, seq: u64) -> Option<String> {
    let records = journal.spool().parent().unwrap().parent().unwrap().parent().unwrap().to_owned();
    let reader = Store::open(&records).unwrap().read_run(journal.run()).unwrap();
    let found = reader.entries::<String>().map(Result::unwrap).find(|(found, _)| *found == seq);
    found.map(|(_, text)| text)
}
