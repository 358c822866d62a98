//! The provider is held against what it says of itself, over the wire.

mod batches;
mod faults;
mod peer;
mod rates;

use std::collections::BTreeSet;

use serde_json::json;

use self::peer::{Peer, question, streamed};
use super::answer::instance;
use super::chance::Chance;
use super::{Ability, Behaviour, Fault, Provider, Tokenizer, Usage, right_answer, right_vector};

#[test]
fn answers_are_right_and_charged() {
    let provider = Provider::start(Behaviour::default());
    assert!(provider.base_url().ends_with("/v1"));
    let mut peer = Peer::new(&provider);
    let (short, long) = (question(3), question(400));
    assert_eq!(right_answer(&short), "word0 word1 word2");
    let long_answer = right_answer(&long);
    assert_eq!(long_answer.split(' ').count(), 40);
    assert!(long_answer.starts_with("word0 word10 word20"), "{long_answer}");

    for body in [&short, &long] {
        let heard = peer.chat(body);
        assert_eq!((heard.status, heard.whole), (200, true));
        let answer = heard.json();
        assert_eq!(answer["choices"][0]["message"]["content"], right_answer(body));
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
        let used = provider.right_usage(body);
        assert_eq!(answer["usage"]["prompt_tokens"], used.prompt);
        assert_eq!(answer["usage"]["completion_tokens"], used.completion);
    }
    let ledger = provider.ledger();
    assert_eq!(ledger.charged(), provider.right_usage(&short) + provider.right_usage(&long));
    // 17 bytes are five tokens, beside four for the message and three for the prompt.
    assert_eq!(ledger.entries[0].charged, Usage { prompt: 12, cached: 0, completion: 5 });
    assert_eq!((ledger.connections, ledger.most_in_flight, ledger.faults()), (1, 1, 0));
    assert!(ledger.chats().iter().all(|entry| entry.answered()), "{ledger:?}");
    assert_eq!(ledger.entries[0].header("content-type"), Some("application/json"));
    assert!(ledger.entries[0].arrived <= ledger.entries[1].arrived);
    assert_eq!(ledger.wasted(), Usage::default());
}

