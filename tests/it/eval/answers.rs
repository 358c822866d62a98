//! Answers are compared as math-verify compares them: over pairs of our own, and over recordings where `LONGHAND_DATA` names them.

use std::fs;
use std::io::Read;

use flate2::read::GzDecoder;
use longhand::answer::{AnswerKind, equivalent, extract};
use serde_json::Value;

use super::golden::folder;

/// Returns the pairs that are judged otherwise than they are labelled.
fn wrong(rows: &str, label: impl Fn(&Value) -> bool) -> (usize, Vec<String>) {
    let mut wrong = Vec::new();
    let mut counted = 0;
    for row in rows.lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let (gold, other) = (row["gold"].as_str().unwrap(), row["cand"].as_str().unwrap());
        let (there, back) = (equivalent(gold, other), equivalent(other, gold));
        if (there, back) != (label(&row), label(&row)) {
            wrong.push(format!("{gold} | {other}: {there}, {back}, labelled {}", label(&row)));
        }
        counted += 1;
    }
    (counted, wrong)
}

#[test]
fn pairs_are_judged_as_math_verify_judges_them() {
    let rows = include_str!("../../fixtures/answers/pairs.jsonl");
    let (_, wrong_pairs) = wrong(rows, |row| row.get("ours").unwrap_or(&row["equal"]).as_bool().unwrap());
    assert!(wrong_pairs.is_empty(), "{}", wrong_pairs.join("\n"));
    let rows: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let count =
        |equal: bool| rows.iter().filter(|row| row["equal"] == equal && row.get("ours").is_none()).count();
    assert!(count(true) >= 400 && count(false) >= 380, "{}, {}", count(true), count(false));
    let differ = rows.iter().filter(|row| row.get("ours").is_some()).count();
    assert_eq!(differ, 44, "what differs from math-verify is named in the README");
}

#[test]
fn recorded_pairs_are_judged_as_they_are_labelled() {
    let file = "metric_golden/math_equiv.jsonl";
    let Some(data) = folder(file) else { return };
    let rows = fs::read_to_string(data.join(file)).unwrap();
    let (counted, wrong) = wrong(&rows, |row| row["equal"].as_bool().unwrap());
    assert!(wrong.is_empty(), "{} of {counted}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(counted >= 500, "{counted} pairs");
}

/// The rows of a compressed set.
fn rows(file: &str) -> Option<Vec<Value>> {
    let packed = fs::File::open(folder(file)?.join(file)).unwrap();
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    Some(text.lines().map(|row| serde_json::from_str(row).unwrap()).collect())
}

#[test]
fn the_boxes_of_real_solutions_hold_their_answers() {
    let Some(rows) = rows("math/math500.dev250.jsonl.gz") else { return };
    for row in &rows {
        let found = extract(row["solution"].as_str().unwrap(), AnswerKind::Math).unwrap_or_default();
        let answer = row["answer"].as_str().unwrap();
        assert!(found == answer || equivalent(found, answer), "{found}, expected {answer}");
    }
    let to_the_letter = rows
        .iter()
        .filter(|row| extract(row["solution"].as_str().unwrap(), AnswerKind::Math) == row["answer"].as_str());
    assert_eq!((to_the_letter.count(), rows.len()), (250, 250));
}

#[test]
fn the_numbers_of_real_solutions_are_found_with_and_without_their_mark() {
    let Some(rows) = rows("math/gsm8k_test.dev660.jsonl.gz") else { return };
    for row in &rows {
        let solution = row["answer"].as_str().unwrap();
        let (prose, marked) = solution.split_once("####").unwrap();
        let found = extract(solution, AnswerKind::Number).unwrap();
        assert!(equivalent(found, marked), "{found}, expected {marked}");
        let said = format!("{prose}\nThe answer is ${}.", marked.trim());
        let found = extract(&said, AnswerKind::Number).unwrap();
        assert!(equivalent(found, marked), "{found}, expected {marked}");
    }
    assert!(rows.len() >= 600, "{}", rows.len());
}
