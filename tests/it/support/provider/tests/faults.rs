//! Each fault as a client meets it, and what it costs.

use std::time::Duration;

use super::super::{Behaviour, Fault, Lie, Provider, RetryAfter, Usage, right_answer};
use super::peer::{Heard, Peer, question, streamed};

/// What one fault does to a question of a hundred words, and the provider that played it.
fn met(fault: Fault, stream: bool) -> (Heard, Provider) {
    let provider = Provider::start(Behaviour { drip: Duration::ZERO, ..Behaviour::scripted([fault]) });
    let body = if stream { streamed(100) } else { question(100) };
    let heard = Peer::new(&provider).chat(&body);
    (heard, provider)
}

fn right() -> (String, Usage) {
    let provider = Provider::start(Behaviour::default());
    (right_answer(&question(100)), provider.right_usage(&question(100)))
}

#[test]
fn refusals_cost_nothing() {
    let cases = [
        (Fault::TooMany { retry_after: Some(RetryAfter::Seconds(3)) }, 429, "rate_limit_exceeded"),
        (
            Fault::TooMany { retry_after: Some(RetryAfter::Date(Duration::from_secs(5))) },
            429,
            "rate_limit_exceeded",
        ),
        (Fault::TooMany { retry_after: None }, 429, "rate_limit_exceeded"),
        (Fault::Status(502), 502, "server_error"),
        (Fault::Html503, 503, "<html>"),
        (Fault::Conflict409, 409, "conflicts"),
        (Fault::Timeout408, 408, "too long"),
        (Fault::InsufficientQuota, 429, "insufficient_quota"),
        (Fault::Unauthorized, 401, "invalid_api_key"),
        (Fault::BadRequest, 400, "context_length_exceeded"),
    ];
    for (fault, status, said) in cases {
        let (heard, provider) = met(fault.clone(), true);
        assert_eq!(heard.status, status, "{fault:?}");
        assert!(heard.text().contains(said), "{fault:?}: {}", heard.text());
        let ledger = provider.ledger();
        assert_eq!((ledger.charged(), ledger.faults()), (Usage::default(), 1), "{fault:?}");
        match fault {
            Fault::TooMany { retry_after: Some(RetryAfter::Seconds(_)) } => {
                assert_eq!(heard.header("retry-after"), Some("3"));
            }
            Fault::TooMany { retry_after: Some(_) } => {
                assert!(heard.header("retry-after").unwrap().ends_with("gmt"));
            }
            _ => assert_eq!(heard.header("retry-after"), None),
        }
    }
}

#[test]
fn a_connection_is_closed_without_a_byte() {
    let (_, used) = right();
    for (fault, cost) in [(Fault::CloseBeforeAnswer, Usage::default()), (Fault::CloseAfterWork, used)] {
        let (heard, provider) = met(fault.clone(), false);
        assert_eq!((heard.status, heard.head.as_str()), (0, ""), "{fault:?}");
        let entry = &provider.ledger().entries[0];
        assert_eq!((entry.charged, entry.status, entry.delivered), (cost, 0, false), "{fault:?}");
    }
}

#[test]
fn broken_answers_are_charged_as_far_as_they_were_produced() {
    let (answer, used) = right();
    for stream in [false, true] {
        for fault in [Fault::CloseMidStream, Fault::HalfEvent, Fault::WrongLength, Fault::ErrorMidStream] {
            let (heard, provider) = met(fault.clone(), stream);
            assert_eq!(heard.status, 200, "{fault:?}");
            let ended = fault == Fault::HalfEvent || (fault == Fault::ErrorMidStream && stream);
            assert_eq!(heard.whole, ended, "{fault:?} {stream}");
            let text = String::from_utf8(heard.body).unwrap();
            assert_eq!(
                fault == Fault::WrongLength,
                text.ends_with("[DONE]\n\n") || text.ends_with("}}"),
                "{text}"
            );
            let entry = &provider.ledger().entries[0];
            assert!(!entry.delivered, "{fault:?}");
            assert_eq!(entry.charged.prompt, used.prompt);
            let all = !stream || fault == Fault::WrongLength;
            assert_eq!(entry.charged.completion == used.completion, all, "{fault:?}: {:?}", entry.charged);
            assert!(entry.charged.completion > used.completion / 3, "{fault:?}: {:?}", entry.charged);
        }
    }
    let (heard, provider) = met(Fault::SlowLoris, true);
    assert_eq!((heard.said(), provider.ledger().charged()), (answer, used));
}

