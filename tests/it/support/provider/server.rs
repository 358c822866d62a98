//! One request from its arrival to its answer: what is refused, which fault is played, what is charged.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, FromRequest as _, Multipart, Request, State};
use axum::http::Response;
use axum::http::request::Parts;
use serde_json::{Value, json};

use super::behaviour::{Ability, Behaviour, Fault};
use super::chance::{Chance, hash};
use super::chat::{Said, said, sound};
use super::desk::{Asked, Desk, Upload};
use super::embedding;
use super::ledger::{Book, Entry, Ticket, Usage};
use super::line::Line;
use super::rate::Limiter;
use super::refusal::{invalid, limited, played, too_long, unauthorized, unknown_path};
use super::tokens::{limit, messages};
use super::wire::{Reply, pause};

const CHAT: &str = "/v1/chat/completions";
const EMBEDDINGS: &str = "/v1/embeddings";

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) behaviour: Behaviour,
    pub(crate) book: Arc<Book>,
    turns: Mutex<Turns>,
}

/// What depends on the requests before.
#[derive(Debug, Default)]
struct Turns {
    chance: Chance,
    limiter: Option<Limiter>,
    /// How many of the answers in turn were given.
    given: usize,
    desk: Desk,
}

/// A request whose body has arrived.
struct Arrived {
    parts: Parts,
    bytes: Bytes,
    body: Value,
    line: Line,
}

impl Arrived {
    fn path(&self) -> &str {
        self.parts.uri.path()
    }

    /// What tells this request from others, for the choice of its fault.
    fn print(&self) -> u64 {
        hash(&[self.parts.method.as_str().as_bytes(), self.path().as_bytes(), &self.bytes].concat())
    }
}

/// Answers any request.
pub(crate) async fn handle(
    State(server): State<Arc<Server>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    // Whoever goes away while sending has asked nothing.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else { return Response::default() };
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let arrived = Arrived { parts, bytes, body, line };
    let ticket = server.book.arrived(entry(&arrived, server.behaviour.keeps_requests));
    if server.keyless(&arrived) {
        return unauthorized().send(ticket);
    }
    let path = arrived.path().to_owned();
    match (arrived.parts.method.as_str(), path.as_str()) {
        ("POST", CHAT | EMBEDDINGS) => server.model(arrived, ticket).await,
        ("GET", "/v1/models") if server.behaviour.can(Ability::Models) => server.models().send(ticket),
        _ if path.starts_with("/v1/files") || path.starts_with("/v1/batches") => {
            server.desk(arrived, ticket).await
        }
        _ => unknown_path(&path).send(ticket),
    }
}

fn entry(arrived: &Arrived, whole: bool) -> Entry {
    let headers = arrived.parts.headers.iter().filter(|_| whole);
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    Entry {
        method: arrived.parts.method.to_string(),
        path: arrived.path().to_owned(),
        body: if whole { arrived.body.clone() } else { Value::Null },
        headers: headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
        fault: Fault::Sound,
        status: 0,
        charged: Usage::default(),
        delivered: false,
        connection: arrived.line.number,
        arrived: Duration::ZERO,
    }
}

/// Closes the connection in the place of an answer.
fn closed(line: &Line) -> Response<Body> {
    line.cut();
    Response::default()
}

