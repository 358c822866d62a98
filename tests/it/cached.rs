//! A call that was made before is not made again, in whatever run; what was no good answer is never served.

use std::fs;

use serde_json::Value;

use crate::longhand::{Ended, Longhand, document};

/// Reads parts on their own and merges what was read; no prompt knows how many parts there are.
const PARTS: &str = "
version: 1
name: parts
description: parts are read on their own and merged
nodes:
  chunks: {split: {for: read, max_tokens: 60}}
  read: {map: {over: chunks, agent: plain}}
  answer: {reduce: {over: read, agent: merger}}
output: answer
inputs:
  question: {default: ''}
";

const RUN: [&str; 4] = ["run", "parts", "a.md", "--json"];

fn prepared(script: &str) -> Longhand {
    let longhand = Longhand::new();
    longhand.file("a.md", document(40));
    longhand.file("longhand.yaml", "model: scripted:script.yaml\n").file("script.yaml", script);
    longhand.file("workflows/parts.yaml", PARTS);
    longhand.file(
        "agents/plain.yaml",
        "version: 1\nname: plain\ndescription: reads\nprompt: plain\nmax_output: 100\n",
    );
    longhand.file("prompts/plain.tera", "Read this: {{ chunk }}");
    longhand
}

fn done(longhand: &Longhand, args: &[&str]) -> Value {
    let ended = longhand.run(args);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    ended.json()
}

/// How many calls were made, and how many taken over.
fn made_and_cached(report: &Value) -> (usize, usize) {
    let calls = report["calls"].as_array().unwrap();
    let cached = calls.iter().filter(|call| call["cached"] == true).count();
    (calls.len() - cached, cached)
}

fn name(report: &Value) -> String {
    report["run"].as_str().unwrap().to_owned()
}

#[test]
fn the_same_run_again_asks_nothing_and_says_so() {
    let longhand = prepared("max_output: 100\n");
    let first = done(&longhand, &RUN);
    let (made, cached) = made_and_cached(&first);
    assert!(made > 5 && cached == 0, "{made} and {cached}");
    let ended: Ended = longhand.run(&RUN);
    assert!(ended.stderr.contains(&format!("{made} calls ({made} answered before)")), "{}", ended.stderr);
    let second = ended.json();
    assert_eq!(made_and_cached(&second), (0, made));
    assert_eq!(second["summaries"], first["summaries"]);
    for sum in ["prompt_tokens", "completion_tokens", "cost_usd"] {
        assert_eq!(second["usage"][sum].as_f64(), Some(0.0), "{sum}");
    }
    let call = done(&longhand, &["runs", "show", &name(&second), "--call", "0", "--json"]);
    assert_eq!(call["cached_from"], first["run"]);
    let shown = longhand.run(&["runs", "show", &name(&second)]).stdout;
    assert_eq!(shown.matches(", answered before\n").count(), made);

    // What a run would take over costs nothing, and even in the worst case nothing more can come.
    let planned = done(&longhand, &["plan", "parts", "a.md", "--json"]);
    assert_eq!(planned["cached_calls"], made);
    assert_eq!((&planned["expected"]["calls"], &planned["worst"]["calls"]), (&0.into(), &0.into()));
    assert_eq!(planned["worst"]["completion_tokens"], 0);
    let anew = done(&longhand, &["plan", "parts", "a.md", "--json", "--no-cache"]);
    assert_eq!((&anew["expected"]["calls"], &anew["cached_calls"]), (&made.into(), &0.into()));
}

