//! A planted key, a planted password, and everything that the program wrote.

use std::fs;
use std::path::Path;

use super::{project, reader, settings};
use crate::longhand::Longhand;
use crate::support::provider::{Behaviour, Fault, Provider};

const PLANTED: &str = "sk-planted-5f2c7e91d0";

/// The password in an address, as it is written there and in a request.
const PASSWORD: [&str; 4] =
    ["pw-planted%2F71e0", "pw-planted/71e0", "pw-planted", "c29tZWJvZHk6cHctcGxhbnRlZC83MWUw"];

/// The files below a folder that hold any of these, except for the settings.
fn holds(folder: &Path, planted: &[&str], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds(&path, planted, found);
        } else if !path.ends_with("longhand.yaml") {
            let bytes = fs::read(&path).unwrap();
            let is_in = |text: &&&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
            found.extend(planted.iter().find(is_in).map(|text| format!("{text} in {}", path.display())));
        }
    }
}

fn is_written_nowhere(longhand: &Longhand, planted: &[&str]) {
    let mut found = Vec::new();
    holds(&longhand.home(), planted, &mut found);
    holds(&longhand.work(), planted, &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_key_is_in_nothing_that_the_program_writes() {
    let provider = Provider::start(Behaviour {
        script: vec![
            Fault::Status(500),
            Fault::ExtraFields,
            Fault::NotJson,
            Fault::BadRequest,
            Fault::Unauthorized,
        ],
        api_key: Some(PLANTED.to_owned()),
        ..Behaviour::default()
    });
    let longhand = project(&provider, ", api_key_env: PLANTED_KEY, limits: {concurrency: 1}", 4);
    for (key, replies) in
        [(PLANTED, "record:replies.jsonl"), (PLANTED, "replay:replies.jsonl"), ("sk-planted-other", "")]
    {
        for args in [
            vec!["run", "note", "archive", "--json"],
            vec!["doctor", "there"],
            vec!["doctor"],
            vec!["plan", "note", "archive"],
        ] {
            let mut command = longhand.command(&args);
            command.env("PLANTED_KEY", key).env("LONGHAND_REPLIES", replies).env("LONGHAND_LOG", "trace");
            let ended = command.output().unwrap();
            for (name, bytes) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
                let text = String::from_utf8_lossy(bytes);
                assert!(!text.contains(PLANTED) && !text.contains(key), "{name} of {args:?}: {text}");
            }
        }
    }
    let sent = provider
        .ledger()
        .chats()
        .iter()
        .any(|entry| entry.header("authorization") == Some(&format!("Bearer {PLANTED}")));
    assert!(sent, "the key was used");
    is_written_nowhere(&longhand, &[PLANTED]);
}

#[test]
fn a_password_of_an_address_is_in_nothing_that_the_program_writes() {
    let told = Fault::Says(format!("nobody named somebody:{} is known, says {}", PASSWORD[1], PASSWORD[3]));
    let provider = Provider::start(Behaviour {
        script: vec![
            told.clone(),
            Fault::ExtraFields,
            Fault::NotJson,
            told,
            Fault::BadRequest,
            Fault::Status(500),
        ],
        ..Behaviour::default()
    });
    let sound = format!("http://somebody:{}@{}/v1", PASSWORD[0], provider.address());
    // What ends the host too early is a password all the same.
    let odd = format!("http://somebody:{}#@{}/v1", PASSWORD[2], provider.address());
    for base_url in [sound, odd] {
        let longhand = project(&provider, "", 2);
        // Too few for a breaker, which would be waited for.
        longhand.file("agents/reader.yaml", reader("tries: 2, "));
        let settings = |more: &str| {
            format!(
                "model: there\nmodels:\n  there:\n    openai: {{model: some-model, base_url: \"{base_url}\"{more}}}\n"
            )
        };
        longhand.file("longhand.yaml", settings(", limits: {concurrency: 1}"));
        for replies in ["record:replies.jsonl", "replay:replies.jsonl", ""] {
            silent(&longhand, &base_url, &["run", "note", "archive", "--json", "--no-cache"], replies);
            silent(&longhand, &base_url, &["run", "note", "archive", "--model", "openai:other"], replies);
            silent(&longhand, &base_url, &["doctor", "there"], replies);
        }
        for args in [
            &["doctor"][..],
            &["plan", "note", "archive"],
            &["models", "list"],
            &["models", "list", "--json"],
            &["run", "note", "archive", "--batch", "--no-cache"],
            &["runs", "list", "--json"],
        ] {
            silent(&longhand, &base_url, args, "");
        }
        assert!(longhand.work().join("replies.jsonl").exists());
        longhand.file("longhand.yaml", settings(", no_such_key: 1"));
        silent(&longhand, &base_url, &["run", "note", "archive"], "");
        is_written_nowhere(&longhand, &PASSWORD);
    }
    let ledger = provider.ledger();
    let sent = format!("Basic {}", PASSWORD[3]);
    assert!(ledger.chats().iter().all(|entry| entry.header("authorization") == Some(&sent)), "it was used");
    assert!(!ledger.chats().is_empty() && !ledger.batches.is_empty());
}

#[test]
fn a_password_that_is_a_word_spoils_no_recorded_reply() {
    for password in ["content", "minutes", "assistant"] {
        let provider = Provider::start(Behaviour::default());
        let base_url = format!("http://somebody:{password}@{}/v1", provider.address());
        let longhand = project(&provider, "", 2);
        longhand.file("longhand.yaml", settings(&provider, "").replace(&provider.base_url(), &base_url));
        for (replies, asked) in [("record:replies.jsonl", 2), ("replay:replies.jsonl", 2)] {
            let mut command = longhand.command(&["run", "note", "archive", "--json", "--no-cache"]);
            let output = command.env("LONGHAND_REPLIES", replies).output().unwrap();
            let ended = longhand.ended(output);
            assert_eq!(ended.code, Some(0), "{replies} with {password}: {}", ended.shown());
            assert_eq!(provider.ledger().chats().len(), asked);
        }
    }
}

/// Runs a command that prints no password.
fn silent(longhand: &Longhand, base_url: &str, args: &[&str], replies: &str) {
    let mut command = longhand.command(args);
    command.env("LONGHAND_REPLIES", replies).env("LONGHAND_LOG", "trace").env("OPENAI_BASE_URL", base_url);
    command.env("LONGHAND_BATCH_GATHER", "1").env("LONGHAND_BATCH_POLL", "1");
    let ended = command.output().unwrap();
    for (name, bytes) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
        let text = String::from_utf8_lossy(bytes);
        for planted in PASSWORD {
            let line = text.lines().find(|line| line.contains(planted));
            assert_eq!(line, None, "{planted} is in {name} of {args:?}");
        }
    }
}
