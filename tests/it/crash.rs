//! `kill -9` at any moment: the run goes on, repeats no finished call and ends with the same bytes.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};

use crate::longhand::{Longhand, document};

/// Kills over the whole test.
const KILLS: usize = 60;

/// A window that cuts the document into more than 40 chunks.
const RUN: [&str; 8] =
    ["run", "chain-of-agents", "long.md", "--model", "scripted:script.yaml", "--window", "400", "--json"];

fn prepared() -> Longhand {
    let longhand = Longhand::new();
    longhand.file("long.md", document(400));
    longhand.file("script.yaml", "context: 4000\nmax_output: 64\nlatency_ms: 1\n");
    longhand
}

/// What must be the same however often a run was killed: everything but its name and its times.
fn timeless(mut report: serde_json::Value) -> serde_json::Value {
    report["run"] = "".into();
    report["duration_ms"] = 0.into();
    for call in report["calls"].as_array_mut().unwrap() {
        call["ms"] = 0.into();
    }
    report
}

/// Numbers that look random and are the same in every run of the test.
fn drawn(seed: usize) -> usize {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    state ^= state >> 29;
    state = state.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state ^ (state >> 32)
}

#[test]
fn a_run_that_is_killed_at_random_moments_repeats_nothing_and_ends_with_the_same_bytes() {
    let calm = prepared();
    let expected = calm.run(&RUN);
    assert_eq!(expected.code, Some(0), "{}", expected.shown());
    let expected = timeless(expected.json());
    let calls = expected["calls"].as_array().unwrap().len();
    assert!(calls >= 41, "{calls} calls");

    let mut kills = 0;
    let mut round = 0;
    while kills < KILLS {
        round += 1;
        let longhand = prepared();
        let mut called = BTreeSet::new();
        loop {
            let mut command = longhand.command(&RUN);
            let mut child = longhand.spawn(command.env("LONGHAND_LOG", "longhand=debug"));
            let patience = drawn(round * 1000 + kills) % 9;
            let mut killed = false;
            let stderr = BufReader::new(child.stderr.take().unwrap());
            let mut seen = 0;
            for line in stderr.lines() {
                let line = line.unwrap();
                let Some((_, site)) = line.split_once("called ") else { continue };
                let site = site.split(" prompt=").next().unwrap().to_owned();
                assert!(called.insert(site), "called again after it was journaled: {line}");
                seen += 1;
                if seen > patience && !killed && kills < KILLS {
                    child.kill().unwrap();
                    killed = true;
                    kills += 1;
                }
            }
            let output = child.wait_with_output().unwrap();
            // A process that was killed after it had printed everything has nothing left to do.
            let whole = serde_json::from_slice(&output.stdout).is_ok_and(|report: serde_json::Value| {
                assert_eq!(timeless(report), expected);
                true
            });
            assert!(whole || killed, "{}", longhand.ended(output).shown());
            if whole {
                break;
            }
        }
        let runs = longhand.run(&["runs", "list", "--json"]).json();
        assert_eq!(runs.as_array().unwrap().len(), 1, "the same command goes on with the same run");
        assert!(called.len() <= calls);
    }
}
