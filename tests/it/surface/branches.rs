//! `runs diff` and `runs fork`: runs held against each other, and branched off.

use insta::assert_snapshot;
use serde_json::Value;

use crate::longhand::{Longhand, document};

const RUN: [&str; 6] = ["run", "chain-of-agents", "a.md", "--model", "scripted:script.yaml", "--window"];

/// A project with a finished run over one document, and the report of it.
fn prepared() -> (Longhand, Value) {
    let longhand = Longhand::new();
    longhand
        .file("longhand.yaml", "{}\n")
        .file("a.md", document(60))
        .file("script.yaml", "max_output: 100\n");
    let ended = longhand.run(&[&RUN[..], &["700", "--json"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    (longhand, ended.json())
}

fn name(report: &Value) -> &str {
    report["run"].as_str().unwrap()
}

fn calls(report: &Value) -> &Vec<Value> {
    report["calls"].as_array().unwrap()
}

#[test]
fn a_fork_takes_over_what_stands_before_and_does_the_rest_anew() {
    let (longhand, old) = prepared();
    longhand.file("prompts/manager.tera", "MINE {{ notes }} {{ document }} {{ question }}");
    let ended = longhand.run(&["runs", "fork", name(&old), "--from", "answer", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let new = ended.json();
    assert_ne!(name(&new), name(&old));
    assert_eq!(calls(&new).len(), calls(&old).len());
    let (again, taken): (Vec<&Value>, Vec<&Value>) =
        calls(&new).iter().partition(|call| call["cached"] == false);
    assert_eq!((again.len(), &again[0]["node"]), (1, &"answer".into()));
    assert!(taken.iter().all(|call| call["node"] == "read"));
    assert_eq!(new["usage"]["prompt_tokens"], again[0]["prompt_tokens"], "what was taken over cost nothing");
    assert!(new["summaries"][0]["text"].as_str().unwrap().starts_with("MINE"), "{new}");
    let shown = longhand.run(&["runs", "show", name(&new), "--json"]).json();
    assert_eq!(shown, new, "the journal tells the same");
    longhand.run(&["runs", "rm", name(&old)]);
    assert_eq!(longhand.run(&["runs", "show", name(&new), "--json"]).json(), new, "a fork stands alone");
}

#[test]
fn a_fork_is_refused_where_what_stands_before_has_changed() {
    let (longhand, old) = prepared();
    let fork = |rest: &[&str]| longhand.run(&[&["runs", "fork", name(&old)], rest].concat());
    assert_snapshot!(fork(&["--from", "answer", "-p", "question=Which day?"]).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: the input `question` is another one, and `chunks` read it before

    hint: branch off there: `--from chunks`
    ");
    assert_snapshot!(fork(&["--from", "anser"]).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: workflow `chain-of-agents` has no node `anser`

    hint: its nodes are: chunks, read, answer, overview
    ");
    longhand.file(
        "prompts/worker.tera",
        "{{ chunk }}{{ unit }}{{ index }}{{ count }}{{ document }}{{ question }}",
    );
    assert_snapshot!(fork(&["--from", "answer"]).shown(), @r"
    exit 3
    --- stdout
    --- stderr
    error: `chunks`, its agent or its prompt has changed since the run was made

    hint: put it back as it was, or branch off there: `--from chunks`
    ");
    std::fs::remove_file(longhand.work().join("prompts/worker.tera")).unwrap();
    longhand.file("a.md", "Another text.");
    assert_snapshot!(fork(&["--from", "answer"]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: `a.md` is not what the run [run] read, and what it made of it would be taken over

    hint: put the documents back as they were, branch off at the first node, or start a new run
    ");
    assert_eq!(
        longhand.run(&["runs", "list", "--json"]).json().as_array().unwrap().len(),
        1,
        "nothing was begun"
    );
    let anew = fork(&["--from", "chunks", "-p", "question=Which day?", "--json"]);
    assert_eq!(anew.code, Some(0), "{}", anew.shown());
    assert!(calls(&anew.json()).iter().all(|call| call["cached"] == false));
}

#[test]
fn two_runs_are_held_against_each_other_call_by_call() {
    let (longhand, old) = prepared();
    let same = longhand.run(&[&RUN[..], &["700", "--json"]].concat()).json();
    let diff = longhand.run(&["runs", "diff", name(&old), name(&same), "--json"]).json();
    assert_eq!((&diff["same"], diff["differing"].as_array().unwrap().len()), (&calls(&old).len().into(), 0));
    longhand.file("prompts/manager.tera", "MINE {{ notes }} {{ document }} {{ question }}");
    let new = longhand.run(&["runs", "fork", name(&old), "--from", "answer", "--json"]).json();
    let diff = longhand.run(&["runs", "diff", name(&old), name(&new), "--json"]).json();
    let schema = longhand.run(&["schema", "diff"]).json();
    assert!(jsonschema::is_valid(&schema, &diff), "{diff}");
    assert_eq!(diff["same"], calls(&old).len() - 1);
    let differing = diff["differing"].as_array().unwrap();
    assert_eq!((differing.len(), &differing[0]["a"]["node"]), (1, &"answer".into()));
    assert_eq!(differing[0]["prompt"]["line"], 2);
    let told = longhand.run(&["runs", "diff", name(&old), name(&new)]);
    assert_eq!(told.code, Some(0));
    assert!(told.stdout.contains("1 differ, 0 only in a, 0 only in b"), "{}", told.stdout);
    assert!(told.stdout.contains("prompt from line 2:"), "{}", told.stdout);
    longhand.file("a.md", document(9));
    let short = longhand.run(&[&RUN[..], &["700", "--json"]].concat()).json();
    let diff = longhand.run(&["runs", "diff", name(&old), name(&short), "--json"]).json();
    assert_eq!(diff["only_a"].as_array().unwrap().len(), calls(&old).len() - calls(&short).len());
}
