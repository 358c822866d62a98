//! Who waits for what: the lines that are not handed in yet, those that are, and answers that nobody has taken.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::super::failure::Failure;
use super::log::{Log, Place, Record};

/// A provider takes no more requests in one batch.
const MOST_LINES: usize = 50_000;

/// It takes no larger file than 200 MB; this much is handed in at once.
const MOST_BYTES: usize = 150_000_000;

/// A basket that is added to all the time is handed in after so many times the time that it waits for the next line.
pub(super) const PATIENCE: u32 = 10;

/// What came of a line.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// The line with the answer, as it came, or why there is none.
    pub(super) result: Result<String, Failure>,
    /// Whether somebody else has been given the same answer, and pays for it.
    pub(super) shared: bool,
}

/// The lines of the next batch.
#[derive(Debug, Default)]
pub(super) struct Basket {
    pub(super) lines: Vec<String>,
    pub(super) text: String,
    /// When the first and the last of them came.
    times: Option<(Instant, Instant)>,
}

impl Basket {
    fn add(&mut self, line: &str, request: &str) {
        let now = Instant::now();
        self.lines.push(line.to_owned());
        self.text.push_str(request);
        self.text.push('\n');
        self.times = Some((self.times.map_or(now, |(first, _)| first), now));
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= MOST_LINES || self.text.len() >= MOST_BYTES
    }

    /// When it is handed in; none as long as it is empty.
    fn due(&self, gather: Duration) -> Option<Instant> {
        let (first, last) = self.times?;
        Some((last + gather).min(first + gather * PATIENCE))
    }
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Errand {
    /// A batch is to be made of these.
    Submit(Basket),
    /// The batch of this record is to be waited for.
    Follow(usize),
}

/// An answer that is kept until it is journaled.
#[derive(Debug)]
struct Kept {
    record: usize,
    place: Place,
    /// Whether somebody has it.
    given: bool,
}

#[derive(Debug, Default)]
struct State {
    basket: Basket,
    /// The lines in the basket, and those that are on their way into a batch.
    coming: HashSet<String>,
    waiting: HashMap<String, Vec<oneshot::Sender<Said>>>,
    /// The records of batches that are not over, by their lines.
    open: HashMap<String, usize>,
    kept: HashMap<String, Kept>,
    /// How many answers of each record are kept.
    left: HashMap<usize, usize>,
    records: BTreeMap<usize, Record>,
    next: usize,
    /// Open records, and whether they are waited for.
    followed: HashMap<usize, bool>,
    due: Vec<usize>,
}

/// The desk of one model.
#[derive(Debug)]
pub(super) struct Desk {
    log: Log,
    state: Mutex<State>,
    stirred: Notify,
}

impl Desk {
    /// Reads what earlier processes left.
    pub(super) fn open(folder: &Path, model: &str) -> io::Result<Self> {
        let (log, records) = Log::open(folder, model)?;
        let mut state = State::default();
        for record in records {
            let kept = record.kept()?;
            state.add(record);
            let number = state.next - 1;
            state.keep(number, kept);
        }
        Ok(Self { log, state: Mutex::new(state), stirred: Notify::new() })
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// The state is whole between two calls, and nothing panics half-way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the answer to a line. It is handed in with the next batch, unless it is kept, or waited for already.
    pub(super) fn ask(&self, line: &str, request: impl FnOnce() -> String) -> oneshot::Receiver<Said> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        if let Some(said) = state.given(line) {
            // Whoever asked has the other end in his hands.
            sender.send(said).ok();
            return receiver;
        }
        let handed_in = state.open.get(line).copied();
        state.waiting.entry(line.to_owned()).or_default().push(sender);
        match handed_in {
            Some(record) if state.followed.insert(record, true) == Some(false) => {
                state.due.push(record);
                self.stirred.notify_one();
            }
            None if state.coming.insert(line.to_owned()) => {
                state.basket.add(line, &request());
                self.stirred.notify_one();
            }
            // Somebody looks after it already.
            Some(_) | None => {}
        }
        receiver
    }

    /// Waits for something to do. A basket is handed in when it is full, or when nothing has come for so long.
    pub(super) async fn errand(&self, gather: Duration) -> Errand {
        loop {
            let due = {
                let mut state = self.state();
                if let Some(record) = state.due.pop() {
                    return Errand::Follow(record);
                }
                let due = state.basket.due(gather);
                if state.basket.is_full() || due.is_some_and(|due| due <= Instant::now()) {
                    return Errand::Submit(std::mem::take(&mut state.basket));
                }
                due
            };
            match due {
                None => self.stirred.notified().await,
                // Either is a reason to look again.
                Some(due) => drop(timeout_at(due, self.stirred.notified()).await),
            }
        }
    }

    /// Takes in the record of a batch that this process waits for.
    pub(super) fn enter(&self, record: Record) -> usize {
        let mut state = self.state();
        for line in &record.lines {
            state.coming.remove(line);
        }
        let number = state.add(record);
        state.followed.insert(number, true);
        number
    }