#[test]
fn a_stream_says_the_same() {
    let provider = Provider::start(Behaviour::default());
    let body = streamed(100);
    let heard = Peer::new(&provider).chat(&body);
    assert!(heard.whole && heard.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(heard.said(), right_answer(&body));
    let last = heard.events().pop().unwrap();
    let used = provider.right_usage(&body);
    assert_eq!(last["usage"]["completion_tokens"], used.completion);
    assert_eq!(last["choices"], json!([]));
    assert_eq!(provider.ledger().charged(), used);
}

#[test]
fn a_limit_and_a_schema_are_kept() {
    let good = r#"{"name":"Ada"}"#;
    let json = vec!["not json".to_owned(), good.to_owned()];
    let provider = Provider::start(Behaviour { json, ..Behaviour::default() });
    let mut peer = Peer::new(&provider);
    let mut short = question(100);
    short["max_completion_tokens"] = json!(3);
    let answer = peer.chat(&short).json();
    assert_eq!(answer["choices"][0]["message"]["content"], "word0 word2 ");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 3);

    let schema = json!({"type": "object", "required": ["name", "rows"], "properties": {
        "name": {"type": "string", "minLength": 3},
        "rows": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/row"}},
        "not_required": {"type": "null"},
    }, "$defs": {"row": {"enum": ["a", "b"]}}});
    assert_eq!(instance(&schema, "x"), json!({"name": "xxx", "rows": ["a", "a"]}));
    let mut strict = question(3);
    strict["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let answers = [(); 3].map(|()| peer.chat(&strict).json()["choices"][0]["message"]["content"].clone());
    assert_eq!(answers, [json!("not json"), json!(good), json!(good)]);
}

#[test]
fn tokens_are_counted_as_told() {
    let message = json!([{"role": "user", "content": "hello world"}]);
    let messages = message.as_array().unwrap();
    assert_eq!(Tokenizer::O200k.messages(messages), 9);
    assert_eq!(Tokenizer::Bytes(4).messages(messages), 10);
    assert_eq!(Tokenizer::O200k.cut("hello world again", 2), "hello world");
    assert_eq!(Tokenizer::Bytes(1).cut("a\u{e9}b", 2), "a");
}

#[test]
fn what_a_server_cannot_do_it_refuses() {
    let behaviour = Behaviour {
        api_key: Some("key".into()),
        context: 100,
        without: vec![Ability::StreamOptions, Ability::Embeddings, Ability::Usage],
        ..Behaviour::default()
    };
    let provider = Provider::start(behaviour);
    let mut peer = Peer::new(&provider);
    assert_eq!(peer.chat(&question(3)).status, 401);
    let mut ask = |path: &str, body: &serde_json::Value| {
        peer.send("POST", path, "authorization: Bearer key\r\n", body.to_string().as_bytes());
        peer.hear()
    };
    let chat = "/v1/chat/completions";
    assert_eq!(ask(chat, &streamed(3)).json()["error"]["code"], "unsupported_parameter");
    assert_eq!(ask(chat, &question(300)).json()["error"]["code"], "context_length_exceeded");
    assert_eq!(ask("/v1/embeddings", &json!({"model": "m", "input": "a"})).status, 404);
    assert_eq!(ask("/v1/elsewhere", &json!({})).status, 404);
    assert_eq!(provider.ledger().charged(), Usage::default());
    let answer = ask(chat, &question(3)).json();
    assert!(answer.get("usage").is_none(), "{answer}");
    assert_eq!(provider.ledger().charged(), provider.right_usage(&question(3)));
}

#[test]
fn vectors_and_cached_prompts_are_told() {
    let provider = Provider::start(Behaviour { prompt_cache: Some(8), ..Behaviour::default() });
    let mut peer = Peer::new(&provider);
    let vectors =
        peer.ask("/v1/embeddings", &json!({"model": "m", "input": ["a b", "b a"], "dimensions": 8})).json();
    assert_eq!(vectors["data"][0]["embedding"], json!(right_vector("a b", 8)));
    assert_eq!(vectors["data"][0]["embedding"], vectors["data"][1]["embedding"]);
    assert_eq!(vectors["usage"]["prompt_tokens"], 2);
    assert_eq!(peer.get("/v1/models").json()["data"][0]["id"], "test-model");

    let body = |last: &str| json!({"model": "m", "messages": [{"role": "system", "content": "x".repeat(100)}, {"role": "user", "content": last}]});
    let cached = ["one", "two"].map(|last| {
        peer.chat(&body(last)).json()["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap()
    });
    // The system's message with what is around it is 32 tokens.
    assert_eq!(cached, [0, 32]);
    assert_eq!(provider.ledger().charged().cached, 32);
}

#[test]
fn faults_do_not_depend_on_the_order_of_requests() {
    let behaviour = Behaviour {
        faults: vec![(Fault::Status(500), 300), (Fault::Length, 200)],
        seed: 7,
        most_faults_per_body: 2,
        ..Behaviour::default()
    };
    let drawn = |bodies: &mut dyn Iterator<Item = u64>| {
        let mut chance = Chance::default();
        let mut times = std::collections::BTreeMap::new();
        let each = bodies.map(|body| {
            let time: &mut u32 = times.entry(body).or_default();
            *time += 1;
            (body, *time, format!("{:?}", chance.draw(&behaviour, body)))
        });
        each.collect::<BTreeSet<_>>()
    };
    let one = drawn(&mut (0..4000).map(|number| number % 400));
    let other = drawn(&mut (0..4000).rev().map(|number| number / 10));
    assert_eq!(one, other);
    let faults = |body: u64| one.iter().filter(|(of, _, fault)| *of == body && fault != "Sound").count();
    assert!((0..400).all(|body| faults(body) <= 2), "{one:?}");
    let first = one.iter().filter(|(_, time, fault)| *time == 1 && fault != "Sound").count();
    assert!((160..240).contains(&first), "about half of 400: {first}");

    let always = Behaviour { always_failing: 1000, ..behaviour.clone() };
    let mut chance = Chance::default();
    assert!((0..50).all(|_| chance.draw(&always, 1) != Fault::Sound));
}
