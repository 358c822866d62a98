//! `graph`: the same workflow always gives the same picture.

use insta::assert_snapshot;

use crate::longhand::{Longhand, document};

fn drawn(workflow: &str, format: &str) -> String {
    let ended = Longhand::new().run(&["graph", workflow, "--format", format]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.shown());
    ended.stdout
}

#[test]
fn a_workflow_is_drawn_in_three_languages() {
    assert_snapshot!("mermaid", drawn("chain-of-agents", "mermaid"));
    assert_snapshot!("dot", drawn("chain-of-agents", "dot"));
    assert_snapshot!("svg", drawn("quote-answer", "svg"));
}

#[test]
fn every_shipped_workflow_is_drawn_within_its_picture() {
    let listed = Longhand::new().run(&["workflows", "list", "--json"]).json();
    for one in listed.as_array().unwrap() {
        let svg = drawn(one["name"].as_str().unwrap(), "svg");
        let attribute = |line: &str, name: &str| -> f64 {
            let rest = line.split(&format!(" {name}=\"")).nth(1).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        let first = svg.lines().next().unwrap();
        let (width, height) = (attribute(first, "width"), attribute(first, "height"));
        let mut boxes = Vec::new();
        for line in svg.lines().filter(|line| line.starts_with("<rect x=")) {
            let [x, y, w, h] = ["x", "y", "width", "height"].map(|name| attribute(line, name));
            assert!(x >= 0.0 && y >= 0.0 && x + w <= width && y + h <= height, "{line}");
            if line.contains("stroke=\"#44546a\"") {
                boxes.push((x, y, w, h));
            }
        }
        for (at, a) in boxes.iter().enumerate() {
            for b in &boxes[at + 1..] {
                let apart = a.0 + a.2 <= b.0 || b.0 + b.2 <= a.0 || a.1 + a.3 <= b.1 || b.1 + b.3 <= a.1;
                assert!(apart, "{a:?} lies on {b:?}");
            }
        }
    }
}

#[test]
fn a_run_is_drawn_in_with_its_state_and_its_numbers() {
    let longhand = Longhand::new();
    longhand
        .file("in/a.md", document(60))
        .file("in/b.md", document(9))
        .file("script.yaml", "max_output: 100\n");
    let args = ["run", "tree", "in", "--model", "scripted:script.yaml", "--window", "700", "--json"];
    let report = longhand.run(&args).json();
    let run = report["run"].as_str().unwrap();
    let drawn = longhand.run(&["graph", "tree", "--run", run]).stdout;
    let calls = report["calls"].as_array().unwrap().iter().filter(|call| call["node"] == "read").count();
    assert!(drawn.contains(&format!("{calls} calls, ")) && drawn.contains("2 of 2 done"), "{drawn}");
    assert!(drawn.contains("1 of 1 done") && drawn.contains("classDef done"), "{drawn}");
    let other = longhand.run(&["graph", "refine", "--run", run]);
    assert!(other.stderr.contains("was made with another workflow"), "{}", other.shown());
}

#[test]
fn what_waits_for_a_person_and_what_it_cost_are_drawn_in() {
    let longhand = Longhand::new();
    longhand.file("a.md", document(12)).file("b.md", document(18)).file(
        "longhand.yaml",
        "model: paid\nmodels:\n  paid:\n    scripted: {max_output: 60, rules: [{when: '', say: a letter}]}\n    \
         price: {input: 10, output: 10}\n",
    );
    let workflow = format!("{}/tests/fixtures/control/gated.yaml", env!("CARGO_MANIFEST_DIR"));
    let ended = longhand.run(&["run", &workflow, "a.md", "b.md", "--json"]);
    assert_eq!(ended.code, Some(7), "{}", ended.shown());
    let report = ended.json();
    let name = report["run"].as_str().unwrap();
    let drawn = |format: &str| {
        let ended = longhand.run(&["graph", &workflow, "--run", name, "--format", format]);
        assert_eq!(ended.code, Some(0), "{}", ended.shown());
        ended.stdout
    };
    let cost = longhand::model::Money::from_usd(report["usage"]["cost_usd"].as_f64().unwrap());
    let mermaid = drawn("mermaid");
    assert!(mermaid.contains(&format!("<br/>{} USD<br/>", cost.figure())), "{mermaid}");
    assert!(mermaid.contains("<b>check</b><br/>gate<br/>0 of 2 done<br/>2 wait for a person\""), "{mermaid}");
    let class = "  classDef waiting fill:#e1ebf8,stroke:#2b5fa4,stroke-dasharray:5 3\n  class n1 waiting\n";
    assert!(mermaid.contains(class), "{mermaid}");
    let dot = drawn("dot");
    let look = "style=\"filled,dashed\", fillcolor=\"#e1ebf8\", color=\"#2b5fa4\"";
    assert!(dot.contains(&format!("2 wait for a person\", {look}];")), "{dot}");
    let svg = drawn("svg");
    let boxes = svg.lines().filter(|line| line.contains("stroke-dasharray=\"5 3\"")).collect::<Vec<_>>();
    assert_eq!(boxes.len(), 1, "{svg}");
    assert!(boxes[0].contains("fill=\"#e1ebf8\" stroke=\"#2b5fa4\""), "{svg}");
    assert!(svg.contains(">2 wait for a person<") && svg.contains(" USD<"), "{svg}");

    longhand.run(&["runs", "resume", name, "--approve", "check"]);
    let decided = drawn("mermaid");
    assert!(!decided.contains("waiting") && decided.contains("2 of 2 done"), "{decided}");
}
