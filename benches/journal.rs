//! Appends per second: power-safe, kill-safe and neither, small records and large ones, one thread and eight; and a
//! power-safe append beside one bare `fdatasync` of the same bytes. The disk is the one of the temporary folder (`TMPDIR`).
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench that cannot run has nothing to say, and one that can says it to people"
)]

use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

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

/// One thread waits for the disk every time; eight share their waits.
#[divan::bench(args = [1024, 16 * 1024], threads = [1, 8], sample_count = 100, sample_size = 1)]
fn power_safe(bencher: Bencher<'_, '_>, bytes: usize) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let journal: Journal = store.create_run(&"bench".parse().unwrap(), Durability::Kill).unwrap();
    let text = record(bytes);
    bencher.counter(ItemsCount::new(1_u32)).bench(|| journal.append_forced(black_box(&text)).unwrap());
}

/// Appends the same bytes to a bare file and to a journal by turns, so that whatever else the disk does strikes both.
#[divan::bench(args = [1024, 16 * 1024], sample_count = 1, sample_size = 1)]
fn power_safe_beside_bare_fdatasync(bencher: Bencher<'_, '_>, bytes: usize) {
    const ROUNDS: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let journal: Journal = store.create_run(&"bench".parse().unwrap(), Durability::Kill).unwrap();
    let text = record(bytes);
    journal.append_forced(&text).unwrap();
    let line = std::fs::read(folder.path().join("store/runs/bench/records")).unwrap();
    let mut bare = File::create(folder.path().join("bare")).unwrap();
    let shared = &journal;
    bencher.bench_local(|| {
        let (mut bares, mut journals) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bares.push(timed(|| {
                bare.write_all(&line).unwrap();
                bare.sync_data().unwrap();
            }));
            journals.push(timed(|| _ = journal.append_forced(&text).unwrap()));
        }
        let (bare, journal) = (middle(bares), middle(journals));
        let ratio = journal.as_secs_f64() / bare.as_secs_f64();
        eprintln!(
            "{bytes} bytes, a line of {}: bare {bare:?}, journal {journal:?}, {ratio:.2} times",
            line.len()
        );
        let at_once = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..ROUNDS).for_each(|_| _ = shared.append_forced(&text).unwrap()));
            }
        });
        let each = at_once.elapsed() / u32::try_from(8 * ROUNDS).unwrap();
        eprintln!(
            "{bytes} bytes, eight threads: {each:?} an append, {:.2} times",
            each.as_secs_f64() / bare.as_secs_f64()
        );
    });
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
