//! `--jsonl`: a line for everything that happens, and the report last.

use serde_json::Value;

use crate::longhand::{Longhand, document, timeless};

#[test]
fn a_run_is_told_line_by_line_and_ends_with_its_report() {
    let longhand = Longhand::new();
    longhand.file("in/1.md", document(40)).file("in/2.md", document(9)).file("in/3.png", b"\x89PNG\0");
    let ended = longhand.run(&[
        "summarize",
        "in",
        "-m",
        "tree",
        "--model",
        "scripted",
        "--window",
        "1500",
        "--jsonl",
    ]);
    assert_eq!(ended.code, Some(5), "{}", ended.shown());
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let schema = longhand.run(&["schema", "events"]).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for line in &lines {
        assert!(validator.is_valid(line), "{line}");
    }
    assert!(!validator.is_valid(&serde_json::json!({ "event": "document", "path": 1 })));
    let (last, before) = lines.split_last().unwrap();
    let of = |kind: &str| before.iter().filter(|line| line["event"] == kind).count();
    let report = &last["report"];
    assert_eq!((&before[0]["event"], &last["event"]), (&"started".into(), &"report".into()));
    assert_eq!((of("document"), of("refused"), of("gathered"), of("ended")), (2, 1, 1, 1));
    assert_eq!(of("call"), report["calls"].as_array().unwrap().len());
    // Two sources of three nodes, and the archive's one.
    assert_eq!(of("done"), 7);
    for line in before {
        assert!(!line.to_string().contains("was repaired"), "text of a document: {line}");
    }
    let run = report["run"].as_str().unwrap();
    let shown = longhand.run(&["runs", "show", run, "--json"]).json();
    assert_eq!(timeless(shown), timeless(report.clone()));
}

#[test]
fn one_document_and_many_lines_exclude_each_other() {
    let ended = Longhand::new().run(&["summarize", "a", "--json", "--jsonl"]);
    assert_eq!(ended.code, Some(2), "{}", ended.shown());
}