#[test]
fn a_changed_part_costs_that_part_and_what_is_made_of_it() {
    let longhand = prepared("max_output: 100\n");
    let (made, _) = made_and_cached(&done(&longhand, &RUN));
    let text = document(40).replace("Entry 20 says that the harbour", "Entry 20 says that the palace");
    longhand.file("a.md", text);
    let planned = done(&longhand, &["plan", "parts", "a.md", "--json"]);
    let (asked, cached) = made_and_cached(&done(&longhand, &RUN));
    assert!(asked < 5 && asked + cached == made, "{asked} asked and {cached} cached of {made}");
    let calls = |which: &str| usize::try_from(planned[which]["calls"].as_u64().unwrap()).unwrap();
    assert!((asked..made).contains(&calls("worst")), "{planned}");
    assert!(calls("expected") >= 2, "the part, and what is made of it: {planned}");
}

#[test]
fn without_the_cache_nothing_is_served_and_nothing_offered() {
    let longhand = prepared("max_output: 100\n");
    let without = |longhand: &Longhand| done(longhand, &[&RUN[..], &["--no-cache"]].concat());
    let (made, _) = made_and_cached(&without(&longhand));
    assert_eq!(made_and_cached(&done(&longhand, &RUN)), (made, 0), "nothing was offered");
    assert_eq!(made_and_cached(&without(&longhand)), (made, 0), "nothing is served");
}

#[test]
fn a_step_without_the_cache_is_asked_anew_and_the_others_are_served() {
    let longhand = prepared("max_output: 100\n");
    let reads = "agent: plain, calls: {cache: false}";
    longhand.file("workflows/parts.yaml", PARTS.replace("agent: plain", reads));
    let first = done(&longhand, &RUN);
    let (made, _) = made_and_cached(&first);
    let planned = done(&longhand, &["plan", "parts", "a.md", "--json"]);
    let second = done(&longhand, &RUN);
    let merges = second["calls"].as_array().unwrap().iter().filter(|call| call["node"] == "answer").count();
    assert!(merges > 0 && merges < made);
    assert_eq!(made_and_cached(&second), (made - merges, merges));
    assert_eq!(planned["worst"]["calls"].as_u64().map(|calls| calls >= (made - merges) as u64), Some(true));
    // Nor was anything offered: the same step with the cache has nothing to be served.
    longhand.file("workflows/parts.yaml", PARTS);
    assert_eq!(made_and_cached(&done(&longhand, &RUN)), (made - merges, merges));
    assert_eq!(made_and_cached(&done(&longhand, &RUN)), (0, made));
}

#[test]
fn removing_a_run_takes_its_answers_and_no_others() {
    let longhand = prepared("max_output: 100\n");
    let first = done(&longhand, &RUN);
    let (made, _) = made_and_cached(&first);
    let second = done(&longhand, &RUN);
    longhand.run(&["runs", "rm", &name(&first)]);
    let third = done(&longhand, &RUN);
    assert_eq!(made_and_cached(&third), (0, made), "the second has them too");
    let stats = done(&longhand, &["cache", "stats", "--json"]);
    assert_eq!(
        (&stats["entries"], &stats["live"], &stats["runs"]),
        (&(3 * made).into(), &made.into(), &1.into())
    );
    longhand.run(&["runs", "rm", &name(&second)]);
    longhand.run(&["runs", "rm", &name(&third)]);
    assert_eq!(made_and_cached(&done(&longhand, &RUN)), (made, 0));
}

#[test]
fn a_cleared_cache_serves_nothing_and_fills_again() {
    let longhand = prepared("max_output: 100\n");
    let (made, _) = made_and_cached(&done(&longhand, &RUN));
    let cleared = longhand.run(&["cache", "clear"]);
    assert_eq!(cleared.code, Some(0));
    assert!(cleared.stderr.starts_with(&format!("forgot {made} entries, ")), "{}", cleared.stderr);
    let stats = longhand.run(&["cache", "stats"]).stdout;
    assert_eq!(stats, "0 entries, 0 of them live, in 0 runs, 0 bytes\n");
    assert_eq!(made_and_cached(&done(&longhand, &RUN)), (made, 0));
    assert_eq!(made_and_cached(&done(&longhand, &RUN)), (0, made));
}

