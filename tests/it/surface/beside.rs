//! `runs show`: what a run asked beside what was planned, and why that is not shown where it cannot be.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use crate::longhand::{Ended, Longhand, document};

const SETTINGS: &str = "model: paid\nmodels:\n  paid:\n    scripted: {max_output: 100, rules: [{when: '', say: Ten tokens stand in this shorter answer.}]}\n    \
                        price: {input: 10, output: 20}\n";

const RUN: [&str; 6] = ["run", "mine", "in", "--window", "700", "--json"];

/// A folder, a model with a price, and a workflow of the project.
fn prepared() -> Longhand {
    let longhand = Longhand::new();
    longhand.file("longhand.yaml", SETTINGS);
    longhand.file("in/a.md", document(60)).file("in/b.md", document(9));
    let refine = longhand.run(&["workflows", "show", "refine"]).stdout;
    longhand.file("workflows/mine.yaml", refine.replace("name: refine", "name: mine"));
    longhand
}

fn ran(longhand: &Longhand) -> Value {
    let ended = longhand.run(&RUN);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    ended.json()
}

fn shown(longhand: &Longhand, report: &Value, more: &[&str]) -> Ended {
    let run = report["run"].as_str().unwrap();
    let ended = longhand.run(&[&["runs", "show", run], more].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.shown());
    ended
}

/// What stands between the list of calls and the results.
fn beside(shown: &Ended) -> String {
    let (_, after_calls) = shown.stdout.split_once("\ncall ").unwrap();
    after_calls.split("\n\n").nth(1).unwrap().to_owned() + "\n"
}

#[test]
fn a_run_that_has_ended_is_shown_beside_its_plan() {
    let longhand = prepared();
    let report = ran(&longhand);
    let told = shown(&longhand, &report, &[]);
    assert_snapshot!(beside(&told), @"
    node; expected / worst case / actual  calls       prompt tokens   answer tokens                cost in USD
    chunks                                    0                   0               0                          0
    answer                                    4  1477 / 1641 / 1397  200 / 400 / 40   0.0188 / 0.0244 / 0.0148
    overview                                  1      159 / 277 / 79   50 / 100 / 10  0.0026 / 0.0048 / 0.00099
    all                                       5  1636 / 1918 / 1476  250 / 500 / 50   0.0214 / 0.0292 / 0.0158
    ");
    assert_eq!(shown(&longhand, &report, &["--plan"]).stdout, beside(&told));
    assert_eq!(shown(&longhand, &report, &["--json"]).json(), report, "the report and nothing else");

    let held = shown(&longhand, &report, &["--plan", "--json"]).json();
    let (all, usage) = (&held["all"]["actual"], &report["usage"]);
    assert_eq!(all["calls"], report["calls"].as_array().unwrap().len());
    for key in ["prompt_tokens", "completion_tokens"] {
        assert_eq!(all[key], usage[key], "{key}");
        let sum: u64 =
            held["nodes"].as_array().unwrap().iter().map(|node| node["actual"][key].as_u64().unwrap()).sum();
        assert_eq!(sum, usage[key], "{key} by node");
    }
    let cost = |value: &Value| value["cost_usd"].as_f64().unwrap();
    assert!((cost(all) - cost(usage)).abs() < 1e-9 && cost(all) > 0.0, "{all} and {usage}");
    assert!(cost(all) <= cost(&held["all"]["worst"]));
}

#[test]
fn a_run_of_answers_given_before_says_why_it_asked_nothing() {
    let longhand = prepared();
    let calls = ran(&longhand)["calls"].as_array().unwrap().len();
    let again = ran(&longhand);
    let told = beside(&shown(&longhand, &again, &[]));
    assert!(
        told.ends_with(&format!("\nnot counted as actual: {calls} calls that were answered before\n")),
        "{told}"
    );
    assert!(told.contains(&format!("{calls} / {calls} / 0")), "{told}");
}

#[test]
fn a_plan_that_cannot_be_made_again_is_a_line_and_no_failure() {
    let longhand = prepared();
    let report = ran(&longhand);
    let run = report["run"].as_str().unwrap();
    let why = || beside(&shown(&longhand, &report, &[])).replace(run, "[run]");

    let path = longhand.work().join("in/a.md");
    let kept = fs::read(&path).unwrap();
    longhand.file("in/a.md", document(61));
    assert_snapshot!(why(), @"not held against its plan: its documents are not there as it read them; `longhand runs show [run] --plan` plans what is there now");
    fs::remove_file(&path).unwrap();
    assert_snapshot!(why(), @"not held against its plan: its documents are not there as it read them; `longhand runs show [run] --plan` plans what is there now");
    fs::write(&path, kept).unwrap();

    // A file that is as long as it says and takes no place.
    let large = longhand.work().join("in/large.md");
    fs::File::create(&large).unwrap().set_len(2_000_001).unwrap();
    assert_snapshot!(why(), @"not held against its plan: counting the tokens of more than 2 MB of documents takes a while; `longhand runs show [run] --plan` does it");
    fs::remove_file(&large).unwrap();

    longhand.file("longhand.yaml", "");
    assert_snapshot!(why(), @"not held against its plan: there is no model to ask: `paid` is neither a known model nor a file; `longhand runs show [run] --plan` says more");
    longhand.file("longhand.yaml", SETTINGS);

    let path = longhand.work().join("workflows/mine.yaml");
    let workflow = fs::read_to_string(&path).unwrap();
    let changed = workflow.replace("default: \"\"", "default: none");
    assert_ne!(changed, workflow);
    longhand.file("workflows/mine.yaml", changed);
    assert_snapshot!(why(), @"not held against its plan: its workflow `mine` has changed since; `longhand runs show [run] --plan` plans it as it is now");
    longhand.file("workflows/mine.yaml", workflow);
    assert!(why().starts_with("node; "), "{}", why());
}

#[test]
fn what_came_through_standard_input_is_not_planned_again() {
    let longhand = prepared();
    let mut command = longhand.command(&["run", "mine", "-", "--window", "700", "--json"]);
    command.stdin(fs::File::open(longhand.work().join("in/a.md")).unwrap());
    let report = longhand.ended(command.output().unwrap()).json();
    assert_snapshot!(beside(&shown(&longhand, &report, &[])), @"not held against its plan: it read standard input, which cannot be read again");
    let asked_for = longhand.run(&["runs", "show", report["run"].as_str().unwrap(), "--plan"]);
    assert_eq!(asked_for.code, Some(1), "{}", asked_for.shown());
}
