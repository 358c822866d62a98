//! How far a run has come, told on stderr from the events of its journal.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::printer::Printer;
use crate::run::{Event, Slot, TaskId, Value};

/// Where stderr is no terminal, progress is told at most this often.
const EVERY: Duration = Duration::from_secs(10);

/// A progress display that is fed with events.
pub(super) struct Progress {
    bar: ProgressBar,
    tally: Mutex<Tally>,
    lines: bool,
    each: bool,
    printer: Printer,
}

/// A document that is to be read.
pub(super) struct Work {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// Whether an earlier process finished it.
    pub(super) finished: bool,
}

struct Tally {
    began: Instant,
    told: Instant,
    names: Vec<String>,
    /// How long the chunks are of every source that is worked on.
    lengths: HashMap<Slot, Vec<u64>>,
    chunks: usize,
    bytes: u64,
    bytes_read: u64,
    /// Bytes that an earlier process read: they say nothing of this one's speed.
    bytes_before: u64,
    documents_done: usize,
    calls: usize,
    tokens: u64,
}

impl Progress {
    /// Begins a display. `each` tells whether every document has a result of its own.
    pub(super) fn new(printer: &Printer, work: Vec<Work>, each: bool) -> Self {
        let bytes = work.iter().map(|work| work.bytes).sum();
        let bytes_read = work.iter().filter(|work| work.finished).map(|work| work.bytes).sum();
        let documents_done = work.iter().filter(|work| work.finished).count();
        let names = work.into_iter().map(|work| work.name).collect();
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
        if !printer.draws() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{bar:24} {percent:>3}%  {msg}  {eta} left");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        let now = Instant::now();
        let tally = Tally {
            began: now,
            told: now,
            names,
            lengths: HashMap::new(),
            chunks: 0,
            bytes,
            bytes_read,
            bytes_before: bytes_read,
            documents_done,
            calls: 0,
            tokens: 0,
        };
        Self {
            bar,
            tally: Mutex::new(tally),
            lines: printer.tells() && !printer.draws(),
            each,
            printer: printer.clone(),
        }
    }

    /// Takes in what happened.
    pub(super) fn see(&self, event: &Event) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Done { task, value: Value::Chunks(chunks) } => {
                tally.chunks += chunks.len();
                tally.lengths.insert(task.slot, chunks.iter().map(|chunk| chunk.span.len()).collect());
            }
            Event::Called(call) => {
                tally.calls += 1;
                tally.tokens += call.spent().tokens.0;
                let read = call.chunk.and_then(|chunk| {
                    tally.lengths.get(&call.site.task.slot)?.get(usize::try_from(chunk).ok()?).copied()
                });
                tally.bytes_read += read.unwrap_or(0);
            }
            Event::Ended { .. } => {
                self.bar.finish_and_clear();
                return;
            }
            _ => return,
        }
        if !self.bar.is_hidden() {
            self.bar.set_position(tally.bytes_read.min(tally.bytes));
            self.bar.set_message(tally.describe());
        }
        if self.lines && tally.told.elapsed() >= EVERY {
            tally.told = Instant::now();
            self.printer.say(&format!("{}, {}", tally.describe(), tally.left()));
        }
    }

    /// Takes in that a source has its result.
    pub(super) fn finished(&self, task: &TaskId) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.documents_done = if self.each { tally.documents_done + 1 } else { tally.names.len() };
        if !self.each {
            return;
        }
        tally.lengths.remove(&task.slot);
        if let (true, Slot::Source(index)) = (self.lines, task.slot) {
            let name = usize::try_from(index).ok().and_then(|index| tally.names.get(index)).cloned();
            self.printer.say(&format!("done: {}", name.unwrap_or_default()));
        }
    }
}

impl Tally {
    fn describe(&self) -> String {
        let seconds = self.began.elapsed().as_secs().max(1);
        let speed = self.tokens / seconds;
        let documents = self.names.len();
        let (calls, chunks) = (self.calls, self.chunks);
        format!(
            "{}/{documents} documents, {calls} calls, {chunks} chunks, {speed} tokens/s",
            self.documents_done
        )
    }

    fn left(&self) -> String {
        let read = self.bytes_read - self.bytes_before;
        if read == 0 {
            return "time left unknown".to_owned();
        }
        let spent = self.began.elapsed().as_secs();
        let left = spent.saturating_mul(self.bytes.saturating_sub(self.bytes_read)) / read;
        format!("about {left} s left")
    }
}
