//! A steered run that is stopped anywhere goes on, repeats no finished call and ends with the same bytes.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};

use longhand::name::RunId;
use longhand::run::Event;
use longhand::store::{Durability, Store};
use serde_json::Value;

use super::{fixture, only_run, prepared};
use crate::longhand::{Ended, Longhand, timeless};

/// Kills over the whole test.
const KILLS: usize = 30;

fn command(script: &str) -> Vec<String> {
    let (workflow, model) = (fixture("mixed.yaml"), format!("scripted:{script}"));
    ["run", &workflow, "a.md", "b.md", "--model", &model, "--json"].map(str::to_owned).into()
}

/// What a person decides about what waits: the same whenever it is asked.
fn decisions(report: &Value) -> Vec<String> {
    let Some(first) = report["waiting"].as_array().and_then(|waiting| waiting.first()) else {
        return Vec::new();
    };
    let (node, path) = (first["node"].as_str().unwrap(), first["path"].as_str().unwrap());
    let decision = if path == "b.md" { format!("--edit={node}=edited") } else { format!("--approve={node}") };
    vec![decision, format!("--document={path}")]
}

/// Goes on with a run until nothing waits any more, and returns the end.
fn decide_all(mut resume: impl FnMut(&[String]) -> Ended, first: Ended) -> Value {
    let mut ended = first;
    for _ in 0..9 {
        if ended.code != Some(7) {
            break;
        }
        ended = resume(&decisions(&ended.json()));
    }
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    timeless(ended.json())
}

fn strings(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

fn resume(longhand: &Longhand, run: &str, store: &str, more: &[String]) -> Ended {
    let more = strings(more);
    longhand.run(&[&["runs", "resume", run, "--json", "--store", store], more.as_slice()].concat())
}

#[test]
fn every_prefix_of_a_journal_leads_to_the_same_report() {
    let longhand = prepared();
    let store = longhand.home().join("store");
    let first = longhand.run(&strings(&command(&fixture("scripted.yaml"))));
    let run = only_run(&longhand);
    let path = store.to_str().unwrap().to_owned();
    let expected = decide_all(|more| resume(&longhand, &run, &path, more), first);
    assert_eq!(expected["outcome"], "succeeded");
    let id: RunId = run.parse().unwrap();
    let reader = Store::open(&store).unwrap().read_run(&id).unwrap();
    let events: Vec<Event> = reader.entries::<Event>().map(|entry| entry.unwrap().1).collect();
    assert!(events.len() > 40, "{}", events.len());

    for length in 1..=events.len() {
        let cut = longhand.home().join(format!("cut-{length}"));
        let journal = Store::open(&cut).unwrap().create_run(&id, Durability::Kill).unwrap();
        for event in &events[..length] {
            journal.append(event).unwrap();
        }
        drop(journal);
        let path = cut.to_str().unwrap().to_owned();
        let first = resume(&longhand, &run, &path, &[]);
        let ended = decide_all(|more| resume(&longhand, &run, &path, more), first);
        assert_eq!(ended, expected, "after {length} events");
        std::fs::remove_dir_all(cut).unwrap();
    }
}

/// Numbers that look random and are the same in every run of the test.
fn drawn(seed: usize) -> usize {
    let mixed = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from(mixed >> 40).unwrap()
}

#[test]
fn a_steered_run_that_is_killed_repeats_nothing_and_ends_with_the_same_bytes() {
    let script = std::fs::read_to_string(fixture("scripted.yaml")).unwrap();
    let slow = || {
        let longhand = prepared();
        longhand.file("slow.yaml", format!("latency_ms: 1\n{script}"));
        longhand
    };
    let calm = slow();
    let store = |longhand: &Longhand| longhand.home().join("store").to_str().unwrap().to_owned();
    let first = calm.run(&strings(&command("slow.yaml")));
    let expected = decide_all(|more| resume(&calm, &only_run(&calm), &store(&calm), more), first);
    let calls = expected["calls"].as_array().unwrap().len();

    let mut kills = 0;
    while kills < KILLS {
        let longhand = slow();
        let mut called = BTreeSet::new();
        let mut args = command("slow.yaml");
        loop {
            let mut child =
                longhand.spawn(longhand.command(&strings(&args)).env("LONGHAND_LOG", "longhand=debug"));
            let patience = drawn(kills) % 7;
            let (mut seen, mut killed) = (0, false);
            for line in BufReader::new(child.stderr.take().unwrap()).lines() {
                let line = line.unwrap();
                let Some((_, site)) = line.split_once("called ") else { continue };
                let site = site.split(" prompt=").next().unwrap().to_owned();
                assert!(called.insert(site), "called again after it was journaled: {line}");
                seen += 1;
                if seen > patience && !killed && kills < KILLS {
                    child.kill().unwrap();
                    (killed, kills) = (true, kills + 1);
                }
            }
            let output = child.wait_with_output().unwrap();
            let code = output.status.code();
            let ended = longhand.ended(output);
            if code == Some(0) {
                assert_eq!(timeless(ended.json()), expected);
                break;
            }
            assert!(killed || code == Some(7), "{}", ended.shown());
            args = ["runs", "resume", &only_run(&longhand), "--json"].map(str::to_owned).into();
            if code == Some(7) {
                args.extend(decisions(&ended.json()));
            }
        }
        // A kill between the journal and the log takes the line with it, never the call.
        assert!(called.len() <= calls);
    }
}
