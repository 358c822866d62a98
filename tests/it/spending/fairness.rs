//! A long document does not hold up short ones.

use serde_json::Value;

use crate::longhand::{Longhand, document};

#[test]
fn short_documents_are_done_before_a_long_one_that_comes_first() {
    let longhand = Longhand::new();
    longhand.file("in/00-long.md", document(3000));
    for number in 1..=30 {
        longhand.file(&format!("in/{number:02}.md"), document(20));
    }
    longhand.file("script.yaml", "context: 400\nmax_output: 40\nconcurrency: 4\nlatency_ms: 1\n");
    let ended = longhand.run(&["run", "tree", "in", "--model", "scripted:script.yaml", "--jsonl"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answers = lines.iter().filter(|line| line["event"] == "done" && line["node"] == "answer");
    let order: Vec<&str> = answers.map(|line| line["path"].as_str().unwrap()).collect();
    assert_eq!(order.len(), 31, "{order:?}");
    assert_eq!(order.last(), Some(&"00-long.md"), "four documents are read side by side: {order:?}");
    let most = |path: &str| order.iter().position(|one| *one == path).unwrap();
    assert!(most("01.md") < most("30.md"), "documents are finished rather than begun: {order:?}");
}
