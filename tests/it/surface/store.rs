//! `store`: verifying, compacting and bringing up a store, as a person meets it.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use crate::longhand::{Longhand, document};

const RUN: [&str; 6] = ["run", "chain-of-agents", "a.md", "--model", "scripted", "--json"];

fn prepared() -> Longhand {
    let longhand = Longhand::new();
    longhand.file("a.md", document(40));
    longhand
}

/// Runs the chain and names the run.
fn done(longhand: &Longhand) -> String {
    let ended = longhand.run(&RUN);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    ended.json()["run"].as_str().unwrap().to_owned()
}

fn records(longhand: &Longhand, run: &str) -> std::path::PathBuf {
    longhand.home().join("store/runs").join(run).join("records")
}

#[test]
fn verifying_tells_what_is_whole_and_what_is_not() {
    let longhand = prepared();
    let run = done(&longhand);
    let shown = |longhand: &Longhand| longhand.run(&["store", "verify"]).shown().replace(&run, "RUN");
    assert_snapshot!(shown(&longhand), @r"
    exit 0
    --- stdout
    [run]  10 records are whole
    answers that later runs can be served: 2 of 2 entries
    everything is whole
    --- stderr
    ");
    let path = records(&longhand, &run);
    let mut bytes = fs::read(&path).unwrap();
    // The second line, which begins after the first line feed.
    let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    bytes[second + 20] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_snapshot!(shown(&longhand), @r"
    exit 1
    --- stdout
    [run]  9 records are whole; DAMAGED: 1 (numbers 1): what they told of is done again when the run is resumed
    answers that later runs can be served: 2 of 2 entries
    1 of 1 runs are damaged
    --- stderr
    ");
    let found = longhand.run(&["store", "verify", "--json"]);
    assert_eq!(found.code, Some(1));
    assert_eq!(found.json()["runs"][0]["damaged"], serde_json::json!([1]));
}

#[test]
fn compacting_keeps_every_run_and_every_answer_that_can_be_served() {
    let longhand = prepared();
    let first = done(&longhand);
    let report = longhand.run(&["runs", "show", &first, "--json"]).json();
    done(&longhand);
    let before = longhand.run(&["cache", "stats", "--json"]).json();
    assert_eq!(before["entries"], 2 * before["live"].as_u64().unwrap(), "{before}");
    let compacted = longhand.run(&["store", "compact", "--json"]).json();
    assert_eq!(compacted["runs"], 2);
    assert!(compacted["bytes_after"].as_u64() < compacted["bytes_before"].as_u64(), "{compacted}");
    let after = longhand.run(&["cache", "stats", "--json"]).json();
    assert_eq!((&after["entries"], &after["live"]), (&before["live"], &before["live"]));
    assert_eq!(longhand.run(&["runs", "show", &first, "--json"]).json(), report);
    assert_eq!(longhand.run(&["store", "verify"]).code, Some(0));
    let third = longhand.run(&RUN).json();
    assert!(third["calls"].as_array().unwrap().iter().all(|call| call["cached"] == true), "{third}");
    assert_snapshot!(longhand.run(&["store", "migrate"]).shown(), @r"
    exit 0
    --- stdout
    the store has the newest version already
    --- stderr
    ");
}

#[test]
fn an_older_store_is_named_with_its_remedy_and_brought_up() {
    let longhand = prepared();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-1");
    let store = longhand.home().join("store");
    for entry in walkdir::WalkDir::new(&fixture) {
        let entry = entry.unwrap();
        let to = store.join(entry.path().strip_prefix(&fixture).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(to).unwrap();
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
    for command in [["runs", "list"], ["store", "verify"]] {
        assert_eq!(longhand.run(&command).code, Some(1));
    }
    assert_snapshot!(longhand.run(&["runs", "list"]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: the store cannot be used
      caused by: the store `[folder]/home/store` has version 1, and this longhand works with version 2: `longhand store migrate` backs it up and brings it to that version
    ");
    assert_snapshot!(longhand.run(&["store", "migrate"]).shown(), @r"
    exit 0
    --- stdout
    2 runs brought up from version 1 to 2; the store as it was lies in [folder]/home/store/backup-1, which `longhand store compact --backups` removes
    --- stderr
    ");
    assert_snapshot!(longhand.run(&["runs", "list"]).shown(), @r"
    exit 0
    --- stdout
    ended  succeeded         1 documents  chain-of-agents
    killed  interrupted       1 documents  chain-of-agents
    --- stderr
    ");
    assert_eq!(longhand.run(&["store", "verify"]).code, Some(0));
}
