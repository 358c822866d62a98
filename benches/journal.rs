//! Appends per second: kill-safe and not, records inside and outside the journal, one thread and eight.
#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use longhand::store::{Durability, Journal, Store};

fn main() {
    divan::main();
}

/// Text that compresses about as prose does: a few words, and numbers in no order.
fn record(bytes: usize) -> String {
    let words = ["chapter ", "of ", "reader ", "wrote ", "the ", "summary ", "and ", "in "];
    let mut state = 7_u64;
    let mut text = String::new();
    for word in words.iter().cycle() {
        if text.len() >= bytes {
            break;
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(word);
        text.push_str(&(state >> 52).to_string());
    }
    // The quotes count too: a record of 1 KiB is the largest that stays inside the journal.
    text.truncate(bytes - 2);
    text
}

fn append(bencher: Bencher<'_, '_>, durability: Durability, bytes: usize) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let journal: Journal = store.create_run(&"bench".parse().unwrap(), durability).unwrap();
    let text = record(bytes);
    bencher.counter(ItemsCount::new(1_u32)).bench(|| journal.append(black_box(&text)).unwrap());
}

#[divan::bench(args = [1024, 16 * 1024], threads = [1, 8], sample_size = 20)]
fn kill_safe(bencher: Bencher<'_, '_>, bytes: usize) {
    append(bencher, Durability::Kill, bytes);
}

#[divan::bench(args = [1024, 16 * 1024], threads = [1, 8], sample_size = 20)]
fn not_kill_safe(bencher: Bencher<'_, '_>, bytes: usize) {
    append(bencher, Durability::None, bytes);
}
