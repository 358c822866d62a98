//! `longhand eval memory` over small sets of our own (`tests/fixtures/memory`), whose figures can be worked out by hand.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::longhand::{Ended, Longhand};

pub(super) fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/memory")
}

fn measured(set: &[&str], data: &Path) -> Ended {
    let data = data.display().to_string();
    let args = [&["eval", "memory"], set, &["--embedder", "none", "--json", "--data", &data]].concat();
    Longhand::new().run(&args)
}

/// A figure of a table, and over how many questions it is.
fn figure(table: &Value, name: &str) -> (f64, u64) {
    let figures = table["figures"].as_array().unwrap();
    let found = figures.iter().find(|figure| figure["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no figure {name:?} in {table}"));
    (found["value"].as_f64().unwrap(), found["of"].as_u64().unwrap())
}

fn assert_figures(ended: &Ended, expected: &[(&str, f64, u64)]) {
    let tables = ended.json();
    for (name, value, of) in expected {
        let (found, counted) = figure(&tables[0], name);
        assert!(
            (found - value).abs() < 1e-9 && counted == *of,
            "{name}: {found} of {counted}\n{}",
            ended.shown()
        );
    }
}

#[test]
fn beam_finds_all_but_what_cannot_be_found() {
    let ended = measured(&["beam"], &fixture());
    // One of two questions of information extraction is in another language than the chat.
    assert_figures(
        &ended,
        &[
            ("information_extraction", 0.5, 2),
            ("knowledge_update", 1.0, 1),
            ("contradiction_resolution", 1.0, 1),
            ("multi_session_reasoning", 1.0, 1),
            ("temporal_reasoning", 1.0, 1),
            ("mean of the five retrieval abilities", 0.9, 6),
            // Neither question sounds like the statement that it falls under.
            ("instructions and preferences", 1.0, 2),
        ],
    );
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
}

#[test]
fn locomo_finds_all_but_what_cannot_be_found_and_misses_its_aim() {
    let ended = measured(&["locomo"], &fixture());
    // The second place of the first question stands in one text with the first; category 5 and a turn that is not there do not
    // count.
    assert_figures(
        &ended,
        &[
            ("1", 1.0, 1),
            ("2", 1.0, 1),
            ("3", 1.0, 1),
            ("4", 2.0 / 3.0, 3),
            ("categories 1 to 4", 5.0 / 6.0, 6),
        ],
    );
    assert_eq!(ended.code, Some(8), "{}", ended.shown());
}

#[test]
fn longmemeval_counts_sessions() {
    let ended = measured(&["longmemeval"], &fixture());
    assert_figures(&ended, &[("R@5 of sessions", 0.8, 5)]);
    assert_eq!(ended.code, Some(8), "{}", ended.shown());
}

#[test]
fn the_pool_counts_passages_and_leaves_musique_out() {
    let ended = measured(&["ir"], &fixture());
    assert_figures(
        &ended,
        &[
            ("success@5, words alone, own_double", 1.0, 2),
            ("R@50, words alone, own_double", 1.0, 2),
            ("nDCG@10, words alone, own_double", 1.0, 2),
            ("success@5, words alone, own_single", 0.8, 5),
            ("nDCG@10, words alone, own_single", 0.8, 5),
            ("success@5, words alone", 6.0 / 7.0, 7),
            ("R@50, words alone", 6.0 / 7.0, 7),
        ],
    );
    let names = ended.json().to_string();
    assert!(!names.contains("musique") && !names.contains("meaning"), "{names}");
}

#[test]
fn packed_files_are_read_as_plain_ones() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("beam")).unwrap();
    fs::create_dir(folder.path().join("locomo")).unwrap();
    let plain = fixture();
    for file in ["beam/100K-01.chat.jsonl", "locomo/locomo_dev7.json"] {
        let packed = fs::File::create(folder.path().join(format!("{file}.gz"))).unwrap();
        let mut packed = GzEncoder::new(packed, Compression::fast());
        packed.write_all(&fs::read(plain.join(file)).unwrap()).unwrap();
        packed.finish().unwrap();
    }
    fs::copy(plain.join("beam/100K-01.questions.json"), folder.path().join("beam/100K-01.questions.json"))
        .unwrap();
    for set in ["beam", "locomo"] {
        assert_eq!(measured(&[set], folder.path()).json(), measured(&[set], &plain).json(), "{set}");
    }
}

#[test]
fn what_is_missing_is_named_with_a_remedy() {
    let longhand = Longhand::new();
    longhand
        .file("data/locomo/locomo_dev7.json", fs::read(fixture().join("locomo/locomo_dev7.json")).unwrap());
    let data = longhand.work().join("data");
    let asked = measured(&["longmemeval"], &data);
    assert_eq!(asked.code, Some(1), "{}", asked.shown());
    for told in ["cannot measure `longmemeval`", "longmemeval_mini/dev2.json.gz", "--data", "docs/memory.md"]
    {
        assert!(asked.stderr.contains(told), "{told}: {}", asked.shown());
    }
    let any = measured(&[], &data);
    assert_eq!(any.json().as_array().unwrap().len(), 1, "{}", any.shown());
    for set in ["beam", "prompts", "longmemeval", "ir"] {
        assert!(any.stderr.contains(&format!("skipped {set}: ")), "{set}: {}", any.shown());
    }
    let empty = measured(&[], &longhand.home());
    assert!(empty.code == Some(1) && empty.stderr.contains("holds none of the sets"), "{}", empty.shown());
    longhand.file("data/locomo/locomo_dev7.json", "[{}]");
    let broken = measured(&["locomo"], &data);
    assert!(broken.stderr.contains("locomo_dev7.json.gz` is not as expected"), "{}", broken.shown());
}
