//! A client of a few lines that says what came over the wire, sound or not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Provider;

/// A connection.
pub(super) struct Peer {
    tcp: BufReader<TcpStream>,
}

/// An answer as far as it came. The status is zero where no byte came.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) status: u16,
    /// The head in lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    /// Whether the body ended as it should.
    pub(super) whole: bool,
}

impl Peer {
    pub(super) fn new(provider: &Provider) -> Self {
        let tcp = TcpStream::connect(provider.address()).unwrap();
        tcp.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        Self { tcp: BufReader::new(tcp) }
    }

    pub(super) fn send(&mut self, method: &str, path: &str, head: &str, body: &[u8]) {
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: here\r\n{head}content-length: {length}\r\n\r\n");
        self.tcp.get_mut().write_all(&[head.as_bytes(), body].concat()).unwrap();
    }

    /// Reads the head of an answer.
    pub(super) fn head(&mut self) -> Heard {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && self.tcp.read_line(&mut head).is_ok_and(|count| count > 0) {}
        let status = head.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
        Heard { status, head: head.to_lowercase(), ..Heard::default() }
    }

    /// Reads so many bytes, and says whether they came.
    pub(super) fn take(&mut self, count: usize, into: &mut Vec<u8>) -> bool {
        let before = into.len();
        let read = (&mut self.tcp).take(count as u64).read_to_end(into);
        read.is_ok() && into.len() - before == count
    }

    pub(super) fn hear(&mut self) -> Heard {
        let mut heard = self.head();
        if let Some(length) = heard.header("content-length") {
            heard.whole = self.take(length.parse().unwrap(), &mut heard.body);
        } else if heard.head.contains("chunked") {
            heard.whole = self.chunks(&mut heard.body);
        }
        heard
    }

    fn chunks(&mut self, into: &mut Vec<u8>) -> bool {
        loop {
            let mut line = String::new();
            if !self.tcp.read_line(&mut line).is_ok_and(|count| count > 0) {
                return false;
            }
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            if !self.take(size, into) || !self.take(2, &mut Vec::new()) {
                return false;
            }
            if size == 0 {
                return true;
            }
        }
    }

    pub(super) fn ask(&mut self, path: &str, body: &Value) -> Heard {
        self.send("POST", path, "content-type: application/json\r\n", body.to_string().as_bytes());
        self.hear()
    }

    pub(super) fn chat(&mut self, body: &Value) -> Heard {
        self.ask("/v1/chat/completions", body)
    }

    pub(super) fn get(&mut self, path: &str) -> Heard {
        self.send("GET", path, "", b"");
        self.hear()
    }
}

impl Heard {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The events of a stream but `[DONE]`.
    pub(super) fn events(&self) -> Vec<Value> {
        let text = self.text();
        let events = text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
        events.filter(|event| *event != "[DONE]").map(|event| serde_json::from_str(event).unwrap()).collect()
    }

    /// The words of a stream.
    pub(super) fn said(&self) -> String {
        let events = self.events();
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
    }
}

/// A question of so many words.
pub(super) fn question(words: usize) -> Value {
    let text: Vec<String> = (0..words).map(|number| format!("word{number}")).collect();
    json!({"model": "m", "messages": [{"role": "user", "content": text.join(" ")}]})
}

/// The same as a stream with usage.
pub(super) fn streamed(words: usize) -> Value {
    let mut body = question(words);
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    body
}
