//! Nothing is paid twice, nothing is overshot, no truncated answer is believed, and another model is asked where one is down.

use std::time::Duration;

use super::{document, project, results};
use crate::support::provider::{Behaviour, Fault, Provider, Rate, RateKind, RetryAfter, Tokenizer};

#[test]
fn a_refusal_for_now_is_waited_out_as_long_as_the_server_asks() {
    let provider =
        Provider::start(Behaviour::scripted([Fault::TooMany { retry_after: Some(RetryAfter::Seconds(1)) }]));
    let longhand = project(&provider, "", 1);
    let ended = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let ledger = provider.ledger();
    let chats = ledger.chats();
    assert_eq!(chats.len(), 2);
    assert!(chats[1].arrived >= chats[0].arrived + Duration::from_secs(1));
}

#[test]
fn an_empty_purse_stops_the_run_at_once_and_keeps_what_is_finished() {
    let provider = Provider::start(Behaviour::scripted([Fault::Sound, Fault::InsufficientQuota]));
    let longhand = project(&provider, ", limits: {concurrency: 1}", 5);
    let ended = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!(ended.code, Some(6), "{}", ended.shown());
    assert_eq!(provider.ledger().chats().len(), 2);
    assert!(ended.stderr.contains("is used up") && ended.stderr.contains("runs resume"), "{}", ended.stderr);
    let report = ended.json();
    assert_eq!((&report["outcome"], report["calls"].as_array().unwrap().len()), (&"no_model".into(), 1));
    let resumed = longhand.run(&["runs", "resume", report["run"].as_str().unwrap(), "--json"]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.shown());
    assert_eq!(provider.ledger().chats().len(), 2 + 4);
}

#[test]
fn the_next_model_is_asked_where_one_has_nothing_left_and_pays_its_own_price() {
    let empty = Provider::start(Behaviour::scripted(vec![Fault::InsufficientQuota; 9]));
    let full = Provider::start(Behaviour::default());
    let longhand = project(&empty, "", 3);
    let model = |name: &str, provider: &Provider, price: u32| {
        format!(
            "  {name}:\n    openai: {{model: {name}, base_url: \"{}\", price: {{input: {price}, output: {price}}}, limits: {{concurrency: 1}}}}\n",
            provider.base_url()
        )
    };
    longhand.file(
        "longhand.yaml",
        format!(
            "model: either\nmodels:\n  either: {{fallback: [dear, cheap]}}\n{}{}",
            model("dear", &empty, 100),
            model("cheap", &full, 1)
        ),
    );
    let ended = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    assert_eq!((empty.ledger().chats().len(), full.ledger().chats().len()), (1, 3));
    let report = ended.json();
    let charged = full.ledger().charged().total();
    assert!(
        (report["usage"]["cost_usd"].as_f64().unwrap() * 1e6 - f64::from(u32::try_from(charged).unwrap()))
            .abs()
            < 1e-6
    );
    assert!(report["calls"][0]["model"].as_str().unwrap().starts_with("openai:cheap@"));
    let again = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!((again.code, full.ledger().chats().len()), (Some(0), 3), "its answers are found again");
}

