//! What the provider saw and what it charges for: the other side of a client's books.

use std::collections::HashSet;
use std::iter::Sum;
use std::ops::Add;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::behaviour::Fault;

/// Tokens that are charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Those of the prompt, the cached ones among them.
    pub(crate) prompt: u64,
    pub(crate) cached: u64,
    pub(crate) completion: u64,
}

impl Usage {
    /// Prompt and completion.
    pub(crate) fn total(self) -> u64 {
        self.prompt + self.completion
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            prompt: self.prompt + other.prompt,
            cached: self.cached + other.cached,
            completion: self.completion + other.completion,
        }
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Null where it was no JSON.
    pub(crate) body: Value,
    /// In the order in which they came, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// [`Fault::Sound`] where none was played.
    pub(crate) fault: Fault,
    /// Zero as long as nothing was answered, and where nothing was.
    pub(crate) status: u16,
    /// What a batch costs stands with the request that made it.
    pub(crate) charged: Usage,
    /// Whether all of an answer was handed to the connection that the client should have got.
    pub(crate) delivered: bool,
    /// Connections count from one.
    pub(crate) connection: usize,
    /// Since the server started.
    pub(crate) arrived: Duration,
}

impl Entry {
    /// The value of a header by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the client got an answer of the model.
    pub(crate) fn answered(&self) -> bool {
        self.status == 200 && self.delivered
    }
}

/// All requests in the order in which they arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) entries: Vec<Entry>,
    /// How many connections were accepted.
    pub(crate) connections: usize,
    pub(crate) most_in_flight: usize,
    /// The custom ids of each batch, in the order in which batches were made.
    pub(crate) batches: Vec<Vec<String>>,
    /// The custom ids of lines that were answered, and charged.
    pub(crate) answered: Vec<String>,
}

impl Ledger {
    /// What everything costs.
    pub(crate) fn charged(&self) -> Usage {
        self.entries.iter().map(|entry| entry.charged).sum()
    }

    /// The requests for a path, such as `/v1/embeddings`.
    pub(crate) fn asked(&self, path: &str) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.path == path).collect()
    }

    /// The requests for a chat completion.
    pub(crate) fn chats(&self) -> Vec<&Entry> {
        self.asked("/v1/chat/completions")
    }

    /// How many requests played a fault.
    pub(crate) fn faults(&self) -> usize {
        self.entries.iter().filter(|entry| entry.fault != Fault::Sound).count()
    }

    /// What was charged for answers that no client got whole.
    pub(crate) fn wasted(&self) -> Usage {
        self.entries.iter().filter(|entry| !entry.delivered).map(|entry| entry.charged).sum()
    }
}

/// The ledger as it is written.
#[derive(Debug)]
pub(crate) struct Book {
    started: Instant,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    ledger: Ledger,
    in_flight: usize,
    /// Beginnings of prompts that came before.
    prefixes: HashSet<u64>,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), pages: Mutex::default() }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshot(&self) -> Ledger {
        self.pages().ledger.clone()
    }

    /// The time since the server started.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Counts a connection.
    pub(crate) fn connected(&self) -> usize {
        let mut pages = self.pages();
        pages.ledger.connections += 1;
        pages.ledger.connections
    }

    /// Whether the beginning of a prompt came before. From now on it did.
    pub(crate) fn knew(&self, prefix: u64) -> bool {
        !self.pages().prefixes.insert(prefix)
    }

    /// Writes a request down.
    pub(crate) fn arrived(self: &Arc<Self>, entry: Entry) -> Ticket {
        let mut pages = self.pages();
        pages.ledger.entries.push(Entry { arrived: self.now(), ..entry });
        pages.in_flight += 1;
        pages.ledger.most_in_flight = pages.ledger.most_in_flight.max(pages.in_flight);
        Ticket { book: Arc::clone(self), number: pages.ledger.entries.len() - 1, in_flight: true }
    }
}

/// The right to write on the page of one request, which is in flight as long as this lives.
#[derive(Debug)]
pub(crate) struct Ticket {
    book: Arc<Book>,
    number: usize,
    in_flight: bool,
}

impl Ticket {
    /// Changes the entry.
    pub(crate) fn write(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.book.pages().ledger.entries.get_mut(self.number) {
            change(entry);
        }
    }

    /// The number of the entry in the ledger.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Ends the request before its last byte is on the wire, because whoever reads that byte may ask anew at once.
    pub(crate) fn ended(&mut self) {
        if self.in_flight {
            self.in_flight = false;
            self.book.pages().in_flight -= 1;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.ended();
    }
}

impl Book {
    /// Writes the lines of a batch down.
    pub(crate) fn handed_in(&self, lines: Vec<String>) {
        self.pages().ledger.batches.push(lines);
    }

    /// Writes down that a line was answered.
    pub(crate) fn answered(&self, line: &Value) {
        self.pages().ledger.answered.extend(line.as_str().map(str::to_owned));
    }

    /// Charges an entry for what happens after its answer, as the lines of a batch do.
    pub(crate) fn charge(&self, number: usize, usage: Usage) {
        if let Some(entry) = self.pages().ledger.entries.get_mut(number) {
            entry.charged = entry.charged + usage;
        }
    }
}
