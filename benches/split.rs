//! How fast a stream of prose is split into chunks. Run it with `cargo bench --bench split`.

use std::io::{Cursor, Read};

use divan::counter::BytesCount;
use longhand::text::{ApproximateCounter, Splitter, TokenCount};

/// The length of the stream in bytes.
const LENGTH: u64 = 100_000_000;

const SEED: &str = "The harbour was quiet when Mrs. Aldous came down the steps, counting 3.5 of them as broken. \
    “Has the boat left?” she asked. Nobody answered;\nthe gulls, as ever, had the last word. She waited...\n\n\
    Later that year, e.g. in November, the fog stayed for weeks. Nothing moved.\n\n";

/// Gives the same text over and over.
struct Repeating(Cursor<String>);

impl Read for Repeating {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0.position() >= self.0.get_ref().len() as u64 {
            self.0.set_position(0);
        }
        self.0.read(buffer)
    }
}

/// Splits the stream by a budget of tokens, and gives the number of chunks.
#[divan::bench(args = [256, 2_048, 32_768], sample_count = 3)]
fn split(bencher: divan::Bencher<'_, '_>, budget: u64) {
    let text = SEED.repeat(200);
    // A whole number of texts, so that the stream does not end inside a character.
    let length = LENGTH - LENGTH % text.len() as u64;
    bencher.counter(BytesCount::new(length)).bench(|| {
        let stream = Repeating(Cursor::new(text.clone())).take(length);
        Splitter::new(stream, TokenCount(budget), &ApproximateCounter).map_while(Result::ok).count()
    });
}

fn main() {
    divan::main();
}
