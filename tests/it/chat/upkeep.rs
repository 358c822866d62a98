//! Looking after a store that has sessions.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use super::MODEL;
use crate::longhand::Longhand;

fn told() -> Longhand {
    let longhand = Longhand::new();
    for text in ["I keep bees.", "It rains.", "The lamp is green."] {
        longhand.say("mia", text);
    }
    longhand.say("ben", "Hello.");
    longhand
}

fn session(longhand: &Longhand, name: &str) -> std::path::PathBuf {
    longhand.home().join("store/sessions").join(name)
}

/// Changes a byte in the `line`th line of a file of records.
fn hurt(records: &Path, line: usize) {
    let mut bytes = fs::read(records).unwrap();
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    let begins = ends.take(line).last().unwrap();
    bytes[begins + 30] ^= 1;
    fs::write(records, bytes).unwrap();
}

#[test]
fn damage_in_a_session_is_named_with_its_place() {
    let longhand = told();
    insta::assert_snapshot!(longhand.run(&["store", "verify"]).shown(), @"
    exit 0
    --- stdout
    session ben  2 records are whole; 1 of its 1 runs are whole
    session mia  4 records are whole; 3 of its 3 runs are whole
    answers that later runs can be served: 0 of 0 entries
    everything is whole
    --- stderr
    ");
    hurt(&session(&longhand, "mia").join("memory/records"), 2);
    let run = fs::read_dir(session(&longhand, "ben").join("runs")).unwrap().next().unwrap().unwrap();
    hurt(&run.path().join("records"), 3);
    insta::assert_snapshot!(longhand.run(&["store", "verify"]).shown(), @"
    exit 1
    --- stdout
    session ben  2 records are whole; 0 of its 1 runs are whole
    session ben  [run]  8 records are whole; DAMAGED: 1 (numbers 3): the turn itself is in the session
    session mia  3 records are whole; DAMAGED: 1 (numbers 2): what they told of is lost to the chat; 3 of its 3 runs are whole
    answers that later runs can be served: 0 of 0 entries
    2 of 2 sessions are damaged
    --- stderr
    ");
    let found = longhand.run(&["store", "verify", "--json"]).json();
    assert_eq!(found["sessions"][1]["session"], "mia");
    assert_eq!(found["sessions"][1]["damaged"], serde_json::json!([2]));
    assert_eq!(found["sessions"][0]["turns"]["runs"][0]["damaged"], serde_json::json!([3]));
}

#[test]
fn compacting_takes_the_indexes_of_sessions_and_no_turn() {
    let longhand = told();
    let before = longhand.session("mia");
    let args = ["chat", "-s", "ben"];
    let mut command = longhand.command(&[&args[..], &MODEL[..]].concat());
    let mut open = longhand.begin_as(command.stdin(Stdio::piped()));
    open.until("waits for a line");
    let done = longhand.run(&["store", "compact", "--json"]).json();
    open.kill();
    longhand.wait(open);
    assert_eq!((&done["sessions"], &done["runs"]), (&1.into(), &3.into()), "{done}");
    assert_eq!(done["live_sessions"], serde_json::json!(["ben"]));
    assert!(done["bytes_after"].as_u64() < done["bytes_before"].as_u64(), "{done}");
    let mia = session(&longhand, "mia");
    assert!(!mia.join("memory/journal").exists());
    assert!(fs::read_dir(mia.join("runs")).unwrap().all(|run| !run.unwrap().path().join("journal").exists()));
    assert!(session(&longhand, "ben").join("memory/journal").exists());
    assert_eq!(longhand.session("mia"), before);
    assert_eq!(longhand.say("mia", "And the bees?").json()["turn"], 4);
    assert_eq!(longhand.run(&["store", "verify"]).code, Some(0));
}

#[test]
fn an_older_session_is_brought_up_with_its_store() {
    let longhand = told();
    // No program wrote such a session: what is tested is that a session's own version counts.
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-1");
    let old = session(&longhand, "old");
    for entry in walkdir::WalkDir::new(&fixture) {
        let entry = entry.unwrap();
        let to = old.join(entry.path().strip_prefix(&fixture).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(to).unwrap();
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
    let brought = longhand.run(&["store", "migrate"]);
    assert_eq!(
        brought.stdout,
        "1 session brought up; it has its backup in its folder\n",
        "{}",
        brought.shown()
    );
    assert!(old.join("backup-1").is_dir());
    assert_eq!(longhand.run(&["store", "migrate"]).stdout, "the store has the newest version already\n");
    assert_eq!(longhand.say("old", "Hello.").code, Some(0));
    assert_eq!(longhand.session("mia").len(), 3);
}
