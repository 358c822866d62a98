//! Several names of one server: what one finds out holds for all.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{project, reader};
use crate::support::provider::{Behaviour, Provider};

/// An address at which no connection comes about, because it ends each before TLS does; counts them.
fn dead() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("https://{}/v1", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (base_url, count)
}

fn model(name: &str, base_url: &str, more: &str) -> String {
    format!("  {name}:\n    openai: {{model: {name}, base_url: \"{base_url}\"{more}}}\n")
}

#[test]
fn a_chain_whose_first_two_are_on_one_dead_server_goes_straight_to_the_third() {
    let (base_url, opened) = dead();
    let provider = Provider::start(Behaviour::default());
    let longhand = project(&provider, "", 6);
    longhand.file("agents/reader.yaml", reader("tries: 5, ")).file(
        "longhand.yaml",
        format!(
            "model: any\nmodels:\n  any: {{fallback: [first, second, third]}}\n{}{}{}",
            model("first", &base_url, ", limits: {concurrency: 1}"),
            model("second", &base_url, ", limits: {concurrency: 1}"),
            model("third", &provider.base_url(), ", limits: {concurrency: 1}")
        ),
    );
    let ended = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    assert_eq!(opened.load(Ordering::SeqCst), 5, "the first found out for both");
    assert_eq!(provider.ledger().chats().len(), 6);
    let report = ended.json();
    let calls = report["calls"].as_array().unwrap();
    assert!(
        calls.iter().all(|call| call["model"].as_str().unwrap().starts_with("openai:third@")),
        "{report}"
    );
}

#[test]
fn two_names_of_one_model_have_its_places_together() {
    let provider = Provider::start(Behaviour { latency: Duration::from_millis(20), ..Behaviour::default() });
    let longhand = project(&provider, "", 20);
    let same = |name: &str, more: &str| {
        let base_url = provider.base_url();
        format!("  {name}:\n    openai: {{model: some-model, base_url: \"{base_url}\"{more}}}\n")
    };
    longhand
        .file(
            "longhand.yaml",
            format!(
                "model: there\nmodels:\n{}{}",
                same("there", ", limits: {concurrency: 3}"),
                same("same", ", limits: {concurrency: 8}")
            ),
        )
        .file("agents/other.yaml", "version: 1\nname: other\nprompt: other\nmax_output: 60\nmodel: same\n")
        .file("prompts/other.tera", "Note it otherwise.\n{{ chunk }}")
        .file(
            "workflows/both.yaml",
            "version: 1\nname: both\nnodes:\n  parts:\n    split: {for: note, keep: first}\n  note:\n    fold: {over: parts, agent: \
             reader}\n  other:\n    fold: {over: parts, agent: other}\n  end:\n    \
             call: {agent: head, with: {one: note, two: other}}\noutput: end\n",
        )
        .file("agents/head.yaml", "version: 1\nname: head\nprompt: head\nmax_output: 60\n")
        .file("prompts/head.tera", "Conclude from this: {{ one }}\n{{ two }}");
    let ended = longhand.run(&["run", "both", "archive", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let ledger = provider.ledger();
    assert_eq!((ledger.chats().len(), ledger.most_in_flight), (60, 3));
}
