//! A planted key, and everything that the program wrote.

use std::fs;
use std::path::Path;

use super::project;
use crate::support::provider::{Behaviour, Fault, Provider};

const PLANTED: &str = "sk-planted-5f2c7e91d0";

fn holds(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds(&path, found);
        } else {
            let bytes = fs::read(&path).unwrap();
            if bytes.windows(PLANTED.len()).any(|window| window == PLANTED.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
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
    let mut found = Vec::new();
    holds(&longhand.home(), &mut found);
    holds(&longhand.work(), &mut found);
    assert_eq!(found, Vec::<String>::new());
}
