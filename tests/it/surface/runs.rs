//! Runs while they are alive, interrupted ones, and what is left of them.

use std::fs;

use insta::assert_snapshot;

use crate::longhand::{Longhand, document, timeless};

const RUN: [&str; 7] = ["summarize", "a.md", "--model", "scripted:script.yaml", "--window", "1200", "--json"];

/// A document of many chunks and a model that takes its time.
fn prepared() -> Longhand {
    let longhand = Longhand::new();
    longhand.file("a.md", document(300));
    longhand.file(
        "script.yaml",
        "context: 4000\nmax_output: 64\nlatency_ms: 200\nrules: [{when: '', say: Repairs.}]",
    );
    longhand
}

/// What an undisturbed run reports.
fn undisturbed() -> serde_json::Value {
    let longhand = prepared();
    timeless(longhand.run(&RUN).json())
}

fn only_run(longhand: &Longhand) -> serde_json::Value {
    let runs = longhand.run(&["runs", "list", "--json"]).json();
    assert_eq!(runs.as_array().unwrap().len(), 1, "{runs}");
    runs[0].clone()
}

#[test]
fn a_run_can_be_looked_at_while_it_is_alive() {
    let longhand = prepared();
    let mut working = longhand.begin(&RUN);
    working.until(" called ");
    let listed = only_run(&longhand);
    assert_eq!((&listed["state"], &listed["documents"]), (&"running".into(), &1.into()));
    let run = listed["run"].as_str().unwrap();

    let shown = longhand.run(&["runs", "show", run, "--json"]);
    assert_eq!(shown.code, Some(0), "{}", shown.shown());
    assert!(!shown.json()["calls"].as_array().unwrap().is_empty());
    assert_eq!(shown.json()["documents"][0]["status"], "open");
    let call = longhand.run(&["runs", "show", run, "--call", "0"]);
    assert!(
        call.stdout.contains("Entry 1 says that the mill was repaired on day 7 of the year."),
        "{}",
        call.shown()
    );
    assert!(call.stdout.ends_with("--- Answer (End)\nRepairs.\n"), "{}", call.shown());
    assert_eq!(longhand.run(&["runs", "show", run, "--call", "999"]).code, Some(2));
    let told = longhand.run(&["runs", "show", run]).stdout;
    assert!(!told.contains("worst case") && !told.contains("plan"), "the run has not ended: {told}");

    assert_snapshot!(longhand.run(&["runs", "rm", run]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: run `[run]` is held by another writer: wait until it ends, or stop it
    ");
    assert_snapshot!(longhand.run(&["runs", "resume", run]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: run `[run]` is held by another writer: wait until it ends, or stop it
    ");
    working.kill();
    assert_eq!(longhand.wait(working).code, None);
    assert_eq!(only_run(&longhand)["state"], "interrupted");
    assert_snapshot!(longhand.run(&["runs", "rm", run]).shown(), @r"
    exit 0
    --- stdout
    --- stderr
    removed [run]
    ");
    assert_eq!(longhand.run(&["runs", "list"]).stdout, "");
}

#[test]
fn an_interrupt_is_a_checkpoint() {
    let longhand = prepared();
    let mut working = longhand.begin(&RUN);
    working.until(" called ");
    working.interrupt();
    let ended = longhand.wait(working);
    let done = ended.json()["calls"].as_array().unwrap().len();
    assert_snapshot!(crate::longhand::Ended { stdout: String::new(), ..ended }.shown(), @r"
    exit 130
    --- stdout
    --- stderr
    stopping: finishing what is in flight; interrupt again to drop it
    interrupted; go on with: longhand runs resume [run]
    ");
    let run = only_run(&longhand);
    assert_eq!(run["state"], "interrupted");
    // The workflow and the script are found from any folder.
    fs::create_dir(longhand.work().join("elsewhere")).unwrap();
    let mut command = longhand.command(&["runs", "resume", run["run"].as_str().unwrap(), "--json"]);
    let mut working = longhand.begin_as(command.current_dir(longhand.work().join("elsewhere")));
    working.until(" called ");
    let resumed = longhand.wait(working);
    assert_eq!(resumed.code, Some(0), "{}", resumed.shown());
    let whole = undisturbed();
    assert!(done < whole["calls"].as_array().unwrap().len());
    assert_eq!(timeless(resumed.json()), whole);
}

#[test]
fn a_second_interrupt_drops_what_is_in_flight() {
    let longhand = prepared();
    let script = fs::read_to_string(longhand.work().join("script.yaml")).unwrap();
    // The second call never ends by itself, and is under way before anything is interrupted.
    longhand
        .file("script.yaml", format!("{script}\nfailures: [{{when: 'Repairs.', times: 1, silent: true}}]"));
    let mut working = longhand.begin(&RUN);
    working.until(" called ");
    working.until(" asks ");
    working.interrupt();
    working.until("stopping:");
    working.interrupt();
    let ended = longhand.wait(working);
    assert_eq!(ended.code, Some(130), "{}", ended.shown());
    longhand.file("script.yaml", script);
    let run = only_run(&longhand);
    assert_eq!(run["state"], "interrupted");
    let resumed = longhand.run(&["runs", "resume", run["run"].as_str().unwrap(), "--json"]);
    assert_eq!(timeless(resumed.json()), undisturbed());
}

#[test]
fn the_same_command_goes_on_with_a_killed_run() {
    let longhand = prepared();
    let mut working = longhand.begin(&RUN);
    working.until(" called ");
    working.kill();
    longhand.wait(working);
    let again = longhand.run(&RUN);
    assert_eq!(again.code, Some(0), "{}", again.shown());
    assert!(again.stderr.starts_with("going on with the interrupted run "), "{}", again.stderr);
    assert_eq!(timeless(again.json()), undisturbed());
    assert_eq!(only_run(&longhand)["state"], "succeeded");
    let new = longhand.run(&RUN);
    assert!(!new.stderr.contains("going on"), "a run that came to its end is not taken up again");
}
