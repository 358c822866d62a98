//! A server that nobody here wrote. `benches/peers/serve.py` starts one; `LONGHAND_ENDPOINT` is its base URL.
//!
//! `LONGHAND_ENDPOINT_SMALL` may name a second one with a window of 2,048 tokens, `LONGHAND_ENDPOINT_KEY` a key for both,
//! and with `LONGHAND_HOME` tokens are counted with the model's own file.

use std::process::Command;

use serde_json::Value;

use crate::longhand::{Ended, Longhand, default_model};

/// Two short documents of the sample archive: a small machine reads them in a minute.
const READ: [(&str, &str); 2] = [
    ("quill.txt", include_str!("../../../examples/archive/letters/1932-quill-to-his-sister.txt")),
    ("school.txt", include_str!("../../../examples/archive/letters/2019-school-to-the-trustees.txt")),
];

/// The project that asks the server of an environment variable; none, and a word of it, where there is no such server.
fn asking(variable: &str) -> Option<Longhand> {
    let Ok(base_url) = std::env::var(variable) else {
        println!("skipped: `{variable}` names no server; `benches/peers/serve.py` starts one");
        return None;
    };
    let longhand = Longhand::new();
    let counted = default_model().map(|path| format!(", tokenizer: \"{}\"", path.display()));
    let key = std::env::var_os("LONGHAND_ENDPOINT_KEY").map(|_| ", api_key_env: LONGHAND_ENDPOINT_KEY");
    longhand.file(
        "longhand.yaml",
        format!(
            "model: there\nmodels:\n  there:\n    openai: {{model: smollm2, base_url: \"{base_url}\", context: 8192, \
             max_output: 64, limits: {{concurrency: 2}}{}{}}}\n",
            counted.unwrap_or_default(),
            key.unwrap_or_default()
        ),
    );
    for (name, text) in READ {
        longhand.file(&format!("archive/{name}"), text);
    }
    Some(longhand)
}

fn run(longhand: &Longhand, args: &[&str]) -> Ended {
    let mut command: Command = longhand.command(args);
    if let Some(key) = std::env::var_os("LONGHAND_ENDPOINT_KEY") {
        command.env("LONGHAND_ENDPOINT_KEY", key);
    }
    longhand.ended(command.output().unwrap())
}

fn ends_well(longhand: &Longhand, args: &[&str]) -> Value {
    let ended = run(longhand, args);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    ended.json()
}

#[test]
fn documents_are_summarized_and_every_call_tells_what_it_used() {
    let Some(longhand) = asking("LONGHAND_ENDPOINT") else { return };
    let report = ends_well(
        &longhand,
        &["summarize", "archive", "--method", "chain-of-agents", "--window", "2048", "--json"],
    );
    assert_eq!(report["outcome"], "succeeded");
    for call in longhand.calls() {
        let told = &call["response"]["usage"];
        assert!(told["prompt_tokens"].as_u64().unwrap() > 0, "{call}");
        assert!(call["response"]["extra"]["usage"].is_object(), "the usage is the server's own: {call}");
    }
}

#[test]
fn a_question_is_answered_from_two_documents() {
    let Some(longhand) = asking("LONGHAND_ENDPOINT") else { return };
    let question = ["ask", "archive", "--question", "Who repaired the lamp?", "--method", "rag", "--json"];
    let report = ends_well(&longhand, &question);
    assert!(!report["answer"].as_str().unwrap().is_empty(), "{report}");
}

#[test]
fn records_keep_the_schema_by_the_servers_own_means() {
    let Some(longhand) = asking("LONGHAND_ENDPOINT") else { return };
    longhand
        .file(
            "workflows/pull.yaml",
            "version: 1\nname: pull\nnodes:\n  parts:\n    split: {for: row, max_tokens: 300, keep: first}\n  row:\n    extract:\n      \
             over: parts\n      agent: reader\n      schema: {type: object, properties: {who: {type: string, maxLength: 40}, \
             year: {type: integer}}, required: [who, year], additionalProperties: false}\noutput: row\n",
        )
        .file("agents/reader.yaml", "version: 1\nname: reader\nprompt: reader\nmax_output: 120\n")
        .file("prompts/reader.tera", "Who is this about, and what year was it?\n{{ chunk }}");
    let report = ends_well(&longhand, &["run", "pull", "archive", "--json"]);
    for document in report["summaries"].as_array().unwrap() {
        let rows = document["records"].as_array().unwrap();
        assert!(!rows.is_empty() && rows.iter().all(|row| row["year"].is_i64()), "{document}");
    }
}

#[test]
fn a_stream_shows_signs_of_life() {
    let Some(longhand) = asking("LONGHAND_ENDPOINT") else { return };
    longhand
        .file(
            "workflows/note.yaml",
            "version: 1\nname: note\nnodes:\n  parts:\n    split: {for: note, max_tokens: 600, keep: first}\n  note:\n    fold:\n      \
             over: parts\n      agent: reader\n      calls: {idle_timeout_s: 60}\noutput: note\n",
        )
        .file("agents/reader.yaml", "version: 1\nname: reader\nprompt: reader\nmax_output: 60\n")
        .file("prompts/reader.tera", "Note what this says.\n{{ chunk }}");
    ends_well(&longhand, &["run", "note", "archive", "--json"]);
    #[cfg(feature = "local")]
    counts_are_exact(&longhand);
}

/// What the server's template adds is the same for every prompt of one message, so all else was counted here to the token. A
/// word on each side of the prompt may be merged otherwise.
#[cfg(feature = "local")]
fn counts_are_exact(longhand: &Longhand) {
    let Some(path) = default_model() else { return };
    let counter = longhand::local::counter_of(&path).unwrap();
    let added = longhand.calls().into_iter().map(|call| {
        let text = call["request"]["messages"][0]["content"].as_str().unwrap();
        call["response"]["usage"]["prompt_tokens"].as_u64().unwrap() - counter.count(text).0
    });
    let added: Vec<u64> = added.collect();
    println!("tokens that the server's template adds to {} prompts: {added:?}", added.len());
    let (least, most) = (added.iter().min().unwrap(), added.iter().max().unwrap());
    assert!(added.len() >= 2 && most - least <= 2, "{added:?}");
}

#[test]
fn the_doctor_names_the_window_that_is_smaller_than_said() {
    let Some(longhand) = asking("LONGHAND_ENDPOINT_SMALL") else { return };
    let ended = run(&longhand, &["doctor", "there"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let window = ended.stdout.lines().find(|line| line.starts_with("window ")).unwrap();
    assert!(window.contains(" no ") && window.contains("`context: 2048`"), "{window}");
}