#[test]
fn workers_of_one_model_and_a_manager_of_another_work_in_one_run() {
    let provider = Provider::start(Behaviour::default());
    let longhand = project(&provider, "", 1);
    longhand
        .file("long.md", (0..40).map(document).collect::<String>())
        .file("agents/head.yaml", "version: 1\nname: head\nprompt: head\nmax_output: 60\nmodel: there\n")
        .file("prompts/head.tera", "Conclude from this: {{ notes }}")
        .file(
            "workflows/both.yaml",
            "version: 1\nname: both\nnodes:\n  parts:\n    split: {for: note}\n  note:\n    fold: {over: parts, agent: reader}\n  \
             end:\n    call: {agent: head, with: {notes: note}}\noutput: end\n",
        );
    let ended =
        longhand.run(&["run", "both", "long.md", "--model", "scripted", "--window", "2000", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let report = ended.json();
    let ledger = provider.ledger();
    assert_eq!(ledger.chats().len(), 1);
    assert!(report["calls"].as_array().unwrap().len() > 3);
    assert_eq!(results(&report)[0].1, provider.right_answer(&ledger.chats()[0].body).trim());
}

#[test]
fn a_server_that_cuts_prompts_is_caught_at_the_first_call_whatever_its_tokenizer() {
    for (tokenizer, name) in [(Tokenizer::Bytes(3), "other"), (Tokenizer::O200k, "gpt-4o-mini")] {
        let provider = Provider::start(Behaviour {
            faults: vec![(Fault::CutAt(4096), 1000)],
            most_faults_per_body: 99,
            tokenizer,
            ..Behaviour::default()
        });
        let longhand = project(&provider, "", 1);
        longhand.file("longhand.yaml", format!("model: there\nmodels:\n  there:\n    openai: {{model: {name}, base_url: \"{}\", context: 32000}}\n", provider.base_url()));
        longhand.file("long.md", (0..120).map(document).collect::<String>());
        let ended = longhand.run(&["run", "note", "long.md", "--json"]);
        assert_eq!(ended.code, Some(6), "{}", ended.shown());
        assert!(ended.stderr.contains("read only") && ended.stderr.contains("context: "), "{}", ended.stderr);
        let long = provider.ledger().chats().iter().filter(|entry| entry.charged.prompt >= 4096).count();
        assert_eq!(long, 1, "the first long prompt is the last");
    }
}

#[test]
fn an_honest_server_with_another_tokenizer_is_believed() {
    for bytes in [2, 3, 5, 6] {
        let provider =
            Provider::start(Behaviour { tokenizer: Tokenizer::Bytes(bytes), ..Behaviour::default() });
        let longhand = project(&provider, ", context: 32000", 2);
        longhand.file("long.md", (0..60).map(document).collect::<String>());
        let ended = longhand.run(&["run", "note", "archive", "long.md", "--json"]);
        assert_eq!(ended.code, Some(0), "{bytes} bytes: {}", ended.shown());
        let (ours, theirs) = (super::used(&ended), provider.ledger().charged());
        assert_eq!(ours, (theirs.prompt, theirs.completion));
    }
}

#[test]
fn a_hard_budget_is_not_passed_although_many_are_asked_at_once() {
    let provider = Provider::start(Behaviour {
        tokenizer: Tokenizer::O200k,
        latency: Duration::from_millis(20),
        ..Behaviour::default()
    });
    let longhand = project(&provider, "", 60);
    longhand.file("longhand.yaml", format!("model: there\nmodels:\n  there:\n    openai: {{model: gpt-4o-mini, base_url: \"{}\", limits: {{concurrency: 32}}}}\n", provider.base_url()));
    let ended = longhand.run(&["run", "note", "archive", "--json", "--max-tokens", "5000"]);
    assert_eq!(ended.code, Some(4), "{}", ended.shown());
    let charged = provider.ledger().charged().total();
    assert!(charged <= 5000 && charged > 3500, "{charged}");
    assert!(provider.ledger().most_in_flight > 4);
}

#[test]
fn a_rate_that_is_set_is_kept_and_used() {
    let rate = Rate {
        kind: RateKind::SlidingWindow,
        requests: 20,
        tokens: None,
        window: Duration::from_secs(1),
        retry_after: true,
        headers: false,
    };
    let provider = Provider::start(Behaviour { rate: Some(rate), ..Behaviour::default() });
    let longhand = project(&provider, ", limits: {requests_per_minute: 1200, concurrency: 64}", 60);
    let ended = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let ledger = provider.ledger();
    assert!(ledger.chats().iter().filter(|entry| entry.status == 429).count() <= 1);
}

/// Takes two minutes: for figures, not for every day.
#[test]
#[ignore = "takes two minutes"]
fn a_rate_of_a_minute_is_used_to_the_full() {
    for (set, headers) in [(", requests_per_minute: 600", false), ("", true)] {
        let rate = Rate {
            kind: RateKind::SlidingWindow,
            requests: 600,
            tokens: None,
            window: Duration::from_mins(1),
            retry_after: true,
            headers,
        };
        let provider = Provider::start(Behaviour {
            rate: Some(rate),
            latency: Duration::from_millis(300),
            ..Behaviour::default()
        });
        let longhand = project(&provider, &format!(", limits: {{concurrency: 64{set}}}"), 600);
        let ended = longhand.run(&["run", "note", "archive", "--json"]);
        assert_eq!(ended.code, Some(0), "{}", ended.shown());
        let ledger = provider.ledger();
        let refused = ledger.chats().iter().filter(|entry| entry.status == 429).count();
        let (first, last) = (ledger.chats()[0].arrived, ledger.chats().last().unwrap().arrived);
        println!(
            "600 a minute ({set:?}): 600 answers over {:?}, {refused} refused",
            last.checked_sub(first).unwrap()
        );
    }
}
