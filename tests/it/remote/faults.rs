//! Five hundred documents through a provider at which everything goes wrong.

use std::collections::BTreeMap;

use super::{is_about, project, reader, results, used};
use crate::support::provider::{Behaviour, Entry, Fault, Lie, Provider, RetryAfter, Tokenizer};

/// The budget of the run.
const MOST: u64 = 500_000;

fn everything() -> Vec<(Fault, u32)> {
    let seconds = std::time::Duration::from_secs;
    vec![
        (Fault::Delay(std::time::Duration::from_millis(20)), 20),
        (Fault::TooMany { retry_after: None }, 6),
        (Fault::TooMany { retry_after: Some(RetryAfter::Seconds(0)) }, 4),
        (Fault::TooMany { retry_after: Some(RetryAfter::Date(seconds(0))) }, 4),
        (Fault::Status(500), 20),
        (Fault::Html503, 4),
        (Fault::Conflict409, 10),
        (Fault::Timeout408, 10),
        (Fault::CloseBeforeAnswer, 10),
        (Fault::CloseAfterWork, 10),
        (Fault::CloseMidStream, 10),
        (Fault::HalfEvent, 10),
        (Fault::WrongLength, 10),
        (Fault::InvalidUtf8, 10),
        (Fault::EmptyBody, 10),
        (Fault::NotJson, 10),
        (Fault::MissingFields, 10),
        (Fault::ExtraFields, 20),
        (Fault::EmptyChoices, 10),
        (Fault::ContentFilter, 5),
        (Fault::UsageMissing, 20),
        (Fault::UsageLying(Lie::One), 10),
        (Fault::UsageLying(Lie::Times(50)), 10),
        (Fault::NeverEnding, 4),
        (Fault::SlowLoris, 4),
        (Fault::BadRequest, 5),
    ]
}

#[test]
fn every_document_ends_right_or_failed_with_its_cause_and_the_books_agree() {
    run(500, "");
}

#[test]
fn and_so_they_do_where_answers_are_streamed() {
    run(150, "idle_timeout_s: 2, ");
}

/// `calls` is what the agent's calls are told beside their waits.
fn run(documents: usize, calls: &str) {
    let provider = Provider::start(Behaviour {
        faults: everything(),
        seed: 7,
        always_failing: 6,
        tokenizer: Tokenizer::O200k,
        ..Behaviour::default()
    });
    let longhand = project(&provider, "", documents);
    longhand.file("agents/reader.yaml", reader(calls));
    longhand.file(
        "longhand.yaml",
        format!(
            "model: there\nmodels:\n  there:\n    openai: {{model: gpt-4o-mini, base_url: \"{}\", price: {{input: 1, cached_input: 0.5, \
             output: 2}}, timeout: 1, limits: {{concurrency: 32}}}}\n",
            provider.base_url()
        ),
    );
    let ended = longhand.run(&["run", "note", "archive", "--json", "--max-tokens", &MOST.to_string()]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    let report = ended.json();
    let ledger = provider.ledger();
    let failed: BTreeMap<&str, &str> = report["failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| (failure["path"].as_str().unwrap(), failure["error"].as_str().unwrap()))
        .collect();
    let right = results(&report);
    let texts: BTreeMap<&str, &str> =
        right.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let mut answered = 0;
    for number in 0..documents {
        let path = format!("{number:03}.md");
        let chats = ledger.chats();
        let last = chats.iter().rfind(|entry| is_about(entry, number)).unwrap();
        let due = provider.right_answer(&last.body);
        match (texts.get(path.as_str()).filter(|text| !text.is_empty()), failed.get(path.as_str())) {
            (Some(text), None) => {
                assert_eq!(*text, due.trim(), "{path}");
                answered += last.charged.total();
            }
            (None, Some(cause)) => assert!(cause.contains("got no answer"), "{path}: {cause}"),
            both => panic!("{path} is neither right nor failed, or both: {both:?}"),
        }
    }
    // What we say that an answer used is what was charged for it, and no try without an answer is forgotten.
    let (prompt, completion) = used(&ended);
    assert_eq!(prompt + completion, answered);
    // Who goes on for ever goes beyond the longest answer that was asked for; no client can know what that is charged with.
    let due = |entry: &&Entry| {
        let longest = entry.body["max_tokens"].as_u64().unwrap();
        entry.charged.prompt + entry.charged.completion.min(longest)
    };
    let theirs: u64 = ledger.chats().iter().map(due).sum();
    let lost = report["lost"]["tokens"].as_u64().unwrap();
    assert!(lost >= theirs - answered, "ours {lost}, theirs {}", theirs - answered);
    assert!(prompt + completion + lost <= MOST);
    assert!(
        ledger.faults() > documents / 5 && !failed.is_empty() && failed.len() < documents / 10,
        "{} failed",
        failed.len()
    );
    println!(
        "{} requests over {} connections, {} faults, {} documents failed; {answered} tokens for answers on both sides, {} without \
         one there, {lost} set down for them here",
        ledger.chats().len(),
        ledger.connections,
        ledger.faults(),
        failed.len(),
        theirs - answered,
    );
}
