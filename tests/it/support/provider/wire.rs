//! An answer on its way: bytes with the time before them and what they cost, and an end that may be none.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use futures::stream;
use serde_json::Value;

use super::behaviour::Fault;
use super::ledger::Ticket;

/// The text with which the words of an answer begin. What is damaged in an answer is damaged there.
const CONTENT: &[u8] = b"\"content\":\"";

/// The least time between the parts of a body that never ends, or it would be all that the server does.
const BREATH: Duration = Duration::from_millis(1);

/// An answer that is not yet sent.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    kind: &'static str,
    headers: Vec<(&'static str, String)>,
    parts: VecDeque<Part>,
    end: End,
    /// What `Content-Length` says; without it the body is sent in chunks.
    length: Option<usize>,
}

/// Bytes that are sent at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    pub(crate) bytes: Vec<u8>,
    /// The time before them.
    pub(crate) wait: Duration,
    /// How many tokens of the completion there are when they are sent. Zero leaves the count as it is.
    pub(crate) tokens: u64,
}

/// What comes after the last part.
#[derive(Debug, Clone)]
enum End {
    /// The client has everything.
    Whole,
    /// The body ends, and something is missing.
    Short,
    /// The connection breaks.
    Broken,
    /// This part comes again and again, each time with its tokens on top.
    Never(Part),
}

impl Reply {
    pub(crate) fn new(status: u16, kind: &'static str, bytes: Vec<u8>) -> Self {
        let length = Some(bytes.len());
        let parts = VecDeque::from([Part { bytes, ..Part::default() }]);
        Self { status, kind, headers: Vec::new(), parts, end: End::Whole, length }
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::new(status, "application/json", value.to_string().into_bytes())
    }

    /// A stream of events.
    pub(crate) fn events(parts: Vec<Part>) -> Self {
        let (kind, parts) = ("text/event-stream", VecDeque::from(parts));
        Self { status: 200, kind, headers: Vec::new(), parts, end: End::Whole, length: None }
    }

    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    fn bytes(&self) -> Vec<u8> {
        self.parts.iter().flat_map(|part| part.bytes.iter().copied()).collect()
    }

    fn is_stream(&self) -> bool {
        self.kind == "text/event-stream"
    }

    /// Does to the bytes what a fault does to them. `drip` is the time before each byte of a slow answer.
    pub(crate) fn damaged(mut self, fault: &Fault, drip: Duration) -> Self {
        match fault {
            Fault::CloseMidStream | Fault::ErrorMidStream => {
                self.halve(false);
                self.end = End::Broken;
                if self.is_stream() && *fault == Fault::ErrorMidStream {
                    let event = "data: {\"error\":{\"message\":\"upstream failed\",\"type\":\"server_error\",\"code\":502}}\n\n";
                    self.parts.push_back(Part { bytes: event.into(), ..Part::default() });
                    self.end = End::Short;
                }
            }
            Fault::HalfEvent => {
                self.halve(true);
                self.end = End::Short;
                self.length = self.length.map(|_| self.bytes().len());
            }
            Fault::WrongLength => {
                self.length = Some(self.bytes().len() + 100);
                self.end = End::Broken;
            }
            Fault::InvalidUtf8 => self.spoil(),
            Fault::EmptyBody => {
                self.parts.clear();
                self.length = Some(0);
            }
            Fault::NotJson if self.is_stream() => {
                let middle = self.parts.len() / 2;
                if let Some(part) = self.parts.get_mut(middle) {
                    part.bytes = b"data: {oops\n\n".to_vec();
                }
            }
            Fault::NotJson => {
                return Self {
                    headers: self.headers,
                    ..Self::new(200, self.kind, b"upstream said ok".to_vec())
                };
            }
            Fault::SlowLoris => self.slow(drip),
            Fault::NeverEnding if !self.is_stream() => {
                self.cut_at_content();
                self.length = None;
                self.end = End::Never(Part { bytes: b"again ".to_vec(), wait: BREATH, tokens: 1 });
            }
            _ => {}
        }
        self
    }