#[test]
fn strange_answers_are_whole_and_charged() {
    let (answer, used) = right();
    for stream in [false, true] {
        let faults =
            [Fault::InvalidUtf8, Fault::EmptyBody, Fault::NotJson, Fault::EmptyChoices, Fault::UsageMissing];
        for fault in faults {
            let (heard, provider) = met(fault.clone(), stream);
            assert_eq!((heard.status, heard.whole), (200, true), "{fault:?}");
            match fault {
                Fault::InvalidUtf8 => assert!(String::from_utf8(heard.body).is_err()),
                Fault::EmptyBody => assert!(heard.body.is_empty()),
                Fault::NotJson => {
                    assert!(heard.text().contains(if stream { "{oops" } else { "upstream said ok" }));
                }
                Fault::EmptyChoices => assert!(!heard.text().contains("word")),
                _ => assert!(!heard.text().contains("usage")),
            }
            let entry = &provider.ledger().entries[0];
            // A body without a byte has no place at which its words would be counted.
            let produced = if fault == Fault::EmptyBody && stream { 0 } else { used.completion };
            assert_eq!(entry.charged, Usage { completion: produced, ..used }, "{fault:?}");
            assert!(entry.delivered, "{fault:?}");
        }
        for fault in [Fault::ExtraFields, Fault::MissingFields] {
            let (heard, provider) = met(fault.clone(), stream);
            let said = if stream {
                heard.said()
            } else {
                heard.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
            };
            assert_eq!(said, answer);
            assert_eq!(heard.text().contains("reasoning_content"), fault == Fault::ExtraFields);
            assert_eq!(heard.text().contains("\"id\""), fault == Fault::ExtraFields);
            assert_eq!(provider.ledger().charged(), used);
        }
    }
}

#[test]
fn shorter_answers_and_lies_are_told_as_such() {
    let (answer, used) = right();
    let told = |fault: Fault| {
        let (heard, provider) = met(fault, false);
        let body = heard.json();
        let choice = &body["choices"][0];
        let text = choice["message"]["content"].as_str().unwrap().to_owned();
        (
            text,
            choice["finish_reason"].clone(),
            body["usage"]["prompt_tokens"].clone(),
            provider.ledger().charged(),
        )
    };
    let (text, finish, _, charged) = told(Fault::Length);
    assert!(answer.starts_with(&text) && finish == "length" && charged.completion < used.completion);
    let (text, finish, ..) = told(Fault::ContentFilter);
    assert!(answer.starts_with(&text) && finish == "content_filter");
    let (_, _, prompt, charged) = told(Fault::UsageLying(Lie::Times(50)));
    assert!(prompt == used.prompt * 50 && charged == used);
    let (_, _, prompt, charged) = told(Fault::UsageLying(Lie::One));
    assert!(prompt == 1 && charged == used);
    let (text, _, prompt, charged) = told(Fault::CutAt(20));
    assert!(prompt == 20 && charged.prompt == 20, "{prompt} {charged:?}");
    assert!(text.ends_with("word99") && !text.contains("word0 "), "{text}");
    assert_eq!(told(Fault::CutAt(10_000)), told(Fault::Sound));
}

#[test]
fn what_never_ends_costs_more_and_more() {
    for stream in [false, true] {
        let provider = Provider::start(Behaviour::scripted([Fault::NeverEnding]));
        let mut peer = Peer::new(&provider);
        let body = if stream { streamed(100) } else { question(100) };
        peer.send("POST", "/v1/chat/completions", "", body.to_string().as_bytes());
        assert_eq!(peer.head().status, 200);
        let mut read = Vec::new();
        assert!(peer.take(if stream { 10_000 } else { 800 }, &mut read));
        let text = String::from_utf8(read).unwrap();
        assert!(text.matches("again ").count() > 20 && !text.contains("[DONE]"), "{text}");
        let entry = &provider.ledger().entries[0];
        assert!(entry.charged.completion > 20 && !entry.delivered, "{:?}", entry.charged);
    }
}

#[test]
fn who_goes_away_is_charged() {
    let (_, used) = right();
    let hours = [(); 3].map(|()| Fault::Delay(Duration::from_hours(1)));
    let provider = Provider::start(Behaviour::scripted(hours));
    let three = used + used + used;
    let peers = [(); 3].map(|()| {
        let mut peer = Peer::new(&provider);
        peer.send("POST", "/v1/chat/completions", "", question(100).to_string().as_bytes());
        peer
    });
    while provider.ledger().charged() != three {
        std::thread::yield_now();
    }
    drop(peers);
    let ledger = provider.ledger();
    assert_eq!((ledger.charged(), ledger.wasted()), (three, three));
    assert_eq!((ledger.connections, ledger.most_in_flight), (3, 3));
}
