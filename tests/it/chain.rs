//! Chain-of-Agents as the paper has it, asserted on the prompts that a model was really sent.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::longhand::{Longhand, document};

fn prompt(call: &Value) -> &str {
    call["request"]["messages"][0]["content"].as_str().unwrap()
}

fn answer(call: &Value) -> &str {
    call["response"]["text"].as_str().unwrap()
}

/// Runs a method over `text` and returns the report and the calls.
fn run(longhand: &Longhand, method: &str, text: &str, question: &str) -> (Value, Vec<Value>) {
    longhand.file("text.md", text);
    longhand.file("script.yaml", "context: 3000\nmax_output: 100\n");
    let question = format!("question={question}");
    let ended = longhand.run(&[
        "run",
        method,
        "text.md",
        "-p",
        &question,
        "--model",
        "scripted:script.yaml",
        "--window",
        "700",
        "--json",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let report = ended.json();
    let calls = longhand.calls();
    (report, calls)
}

fn chunks<'a>(report: &Value, text: &'a str) -> Vec<&'a str> {
    let offset = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let chunks = report["documents"][0]["chunks"].as_array().unwrap();
    chunks.iter().map(|chunk| &text[offset(&chunk["start"])..offset(&chunk["end"])]).collect()
}

#[test]
fn l_chunks_are_l_workers_in_order_and_one_manager() {
    let longhand = Longhand::new();
    let text = document(120);
    let (report, calls) = run(&longhand, "chain-of-agents", &text, "Which day was the mill repaired?");
    let chunks = chunks(&report, &text);
    assert!(chunks.len() > 3);
    assert_eq!(chunks.concat(), text, "the chunks tile the document byte for byte");
    assert_eq!(calls.len(), chunks.len() + 1);
    let (manager, workers) = calls.split_last().unwrap();
    for (number, (worker, chunk)) in workers.iter().zip(&chunks).enumerate() {
        assert!(prompt(worker).contains(chunk), "worker {number} reads its chunk");
        assert!(prompt(worker).contains("Which day was the mill repaired?"));
        if let Some(previous) = number.checked_sub(1) {
            assert!(
                prompt(worker).contains(answer(&workers[previous])),
                "worker {number} gets the last unit verbatim"
            );
        }
    }
    assert!(prompt(manager).contains(answer(workers.last().unwrap())));
    assert!(prompt(manager).contains("Which day was the mill repaired?"));
    for chunk in &chunks {
        assert!(!prompt(manager).contains(chunk), "the manager never sees the source");
    }
    for earlier in &workers[..workers.len() - 1] {
        assert!(!prompt(manager).contains(answer(earlier)), "nor an earlier unit");
    }
}

#[test]
fn no_prompt_and_answer_pass_the_window_even_with_a_sentence_longer_than_it() {
    let longhand = Longhand::new();
    let text = format!("{}{}. {}", document(10), "word ".repeat(2000), "无空格的长句子".repeat(300));
    let (report, calls) = run(&longhand, "chain-of-agents", &text, "What?");
    assert_eq!(chunks(&report, &text).concat(), text);
    for call in calls {
        let prompt = call["response"]["usage"]["prompt_tokens"].as_u64().unwrap();
        let room = call["request"]["max_output"].as_u64().unwrap();
        assert!(prompt + room <= 700, "{prompt} + {room}");
    }
}

#[test]
fn without_a_question_the_prompts_ask_for_a_summary() {
    let longhand = Longhand::new();
    let (_, calls) = run(&longhand, "chain-of-agents", &document(40), "");
    for call in &calls {
        assert!(!prompt(call).contains("Question:"), "{}", prompt(call));
    }
}

#[test]
fn the_switches_of_the_paper_are_a_line_of_yaml() {
    let longhand = Longhand::new();
    let shipped =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/workflows/chain-of-agents.yaml")).unwrap();
    let text = document(120);
    let first_chunk_of = |order: &str, name: &str| {
        let changed = shipped
            .replace("order: left-to-right", order)
            .replace("name: chain-of-agents", &format!("name: {name}"));
        assert_ne!(changed, shipped);
        longhand.file(&format!("{name}.yaml"), changed);
        let _ = fs::remove_dir_all(longhand.home().join("store"));
        let (report, calls) = run(&longhand, &format!("{name}.yaml"), &text, "What?");
        let order: Vec<u64> =
            report["calls"].as_array().unwrap().iter().filter_map(|call| call["chunk"].as_u64()).collect();
        (order, calls.len(), report)
    };
    let (backward, ..) = first_chunk_of("order: right-to-left", "backward");
    assert!(backward.is_sorted_by(|a, b| a > b), "{backward:?}");
    let (shuffled, ..) = first_chunk_of("order: {shuffled: 7}", "shuffled");
    let mut sorted = shuffled.clone();
    sorted.sort_unstable();
    assert_ne!(shuffled, sorted);
    assert_eq!(sorted, (0..shuffled.len() as u64).collect::<Vec<_>>());

    let without = shipped
        .replace("  answer:\n    call:\n      agent: manager\n      with: {notes: read}\n", "")
        .replace("over: answer", "over: read")
        .replace("output: answer", "output: read")
        .replace("name: chain-of-agents", "name: headless");
    longhand.file("headless.yaml", without);
    let _ = fs::remove_dir_all(longhand.home().join("store"));
    let (report, calls) = run(&longhand, "headless.yaml", &text, "What?");
    assert_eq!(calls.len(), chunks(&report, &text).len(), "no manager");
    assert_eq!(report["summaries"][0]["text"].as_str().unwrap(), answer(calls.last().unwrap()).trim());

    longhand.file("archive/1.md", document(20)).file("archive/2.md", document(30));
    let args = ["run", "headless.yaml", "archive", "--model", "scripted:script.yaml", "--json"];
    let report = longhand.run(&args).json();
    let nodes: BTreeSet<&str> =
        report["calls"].as_array().unwrap().iter().map(|call| call["node"].as_str().unwrap()).collect();
    assert_eq!(nodes, BTreeSet::from(["overview", "read"]), "an overview needs no manager either");
}

#[test]
fn prompt_tokens_and_attended_pairs_grow_linearly_with_the_document() {
    // A token of a prompt attends to itself and to all before it: p tokens are p (p + 1) / 2 pairs (table 2 of the paper).
    let measured = |sentences| {
        let longhand = Longhand::new();
        let (report, _) = run(&longhand, "chain-of-agents", &document(sentences), "What?");
        let prompts = report["calls"].as_array().unwrap().iter();
        let prompts: Vec<f64> = prompts.map(|call| call["prompt_tokens"].as_f64().unwrap()).collect();
        let pairs: f64 = prompts.iter().map(|p| p * (p + 1.0) / 2.0).sum();
        (prompts.iter().sum::<f64>(), pairs)
    };
    let (one, two, four) = (measured(150), measured(300), measured(600));
    let doubles = |one: f64, two: f64, four: f64| ((four - two) / (two - one) - 2.0).abs() < 0.2;
    assert!(doubles(one.0, two.0, four.0), "tokens: {one:?} {two:?} {four:?}");
    assert!(doubles(one.1, two.1, four.1), "pairs: {one:?} {two:?} {four:?}");
    // One prompt that held as much would attend to n (n + 1) / 2 pairs; windows of k tokens make that n k / 2.
    let whole = four.0 * (four.0 + 1.0) / 2.0;
    assert!(four.1 <= four.0 * 700.0 / 2.0 + four.0 && four.1 < whole / 10.0, "{four:?} of {whole}");
}
