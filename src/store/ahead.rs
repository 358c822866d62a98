//! Decoding a long file of records on several threads, ahead of whoever walks it. The order stays that of the file.
//!
//! Checking, unpacking and parsing a record takes three times as long as taking it in. Where a run of a hundred thousand
//! calls is taken up again, that is what there is to wait for.

use std::panic;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::vec;

use serde::de::DeserializeOwned;

use super::error::StoreError;
use super::line;
use super::records::{Line, Lines};

/// A shorter file is decoded as it is read: starting threads would take longer.
const SHORTEST: u64 = 1 << 20;
/// Decoding is soon faster than whoever takes the records in.
const MOST_THREADS: usize = 4;
/// A batch ends once its lines have this many bytes, so that no more than a few megabytes are held at a time.
const BATCH: usize = 1 << 17;

/// A line and what stands in it.
#[derive(Debug)]
pub(super) struct Decoded<T> {
    /// Where the line begins.
    pub(super) at: u64,
    /// The number of the record and what it says; none where the line is damaged.
    pub(super) record: Option<(u64, Content<T>)>,
}

/// What a record says.
#[derive(Debug)]
pub(super) enum Content<T> {
    Whole(T),
    /// It cannot be unpacked.
    Damaged,
    /// It has another form.
    Other(serde_json::Error),
}

type Batch<T> = Vec<Decoded<T>>;

/// A walk over decoded lines.
#[derive(Debug)]
pub(super) struct Ahead<T> {
    lines: Lines,
    /// None for a short file.
    workers: Vec<Worker<T>>,
    /// How many batches were given out, and how many came back.
    given: usize,
    taken: usize,
    ready: vec::IntoIter<Decoded<T>>,
    /// Why reading ended before the end of the file.
    failed: Option<StoreError>,
}

#[derive(Debug)]
struct Worker<T> {
    lines: Sender<Vec<Line>>,
    decoded: Receiver<Batch<T>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: DeserializeOwned + Send + 'static> Ahead<T> {
    /// Walks over the lines of a part of a file that is so many bytes long.
    pub(super) fn new(lines: Lines, length: u64) -> Self {
        let threads = match thread::available_parallelism() {
            Ok(threads) if length >= SHORTEST => threads.get().min(MOST_THREADS),
            _ => 0,
        };
        // Fewer threads than asked for are as good; without any, lines are decoded here.
        let workers = (0..threads).map_while(|_| Worker::start().ok()).collect();
        Self { lines, workers, given: 0, taken: 0, ready: Vec::new().into_iter(), failed: None }
    }

    /// Reads the lines of the next batch.
    fn read(&mut self) -> Vec<Line> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH && self.failed.is_none() {
            match self.lines.next() {
                None => break,
                Some(Ok(line)) => {
                    bytes += line.bytes.len();
                    batch.push(line);
                }
                Some(Err(error)) => self.failed = Some(error),
            }
        }
        batch
    }

    /// Keeps every worker busy, and waits for the oldest batch; none at the end.
    fn next_batch(&mut self) -> Option<Batch<T>> {
        while self.given < self.taken + 2 * self.workers.len() {
            let batch = self.read();
            let worker = self.workers.get(self.given % self.workers.len()).filter(|_| !batch.is_empty());
            let Some(worker) = worker else { break };
            // A worker that has panicked is found out about when its batch is waited for.
            worker.lines.send(batch).ok();
            self.given += 1;
        }
        if self.taken == self.given {
            return None;
        }
        let at = self.taken % self.workers.len();
        let worker = self.workers.get_mut(at)?;
        self.taken += 1;
        match worker.decoded.recv() {
            Ok(batch) => Some(batch),
            Err(_) => match worker.thread.take().map(JoinHandle::join) {
                Some(Err(panicked)) => panic::resume_unwind(panicked),
                // A worker ends on its own only once nobody gives it lines.
                Some(Ok(())) | None => None,
            },
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> Iterator for Ahead<T> {
    type Item = Result<Decoded<T>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.workers.is_empty() {
            return self.lines.next().map(|line| line.map(|line| decode(&line)));
        }
        if self.ready.len() == 0 {
            self.ready = self.next_batch().unwrap_or_default().into_iter();
        }
        self.ready.next().map(Ok).or_else(|| self.failed.take().map(Err))
    }
}

impl<T: DeserializeOwned + Send + 'static> Worker<T> {
    fn start() -> std::io::Result<Self> {
        let (lines, given) = channel::<Vec<Line>>();
        let (sender, decoded) = channel();
        let work = move || {
            for batch in given {
                if sender.send(batch.iter().map(decode).collect()).is_err() {
                    break;
                }
            }
        };
        let thread = thread::Builder::new().name("records".to_owned()).spawn(work)?;
        Ok(Self { lines, decoded, thread: Some(thread) })
    }
}

