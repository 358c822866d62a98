//! The way to an endpoint: proxies, and certificates of one's own.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use tokio_rustls::rustls::{ServerConfig, ServerConnection, Stream, pki_types::PrivatePkcs8KeyDer};

use super::project;
use crate::longhand::Longhand;
use crate::support::provider::{Behaviour, Provider};

/// A model whose endpoint can only be reached through somebody.
fn elsewhere(base_url: &str, more: &str) -> Longhand {
    let nobody = Provider::start(Behaviour::default());
    let longhand = project(&nobody, "", 1);
    longhand.file(
        "longhand.yaml",
        format!("model: there\nmodels:\n  there:\n    openai: {{model: some-model, base_url: \"{base_url}\"{more}}}\n"),
    );
    longhand
}

#[test]
fn a_proxy_of_the_environment_is_used_except_where_none_is_wanted() {
    let proxy = Provider::start(Behaviour::default());
    let longhand = elsewhere("http://endpoint.invalid/v1", "");
    let run = |variables: &[(&str, &str)]| {
        let mut command = longhand.command(&["run", "note", "archive", "--json"]);
        command.envs(variables.iter().copied());
        let output = command.output().unwrap();
        longhand.ended(output)
    };
    let address = format!("http://{}", proxy.address());
    let none = run(&[("HTTP_PROXY", &address), ("NO_PROXY", "endpoint.invalid")]);
    assert_eq!((none.code, proxy.ledger().entries.len()), (Some(1), 0), "{}", none.shown());
    let through = run(&[("HTTP_PROXY", &address)]);
    assert_eq!(through.code, Some(0), "{}", through.shown());
    assert_eq!(proxy.ledger().entries.len(), 1);
    let here = Provider::start(Behaviour::default());
    longhand.file("longhand.yaml", super::settings(&here, ""));
    assert_eq!(run(&[("HTTP_PROXY", &address)]).code, Some(0));
    assert_eq!(here.ledger().entries.len(), 1, "an endpoint on this machine needs no proxy");
}

/// Answers every request over TLS with the same answer; returns its port and its certificate.
fn secured() -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config =
        config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key.into()).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let body = r#"{"choices": [{"message": {"content": "Over TLS."}, "finish_reason": "stop"}]}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let (Ok(mut tcp), Ok(mut tls)) = (tcp, ServerConnection::new(Arc::clone(&config))) else {
                return;
            };
            let mut stream = Stream::new(&mut tls, &mut tcp);
            let mut request = [0; 16_384];
            // Who does not trust the certificate ends the conversation here.
            let Ok(read) = stream.read(&mut request) else { continue };
            let whole = String::from_utf8_lossy(&request[..read]).into_owned();
            if !whole.ends_with('}') {
                let _ = stream.read(&mut request);
            }
            let _ = stream.write_all(answer.as_bytes());
            tls.send_close_notify();
            let _ = tls.complete_io(&mut tcp);
        }
    });
    (port, made.cert.pem())
}

#[test]
fn a_certificate_of_ones_own_is_trusted_only_where_it_is_named() {
    let (port, certificate) = secured();
    let base_url = format!("https://localhost:{port}/v1");
    let longhand = elsewhere(&base_url, "");
    let ended = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.shown());
    assert!(ended.stderr.contains("certificate"), "{}", ended.shown());
    let longhand = elsewhere(&base_url, ", ca_file: own.pem");
    longhand.file("own.pem", certificate);
    let ended = longhand.run(&["run", "note", "archive", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    assert!(ended.stdout.contains("Over TLS."));
    longhand.file("own.pem", "no certificate");
    let ended = longhand.run(&["run", "note", "archive", "--json", "--no-cache"]);
    assert_eq!(ended.code, Some(6), "{}", ended.shown());
    assert!(ended.stderr.contains("holds no certificate"), "{}", ended.shown());
}
