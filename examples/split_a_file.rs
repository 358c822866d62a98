//! Cuts a file into chunks of whole sentences within a budget of tokens, and shows where each chunk stands.
//!
//! `cargo run --example split_a_file -- FILE TOKENS`; without arguments it cuts a file of the sample archive.

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;
use std::fs::File;

use longhand::text::{ApproximateCounter, Splitter, TokenCount};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let sample = || concat!(env!("CARGO_MANIFEST_DIR"), "/examples/archive/annual-report-2019.md").to_owned();
    let file = args.next().unwrap_or_else(sample);
    let budget = args.next().map_or(Ok(200), |tokens| tokens.parse())?;

    // The file is read as a stream: however long it is, only the text around one chunk is in memory.
    let splitter = Splitter::new(File::open(&file)?, TokenCount(budget), &ApproximateCounter);
    let mut end = 0;
    for (number, piece) in splitter.enumerate() {
        let piece = piece?;
        assert_eq!(
            piece.span.start, end,
            "chunks tile the file: nothing is left out and nothing comes twice"
        );
        end = piece.span.end;
        let first_line = piece.text.trim().lines().next().unwrap_or_default();
        println!(
            "{number:>4}  bytes {:>7} to {end:>7}  {:>5} tokens  {first_line}",
            piece.span.start, piece.tokens
        );
    }
    Ok(())
}
