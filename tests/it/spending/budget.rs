//! A budget is never passed, ends a run with 4, keeps what is finished, survives a kill, and can be raised.

use longhand::model::Money;
use longhand::run::Event;
use longhand::store::Store;
use serde_json::Value;

use crate::longhand::{Ended, Longhand, document};

/// A model of one cent for a thousand tokens of either kind, and ten calls at once.
const SETTINGS: &str = "models:\n  paid:\n    scripted: {context: 4000, max_output: 64, concurrency: 10, latency_ms: 1, echo_words: 20}\n    \
                        price: {input: 10, output: 10}\n";

fn prepared(settings: &str) -> Longhand {
    let longhand = Longhand::new();
    longhand.file("longhand.yaml", format!("{SETTINGS}{settings}"));
    for number in 0..6 {
        longhand.file(&format!("in/{number}.md"), document(150));
    }
    longhand
}

fn run(longhand: &Longhand, more: &[&str]) -> Ended {
    let args = ["run", "tree", "in", "--model", "paid", "--window", "400", "--json"];
    longhand.run(&[args.as_slice(), more].concat())
}

/// Tokens that a report says were used, and what they cost in millionths of a dollar.
fn used(report: &Value) -> (u64, u64) {
    let usage = &report["usage"];
    let tokens = usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
    (tokens, Money::from_usd(usage["cost_usd"].as_f64().unwrap()).0 / 1_000_000)
}

#[test]
fn a_run_stops_before_the_call_that_does_not_fit_and_goes_on_with_more() {
    let whole = run(&prepared(""), &[]);
    assert_eq!(whole.code, Some(0), "{}", whole.shown());
    let (all, cost) = used(&whole.json());
    assert!(all > 10_000 && cost == all * 10, "{all} tokens cost {cost}");

    let longhand = prepared("");
    let limit = all / 2;
    let stopped = run(&longhand, &["--max-tokens", &limit.to_string()]);
    assert_eq!(stopped.code, Some(4), "{}", stopped.shown());
    let report = stopped.json();
    assert_eq!(report["outcome"], "out_of_budget");
    let (spent, _) = used(&report);
    // Ten calls can be in flight, and none of them can need more than the window.
    assert!(spent <= limit && spent > limit - 400, "{spent} of {limit}");
    let said = "what is finished is kept; allow more and go on with: longhand runs resume";
    assert!(stopped.stderr.contains(said) && stopped.stderr.contains("--max-tokens N"), "{}", stopped.stderr);

    let run = report["run"].as_str().unwrap();
    let again = longhand.run(&["runs", "resume", run, "--json"]);
    assert_eq!(again.code, Some(4), "as much as before: {}", again.shown());
    let raised = longhand.run(&["runs", "resume", run, "--json", "--max-tokens", &(all + 400).to_string()]);
    assert_eq!(raised.code, Some(0), "{}", raised.shown());
    assert_eq!(used(&raised.json()).0, all, "nothing was asked twice");
}

#[test]
fn money_is_a_limit_too() {
    let longhand = prepared("budget: {max_cost: 0.05}\n");
    let stopped = run(&longhand, &[]);
    assert_eq!(stopped.code, Some(4), "{}", stopped.shown());
    let (_, cost) = used(&stopped.json());
    assert!(cost <= 50_000 && cost > 46_000, "{cost}");
    assert!(stopped.stderr.contains("the budget of the run is 0.05 USD: "), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("--max-cost USD"), "{}", stopped.stderr);
}

#[test]
fn the_same_command_with_more_goes_on_with_the_same_run() {
    let longhand = prepared("");
    assert_eq!(run(&longhand, &["--max-tokens", "5000"]).code, Some(4));
    let more = run(&longhand, &["--max-tokens", "100000"]);
    assert_eq!(more.code, Some(0), "{}", more.shown());
    assert!(more.stderr.contains("going on with the interrupted run"), "{}", more.stderr);
}

#[test]
fn a_document_over_its_limit_fails_alone() {
    let longhand = prepared("budget: {document: {max_tokens: 6000}}\n");
    longhand.file("in/long.md", document(600));
    let ended = run(&longhand, &[]);
    assert_eq!(ended.code, Some(5), "{}", ended.shown());
    let report = ended.json();
    assert_eq!(report["failed"][0]["path"], "long.md");
    assert_eq!(report["failed"].as_array().unwrap().len(), 1);
    let error = report["failed"][0]["error"].as_str().unwrap();
    assert!(error.starts_with("the budget of a document is 6000 tokens: "), "{error}");
    let spent: u64 = report["calls"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["document"] == "long.md")
        .map(|call| call["prompt_tokens"].as_u64().unwrap() + call["completion_tokens"].as_u64().unwrap())
        .sum();
    assert!(spent <= 6000, "{spent}");
}

#[test]
fn a_node_over_its_limit_fails_what_needs_it() {
    let longhand = prepared("");
    let workflow = "version: 1\nname: limited\ninputs: {question: {default: ''}}\nnodes:\n  chunks: {split: {for: read}}\n  \
                    read: {map: {over: chunks, agent: reader, calls: {max_tokens: 2000}}}\n  \
                    one: {reduce: {over: read, agent: merger}}\noutput: one\n";
    longhand.file("workflows/limited.yaml", workflow);
    let ended = longhand.run(&["run", "limited", "in", "--model", "paid", "--window", "400", "--json"]);
    assert!(matches!(ended.code, Some(1 | 5)), "{}", ended.shown());
    let report = ended.json();
    let error = report["failed"][0]["error"].as_str().unwrap();
    assert!(error.starts_with("the budget of node `read` is 2000 tokens: "), "{error}");
    let read = report["calls"].as_array().unwrap().iter().filter(|call| call["node"] == "read");
    let spent: u64 = read
        .map(|call| call["prompt_tokens"].as_u64().unwrap() + call["completion_tokens"].as_u64().unwrap())
        .sum();
    assert!(spent <= 2000, "{spent}");
}

#[test]
fn what_a_killed_process_may_have_spent_counts_as_spent() {
    let longhand = prepared("");
    let silent = SETTINGS.replace("latency_ms: 1,", "failures: [{when: '', times: 1000, silent: true}],");
    longhand.file("longhand.yaml", &silent);
    let args = ["run", "tree", "in", "--model", "paid", "--window", "400", "--max-tokens", "3400"];
    let mut killed = longhand.spawn(&mut longhand.command(&args));
    // Calls of nearly 400 tokens each are set aside, and none is ever answered.
    let reserved = || {
        let runs = longhand.run(&["runs", "list", "--json"]).json();
        let Some(run) = runs.get(0).and_then(|run| run["run"].as_str()).map(str::to_owned) else { return 0 };
        let store = Store::open(&longhand.home().join("store")).unwrap();
        let reader = store.read_run(&run.parse().unwrap()).unwrap();
        let events = reader.entries::<Event>().map(|entry| entry.unwrap().1);
        events.filter(|event| matches!(event, Event::Reserved { .. })).count()
    };
    while reserved() < 8 {
        std::thread::yield_now();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let runs = longhand.run(&["runs", "list", "--json"]).json();
    let run = runs[0]["run"].as_str().unwrap();
    let resumed = longhand.run(&["runs", "resume", run, "--json"]);
    // The model is as silent as before: if what was set aside did not count, this would wait for ever.
    assert_eq!(resumed.code, Some(4), "{}", resumed.shown());
    let shown = resumed.stderr.lines().find(|line| line.starts_with("the budget of the run")).unwrap();
    let used: u64 = shown.split(": ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(used > 2000, "{shown}");
}