    /// Sends an event for ever in the place of what comes after the first half.
    pub(crate) fn for_ever(mut self, event: Part) -> Self {
        self.halve(false);
        self.end = End::Never(Part { wait: event.wait.max(BREATH), ..event });
        self
    }

    /// Keeps the first half, and with `more` a half of the part that follows.
    fn halve(&mut self, more: bool) {
        let half = self.parts.len() / 2;
        let torn = self.parts.get(half).filter(|_| more || half == 0).cloned();
        self.parts.truncate(half);
        if let Some(Part { mut bytes, wait, .. }) = torn {
            bytes.truncate(bytes.len() / 2);
            self.parts.push_back(Part { bytes, wait, tokens: 0 });
        }
    }

    /// Puts a byte into the text that is none of UTF-8.
    fn spoil(&mut self) {
        let middle = self.parts.len() / 2;
        if let Some(part) = self.parts.get_mut(middle) {
            let place = content(&part.bytes).unwrap_or(part.bytes.len() / 2);
            part.bytes.insert(place, 0xff);
        }
        self.length = self.length.map(|length| length + 1);
    }

    fn cut_at_content(&mut self) {
        if let Some(part) = self.parts.front_mut() {
            part.bytes.truncate(content(&part.bytes).unwrap_or(part.bytes.len() / 2));
        }
    }

    fn slow(&mut self, drip: Duration) {
        let mut slow = VecDeque::new();
        for part in self.parts.drain(..) {
            let first =
                part.bytes.first().map(|byte| Part { bytes: vec![*byte], wait: drip, tokens: part.tokens });
            let rest =
                part.bytes.iter().skip(1).map(|byte| Part { bytes: vec![*byte], wait: drip, tokens: 0 });
            slow.extend(first.into_iter().chain(rest));
        }
        self.parts = slow;
    }

    /// Sends the answer, and writes down what it costs and how it ends.
    pub(crate) fn send(self, mut ticket: Ticket) -> Response<Body> {
        ticket.write(|entry| entry.status = self.status);
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if let Some(length) = self.length {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(*name, value);
            }
        }
        if self.parts.is_empty() {
            ticket.write(|entry| entry.delivered = true);
            ticket.ended();
            return response;
        }
        let sending = Sending { ticket, parts: self.parts, end: self.end };
        *response.body_mut() = Body::from_stream(stream::unfold(sending, Sending::next));
        response
    }
}

/// Where the text of an answer begins.
fn content(bytes: &[u8]) -> Option<usize> {
    bytes.windows(CONTENT.len()).position(|window| window == CONTENT).map(|at| at + CONTENT.len())
}

/// A body that is being sent.
#[derive(Debug)]
struct Sending {
    ticket: Ticket,
    parts: VecDeque<Part>,
    end: End,
}

impl Sending {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if let Some(part) = self.parts.pop_front() {
            pause(part.wait).await;
            let whole = self.parts.is_empty() && matches!(self.end, End::Whole);
            self.ticket.write(|entry| {
                entry.charged.completion = entry.charged.completion.max(part.tokens);
                entry.delivered = whole;
            });
            if self.parts.is_empty() && !matches!(self.end, End::Never(_)) {
                self.ticket.ended();
            }
            return Some((Ok(Bytes::from(part.bytes)), self));
        }
        match &self.end {
            End::Whole | End::Short => None,
            End::Broken => {
                // What was sent before reaches the client only if the connection gets the time to write it.
                pause(BREATH).await;
                self.end = End::Short;
                Some((Err(io::Error::other("the connection breaks here")), self))
            }
            End::Never(part) => {
                pause(part.wait).await;
                self.ticket.write(|entry| entry.charged.completion += part.tokens);
                Some((Ok(Bytes::from(part.bytes.clone())), self))
            }
        }
    }
}

/// Sleeps, but not for no time.
pub(crate) async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}