fn decode<T: DeserializeOwned>(line: &Line) -> Decoded<T> {
    let record = line.record().map(|(seq, body)| {
        let content = match line::unpack(&body).map(|json| serde_json::from_slice(&json)) {
            Some(Ok(record)) => Content::Whole(record),
            Some(Err(error)) => Content::Other(error),
            None => Content::Damaged,
        };
        (seq, content)
    });
    Decoded { at: line.at, record }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Writes some 2 MiB of records and returns where each line begins.
    fn fill(path: &Path) -> Vec<u64> {
        let (mut file, mut begins) = (Vec::new(), Vec::new());
        for seq in 0..4000_u64 {
            let at = file.len() as u64;
            let text = format!("{} {seq}", ContentText(seq)).repeat(if seq == 700 { 20_000 } else { 8 });
            line::write(&mut file, at, seq, &line::pack(&serde_json::to_vec(&text).unwrap()).unwrap());
            begins.push(at);
        }
        std::fs::write(path, file).unwrap();
        begins
    }

    /// Text that does not compress well.
    struct ContentText(u64);

    impl std::fmt::Display for ContentText {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            (0..40)
                .try_for_each(|n| write!(f, "{:x} ", (self.0 * 40 + n).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        }
    }

    fn walked(path: &Path, length: u64) -> Vec<(u64, Option<(u64, String)>)> {
        let lines = Lines::open(path, 0..u64::MAX).unwrap();
        let ahead = Ahead::<String>::new(lines, length);
        let record = |decoded: Decoded<String>| {
            let text = |content| match content {
                Content::Whole(text) => text,
                Content::Damaged => "damaged".to_owned(),
                Content::Other(error) => error.to_string(),
            };
            (decoded.at, decoded.record.map(|(seq, content)| (seq, text(content))))
        };
        ahead.map(|decoded| record(decoded.unwrap())).collect()
    }

    #[test]
    fn several_threads_find_what_one_finds_and_in_the_same_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        let begins = fill(&path);
        let mut bytes = std::fs::read(&path).unwrap();
        let length = bytes.len() as u64;
        assert!(length > SHORTEST, "{length}");
        assert_eq!(walked(&path, length), walked(&path, 0));
        for hurt in [0, 3, 699, 700, 1500] {
            bytes[usize::try_from(begins[hurt]).unwrap() + 30] ^= 1;
        }
        std::fs::write(&path, bytes).unwrap();
        let found = walked(&path, length);
        assert_eq!(found, walked(&path, 0));
        assert_eq!(found.iter().filter(|(_, record)| record.is_none()).count(), 5);
        assert!(found.iter().map(|(at, _)| *at).eq(begins));
    }

    #[test]
    fn whoever_has_seen_enough_leaves_nobody_working() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        fill(&path);
        let lines = Lines::open(&path, 0..u64::MAX).unwrap();
        let mut ahead = Ahead::<String>::new(lines, u64::MAX);
        assert!(ahead.next().is_some());
        let threads: Vec<_> = ahead.workers.iter_mut().filter_map(|worker| worker.thread.take()).collect();
        drop(ahead);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
