//! How fast the indexes of a long memory are. `benches/peers/vectors.py` runs it beside faiss.
//!
//!     cargo bench --bench vectors -- vectors build FOLDER DIMENSIONS
//!     cargo bench --bench vectors -- vectors ask FOLDER DIMENSIONS K
//!     cargo bench --bench vectors -- terms build FOLDER TEXTS
//!     cargo bench --bench vectors -- terms ask FOLDER
//!
//! `vectors` indexes what is in FOLDER/data.f32, asks what is in FOLDER/queries.f32, and writes the positions that it found
//! to FOLDER/found.u32; `terms` makes texts of 100 words, with a few words as frequent as those of a language and many rare
//! ones. The index lies in FOLDER. Each prints one line of JSON. One thread does everything.

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

const WORDS_OF_A_QUESTION: usize = 8;

/// How many questions are asked about the texts.
const QUESTIONS: usize = 500;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse().expect("a number");
    match arguments[..] {
        ["vectors", "build", folder, dimensions] => build_vectors(Path::new(folder), number(dimensions)),
        ["vectors", "ask", folder, dimensions, k] => {
            ask_vectors(Path::new(folder), number(dimensions), number(k));
        }
        ["terms", "build", folder, texts] => build_terms(Path::new(folder), number(texts)),
        ["terms", "ask", folder] => ask_terms(Path::new(folder)),
        _ => println!("skipped: see the first lines of benches/vectors.rs"),
    }
}

fn open_vectors(folder: &Path, dimensions: usize) -> VectorIndex<File> {
    let (codes, rows) = (file(&folder.join("index.codes")), file(&folder.join("index.rows")));
    VectorIndex::open(codes, rows, dimensions, "a bench").expect("an index")
}

fn open_terms(folder: &Path) -> KeptBm25<File> {
    KeptBm25::open(file(&folder.join("index.terms"))).expect("an index")
}

fn build_vectors(folder: &Path, dimensions: usize) {
    let data = floats(&folder.join("data.f32"));
    let begun = Instant::now();
    let mut index = open_vectors(folder, dimensions);
    for batch in data.chunks(BATCH * dimensions) {
        index.push_all(batch.chunks(dimensions)).expect("a vector");
    }
    println!("{{\"build_ms\": {:.1}}}", milliseconds(begun.elapsed()));
}

fn ask_vectors(folder: &Path, dimensions: usize, k: usize) {
    let queries = floats(&folder.join("queries.f32"));
    let (index, openings, memory) = opened(|| open_vectors(folder, dimensions));
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
    tell(openings, times, memory);
}

fn build_terms(folder: &Path, texts: usize) {
    let mut dice = Dice(7);
    let mut index = open_terms(folder);
    let mut build = Duration::ZERO;
    for _ in 0..texts {
        let text = dice.text(WORDS_OF_A_TEXT);
        let begun = Instant::now();
        index.push(&text).expect("a text");
        build += begun.elapsed();
    }
    println!("{{\"build_ms\": {:.1}}}", milliseconds(build));
}

fn ask_terms(folder: &Path) {
    let mut dice = Dice(8);
    let (index, openings, memory) = opened(|| open_terms(folder));
    let mut times = Vec::new();
    for _ in 0..QUESTIONS {
        let question = dice.text(WORDS_OF_A_QUESTION);
        let begun = Instant::now();
        std::hint::black_box(index.index().top(&question, 50));
        times.push(begun.elapsed());
    }
    tell(openings, times, memory);
}

/// Opens an index again and again; gives the last, the times, and the memory that the first took.
fn opened<T>(open: impl Fn() -> T) -> (T, Vec<Duration>, u64) {
    let before = resident();
    let begun = Instant::now();
    let mut index = open();
    let mut times = vec![begun.elapsed()];
    let memory = resident().saturating_sub(before);
    while times.len() < OPENINGS {
        drop(index);
        let begun = Instant::now();
        index = open();
        times.push(begun.elapsed());
    }
    (index, times, memory)
}

fn tell(mut openings: Vec<Duration>, mut times: Vec<Duration>, memory: u64) {
    openings.sort();
    times.sort();
    let at = |times: &[Duration], percent: usize| milliseconds(times[(times.len() - 1) * percent / 100]);
    println!(
        "{{\"open_ms\": {:.2}, \"open_best_ms\": {:.2}, \"best_ms\": {:.4}, \"p50_ms\": {:.4}, \"p99_ms\": {:.4}, \"memory\": {memory}}}",
        at(&openings, 50),
        at(&openings, 0),
        at(&times, 0),
        at(&times, 50),
        at(&times, 99),
    );
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
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

    fn text(&mut self, words: usize) -> String {
        (0..words).map(|_| word(self.word())).collect::<Vec<_>>().join(" ")
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
