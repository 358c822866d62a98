//! Vectors of texts by the model on this machine, as a process of its own: `benches/peers/embed.py` runs this beside its peer.
//!
//!     cargo bench --bench embed -- FOLDER BATCH COUNT [THREADS] [PIECES]
//!
//! FOLDER holds the files of the model, such as `~/.local/share/longhand/models/minilm`. COUNT texts of PIECES word pieces, 64
//! where nothing is said, are handed over in batches of BATCH. Prints one line of JSON: how many texts there were, and the
//! seconds from the first batch to the last. Before that it computes one batch that is not counted.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench that cannot run says so"
)]

use std::path::Path;
use std::time::Instant;

use longhand::local::{LocalEmbedder, LocalOptions};
use longhand::model::Embedder as _;
use serde_json::json;

/// Words of one piece each.
const WORDS: [&str; 11] = ["the", "whale", "and", "a", "long", "sea", "of", "night", "under", "ship", "was"];

fn main() {
    // `cargo bench` adds `--bench`, which says nothing here.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [folder, batch, count, more @ ..] = words.as_slice() else {
        eprintln!("skipped: it wants the folder of a model, texts of a batch, and how many texts");
        return;
    };
    let number = |word: &String| word.parse::<usize>().unwrap();
    let (batch, count) = (number(batch), number(count));
    let pieces = more.get(1).map_or(64, number);
    let options = LocalOptions { threads: more.first().map(number), ..LocalOptions::default() };
    let embedder = LocalEmbedder::load(Path::new(folder), &options).unwrap();
    // The two pieces that mark the ends are among them.
    let text = |from: usize| {
        (0..pieces - 2).map(|at| WORDS[(from * 7 + at * (1 + from % 5)) % WORDS.len()]).collect::<Vec<_>>()
    };
    let texts: Vec<String> = (0..count).map(|from| text(from).join(" ")).collect();
    assert!(
        texts.iter().all(|text| embedder.pieces(text).0 + 2 == pieces as u64),
        "a word has several pieces"
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let embed = |texts: &[String]| runtime.block_on(embedder.embed(texts)).unwrap();
    embed(&texts[..batch.min(count)]);
    let began = Instant::now();
    let vectors: Vec<Vec<f32>> = texts.chunks(batch).flat_map(embed).collect();
    let seconds = began.elapsed().as_secs_f64();
    println!("{}", json!({ "texts": vectors.len(), "seconds": seconds, "numbers": vectors[0].len() }));
}
