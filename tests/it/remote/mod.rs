//! Models behind endpoints: real HTTP to a provider on this machine that goes wrong as it is told.

mod asked;
mod batch;
mod batch_ends;
mod careful;
mod doctor;
mod faults;
mod real;
mod secret;
mod sharing;
#[cfg(feature = "local")]
mod tokenizer;
mod way;

use std::fmt::Write as _;

use serde_json::Value;

use crate::longhand::{Ended, Longhand};
use crate::support::provider::{Entry, Provider};

/// A model of the name `there`, with what else is said of it.
pub(super) fn settings(provider: &Provider, more: &str) -> String {
    format!(
        "model: there\nmodels:\n  there:\n    openai: {{model: some-model, base_url: \"{}\"{more}}}\n",
        provider.base_url()
    )
}

/// One call for each document: a note on it.
pub(super) fn project(provider: &Provider, more: &str, documents: usize) -> Longhand {
    let longhand = Longhand::new();
    longhand
        .file("longhand.yaml", settings(provider, more))
        .file(
            "workflows/note.yaml",
            "version: 1\nname: note\nnodes:\n  parts:\n    split: {for: note, keep: first}\n  note:\n    fold: {over: parts, \
             agent: reader}\noutput: note\n",
        )
        .file("agents/reader.yaml", reader(""))
        .file("prompts/reader.tera", "Note what this says.\n{{ chunk }}");
    for number in 0..documents {
        longhand.file(&format!("archive/{number:03}.md"), document(number));
    }
    longhand
}

/// A few sentences that no other document has.
pub(super) fn document(number: usize) -> String {
    let mut text = format!("# Report {number}\n\n");
    for line in 0..8 {
        let _ = writeln!(
            text,
            "Pump {} of station {number} ran for {} minutes on day {line}.",
            line * 3 + 1,
            number * 7 + line
        );
    }
    text
}

/// What a report adds up to: tokens of prompts and answers.
pub(super) fn used(ended: &Ended) -> (u64, u64) {
    let report = ended.json();
    let usage = |name: &str| report["usage"][name].as_u64().unwrap();
    (usage("prompt_tokens"), usage("completion_tokens"))
}

/// The results by the names of their documents.
pub(super) fn results(report: &Value) -> Vec<(String, String)> {
    let documents = report["summaries"].as_array().unwrap();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    documents.iter().map(|one| (text(one, "path"), text(one, "text"))).collect()
}

/// Says whether a request holds that document.
pub(super) fn is_about(entry: &Entry, number: usize) -> bool {
    entry.body.to_string().contains(&format!("# Report {number}\\n"))
}

/// An agent that waits no longer than tests want to.
pub(super) fn reader(calls: &str) -> String {
    format!(
        "version: 1\nname: reader\nprompt: reader\nmax_output: 60\ncalls: {{{calls}first_wait_ms: 1, longest_wait_ms: 2500}}\n"
    )
}
