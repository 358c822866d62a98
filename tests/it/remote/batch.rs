//! Requests that are handed in together: half the price, nothing paid twice, whatever happens between handing in and
//! answer.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{project, results, used};
use crate::longhand::{Ended, Longhand};
use crate::support::provider::{Ability, Batches, Behaviour, End, Fault, Provider};

pub(super) const RUN: [&str; 5] = ["run", "note", "archive", "--json", "--batch"];

/// A command whose batches wait no longer than they must.
pub(super) fn command(longhand: &Longhand, args: &[&str], poll_ms: u32) -> Command {
    let mut command = longhand.command(args);
    command.env("LONGHAND_BATCH_GATHER", "200").env("LONGHAND_BATCH_POLL", poll_ms.to_string());
    command
}

pub(super) fn run(longhand: &Longhand, args: &[&str]) -> Ended {
    longhand.ended(command(longhand, args, 1).output().unwrap())
}

pub(super) fn resume(longhand: &Longhand) -> Ended {
    let runs = longhand.run(&["runs", "list", "--json"]).json();
    run(longhand, &["runs", "resume", runs[0]["run"].as_str().unwrap(), "--json"])
}

pub(super) fn batched(batches: Batches) -> Behaviour {
    Behaviour { batches, ..Behaviour::default() }
}

/// What the same documents come to where each is asked about by itself.
pub(super) fn expected(documents: usize) -> Vec<(String, String)> {
    let provider = Provider::start(Behaviour::default());
    results(&project(&provider, "", documents).run(&["run", "note", "archive", "--json"]).json())
}

/// The names of what is left of batches.
pub(super) fn left(longhand: &Longhand) -> Vec<String> {
    let entries = fs::read_dir(longhand.home().join("store/batches")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "LOCK");
    names
}

pub(super) fn is_whole(longhand: &Longhand, provider: &Provider, ended: &Ended, documents: usize) {
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    assert_eq!(results(&ended.json()), expected(documents));
    let ledger = provider.ledger();
    let once: BTreeSet<&String> = ledger.answered.iter().collect();
    assert_eq!((once.len(), ledger.answered.len()), (documents, documents), "each is paid once");
    assert_eq!(used(ended), (ledger.charged().prompt, ledger.charged().completion));
    assert_eq!(ended.json()["lost"], Value::Null);
    assert_eq!(left(longhand), Vec::<String>::new(), "what is journaled is kept no longer");
    assert_eq!(ledger.chats().len(), 0);
}

#[test]
fn all_documents_go_in_one_batch_and_cost_half() {
    let provider = Provider::start(batched(Batches { polls: 3, ..Batches::default() }));
    let longhand = project(&provider, ", price: {input: 1, output: 2}", 30);
    let ended = run(&longhand, &RUN);
    is_whole(&longhand, &provider, &ended, 30);
    let ledger = provider.ledger();
    assert_eq!(ledger.batches.len(), 1);
    let full = ledger.charged().prompt + 2 * ledger.charged().completion;
    let cost = ended.json()["usage"]["cost_usd"].as_f64().unwrap() * 1e6;
    assert!((cost - f64::from(u32::try_from(full).unwrap()) / 2.0).abs() < 1e-6, "{cost} of {full}");
    let shown = longhand.run(&["runs", "show", ended.json()["run"].as_str().unwrap(), "--plan", "--json"]);
    assert_eq!(shown.code, Some(0), "{}", shown.shown());
    let worst = shown.json()["plan"]["worst"]["cost_usd"].as_f64().unwrap() * 1e6;
    assert!(
        worst >= cost && worst < cost * 2.0,
        "{worst} at worst, {cost} in fact: the plan is at half the price, too"
    );
    let verified = longhand.run(&["store", "verify"]);
    assert_eq!(verified.code, Some(0), "{}", verified.shown());
    let again = run(&longhand, &RUN);
    assert_eq!((again.code, provider.ledger().batches.len()), (Some(0), 1), "{}", again.shown());
}

#[test]
fn only_what_failed_or_expired_is_handed_in_again() {
    let provider = Provider::start(batched(Batches { failed: 200, expired: 200, ..Batches::default() }));
    let longhand = project(&provider, "", 30);
    longhand.file(
        "agents/reader.yaml",
        "version: 1\nname: reader\nprompt: reader\nmax_output: 60\ncalls: {tries: 20, first_wait_ms: 1, longest_wait_ms: 1}\n",
    );
    let ended = run(&longhand, &RUN);
    is_whole(&longhand, &provider, &ended, 30);
    let ledger = provider.ledger();
    let sizes: Vec<usize> = ledger.batches.iter().map(Vec::len).collect();
    assert!(sizes.len() > 2 && sizes[0] == 30 && sizes[1..].iter().all(|size| *size < 20), "{sizes:?}");
}

