//! One client over HTTP, as a process of its own: `benches/peers/remote.py` starts the provider, and runs this beside the peers.
//!
//!     cargo bench --bench remote -- whole URL COUNT IN_FLIGHT     `RemoteModel`, answers in one piece
//!     cargo bench --bench remote -- stream URL COUNT IN_FLIGHT    `RemoteModel`, answers as streams
//!     cargo bench --bench remote -- bare URL COUNT IN_FLIGHT      bytes over sockets: what the provider itself can do
//!     cargo bench --bench remote -- ... SENTENCES                 prompts of so many sentences of 28 bytes, else of 103
//!
//! Prints one line of JSON: how many calls and pieces of text there were, seconds and seconds of processors from the first
//! call to the last, and the peak of the process's memory. Before that it makes twice as many calls as are in flight, so that
//! all connections are there and nobody feels for the width any more.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    reason = "a bench that cannot run says so and stops"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use longhand::model::{ChatModel as _, ChatRequest, Message, TokenSink};
use longhand::remote::{Address, Endpoints, PaceLimits, RemoteModel, RemoteOptions};
use longhand::text::TokenCount;
use serde_json::json;

/// The longest answer that is asked for.
const LONGEST: u64 = 2048;

/// No vocabulary is known under this name, as under those of most models that people serve themselves.
const MODEL: &str = "test-model";

fn main() {
    // `cargo bench` adds `--bench`, which says nothing here.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [kind, url, count, in_flight, more @ ..] = words.as_slice() else {
        eprintln!("skipped: it wants whole, stream or bare, a URL, how many calls, and how many at once");
        return;
    };
    let (count, in_flight) = (count.parse().unwrap(), in_flight.parse().unwrap());
    let sentences = more.first().map_or(103, |sentences| sentences.parse().unwrap());
    let pieces = Arc::new(Pieces::default());
    let client = match kind.as_str() {
        "bare" => Client::Bare(url.clone()),
        "whole" | "stream" => {
            let sink = (kind == "stream").then(|| Arc::clone(&pieces));
            Client::Remote(Arc::new(model(url, in_flight)), sink)
        }
        _ => {
            eprintln!("{kind} is none of whole, stream, bare");
            std::process::exit(2);
        }
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let calls = |count: usize| match &client {
        Client::Bare(url) => bare(url, count, in_flight, sentences),
        Client::Remote(model, sink) => {
            runtime.block_on(asked(model, sink.as_ref(), count, in_flight, sentences));
        }
    };
    calls(2 * in_flight);
    pieces.0.store(0, Ordering::Relaxed);
    let (began, worked) = (Instant::now(), processors());
    calls(count);
    println!(
        "{}",
        json!({
            "calls": count,
            "pieces": pieces.0.load(Ordering::Relaxed),
            "seconds": began.elapsed().as_secs_f64(),
            "cpu": processors().saturating_sub(worked).as_secs_f64(),
            "memory": memory(),
        })
    );
}

/// Who asks.
enum Client {
    Bare(String),
    Remote(Arc<RemoteModel>, Option<Arc<Pieces>>),
}

/// Counts what comes of a stream.
#[derive(Debug, Default)]
struct Pieces(AtomicU64);

impl TokenSink for Pieces {
    fn token(&self, text: &str) {
        self.0.fetch_add(u64::from(!text.is_empty()), Ordering::Relaxed);
    }
}

fn model(url: &str, in_flight: usize) -> RemoteModel {
    RemoteModel::new(&RemoteOptions {
        address: Address {
            base_url: url.to_owned(),
            key: None,
            timeout: Duration::from_mins(1),
            ca_file: None,
        },
        model: MODEL.to_owned(),
        context: TokenCount(8192),
        max_output: TokenCount(LONGEST),
        limits: PaceLimits {
            requests_per_minute: None,
            tokens_per_minute: None,
            concurrency: in_flight,
            welcome: true,
        },
        counter: None,
        reasoning: false,
        reasoning_effort: None,
        tape: None,
        endpoints: Endpoints::default(),
    })
    .unwrap()
}

/// A prompt, of 2,900 bytes where nothing else is said; the peers ask the same.
fn prompt(number: usize, sentences: usize) -> String {
    format!("Part {number}:\n\n{}", "the old man and his dog sat ".repeat(sentences))
}

/// Makes so many calls, as many at once as are allowed.
async fn asked(
    model: &Arc<RemoteModel>,
    sink: Option<&Arc<Pieces>>,
    count: usize,
    in_flight: usize,
    sentences: usize,
) {
    let next = Arc::new(AtomicUsize::new(0));
    let workers = (0..in_flight).map(|_| {
        let (model, sink, next) = (Arc::clone(model), sink.cloned(), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                let messages = vec![Message::user(prompt(number, sentences))];
                let request = ChatRequest::new(messages, TokenCount(LONGEST));
                let sink = sink.as_deref().map(|sink| sink as &dyn TokenSink);
                model.chat(&request, sink).await.unwrap();
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
}

/// Sends the bytes of a request over and over, and reads as many as its answer has.
fn bare(url: &str, count: usize, in_flight: usize, sentences: usize) {
    let host = url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let body = json!({
        "model": MODEL,
        "messages": [{"role": "user", "content": prompt(1, sentences)}],
        "max_tokens": LONGEST,
    });
    let body = body.to_string();
    let head = "POST /v1/chat/completions HTTP/1.1\r\ncontent-type: application/json\r\n";
    let request = format!("{head}host: {host}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    std::thread::scope(|scope| {
        for line in 0..in_flight {
            let share = count / in_flight + usize::from(line < count % in_flight);
            let (host, request) = (&host, &request);
            scope.spawn(move || {
                let mut line = TcpStream::connect(host).unwrap();
                line.set_nodelay(true).unwrap();
                (0..share).for_each(|_| exchange(&mut line, request));
            });
        }
    });
}

fn exchange(line: &mut TcpStream, request: &str) {
    line.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let read = line.read(&mut buffer).unwrap();
        assert!(read > 0, "the provider closed the connection");
        answer.extend_from_slice(buffer.get(..read).unwrap_or_default());
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.unwrap().parse().unwrap() {
                return;
            }
        }
    }
}

/// How long all threads of this process that still live have worked.
fn processors() -> Duration {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let worked = threads.filter_map(|thread| {
        let told = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        told.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(worked.sum())
}

/// The most memory that this process has had, in megabytes.
fn memory() -> f64 {
    let told = fs::read_to_string("/proc/self/status").unwrap();
    let kibibytes = told.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    kibibytes.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0 / 1e6
}
