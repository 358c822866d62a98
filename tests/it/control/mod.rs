//! Runs that are steered: rounds, routes, workflows inside workflows, and gates, through the real command line.

mod drawn;
mod gate;
mod inner;
mod mixed;
mod prefixes;
mod rounds;
mod soak;
mod summaries;

use serde_json::Value;

use crate::longhand::{Ended, Longhand, document};

/// The path of a file of these tests.
fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/control/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A folder with two documents.
fn prepared() -> Longhand {
    let longhand = Longhand::new();
    longhand.file("a.md", document(12)).file("b.md", document(18));
    longhand
}

/// Runs a workflow of these tests over some documents.
fn run(longhand: &Longhand, workflow: &str, more: &[&str]) -> Ended {
    let (workflow, model) = (fixture(workflow), format!("scripted:{}", fixture("scripted.yaml")));
    longhand.run(&[&["run", &workflow, "--model", &model, "--json"], more].concat())
}

/// The only run there is.
fn only_run(longhand: &Longhand) -> String {
    let runs = longhand.run(&["runs", "list", "--json"]).json();
    assert_eq!(runs.as_array().unwrap().len(), 1, "{runs}");
    runs[0]["run"].as_str().unwrap().to_owned()
}

/// Every call of the only run, in order: its node and its prompt.
fn prompts(longhand: &Longhand) -> Vec<(String, String)> {
    let run = only_run(longhand);
    let report = longhand.run(&["runs", "show", &run, "--json"]).json();
    let call = |number: usize| {
        let call = longhand.run(&["runs", "show", &run, "--call", &number.to_string(), "--json"]).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&call["site"]["task"]["node"]), text(&call["request"]["messages"][0]["content"]))
    };
    (0..report["calls"].as_array().unwrap().len()).map(call).collect()
}

fn nodes(calls: &[(String, String)]) -> Vec<&str> {
    calls.iter().map(|(node, _)| node.as_str()).collect()
}