impl Server {
    pub(crate) fn new(behaviour: Behaviour) -> Self {
        let turns = Turns { limiter: behaviour.rate.clone().map(Limiter::new), ..Turns::default() };
        Self { behaviour, book: Arc::new(Book::new()), turns: Mutex::new(turns) }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keyless(&self, arrived: &Arrived) -> bool {
        let told = arrived.parts.headers.get("authorization").and_then(|value| value.to_str().ok());
        let key = told.and_then(|told| told.strip_prefix("Bearer "));
        self.behaviour.api_key.as_deref().is_some_and(|wanted| key != Some(wanted))
    }

    /// The prompt of a request with the longest answer that it asks for.
    fn needs(&self, path: &str, body: &Value) -> u64 {
        match path {
            EMBEDDINGS => embedding::used(&self.behaviour, body).prompt,
            _ => self.behaviour.tokenizer.messages(messages(body)) + limit(body).unwrap_or(0),
        }
    }

    /// Why this server never answers such a request.
    pub(crate) fn refused(&self, path: &str, body: &Value) -> Option<Reply> {
        let can = |ability| self.behaviour.can(ability);
        let unsupported = |key: &str| {
            invalid(400, Some("unsupported_parameter"), &format!("Unsupported parameter: '{key}'."))
        };
        let Some(keys) = body.as_object() else {
            return Some(invalid(400, None, "We could not parse the JSON body of your request."));
        };
        if path == EMBEDDINGS && !can(Ability::Embeddings) {
            return Some(unknown_path(path));
        }
        if path == CHAT && messages(body).is_empty() {
            return Some(invalid(400, None, "Missing required parameter: 'messages'."));
        }
        if let Some(key) = self.behaviour.unknown_keys.iter().find(|key| keys.contains_key(*key)) {
            return Some(unsupported(key));
        }
        if !can(Ability::StreamOptions) && keys.contains_key("stream_options") {
            return Some(unsupported("stream_options"));
        }
        if !can(Ability::Streaming) && body["stream"] == true {
            return Some(unsupported("stream"));
        }
        if !can(Ability::JsonSchema) && body["response_format"]["type"] == "json_schema" {
            return Some(unsupported("response_format"));
        }
        let model = body["model"].as_str().unwrap_or_default();
        if !self.behaviour.models.is_empty() && !self.behaviour.models.iter().any(|known| known == model) {
            let message = format!("The model `{model}` does not exist or you do not have access to it.");
            return Some(invalid(404, Some("model_not_found"), &message));
        }
        let (context, needed) = (self.behaviour.context, self.needs(path, body));
        (needed > context).then(|| too_long(context, needed))
    }

    /// The two endpoints behind which a model runs.
    async fn model(&self, arrived: Arrived, mut ticket: Ticket) -> Response<Body> {
        let (path, body) = (arrived.path(), &arrived.body);
        if let Some(refused) = self.refused(path, body) {
            return refused.send(ticket);
        }
        let needed = self.needs(path, body);
        let (refused, told) = self.limited(needed);
        let add =
            |reply: Reply| told.iter().fold(reply, |reply, (name, value)| reply.with(name, value.clone()));
        if let Some(refused) = refused {
            return add(refused).send(ticket);
        }
        let fault = self.draw(&arrived, &ticket);
        if fault == Fault::CloseBeforeAnswer {
            return closed(&arrived.line);
        }
        if !fault.runs() {
            return add(played(&fault, self.behaviour.context, needed)).send(ticket);
        }
        let reply = if path == CHAT {
            let said = self.said(&fault, body);
            let produced =
                fault == Fault::CloseAfterWork || !(body["stream"] == true || fault == Fault::NeverEnding);
            let charged = Usage { completion: if produced { said.used.completion } else { 0 }, ..said.used };
            ticket.write(|entry| entry.charged = charged);
            said.reply(&fault, &self.behaviour, body)
        } else {
            let charged = embedding::used(&self.behaviour, body);
            ticket.write(|entry| entry.charged = charged);
            embedding::reply(&fault, &self.behaviour, body)
        };
        pause(self.behaviour.latency).await;
        if let Fault::Delay(delay) = fault {
            pause(delay).await;
        }
        if fault == Fault::CloseAfterWork {
            ticket.ended();
            return closed(&arrived.line);
        }
        add(reply).send(ticket)
    }

    /// Whether the rate lets a request in, and the headers that tell of it.
    fn limited(&self, tokens: u64) -> (Option<Reply>, Vec<(&'static str, String)>) {
        let now = self.book.now();
        self.turns().limiter.as_mut().map(|limiter| limited(limiter, now, tokens)).unwrap_or_default()
    }

    fn draw(&self, arrived: &Arrived, ticket: &Ticket) -> Fault {
        let fault = self.turns().chance.draw(&self.behaviour, arrived.print());
        ticket.write(|entry| entry.fault = fault.clone());
        fault
    }

    /// What the model says, and what of the prompt was cached.
    fn said(&self, fault: &Fault, body: &Value) -> Said {
        let behaviour = &self.behaviour;
        let mut answer = match self.in_turn(body) {
            Some(text) => said(behaviour, body, &text),
            None => sound(behaviour, body),
        };
        answer = answer.under(fault, behaviour, body);
        answer.used.cached = self.cached(body).min(answer.used.prompt);
        answer
    }

    /// The next of the answers in turn, where the request has a schema.
    fn in_turn(&self, body: &Value) -> Option<String> {
        if body["response_format"]["type"] != "json_schema" {
            return None;
        }
        let mut turns = self.turns();
        let text = self.behaviour.json.get(turns.given).or(self.behaviour.json.last())?;
        turns.given += 1;
        Some(text.clone())
    }

    /// The tokens of the longest beginning of the messages that came before, in whole steps.
    fn cached(&self, body: &Value) -> u64 {
        let Some(step) = self.behaviour.prompt_cache else { return 0 };
        let all = messages(body);
        let mut known = 0;
        for count in 1..=all.len() {
            let beginning = all.get(..count).unwrap_or(all);
            let print = hash(json!([body["model"], beginning]).to_string().as_bytes());
            if self.book.knew(print) && count < all.len() {
                known = self.behaviour.tokenizer.messages(beginning);
            }
        }
        known / step.max(1) * step.max(1)
    }

    fn models(&self) -> Reply {
        let names = if self.behaviour.models.is_empty() {
            &["test-model".to_owned()][..]
        } else {
            &self.behaviour.models
        };
        let model = |name: &String| json!({"id": name, "object": "model", "created": 0, "owned_by": "test", "max_model_len": self.behaviour.context});
        Reply::json(200, &json!({"object": "list", "data": names.iter().map(model).collect::<Vec<_>>()}))
    }

    /// Files and batches.
    async fn desk(&self, arrived: Arrived, mut ticket: Ticket) -> Response<Body> {
        if !self.behaviour.can(Ability::Batch) {
            return unknown_path(arrived.path()).send(ticket);
        }
        let fault = if self.behaviour.faulty_batches { self.draw(&arrived, &ticket) } else { Fault::Sound };
        if fault == Fault::CloseBeforeAnswer {
            return closed(&arrived.line);
        }
        if !fault.runs() {
            return played(&fault, self.behaviour.context, 0).send(ticket);
        }
        let (line, method, path) =
            (arrived.line, arrived.parts.method.to_string(), arrived.parts.uri.path().to_owned());
        let reply = if (method.as_str(), path.as_str()) == ("POST", "/v1/files") {
            let upload = upload(Request::from_parts(arrived.parts, Body::from(arrived.bytes))).await;
            self.turns().desk.upload(upload)
        } else {
            let asked = Asked { method: &method, path: &path, body: &arrived.body, entry: ticket.number() };
            self.turns().desk.answer(&asked, self)
        };
        if let Fault::Delay(delay) = fault {
            pause(delay).await;
        }
        if fault == Fault::CloseAfterWork {
            ticket.ended();
            return closed(&line);
        }
        reply.damaged(&fault, self.behaviour.drip).send(ticket)
    }
}

/// Reads a form with a file.
async fn upload(request: Request) -> Option<Upload> {
    let mut form = Multipart::from_request(request, &()).await.ok()?;
    let mut upload = Upload::default();
    while let Some(field) = form.next_field().await.ok()? {
        match field.name() {
            Some("purpose") => upload.purpose = field.text().await.ok()?,
            Some("file") => {
                field.file_name().unwrap_or("file").clone_into(&mut upload.name);
                upload.bytes = field.bytes().await.ok()?.to_vec();
            }
            _ => {}
        }
    }
    Some(upload)
}
