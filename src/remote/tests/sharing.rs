//! Two names of one server are one to it: what is learned by the one holds for the other, where it is about both.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::{Address, Endpoints, Key, PaceLimits, RemoteModel, RemoteOptions};
use crate::model::{ChatModel as _, ChatRequest, Down, Message, ModelError};
use crate::text::TokenCount;

const FEW: PaceLimits =
    PaceLimits { requests_per_minute: None, tokens_per_minute: None, concurrency: 2, welcome: true };

/// A server that ends every connection before anything is said over it, or answers all with the same; counts connections.
fn server(answer: Option<&'static str>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            if let (Ok(mut stream), Some(answer)) = (stream, answer) {
                use std::io::{Read as _, Write as _};
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    (port, count)
}

fn named(name: &str, base_url: &str, key: Option<&str>, endpoints: &Endpoints) -> RemoteModel {
    let address = Address {
        base_url: base_url.to_owned(),
        key: key.map(Key::from),
        timeout: Duration::from_secs(20),
        ca_file: None,
    };
    RemoteModel::new(&RemoteOptions {
        address,
        model: name.to_owned(),
        context: TokenCount(8192),
        max_output: TokenCount(64),
        limits: FEW,
        counter: None,
        reasoning: false,
        reasoning_effort: None,
        tape: None,
        endpoints: endpoints.clone(),
    })
    .unwrap()
}

fn question() -> ChatRequest {
    ChatRequest::new(vec![Message::user("Which ferry sank?")], TokenCount(8))
}

async fn fail(model: &RemoteModel, times: usize) {
    for _ in 0..times {
        let failed = model.chat(&question(), None).await.unwrap_err();
        assert!(matches!(failed, ModelError::Unavailable { .. }), "{failed}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_reached_by_one_name_is_left_alone_by_the_other() {
    let (port, count) = server(None);
    // No connection comes about over TLS where the server ends it at once.
    let base_url = format!("https://127.0.0.1:{port}/v1");
    let endpoints = Endpoints::default();
    let one = named("one", &base_url, Some("sk-one"), &endpoints);
    let other = named("other", &format!("{base_url}/"), Some("sk-other"), &endpoints);
    fail(&one, 5).await;
    let connections = count.load(Ordering::SeqCst);
    assert_eq!(connections, 5);
    let question = question();
    let Down(left) = other.admit(&question).await.unwrap_err();
    assert!(left > Duration::from_secs(5) && left <= Duration::from_secs(10), "{left:?}");
    assert!(matches!(other.chat(&question, None).await, Err(ModelError::Unavailable { .. })));
    let person = format!("https://ann:planted@127.0.0.1:{port}/v1");
    assert!(named("other", &person, None, &endpoints).admit(&question).await.is_err(), "whoever asks");
    assert_eq!(count.load(Ordering::SeqCst), connections, "not one more was opened");
    let stranger = named("other", &base_url, None, &Endpoints::default());
    fail(&stranger, 1).await;
    assert_eq!(count.load(Ordering::SeqCst), connections + 1, "who shares nothing finds out himself");
}

#[tokio::test]
async fn a_model_that_fails_takes_no_other_of_its_server_with_it() {
    let (port, _) =
        server(Some("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"));
    let base_url = format!("http://127.0.0.1:{port}/v1");
    let endpoints = Endpoints::default();
    let one = named("one", &base_url, None, &endpoints);
    fail(&one, 5).await;
    let question = question();
    assert!(one.admit(&question).await.is_err());
    assert!(
        named("one", &base_url, None, &endpoints).admit(&question).await.is_err(),
        "it is the same model"
    );
    assert!(named("other", &base_url, None, &endpoints).admit(&question).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_places_of_a_model_are_those_of_its_account() {
    let endpoints = Endpoints::default();
    let base_url = "http://127.0.0.1:9/v1";
    let question = question();
    let one = named("one", base_url, Some("sk-one"), &endpoints);
    let _both = (one.admit(&question).await.unwrap(), one.admit(&question).await.unwrap());
    let wait = Duration::from_mins(5);
    for (name, key, shares) in [("one", "sk-one", true), ("one", "sk-two", false), ("two", "sk-one", false)] {
        let other = named(name, "http://127.0.0.1:9/v1/", Some(key), &endpoints);
        let admitted = tokio::time::timeout(wait, other.admit(&question)).await;
        assert_eq!(admitted.is_err(), shares, "{name} with {key}");
    }
    let shown = format!("{endpoints:?}");
    assert_eq!(shown, "Endpoints { addresses: 1, models: 3 }");
}
