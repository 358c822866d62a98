//! How fast the indexes of a long memory are. `benches/peers/vectors.py` runs it beside faiss.
//!
//!     cargo bench --bench vectors -- vectors FOLDER DIMENSIONS K
//!     cargo bench --bench vectors -- terms FOLDER TEXTS
//!
//! `vectors` indexes what is in FOLDER/data.f32, asks what is in FOLDER/queries.f32, and writes the positions that it found
//! to FOLDER/found.u32; `terms` makes texts of 100 words, whose words are as frequent as those of a language. Both leave the index
//! in FOLDER and print one line of JSON. One thread does everything.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench that cannot run says so and stops"
)]

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use longhand::retrieve::{KeptBm25, VectorIndex};

/// So many vectors are handed over at once.
const BATCH: usize = 1_000;

/// So often an index is opened.
const OPENINGS: usize = 5;

/// How many different words the texts are made of, and how many one has.
const WORDS: usize = 200_000;
const WORDS_OF_A_TEXT: usize = 100;

/// How many questions are asked about the texts.
const QUESTIONS: usize = 500;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["vectors", folder, dimensions, k] => {
            let number = |text: &str| text.parse().expect("a number");
            vectors(Path::new(folder), number(dimensions), number(k));
        }
        ["terms", folder, texts] => terms(Path::new(folder), texts.parse().expect("a number of texts")),
        _ => println!("see the first lines of benches/vectors.rs"),
    }
}

fn vectors(folder: &Path, dimensions: usize, k: usize) {
    let data = floats(&folder.join("data.f32"));
    let queries = floats(&folder.join("queries.f32"));
    let open = || {
        let codes = file(&folder.join("index.codes"));
        VectorIndex::open(codes, file(&folder.join("index.rows")), dimensions, "a bench").expect("an index")
    };
    let begun = Instant::now();
    let mut index = open();
    for batch in data.chunks(BATCH * dimensions) {
        index.push_all(batch.chunks(dimensions)).expect("a vector");
    }
    let build = begun.elapsed();
    drop((index, data));
    let before = resident();
    let (index, openings) = opened(open);
    let memory = resident().saturating_sub(before);
    let mut found = Vec::new();
    let mut times = Vec::new();
    for query in queries.chunks(dimensions) {
        let begun = Instant::now();
        let hits = index.search(query, k).expect("hits");
        times.push(begun.elapsed());
        found.extend(
            hits.iter().flat_map(|hit| u32::try_from(hit.position).unwrap_or(u32::MAX).to_le_bytes()),
        );
    }
    fs::write(folder.join("found.u32"), found).expect("room on the disk");
    tell(build, &openings, &times, memory);
}

fn terms(folder: &Path, texts: usize) {
    let mut dice = Dice(7);
    let text = |dice: &mut Dice, words: usize| {
        let words: Vec<String> = (0..words).map(|_| word(dice.word())).collect();
        words.join(" ")
    };
    let path = folder.join("index.terms");
    let open = || KeptBm25::open(file(&path)).expect("an index");
    let mut index = open();
    let mut build = Duration::ZERO;
    for _ in 0..texts {
        let text = text(&mut dice, WORDS_OF_A_TEXT);
        let begun = Instant::now();
        index.push(&text).expect("a text");
        build += begun.elapsed();
    }
    drop(index);
    let before = resident();
    let (index, openings) = opened(open);
    let memory = resident().saturating_sub(before);
    let times: Vec<Duration> = (0..QUESTIONS)
        .map(|_| {
            let question = text(&mut dice, 8);
            let begun = Instant::now();
            std::hint::black_box(index.index().top(&question, 50));
            begun.elapsed()
        })
        .collect();
    tell(build, &openings, &times, memory);
    println!("{} bytes", fs::metadata(&path).expect("a file").len());
}

/// Opens an index again and again; gives the last and the times.
fn opened<T>(open: impl Fn() -> T) -> (T, Vec<Duration>) {
    let mut times = Vec::new();
    loop {
        let begun = Instant::now();
        let index = open();
        times.push(begun.elapsed());
        if times.len() == OPENINGS {
            return (index, times);
        }
    }
}

fn tell(build: Duration, openings: &[Duration], times: &[Duration], memory: u64) {
    let at = |times: &[Duration], share: f64| {
        let mut times = times.to_vec();
        times.sort();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
        let rank = ((times.len() as f64 * share) as usize).min(times.len() - 1);
        times[rank].as_secs_f64() * 1e3
    };
    println!(
        "{{\"build_ms\": {:.1}, \"open_ms\": {:.2}, \"best_ms\": {:.4}, \"p50_ms\": {:.4}, \"p99_ms\": {:.4}, \"memory\": {memory}}}",
        build.as_secs_f64() * 1e3,
        at(openings, 0.5),
        at(times, 0.0),
        at(times, 0.5),
        at(times, 0.99),
    );
}

fn floats(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).expect("vectors");
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn file(path: &Path) -> File {
    File::options().read(true).write(true).create(true).truncate(false).open(path).expect("a file")
}

/// The memory of this process in bytes; 0 where the system does not say it.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The rank of a word, each as likely as its rank is small (Zipf).
    fn word(&mut self) -> usize {
        let share = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to the number of words"
        )]
        let rank = (WORDS as f64).powf(share) as usize;
        rank
    }
}

/// A word for a rank, of consonants and vowels by turns.
fn word(mut rank: usize) -> String {
    let mut word = String::new();
    loop {
        word.push(char::from(b"bdfgklmnprtv"[rank % 12]));
        rank /= 12;
        word.push(char::from(b"aeiou"[rank % 5]));
        rank /= 5;
        if rank == 0 {
            return word;
        }
    }
}