#[test]
fn what_is_asked_while_it_is_being_asked_waits_for_the_answer() {
    let longhand = prepared("max_output: 100\nlatency_ms: 20\nconcurrency: 4\n");
    let sentence = "The same sentence stands here again, and it is long enough that no two of it share one part of the \
                    whole, for that would be two of them and many more words than the sixty tokens that a part may have. ";
    longhand.file("a.md", sentence.repeat(12));
    let report = done(&longhand, &RUN);
    let read: Vec<&Value> =
        report["calls"].as_array().unwrap().iter().filter(|call| call["node"] == "read").collect();
    assert_eq!(read.len(), 12);
    assert_eq!(read.iter().filter(|call| call["cached"] == false).count(), 1);
    let from = done(&longhand, &["runs", "show", &name(&report), "--call", "1", "--json"]);
    assert_eq!(from["cached_from"], report["run"]);
}

#[test]
fn answers_that_were_cut_or_empty_are_asked_for_again() {
    for script in ["max_output: 5\n", "rules: [{when: '', say: ' '}]\n"] {
        let longhand = prepared(script);
        let (made, _) = made_and_cached(&done(&longhand, &RUN));
        assert_eq!(made_and_cached(&done(&longhand, &RUN)), (made, 0), "{script}");
    }
}

#[test]
fn another_model_and_other_sampling_are_other_calls() {
    let longhand = prepared("max_output: 100\n");
    let (made, _) = made_and_cached(&done(&longhand, &RUN));
    longhand.file("script.yaml", "max_output: 100\necho_words: 39\n");
    assert_eq!(made_and_cached(&done(&longhand, &RUN)).0, made);
    let agent =
        "version: 1\nname: plain\ndescription: reads\nprompt: plain\nmax_output: 100\nsampling: {seed: 1}\n";
    longhand.file("agents/plain.yaml", agent);
    assert!(made_and_cached(&done(&longhand, &RUN)).0 > 3);
}

#[test]
fn a_damaged_record_is_asked_for_again() {
    let longhand = prepared("max_output: 100\n");
    let first = done(&longhand, &RUN);
    let (made, _) = made_and_cached(&first);
    let records = longhand.home().join("store/runs").join(name(&first)).join("records");
    // The store of a project stands beside its settings.
    let records = if records.exists() {
        records
    } else {
        longhand.work().join("store/runs").join(name(&first)).join("records")
    };
    let mut bytes = fs::read(&records).unwrap();
    let last_call = bytes.len() * 3 / 4;
    bytes[last_call] ^= 0x55;
    fs::write(&records, bytes).unwrap();
    let again = done(&longhand, &RUN);
    assert_eq!(again["summaries"], first["summaries"]);
    let (asked, cached) = made_and_cached(&again);
    assert!(asked <= 2 && asked + cached == made, "{asked} asked and {cached} cached");
}

#[test]
fn an_answer_that_a_step_refused_is_not_served_later() {
    let longhand = prepared(
        "rules:\n  - {when: cannot be used, say: '[{\"n\": 1}]'}\n  - {when: '', say: 'no JSON at all'}\n",
    );
    longhand.file(
        "workflows/rows.yaml",
        "version: 1\nname: rows\ndescription: rows\nnodes:\n  rows:\n    extract:\n      over: chunks\n      agent: plain\n      repairs: 1\n      \
         schema: {type: array, items: {type: object, required: [n]}}\n  \
         chunks: {split: {for: rows, keep: first}}\noutput: rows\n",
    );
    longhand.file("a.md", "One sentence stands here.");
    let run = ["run", "rows", "a.md", "--json"];
    assert_eq!(made_and_cached(&done(&longhand, &run)), (2, 0));
    let again = done(&longhand, &run);
    let cached: Vec<_> =
        again["calls"].as_array().unwrap().iter().map(|call| call["cached"].clone()).collect();
    assert_eq!(
        cached,
        [Value::Bool(false), Value::Bool(true)],
        "the refused one is asked for, the good one is not"
    );
}
