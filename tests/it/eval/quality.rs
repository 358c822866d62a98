//! `longhand eval math`: problems of our own and a scripted model (`tests/fixtures/math`), and the public sets where they are there.
//!
//! In rounds, pens, seats and noon are solved; in one answer, pens, lamps and noon. The seats take two rounds, the lamps are cut twice
//! and then repeat their summary, the count ends at three rounds, and where nothing is said the rounds end empty.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::golden::folder;
use crate::longhand::{Ended, Longhand};

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/math");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn prepared() -> Longhand {
    let longhand = Longhand::new();
    longhand.file("script.yaml", fixture("script.yaml")).file("problems.jsonl", fixture("problems.jsonl"));
    longhand
}

/// Measures with rounds so short that some are cut.
fn measured(longhand: &Longhand, args: &[&str]) -> Ended {
    let short = ["--segment", "16", "--summary", "16", "--rounds", "3", "--model", "scripted:script.yaml"];
    longhand.run(&[&["eval", "math"], args, &short].concat())
}

/// The cells of a row of the first table: single-shot, in rounds, and the difference.
fn row(ended: &Ended, name: &str) -> Value {
    let tables = ended.json();
    let rows = tables[0]["rows"].as_array().unwrap();
    let found = rows.iter().find(|row| row["name"] == name);
    found.unwrap_or_else(|| panic!("no row {name:?} in {tables}"))["cells"].clone()
}

fn runs(longhand: &Longhand) -> usize {
    longhand.run(&["runs", "list", "--json"]).json().as_array().unwrap().len()
}

