//! Gates: what waits, how it is said, and what a person can decide.

use insta::assert_snapshot;

use super::{only_run, prepared, prompts, run};

const DOCUMENTS: [&str; 2] = ["a.md", "b.md"];

#[test]
fn a_run_that_waits_says_what_for_and_how_to_decide() {
    let longhand = prepared();
    let ended = run(&longhand, "gated.yaml", &DOCUMENTS);
    assert_eq!(ended.code, Some(7));
    let report = ended.json();
    assert_eq!(report["outcome"], "waiting");
    let waiting = serde_json::json!([
        {"path": "a.md", "node": "check", "question": "Is it that?", "text": "a letter"},
        {"path": "b.md", "node": "check", "question": "Is it that?", "text": "report"},
    ]);
    assert_eq!(report["waiting"], waiting);
    assert_eq!(report["documents"][0]["status"], "waiting");
    let stderr = ended.shown().split("--- stderr").nth(1).unwrap().to_owned();
    assert_snapshot!(stderr);

    let again = run(&longhand, "gated.yaml", &DOCUMENTS);
    assert_eq!(again.code, Some(7));
    assert_snapshot!(again.shown());

    let run = only_run(&longhand);
    assert_eq!(longhand.run(&["runs", "list", "--json"]).json()[0]["state"], "waiting");
    let shown = longhand.run(&["runs", "show", &run]).shown();
    // What stands before tells of times.
    let (_, waiting) = shown.split_once("\n\n\n").unwrap();
    assert_snapshot!(waiting);
    // Going on without a decision asks nobody and waits again.
    assert_eq!(longhand.run(&["runs", "resume", &run]).code, Some(7));
    assert_eq!(prompts(&longhand).len(), 2);
}

#[test]
fn what_is_approved_goes_on_as_it_is_and_what_is_edited_as_it_was_edited() {
    let longhand = prepared();
    run(&longhand, "gated.yaml", &DOCUMENTS);
    let run = only_run(&longhand);
    let first = longhand.run(&["runs", "resume", &run, "--approve", "check", "--document", "a.md", "--json"]);
    assert_eq!(first.code, Some(7), "{}", first.shown());
    assert_eq!(first.json()["waiting"][0]["path"], "b.md");
    longhand.file("mine.txt", "my own words\n");
    let second = longhand.run(&["runs", "resume", &run, "--edit", "check=@mine.txt", "--json"]);
    assert_eq!(second.code, Some(0), "{}", second.shown());
    assert_eq!(second.json()["outcome"], "succeeded");
    let calls = prompts(&longhand);
    assert_eq!(calls[2].1, "Draft 1 of 1 from a letter.\nBefore: ");
    assert_eq!(calls[3].1, "Draft 1 of 1 from my own words.\nBefore: ");
}

#[test]
fn what_is_rejected_fails_its_source_and_is_asked_again_when_it_is_tried_again() {
    let longhand = prepared();
    run(&longhand, "gated.yaml", &DOCUMENTS);
    let run = only_run(&longhand);
    let resume = |more: &[&str]| longhand.run(&[&["runs", "resume", &run, "--json"], more].concat());
    resume(&["--approve", "check", "--document", "a.md"]);
    let rejected = resume(&["--reject", "check=it is a bill"]);
    assert_eq!(rejected.code, Some(5), "{}", rejected.shown());
    let failure = serde_json::json!([{"path": "b.md", "error": "rejected: it is a bill"}]);
    assert_eq!(rejected.json()["failed"], failure);
    let again = resume(&[]);
    assert_eq!((again.code, &again.json()["waiting"][0]["path"]), (Some(7), &"b.md".into()));
    assert_eq!(resume(&["--approve", "check"]).code, Some(0));
}

#[test]
fn what_is_rejected_stays_so_while_other_things_are_decided() {
    let longhand = prepared();
    assert_eq!(run(&longhand, "gates.yaml", &DOCUMENTS).code, Some(7));
    let run = only_run(&longhand);
    let resume = |more: &[&str]| longhand.run(&[&["runs", "resume", &run, "--json"], more].concat());
    let waiting = |report: &serde_json::Value| report["waiting"][0]["path"].as_str().unwrap().to_owned();
    let rejected = resume(&["--reject", "check=a bill", "--document", "b.md"]);
    assert_eq!((rejected.code, waiting(&rejected.json())), (Some(7), "a.md".to_owned()));
    let approved = resume(&["--approve", "check"]);
    assert_eq!((approved.code, waiting(&approved.json())), (Some(7), ".".to_owned()), "the archive is left");
    let ended = resume(&["--approve", "overview"]);
    assert_eq!(ended.code, Some(5), "{}", ended.shown());
    let report = ended.json();
    assert_eq!(report["failed"], serde_json::json!([{"path": "b.md", "error": "rejected: a bill"}]));
    assert_eq!(report["answer"], serde_json::Value::Null);
    assert!(report["summaries"].as_array().unwrap().iter().any(|summary| summary["path"] == "."), "{report}");
    // Asked for by name, it is tried again, and the person is asked again.
    let again = resume(&["--retry-failed"]);
    assert_eq!((again.code, waiting(&again.json())), (Some(7), "b.md".to_owned()));
}

#[test]
fn a_decision_about_nothing_is_refused() {
    let longhand = prepared();
    run(&longhand, "gated.yaml", &DOCUMENTS);
    let run = only_run(&longhand);
    let refused = |more: &[&str]| {
        let ended = longhand.run(&[&["runs", "resume", &run], more].concat());
        assert_eq!(ended.code, Some(2), "{}", ended.shown());
        ended.shown()
    };
    assert_snapshot!(refused(&["--approve", "chek"]));
    assert_snapshot!(refused(&["--approve", "check", "--document", "c.md"]));
    assert_snapshot!(refused(&["--edit", "check"]));
    assert_snapshot!(refused(&["--approve", "check", "--reject", "check"]));
    assert_snapshot!(refused(&["--document", "a.md"]));
    assert_eq!(prompts(&longhand).len(), 2);
}
