//! What is imported is there whole or not at all, and once.

use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;

use super::MODEL;
use crate::longhand::{Ended, Longhand};

const TURNS: usize = 2_000;

/// A chat of this many turns.
fn chat(turns: usize) -> String {
    let mut text = String::new();
    for number in 1..=turns {
        let _ = writeln!(
            text,
            "{{\"role\":\"user\",\"content\":\"Barge {number} lies at pier {}.\"}}",
            number % 97
        );
        let _ = writeln!(text, "{{\"role\":\"assistant\",\"content\":\"Barge {number} is noted.\"}}");
    }
    text
}

fn import(longhand: &Longhand, session: &str, file: &str) -> Ended {
    let args = ["chat", "--session", session, "--import", file];
    longhand.run(&[&args[..], &MODEL[..]].concat())
}

#[test]
fn the_same_file_is_taken_in_once_into_a_session() {
    let longhand = Longhand::new();
    longhand.file("old.jsonl", chat(3)).file("same.jsonl", chat(3)).file("more.jsonl", chat(4));
    assert_eq!(import(&longhand, "i", "old.jsonl").code, Some(0));
    let again = import(&longhand, "i", "same.jsonl");
    insta::assert_snapshot!(again.shown(), @"
    exit 2
    --- stdout
    --- stderr
    error: the session `i` has taken in this file before

    hint: nothing was taken in; another name, such as `--session again`, takes it in anew
    ");
    assert_eq!(longhand.session("i").len(), 3);
    assert_eq!(import(&longhand, "j", "old.jsonl").code, Some(0), "another session knows nothing of it");
    assert_eq!(import(&longhand, "i", "more.jsonl").code, Some(0), "another file is another chat");
    let numbers: Vec<_> = longhand.session("i").iter().map(|turn| turn["turn"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=7).collect::<Vec<_>>());
    let told = longhand.typed("i", "/forget 2\n/turn 2\n/turn 3\n/quit\n");
    assert!(
        told.stdout.contains("there is no turn 2") && told.stdout.contains("Barge 3"),
        "{}",
        told.shown()
    );
    assert_eq!(
        import(&longhand, "i", "old.jsonl").code,
        Some(2),
        "what was forgotten does not come back by itself"
    );
}

#[test]
fn an_import_that_is_killed_is_not_begun_or_done() {
    let longhand = Longhand::new();
    longhand.file("old.jsonl", chat(TURNS));
    // At every stage that the log tells of, and some looks later, while the record is being written.
    let moments =
        [("takes in", 0), ("takes in", 20), ("takes in", 2_000), ("takes in", 50_000), ("took in", 0)];
    for (number, (stage, looks)) in moments.into_iter().enumerate() {
        let session = format!("k{number}");
        longhand.say(&session, "The lighthouse burned in 1880.");
        let args = ["chat", "--session", &session, "--import", "old.jsonl"];
        let mut command = longhand.command(&[&args[..], &MODEL[..]].concat());
        let mut working = longhand.begin_as(command.stdin(Stdio::null()));
        working.until(stage);
        (0..looks).for_each(|_| std::thread::yield_now());
        working.kill();
        longhand.wait(working);
        let turns = longhand.session(&session).len();
        assert!(turns == 1 || turns == TURNS + 1, "{stage}: {turns}");
        assert!(stage == "takes in" || turns == TURNS + 1, "what is told to be there is there");
    }
    let next = longhand.say("k4", "Where does barge 1711 lie?");
    assert_eq!(next.json()["turn"], TURNS + 2, "{}", next.shown());
    assert!(next.stdout.contains("Barge 1711 lies at pier"), "{}", next.shown());
}

#[test]
fn an_import_that_is_cut_off_anywhere_is_not_begun() {
    let longhand = Longhand::new();
    longhand.file("old.jsonl", chat(300));
    longhand.say("c", "The lighthouse burned in 1880.");
    let records = longhand.home().join("store/sessions/c/memory/records");
    let before = fs::metadata(&records).unwrap().len();
    assert_eq!(import(&longhand, "c", "old.jsonl").code, Some(0));
    let whole = fs::read(&records).unwrap();
    let length = u64::try_from(whole.len()).unwrap();
    for end in [before + 1, before + (length - before) / 2, length - 1] {
        fs::write(&records, &whole[..usize::try_from(end).unwrap()]).unwrap();
        assert_eq!(longhand.session("c").len(), 1, "cut at {end} of {length}");
    }
    assert_eq!(import(&longhand, "c", "old.jsonl").code, Some(0), "nothing of it is known");
    assert_eq!(longhand.session("c").len(), 301);
}