#[test]
fn of_a_batch_that_expires_what_was_answered_counts() {
    let provider = Provider::start(batched(Batches { ends: &[End::Expired], ..Batches::default() }));
    let longhand = project(&provider, "", 8);
    longhand.file(
        "agents/reader.yaml",
        "version: 1\nname: reader\nprompt: reader\nmax_output: 60\ncalls: {tries: 3, first_wait_ms: 1, longest_wait_ms: 1}\n",
    );
    let ended = run(&longhand, &RUN);
    assert_eq!(ended.code, Some(5), "{}", ended.shown());
    let ledger = provider.ledger();
    assert_eq!(ledger.batches.iter().map(Vec::len).collect::<Vec<_>>(), [8, 4, 2]);
    assert_eq!(ledger.answered.len(), 7);
    let report = ended.json();
    assert_eq!(report["failed"].as_array().unwrap().len(), 1);
    assert!(report["failed"][0]["error"].as_str().unwrap().contains("batch_expired"), "{report}");
    assert_eq!(report["lost"], Value::Null, "what expired is not paid");
}

#[test]
fn a_run_that_is_killed_waits_for_the_same_batch() {
    const PLANTED: &str = "sk-planted-77ab";
    let provider = Provider::start(Behaviour {
        api_key: Some(PLANTED.to_owned()),
        ..batched(Batches { polls: 3, ..Batches::default() })
    });
    let longhand = project(&provider, ", price: {input: 1, output: 2}, api_key_env: PLANTED_KEY", 12);
    let key = |mut command: Command| {
        command.env("PLANTED_KEY", PLANTED);
        command
    };
    let mut working = longhand.begin_as(&mut key(command(&longhand, &RUN, 60_000)));
    working.until("looked at a batch");
    working.kill();
    longhand.wait(working);
    let names = left(&longhand);
    assert_eq!(names.len(), 1, "{names:?}");
    let log = fs::read_to_string(longhand.home().join("store/batches").join(&names[0])).unwrap();
    assert!(log.contains("file-") && log.contains("batch_") && !log.contains(PLANTED), "{log}");
    let runs = longhand.run(&["runs", "list", "--json"]).json();
    let name = runs[0]["run"].as_str().unwrap();
    let resume = command(&longhand, &["runs", "resume", name, "--json"], 1);
    let ended = longhand.ended(key(resume).output().unwrap());
    is_whole(&longhand, &provider, &ended, 12);
    assert_eq!((provider.ledger().batches.len(), provider.ledger().asked("/v1/files").len()), (1, 1));
}

#[test]
fn a_run_that_is_killed_before_it_knows_of_its_batch_makes_no_second_one() {
    for fault in [Fault::Status(500), Fault::CloseAfterWork] {
        let provider = Provider::start(Behaviour {
            faulty_batches: true,
            script: vec![Fault::Sound, fault.clone()],
            ..batched(Batches::default())
        });
        let longhand = project(&provider, "", 5);
        let mut working = longhand.begin_as(&mut command(&longhand, &RUN, 60_000));
        working.until("a batch was not made");
        working.kill();
        longhand.wait(working);
        assert_eq!(provider.ledger().batches.len(), usize::from(fault == Fault::CloseAfterWork));
        let ended = resume(&longhand);
        is_whole(&longhand, &provider, &ended, 5);
        let ledger = provider.ledger();
        assert_eq!((ledger.batches.len(), ledger.asked("/v1/files").len()), (1, 1), "{fault:?}");
    }
}

#[test]
fn a_run_that_is_interrupted_does_not_wait_and_loses_nothing() {
    let provider = Provider::start(batched(Batches { polls: 2, ..Batches::default() }));
    let longhand = project(&provider, ", price: {input: 1, output: 2}", 6);
    let mut working = longhand.begin_as(&mut command(&longhand, &RUN, 600_000));
    working.until("looked at a batch");
    working.interrupt();
    let stopped = longhand.wait(working);
    assert!(stopped.stderr.contains("runs resume"), "{}", stopped.shown());
    assert_eq!(stopped.json()["outcome"], "interrupted");
    assert_eq!(stopped.json()["lost"], Value::Null);
    is_whole(&longhand, &provider, &resume(&longhand), 6);
    assert_eq!(provider.ledger().batches.len(), 1);
}

#[test]
fn everything_around_a_batch_may_fail_for_a_while() {
    let provider = Provider::start(Behaviour {
        faulty_batches: true,
        faults: vec![
            (Fault::Status(503), 100),
            (Fault::CloseAfterWork, 100),
            (Fault::HalfEvent, 100),
            (Fault::CloseBeforeAnswer, 100),
        ],
        seed: 3,
        ..batched(Batches { polls: 4, ..Batches::default() })
    });
    let longhand = project(&provider, "", 10);
    let ended = run(&longhand, &RUN);
    is_whole(&longhand, &provider, &ended, 10);
    assert_eq!(provider.ledger().batches.len(), 1);
}

#[test]
fn batches_are_for_models_behind_endpoints_that_know_them() {
    let provider = Provider::start(Behaviour { without: vec![Ability::Batch], ..Behaviour::default() });
    let longhand = project(&provider, "", 2);
    let refused = run(&longhand, &[&RUN[..], &["--model", "scripted"]].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.shown());
    assert!(refused.stderr.contains("models behind endpoints"), "{}", refused.shown());
    let unknown = run(&longhand, &RUN);
    assert_eq!(unknown.code, Some(6), "{}", unknown.shown());
}