    /// Returns a record as it stands.
    pub(super) fn record(&self, number: usize) -> Option<Record> {
        self.state().records.get(&number).cloned()
    }

    /// Puts a record in the place of one that is known less of.
    pub(super) fn update(&self, number: usize, record: Record) {
        self.state().records.insert(number, record);
    }

    /// Tells those who wait for lines that are in no batch why.
    pub(super) fn refuse(&self, lines: &[String], failure: &Failure) {
        let mut state = self.state();
        for line in lines {
            state.coming.remove(line);
            state.tell(line, &Err(failure.clone()));
        }
    }

    /// Nothing is known of a batch for now. Who asks again has it looked after again.
    pub(super) fn put_off(&self, number: usize, failure: &Failure) {
        let lines = self.record(number).map(|record| record.lines).unwrap_or_default();
        let mut state = self.state();
        state.followed.insert(number, false);
        for line in &lines {
            state.tell(line, &Err(failure.clone()));
        }
    }

    /// A batch is over: who waits is given the answers, and the others are kept. What is in neither is told `missing`.
    pub(super) fn close(
        &self,
        number: usize,
        answers: Vec<(String, String)>,
        places: Vec<(String, Place)>,
        mut failed: HashMap<String, Failure>,
        missing: &Failure,
    ) {
        let mut state = self.state();
        let lines = state.shut(number);
        state.keep(number, places);
        for (line, answer) in answers {
            let given = state.tell(&line, &Ok(answer));
            if let Some(kept) = state.kept.get_mut(&line) {
                kept.given = given;
            }
        }
        for line in lines.iter().filter(|line| !state.kept.contains_key(*line)).collect::<Vec<_>>() {
            let failure = failed.remove(line).unwrap_or_else(|| missing.clone());
            state.tell(line, &Err(failure));
        }
        state.tidy(number);
    }

    /// The answer to a line is in a journal, or what it said was of no use to anybody: it is kept no longer.
    pub(super) fn taken(&self, line: &str) {
        let mut state = self.state();
        if !state.kept.get(line).is_some_and(|kept| kept.given) {
            return;
        }
        let Some(Kept { record: number, .. }) = state.forget(line) else { return };
        if let Some(record) = state.records.get_mut(&number)
            && let Err(error) = record.take(line)
        {
            // It is kept for longer than it must be.
            tracing::warn!(%error, "the record of a batch cannot be written");
        }
        state.tidy(number);
    }
}

impl State {
    fn add(&mut self, record: Record) -> usize {
        let number = self.next;
        self.next += 1;
        if !record.ended {
            self.open.extend(record.lines.iter().map(|line| (line.clone(), number)));
            self.followed.insert(number, false);
        }
        self.records.insert(number, record);
        number
    }

    fn keep(&mut self, number: usize, places: Vec<(String, Place)>) {
        for (line, place) in places {
            self.forget(&line);
            self.kept.insert(line, Kept { record: number, place, given: false });
            *self.left.entry(number).or_default() += 1;
        }
    }

    fn forget(&mut self, line: &str) -> Option<Kept> {
        let kept = self.kept.remove(line)?;
        let left = self.left.entry(kept.record).or_default();
        *left = left.saturating_sub(1);
        Some(kept)
    }

    /// Returns the answer to a line that is kept.
    fn given(&mut self, line: &str) -> Option<Said> {
        let Kept { record, place, given } = self.kept.get_mut(line)?;
        let answer = self.records.get(record)?.answer(*place);
        let shared = std::mem::replace(given, true);
        match answer {
            Ok(answer) => Some(Said { result: Ok(answer), shared }),
            Err(error) => {
                tracing::warn!(%error, "an answer that was kept cannot be read: it is asked for again");
                self.forget(line);
                None
            }
        }
    }

    /// Tells all who wait for a line, and returns whether anybody did.
    fn tell(&mut self, line: &str, result: &Result<String, Failure>) -> bool {
        let mut told = false;
        for sender in self.waiting.remove(line).unwrap_or_default() {
            told |= sender.send(Said { result: result.clone(), shared: told }).is_ok();
        }
        told
    }

    /// Ends the waiting for a batch, and returns its lines.
    fn shut(&mut self, number: usize) -> Vec<String> {
        self.followed.remove(&number);
        let lines = self.records.get(&number).map(|record| record.lines.clone()).unwrap_or_default();
        for line in &lines {
            if self.open.get(line) == Some(&number) {
                self.open.remove(line);
            }
        }
        lines
    }

    /// Removes a record of which nothing is kept any more.
    fn tidy(&mut self, number: usize) {
        if self.left.get(&number).is_none_or(|left| *left == 0)
            && let Some(record) = self.records.remove(&number)
        {
            record.remove();
        }
    }
}
