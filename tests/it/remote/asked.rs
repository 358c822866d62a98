//! What is asked, and what is made of the answer.

use serde_json::json;

use super::{is_about, project, results, used};
use crate::support::provider::{Ability, Behaviour, Fault, Provider, Tokenizer};

#[test]
fn a_run_over_an_endpoint_pays_exactly_what_the_endpoint_charges() {
    let provider = Provider::start(Behaviour::default());
    let longhand = project(&provider, ", price: {input: 1, output: 2}", 3);
    let ended = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let ledger = provider.ledger();
    let chats = ledger.chats();
    assert_eq!(chats.len(), 3);
    assert_eq!(used(&ended), (ledger.charged().prompt, ledger.charged().completion));
    for (number, (_, text)) in results(&ended.json()).iter().take(3).enumerate() {
        let entry = ledger.chats().into_iter().find(|entry| is_about(entry, number)).unwrap();
        assert_eq!(text, provider.right_answer(&entry.body).trim());
    }
    let first = chats[0];
    assert_eq!(first.header("authorization"), None, "a key that is for somebody else stays here");
    let keys: Vec<&String> = first.body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["model", "messages", "max_tokens", "temperature"]);
    assert_eq!(first.body["model"], "some-model");
    assert_eq!(first.body["max_tokens"], 60);
    let again = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!((again.code, provider.ledger().chats().len()), (Some(0), 3), "nothing is paid for twice");
}

#[test]
fn unknown_fields_and_what_was_thought_are_kept_in_the_journal() {
    let provider = Provider::start(Behaviour::scripted([Fault::ExtraFields]));
    let longhand = project(&provider, "", 1);
    let ended = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let call = &longhand.calls()[0];
    let text = call.to_string();
    let sent = provider.ledger().chats()[0].body.to_string();
    assert!(text.contains("system_fingerprint") && text.contains("provider"), "{text}");
    assert!(call["response"]["reasoning"].is_string() && !sent.contains("reasoning_content"), "{text}");
}

#[test]
fn the_environment_is_enough_for_a_well_known_model() {
    let provider = Provider::start(Behaviour {
        tokenizer: Tokenizer::O200k,
        api_key: Some("sk-right".to_owned()),
        ..Behaviour::default()
    });
    let longhand = project(&provider, "", 2);
    let asked = ["run", "note", "archive", "--json", "--model", "gpt-4o-mini"];
    let mut command = longhand.command(&asked);
    command.env("OPENAI_BASE_URL", provider.base_url()).env("OPENAI_API_KEY", "sk-right");
    let output = command.output().unwrap();
    let ended = longhand.ended(output);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let ledger = provider.ledger();
    assert_eq!(used(&ended), (ledger.charged().prompt, ledger.charged().completion));
    assert_eq!(ledger.chats()[0].header("authorization"), Some("Bearer sk-right"));
    let mut command = longhand.command(&asked);
    command.env("OPENAI_BASE_URL", provider.base_url()).env("OPENAI_API_KEY", "sk-wrong");
    command.env("LONGHAND_HOME", longhand.home().join("other"));
    let output = command.output().unwrap();
    let refused = longhand.ended(output);
    assert_eq!(refused.code, Some(6), "{}", refused.shown());
    assert!(
        refused.stderr.contains("does not accept the key") && refused.stderr.contains("OPENAI_API_KEY"),
        "{}",
        refused.shown()
    );
    assert!(provider.ledger().chats().len() <= 2 + 2, "nobody asks after a refusal");
}

