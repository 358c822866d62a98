//! `plan`: what is said before a run, held against what the run then does.

use insta::assert_snapshot;
use serde_json::Value;

use crate::longhand::{Longhand, document};

const QUESTION: &str = "question=Which day was the mill repaired?";

/// A folder of documents of several lengths, two of which are shorter than a chunk.
fn prepared() -> Longhand {
    let longhand = Longhand::new();
    for (number, sentences) in [1, 3, 60, 9, 150, 20, 2, 33, 40, 12, 5, 80].into_iter().enumerate() {
        longhand.file(&format!("in/{number:02}.md"), document(sentences));
    }
    longhand
}

/// Holds what was asked against what could be asked at most, as a whole and node by node.
fn assert_within(plan: &Value, report: &Value, told: &str) {
    let number = |value: &Value| value.as_u64().unwrap();
    let calls: Vec<&Value> = report["calls"].as_array().unwrap().iter().collect();
    let held = |calls: &[&Value], worst: &Value, place: &str| {
        let sum = |key: &str| calls.iter().map(|call| number(&call[key])).sum::<u64>();
        for (actual, most) in [
            (calls.len() as u64, &worst["calls"]),
            (sum("prompt_tokens"), &worst["prompt_tokens"]),
            (sum("completion_tokens"), &worst["completion_tokens"]),
        ] {
            assert!(actual <= number(most), "{told}, {place}: {actual} passes {most} of {worst}");
        }
    };
    held(&calls, &plan["worst"], "whole");
    for node in plan["nodes"].as_array().unwrap() {
        let of_node: Vec<&Value> =
            calls.iter().filter(|call| call["node"] == node["node"]).copied().collect();
        held(&of_node, &node["worst"], node["node"].as_str().unwrap());
    }
    for (at, document) in plan["documents"].as_array().unwrap().iter().enumerate() {
        let slot = if document["path"] == "." { "archive".to_owned() } else { at.to_string() };
        let of_slot: Vec<&Value> =
            calls.iter().filter(|call| call["slot"] == slot.as_str()).copied().collect();
        held(&of_slot, &document["worst"], &slot);
    }
}

#[test]
fn no_run_of_a_shipped_workflow_passes_the_worst_case_however_long_the_answers_are() {
    let listed = Longhand::new().run(&["workflows", "list", "--json"]).json();
    let names: Vec<&str> =
        listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.len() >= 6);
    for name in names {
        // A longer one first: what a run measures must not change the worst case of the next plan.
        for (window, answer) in [("700", 4000), ("700", 0), ("700", 31), ("1500", 4000), ("1500", 170)] {
            let longhand = prepared();
            let said = "answer and ".repeat(400).chars().take(answer).collect::<String>();
            longhand.file("script.yaml", format!("max_output: 100\nrules: [{{when: '', say: '{said}'}}]\n"));
            let given = if name.starts_with("chat") { "message=Who?" } else { QUESTION };
            let rest =
                [name, "in", "-p", given, "--model", "scripted:script.yaml", "--window", window, "--json"];
            let planned = longhand.run(&[&["plan"], &rest[..]].concat());
            assert_eq!(planned.code, Some(0), "{}", planned.shown());
            let ran = longhand.run(&[&["run"], &rest[..]].concat());
            // An answer that is no JSON is asked for again until the step gives up; the passages of `rag` are chosen for a
            // window of the usual size.
            let may_fail = ["map-extract", "rag"].contains(&name) || name.starts_with("chat");
            assert!(may_fail || ran.code == Some(0), "{}", ran.shown());
            let told = format!("{name}, window {window}, answers of {answer} bytes");
            assert_within(&planned.json(), &ran.json(), &told);
            let run = ran.json()["run"].as_str().unwrap().to_owned();
            let again = longhand.run(&["runs", "show", &run, "--plan", "--json"]).json();
            assert_eq!(again["plan"]["worst"], planned.json()["worst"], "{told}");
        }
    }
}

#[test]
fn with_the_longest_answers_a_chain_comes_near_its_worst_case() {
    let longhand = prepared();
    let said = "answer ".repeat(400);
    longhand.file("script.yaml", format!("max_output: 100\nrules: [{{when: '', say: '{said}'}}]\n"));
    let rest = ["chain-of-agents", "in", "--model", "scripted:script.yaml", "--window", "700", "--json"];
    let worst = longhand.run(&[&["plan"], &rest[..]].concat()).json()["worst"].clone();
    let report = longhand.run(&[&["run"], &rest[..]].concat()).json();
    let (most, actual) = (&worst["prompt_tokens"], &report["usage"]["prompt_tokens"]);
    assert!(most.as_f64().unwrap() < actual.as_f64().unwrap() * 1.1, "{actual} of {most}");
    assert_eq!(worst["completion_tokens"], report["usage"]["completion_tokens"]);
    assert_eq!(worst["calls"], report["calls"].as_array().unwrap().len());
}