#[test]
fn our_own_problems_are_solved_in_both_ways_and_nothing_is_asked_twice() {
    let longhand = prepared();
    let ended = measured(&longhand, &["--file", "problems.jsonl", "--quiet"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    insta::assert_snapshot!(ended.stdout);
    assert_eq!(runs(&longhand), 14);
    let again = measured(&longhand, &["--file", "problems.jsonl", "--quiet"]);
    assert_eq!((again.stdout, runs(&longhand)), (ended.stdout, 14));
    // The runs are like any other.
    let list = longhand.run(&["runs", "list", "--json"]).json();
    let shown = longhand.run(&["runs", "show", list[0]["run"].as_str().unwrap()]);
    assert_eq!(shown.code, Some(0), "{}", shown.shown());
}

#[test]
fn an_evaluation_goes_on_where_its_budget_ended_it() {
    let longhand = prepared();
    let few = measured(&longhand, &["--file", "problems.jsonl", "--max-tokens", "1600"]);
    assert_eq!(few.code, Some(4), "{}", few.shown());
    assert!(few.stderr.contains("of 7 problems are finished: "), "{}", few.shown());
    assert!(few.stderr.contains("--max-tokens") && few.stdout.is_empty(), "{}", few.shown());
    assert!((2..14).contains(&runs(&longhand)), "{}", runs(&longhand));
    let whole = measured(&longhand, &["--file", "problems.jsonl", "--quiet"]);
    assert_eq!(whole.code, Some(0), "{}", whole.shown());
    assert_eq!(runs(&longhand), 14);
    assert_eq!(whole.stdout, measured(&prepared(), &["--file", "problems.jsonl", "--quiet"]).stdout);
}

#[test]
fn a_seed_draws_a_sample_and_a_trained_model_is_told_nothing_of_rounds() {
    let longhand = prepared();
    let drawn = measured(&longhand, &["--file", "problems.jsonl", "--sample", "3", "--seed", "5", "--json"]);
    assert_eq!(row(&drawn, "problems"), serde_json::json!([3, 3, 3]));
    let title = drawn.json()[0]["title"].as_str().unwrap().to_owned();
    assert!(title.contains("3 of 7 problems, sample seed 5"), "{title}");
    assert!(title.contains("our adaptation, not the paper's method"), "{title}");
    let trained = measured(&longhand, &["--file", "problems.jsonl", "--trained", "--json"]);
    let title = trained.json()[0]["title"].as_str().unwrap().to_owned();
    assert!(title.contains("and inftythink, scripted:") && !title.contains("adaptation"), "{title}");
    assert_eq!(row(&trained, "pass@1")[0], row(&trained, "pass@1")[1]);
}

#[test]
fn a_problem_whose_prompt_does_not_fit_fails_and_the_others_are_solved() {
    let longhand = prepared();
    let long = serde_json::json!({"question": "Long. ".repeat(1000), "answer": 1}).to_string();
    longhand.file("long.jsonl", format!("{long}\n{}", fixture("problems.jsonl").lines().next().unwrap()));
    let ended = measured(&longhand, &["--file", "long.jsonl", "--json"]);
    assert_eq!(ended.code, Some(5), "{}", ended.shown());
    assert_eq!(row(&ended, "runs that failed"), serde_json::json!([1, 1, null]));
    assert_eq!(row(&ended, "pass@1"), serde_json::json!([0.5, 0.5, 0.0]));
    assert!(
        ended.stderr.contains("failed in rounds: ") && ended.stderr.contains("window"),
        "{}",
        ended.shown()
    );
}

#[test]
fn what_is_missing_is_named_with_a_remedy() {
    let longhand = prepared();
    let nowhere = measured(&longhand, &["gsm8k"]);
    assert!(nowhere.code == Some(2) && nowhere.stderr.contains("LONGHAND_DATA"), "{}", nowhere.shown());
    let asked = measured(&longhand, &["gsm8k", "--data", "."]);
    assert_eq!(asked.code, Some(1), "{}", asked.shown());
    for told in
        ["cannot measure `gsm8k`", "math/gsm8k_test.dev660.jsonl.gz", "--data", "--file", "inftythink.md"]
    {
        assert!(asked.stderr.contains(told), "{told}: {}", asked.shown());
    }
    longhand.file("math/amc23.jsonl", "{\"question\": \"Two pens? two pens\", \"answer\": 4.0}\n");
    let any = measured(&longhand, &["--data", ".", "--json"]);
    assert_eq!((any.code, any.json().as_array().unwrap().len()), (Some(0), 1), "{}", any.shown());
    assert_eq!(row(&any, "pass@1"), serde_json::json!([1.0, 1.0, 0.0]));
    for set in ["math500", "gsm8k"] {
        assert!(any.stderr.contains(&format!("skipped {set}: ")), "{set}: {}", any.shown());
    }
    let wide =
        ["eval", "math", "--file", "problems.jsonl", "--model", "scripted:script.yaml", "--window", "300"];
    let wide = longhand.run(&wide);
    assert!(wide.code == Some(3) && wide.stderr.contains("window of 300"), "{}", wide.shown());
    longhand.file("broken.jsonl", "{\"question\": \"Why?\"}\n");
    let broken = measured(&longhand, &["--file", "broken.jsonl"]);
    assert!(broken.stderr.contains("problem 1 lacks its `question` or its `answer`"), "{}", broken.shown());
    longhand.file("empty.jsonl", "\n");
    let empty = measured(&longhand, &["--file", "empty.jsonl"]);
    assert!(empty.code == Some(1) && empty.stderr.contains("no problem in it"), "{}", empty.shown());
}

#[test]
fn the_public_sets_are_read_whole() {
    let Some(data) = folder("math/amc23.jsonl") else { return };
    let data: PathBuf = data;
    let longhand = prepared();
    let ended = measured(&longhand, &["--data", &data.display().to_string(), "--sample", "2", "--json"]);
    let tables = ended.json();
    for (table, told) in tables.as_array().unwrap().iter().zip(["MATH-500", "GSM8K", "AMC 2023"]) {
        let title = table["title"].as_str().unwrap();
        let of = [("MATH-500", "of 250"), ("GSM8K", "of 660"), ("AMC 2023", "of 40")];
        let (_, of) = of.iter().find(|(name, _)| *name == told).unwrap();
        assert!(title.starts_with(told) && title.contains(of), "{title}");
    }
}