#[test]
fn without_a_key_openai_is_not_even_asked() {
    let longhand = crate::longhand::Longhand::new();
    let ended = longhand.file("a.md", "One line.").run(&["summarize", "a.md", "--model", "gpt-4o-mini"]);
    assert_eq!(ended.code, Some(6));
    insta::assert_snapshot!(ended.stderr, @"
    error: there is no model to ask
      caused by: there is no key for `gpt-4o-mini`: the environment variable `OPENAI_API_KEY` is empty

    hint: `export OPENAI_API_KEY=...`, or name another variable or address at the model in `longhand.yaml`
    ");
    let planned =
        longhand.run(&["plan", "summarize", "a.md", "--model", "gpt-4o-mini", "--json", "--offline"]);
    assert_eq!(planned.code, Some(0), "{}", planned.shown());
    assert!(planned.json()["worst"]["cost_usd"].as_f64().unwrap() > 0.0, "{}", planned.shown());
    let offline = longhand.run(&["summarize", "a.md", "--model", "gpt-4o-mini", "--offline"]);
    assert_eq!(offline.code, Some(6));
    assert!(offline.stderr.contains("--offline"), "{}", offline.stderr);
}

#[test]
fn records_are_asked_for_by_their_schema_and_repaired_where_they_break_it() {
    let json = [r#"{"answer": [{"n": "two"}]}"#, r#"{"answer": [{"n": 2}]}"#].map(str::to_owned).to_vec();
    let provider = Provider::start(Behaviour { json, ..Behaviour::default() });
    let longhand = project(&provider, "", 1);
    longhand.file(
        "workflows/pull.yaml",
        "version: 1\nname: pull\nnodes:\n  parts:\n    split: {for: rows, keep: first}\n  rows:\n    extract:\n      over: parts\n      \
         agent: reader\n      schema: {type: array, items: {type: object, properties: {n: {type: integer}}, required: [n], \
         additionalProperties: false}}\noutput: rows\n",
    );
    let ended = longhand.run(&["run", "pull", "archive", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let ledger = provider.ledger();
    let chats = ledger.chats();
    assert_eq!(chats.len(), 2);
    assert_eq!(chats[0].body["response_format"]["json_schema"]["strict"], true);
    assert_eq!(ended.json()["summaries"][0]["records"], json!([{"n": 2}]));
    let repaired = chats[1].body["messages"].to_string();
    assert!(repaired.contains("two") && repaired.contains("integer"), "the error goes back: {repaired}");
}

#[test]
fn what_an_endpoint_cannot_do_is_not_asked_of_it_twice() {
    let provider = Provider::start(Behaviour {
        without: vec![Ability::JsonSchema],
        json: vec!["[{\"n\": 2}]".to_owned()],
        unknown_keys: vec!["temperature".to_owned()],
        ..Behaviour::default()
    });
    let longhand = project(&provider, "", 3);
    let ended = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let ledger = provider.ledger();
    let with = ledger.chats().iter().filter(|entry| entry.body.get("temperature").is_some()).count();
    assert!(with <= 3 && ledger.chats().len() == 3 + with, "{with}");
}

#[test]
fn a_reasoning_model_is_asked_as_one_and_its_thoughts_go_nowhere() {
    let provider = Provider::start(Behaviour::default());
    let longhand = project(&provider, ", reasoning_effort: low", 1);
    let ended = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let ledger = provider.ledger();
    let body = &ledger.chats()[0].body;
    assert_eq!((&body["reasoning_effort"], &body["max_completion_tokens"]), (&json!("low"), &json!(60)));
    assert!(body.get("temperature").is_none() && body.get("max_tokens").is_none());
}

#[test]
fn replies_are_recorded_and_given_again_without_the_endpoint() {
    let provider = Provider::start(Behaviour::default());
    let longhand = project(&provider, "", 2);
    let run = |how: &str, home: &str| {
        let mut command = longhand.command(&["run", "note", "archive", "--json"]);
        command.env("LONGHAND_REPLIES", how).env("LONGHAND_HOME", longhand.home().join(home));
        let output = command.output().unwrap();
        longhand.ended(output)
    };
    let recorded = run("record:replies.jsonl", "one");
    assert_eq!(recorded.code, Some(0), "{}", recorded.shown());
    let replayed = run("replay:replies.jsonl", "two");
    assert_eq!(replayed.code, Some(0), "{}", replayed.shown());
    assert_eq!(provider.ledger().chats().len(), 2, "nothing was sent the second time");
    assert_eq!(results(&recorded.json()), results(&replayed.json()));
    longhand.file("prompts/reader.tera", "Note otherwise.\n{{ chunk }}");
    let other = run("replay:replies.jsonl", "three");
    assert_eq!(other.code, Some(1), "{}", other.shown());
    assert!(other.stderr.contains("differs in `messages`"), "{}", other.shown());
}

#[test]
fn every_shipped_method_works_over_an_endpoint_or_says_what_it_needs() {
    let provider = Provider::start(Behaviour::default());
    let longhand = project(&provider, ", context: 1200, max_output: 200", 2);
    let shipped = longhand.run(&["workflows", "list", "--json"]).json();
    let names = shipped.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap());
    let mut told = Vec::new();
    for name in names.filter(|name| *name != "note") {
        let ask = ["run", name, "archive", "-p", "question=Which pump ran?", "--json"];
        let summarize = ["run", name, "archive", "--json"];
        let asked = longhand.run(&ask);
        let ended = if asked.code == Some(2) { longhand.run(&summarize) } else { asked };
        let first = ended.stderr.lines().find(|line| line.starts_with("error")).unwrap_or_default();
        let first = first.split("no answer: ").last().unwrap_or_default();
        told.push(format!("{name}: {} {first}", ended.code.unwrap()).trim_end().to_owned());
    }
    insta::assert_snapshot!(told.join("\n"), @"
    chain-of-agents: 0
    chat: 2 error: workflow `chat` needs its input `message`
    chat-long: 2 error: workflow `chat-long` needs its input `message`
    chat-summarized: 2 error: workflow `chat-summarized` needs its input `message`
    coa-bidirectional: 0
    coa-code: 0
    coa-permutation: 0
    coa-sampled: 0
    coa-self-consistency: 0
    coa-shuffled: 0
    hierarchical: 0
    inftythink: 0
    inftythink-data: 0
    inftythink-prompted: 0
    inftythink-vote: 0
    iterative-summary: 0
    map-extract: 0
    merge: 0
    quote-answer: 1 the answer cannot be held to that form: an endpoint does not tell how likely a given text is; ask a model on this machine, or choose another `score`
    quote-chain: 0
    rag: 0
    refine: 0
    single-shot: 0
    tree: 0
    truncate: 0
    ");
}