#[test]
fn what_is_expected_follows_what_was_measured() {
    let longhand = prepared();
    longhand.file(
        "script.yaml",
        "max_output: 100\nrules: [{when: '', say: 'Ten tokens stand in this shorter answer.'}]\n",
    );
    let rest = ["refine", "in", "--model", "scripted:script.yaml", "--window", "700", "--json"];
    let assumed = longhand.run(&[&["plan"], &rest[..]].concat()).json();
    assert_eq!(
        (&assumed["basis"]["answer_share"], &assumed["basis"]["measured_calls"]),
        (&0.5.into(), &0.into())
    );
    assert_eq!(assumed["expected"]["seconds"], Value::Null, "no speed is known");
    let report = longhand.run(&[&["run"], &rest[..]].concat()).json();
    // As if nothing had been answered yet, for the plan is held against what was asked.
    let measured = longhand.run(&[&["plan", "--no-cache"], &rest[..]].concat()).json();
    assert_eq!(measured["basis"]["measured_calls"], report["calls"].as_array().unwrap().len());
    for key in ["prompt_tokens", "completion_tokens"] {
        assert_eq!(
            measured["expected"][key], report["usage"][key],
            "{key}: every answer is as long as measured"
        );
    }
}

#[test]
fn prices_and_speeds_come_from_the_settings() {
    let longhand = Longhand::new();
    longhand.file("a.md", document(60)).file(
        "longhand.yaml",
        "model: fast\nmodels:\n  fast:\n    scripted: {max_output: 100}\n    price: {input: 1000, output: 2000}\n    \
         speed: {prompt: 1000, completion: 10}\n    concurrency: 2\n",
    );
    let ended = longhand.run(&[
        "plan",
        "summarize",
        "a.md",
        "--method",
        "refine",
        "--window",
        "700",
        "--max-cost",
        "100",
    ]);
    assert_snapshot!(ended.shown());
    let plan = longhand
        .run(&["plan", "summarize", "a.md", "--method", "refine", "--window", "700", "--json"])
        .json();
    let worst = &plan["worst"];
    let number = |key: &str| worst[key].as_f64().unwrap();
    let cost = number("prompt_tokens") / 1000.0 + number("completion_tokens") / 500.0;
    assert!((number("cost_usd") - cost).abs() < 1e-6, "{worst}");
    let seconds = number("prompt_tokens") / 1000.0 + number("completion_tokens") / 10.0;
    assert!((number("seconds") - seconds).abs() < 1e-6, "a fold makes one call after the other: {worst}");
}

#[test]
fn a_plan_stands_to_limits_and_exits_with_4_where_it_does_not_fit() {
    let longhand = Longhand::new();
    longhand.file("a.md", document(60));
    let plan = |limit: &str| {
        let args =
            ["plan", "refine", "a.md", "--model", "scripted", "--window", "2000", "--max-tokens", limit];
        longhand.run(&args)
    };
    let whole = plan("1000000");
    assert_eq!(whole.code, Some(0), "{}", whole.shown());
    assert!(whole.stdout.contains("--max-tokens 1000000: fits, even in the worst case"), "{}", whole.stdout);
    let json =
        longhand.run(&["plan", "refine", "a.md", "--model", "scripted", "--window", "2000", "--json"]).json();
    let sum = |amount: &Value| {
        amount["prompt_tokens"].as_u64().unwrap() + amount["completion_tokens"].as_u64().unwrap()
    };
    let between = plan(&sum(&json["expected"]).to_string());
    assert_eq!(between.code, Some(0));
    assert!(between.stdout.contains("is expected to fit, but the worst case does not"), "{}", between.stdout);
    let small = plan(&(sum(&json["expected"]) - 1).to_string());
    assert_eq!(small.code, Some(4), "{}", small.shown());
    assert!(small.stdout.contains("does not fit"), "{}", small.stdout);
}

#[test]
fn what_cannot_be_done_is_said_before_it_is_tried() {
    let longhand = Longhand::new();
    longhand.file("in/a.md", document(9)).file("in/b.png", b"\x89PNG\0");
    let ended = longhand.run(&["plan", "refine", "in", "--model", "scripted", "--json"]);
    assert_eq!(ended.code, Some(5), "{}", ended.shown());
    assert_eq!(ended.json()["failed"][0]["path"], "b.png");
    let tiny = longhand.run(&["plan", "refine", "in/a.md", "--model", "scripted", "--window", "300"]);
    assert_eq!(tiny.code, Some(3), "{}", tiny.shown());
    assert!(tiny.stderr.contains("cannot fit the window of 300 tokens"), "{}", tiny.stderr);
    assert!(!longhand.home().join("store").exists(), "a plan leaves nothing behind");
    let question = longhand.run(&[
        "plan",
        "ask",
        "in/a.md",
        "-q",
        "Which day?",
        "-m",
        "quote-answer",
        "--model",
        "scripted",
    ]);
    assert_eq!(question.code, Some(0), "{}", question.shown());
    assert_eq!(longhand.run(&["plan"]).code, Some(2));
}
