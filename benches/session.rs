//! How long a session of many turns takes to open and to ask, and how much memory it needs.
//!
//!     cargo bench --bench session -- fill FOLDER TURNS
//!     cargo bench --bench session -- open FOLDER
//!
//! `fill` makes a session in FOLDER: turns of about 100 words, with a few words as frequent as those of a language and many
//! rare ones, and random vectors of 384 numbers for their passages. `open` opens it five times and asks it 200 times. Each
//! prints one line of JSON.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench that cannot run says so and stops"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use longhand::memory::{Episode, MemoryEvent, MemoryOptions, Room, Said, Session, Turn};
use longhand::model::{BoxFuture, Embedder, ModelError};
use longhand::store::Store;
use longhand::text::{ApproximateCounter, TokenCount};

/// How many different words the texts are made of.
const WORDS: f64 = 50_000.0;

const WORDS_OF_A_SENTENCE: usize = 12;

const DIMENSIONS: usize = 384;

const OPENINGS: usize = 5;
const QUESTIONS: usize = 200;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["fill", folder, turns] => fill(Path::new(folder), turns.parse().expect("a number")),
        ["open", folder] => open(Path::new(folder)),
        _ => println!("skipped: see the first lines of benches/session.rs"),
    }
}

fn fill(folder: &Path, turns: u32) {
    let store = Store::open(folder).expect("a store");
    let mut random = Random(7);
    let begun = Instant::now();
    {
        let session = store.open_session(&"long".parse().expect("a name")).expect("a session");
        let journal = session.journal().expect("a journal");
        for turn in 1..=turns {
            let said = vec![Said::user(random.text(3)), Said::assistant(random.text(5))];
            let at_ms = Some(u64::from(turn) * 600_000);
            let episode = Episode { turn: Turn(turn), at_ms, said };
            let event = MemoryEvent::Turned { episode, recalled: Vec::new(), summary: None, run: None };
            journal.append(&event).expect("room on the disk");
        }
    }
    let written = begun.elapsed();
    let session = opened(&store);
    block_on(session.embed(&|_, _| {})).expect("vectors");
    let indexed = session.read(longhand::memory::Memory::indexed);
    println!("{{\"turns\": {turns}, \"passages\": {indexed}, \"written_ms\": {:.0}}}", milliseconds(written));
}

fn open(folder: &Path) {
    let store = Store::open(folder).expect("a store");
    let before = resident();
    let mut times = Vec::new();
    let mut memory = 0;
    let mut session = None;
    for _ in 0..OPENINGS {
        drop(session.take());
        let begun = Instant::now();
        let opened = opened(&store);
        block_on(opened.embed(&|_, _| {})).expect("vectors");
        times.push(begun.elapsed());
        if memory == 0 {
            memory = resident().saturating_sub(before);
        }
        session = Some(opened);
    }
    let session = session.expect("it was opened");
    let mut random = Random(11);
    let mut asked: Vec<Duration> = (0..QUESTIONS)
        .map(|_| {
            let text = random.text(1);
            let begun = Instant::now();
            let room = Room::of(TokenCount(2_500));
            block_on(session.recall(&text, room, &ApproximateCounter)).expect("an answer");
            begun.elapsed()
        })
        .collect();
    times.sort();
    asked.sort();
    let at = |times: &[Duration], share: usize| {
        times.get(times.len() * share / 100).copied().map_or(0.0, milliseconds)
    };
    println!(
        "{{\"open_ms\": {:.0}, \"resident_mb\": {:.0}, \"recall_p50_ms\": {:.2}, \"recall_p99_ms\": {:.2}}}",
        at(&times, 50),
        memory as f64 / 1e6,
        at(&asked, 50),
        at(&asked, 99),
    );
}

fn opened(store: &Store) -> Session {
    let options = MemoryOptions { counter: Arc::new(ApproximateCounter), forgetting: None };
    let name = "long".parse().expect("a name");
    Session::open(store, &name, options, Some(Arc::new(Hashed)), 0).expect("a session")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Makes vectors that are random, and the same for the same text.
#[derive(Debug)]
struct Hashed;

impl Embedder for Hashed {
    fn identity(&self) -> &'static str {
        "hashed"
    }

    fn embed<'a>(&'a self, texts: &'a [String]) -> BoxFuture<'a, Result<Vec<Vec<f32>>, ModelError>> {
        Box::pin(async move {
            let vector = |text: &String| {
                let seed = text.bytes().fold(5381_u64, |sum, byte| sum.wrapping_mul(33) ^ u64::from(byte));
                let mut random = Random(seed | 1);
                let values: Vec<f32> = (0..DIMENSIONS).map(|_| random.share() as f32 - 0.5).collect();
                let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
                values.iter().map(|value| value / length).collect()
            };
            Ok(texts.iter().map(vector).collect())
        })
    }
}

/// A generator of xorshift numbers.
struct Random(u64);

impl Random {
    fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn text(&mut self, sentences: usize) -> String {
        let mut text = String::new();
        for _ in 0..sentences {
            text.push('T');
            for _ in 0..WORDS_OF_A_SENTENCE {
                let rank = WORDS.powf(self.share()) as usize;
                text.push_str(&word(rank));
                text.push(' ');
            }
            text.pop();
            text.push_str(". ");
        }
        text
    }
}

/// A word for a rank, of consonants and vowels by turns.
fn word(mut rank: usize) -> String {
    let mut word = String::new();
    loop {
        word.push(char::from(*b"bdfgklmnprtv".get(rank % 12).unwrap_or(&b'b')));
        rank /= 12;
        word.push(char::from(*b"aeiou".get(rank % 5).unwrap_or(&b'a')));
        rank /= 5;
        if rank == 0 {
            return word;
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The memory of this process in bytes; 0 where the system does not say it.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kb| kb * 1024)
}
