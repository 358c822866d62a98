//! Workflows inside workflows.

use super::{fixture, nodes, only_run, prepared, prompts, run};

#[test]
fn inputs_are_bound_to_texts_inputs_and_nodes() {
    let longhand = prepared();
    let ended = run(&longhand, "bound.yaml", &["b.md", "-p", "topic=the tower"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let calls = prompts(&longhand);
    let first = |node: &str| &calls.iter().find(|(name, _)| name == node).unwrap().1;
    assert!(first("of-text.read").starts_with("Look for the mill in "));
    assert!(first("of-input.read").starts_with("Look for the tower in "));
    assert!(first("of-node.found.read").starts_with("Look for report in "));
    assert_eq!(nodes(&calls).last(), Some(&"answer"));
}

#[test]
fn a_repeated_workflow_reads_in_another_order_with_another_seed_each_time() {
    let longhand = prepared();
    run(&longhand, "mixed.yaml", &["b.md", "-o", "out"]);
    let run = only_run(&longhand);
    let report = longhand.run(&["runs", "show", &run, "--json"]).json();
    let calls: Vec<_> = report["calls"].as_array().unwrap().iter().enumerate().collect();
    let of = |node: &str| {
        let mine: Vec<_> = calls.iter().filter(|(_, call)| call["node"] == node).collect();
        let order: Vec<u64> = mine.iter().map(|(_, call)| call["chunk"].as_u64().unwrap()).collect();
        let number = mine[0].0.to_string();
        let call = longhand.run(&["runs", "show", &run, "--call", &number, "--json"]).json();
        (order, call["request"]["sampling"]["seed"].as_u64().unwrap())
    };
    let ((first, seed), (second, next)) = (of("again.0.read"), of("again.1.read"));
    assert!(first.len() > 3, "{first:?}");
    assert_ne!(first, second);
    assert_eq!((seed, next), (40, 41));
}

#[test]
fn a_workflow_inside_another_asks_exactly_what_it_asks_alone() {
    let alone = prepared();
    run(&alone, "inner.yaml", &["a.md", "-p", "question=the mill"]);
    let inside = prepared();
    run(&inside, "bound.yaml", &["a.md"]);
    let expected: Vec<String> = prompts(&alone).into_iter().map(|(_, prompt)| prompt).collect();
    let found: Vec<String> = prompts(&inside)
        .into_iter()
        .filter(|(node, _)| node.starts_with("of-text."))
        .map(|(_, prompt)| prompt)
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_file_of_few_lines_cannot_make_a_workflow_that_fills_the_memory() {
    let longhand = prepared();
    let level = |name: &str, inner: &str| {
        format!(
            "version: 1\nname: {name}\nnodes:\n  x: {{workflow: {{name: {inner}, times: 100}}}}\n  y: {{reduce: {{over: x, agent: merger}}}}\ninputs: {{question: {{default: ''}}}}\noutput: y\n"
        )
    };
    for (name, inner) in [("w1", "w2"), ("w2", "w3"), ("w3", "refine")] {
        longhand.file(&format!("{name}.yaml"), level(name, inner));
    }
    let ended = longhand.run(&["check", "w1.yaml"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("more than 10000 steps"), "{}", ended.shown());
}

#[test]
fn workflows_stand_in_each_other_eight_deep_and_no_deeper() {
    let longhand = prepared();
    let last = std::fs::read_to_string(fixture("capped.yaml")).unwrap().replace("lister", "joiner");
    let last = last.replace("carry: all", "carry: none");
    for level in 1..9 {
        let inner = level + 1;
        let text =
            format!("version: 1\nname: w{level}\nnodes:\n  x: {{workflow: {{name: w{inner}}}}}\noutput: x\n");
        longhand.file(&format!("w{level}.yaml"), text);
    }
    longhand.file("w9.yaml", last.replace("name: capped", "name: w9"));
    longhand.file("agents/joiner.yaml", "version: 1\nname: joiner\nprompt: joiner\nmax_output: 9\n");
    longhand.file("prompts/joiner.tera", "Join");
    assert_eq!(longhand.run(&["check", "w2.yaml"]).code, Some(0));
    let ended = longhand.run(&["check", "w1.yaml"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("more than 8 deep"), "{}", ended.shown());
}
