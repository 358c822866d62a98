//! The record of batches on the disk: what was handed in, what became of it, and results that nobody has taken yet.
//!
//! A file of JSON lines for each batch, written before the batch is made, so that no process that comes later hands the same
//! in again; and beside it one with the results. The text of answers is in it, a key never is.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::line;
use crate::hash::ContentHash;

/// Providers have forgotten a batch long before this: what nobody has asked for until then nobody will.
const FORGOTTEN: Duration = Duration::from_hours(24 * 60);

/// How often somebody who waits for the others looks whether it is his turn.
const TURN: Duration = Duration::from_millis(50);

/// What is known of a batch, in the order in which it comes to be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    /// A file is with the provider, and a batch is about to be made of it.
    Uploaded { model: String, file: String, lines: Vec<String> },
    /// The provider has made the batch.
    Created { batch: String },
    /// It is over, and its answers are kept beside this file.
    Ended,
    /// The answer to a line is in a journal.
    Taken { line: String },
}

/// Where an answer is kept: so many bytes from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    at: u64,
    length: usize,
}

/// The folder of all records, as one model sees it.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
    model: String,
}

/// The record of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    path: PathBuf,
    /// The file that was handed in.
    pub(super) file: String,
    /// The lines of it, by their custom ids.
    pub(super) lines: Vec<String>,
    /// The batch, once it is known to be made.
    pub(super) batch: Option<String>,
    /// Whether it is over.
    pub(super) ended: bool,
    taken: HashSet<String>,
}

/// The right to make batches in a folder, given back when dropped.
#[derive(Debug)]
pub(super) struct Turn(File);

impl Drop for Turn {
    fn drop(&mut self) {
        // If this fails the lock goes with the file, which is closed next.
        self.0.unlock().ok();
    }
}

impl Log {
    /// Reads the records that are of this model. A folder that is absent is made when the first is written.
    pub(super) fn open(folder: &Path, model: &str) -> io::Result<(Self, Vec<Record>)> {
        let log = Self { folder: folder.to_owned(), model: model.to_owned() };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((log, Vec::new())),
            Err(error) => return Err(error),
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "log"));
        paths.sort_unstable();
        let mut records = Vec::new();
        for path in paths {
            let Some((model, record)) = read(&path) else { continue };
            if is_old(&path) || (record.ended && record.kept()?.is_empty()) {
                record.remove();
            } else if model == log.model {
                records.push(record);
            }
        }
        Ok((log, records))
    }

    /// Notes that a batch is about to be made of a file; returns when the disk has it.
    pub(super) fn begin(&self, file: &str, lines: Vec<String>) -> io::Result<Record> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)?;
        let name = ContentHash::of(format!("{}\n{file}", self.model).as_bytes());
        let path = self.folder.join(format!("{name}.log"));
        let entry = Entry::Uploaded { model: self.model.clone(), file: file.to_owned(), lines };
        append(&path, &entry, true)?;
        // A file whose name is lost with the power is not there.
        #[cfg(unix)]
        File::open(&self.folder)?.sync_all()?;
        let Entry::Uploaded { model: _, file, lines } = entry else {
            return Err(io::ErrorKind::Other.into());
        };
        Ok(Record { path, file, lines, batch: None, ended: false, taken: HashSet::new() })
    }

    /// Waits for the right to make batches: two processes that find the same record make one of it.
    pub(super) async fn turn(&self) -> io::Result<Turn> {
        fs::create_dir_all(&self.folder)?;
        let file = private(true).truncate(false).open(self.folder.join("LOCK"))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Turn(file)),
                Err(TryLockError::WouldBlock) => sleep(TURN).await,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

impl Record {
    /// Notes the batch; returns when the disk has it.
    pub(super) fn created(&mut self, batch: &str) -> io::Result<()> {
        append(&self.path, &Entry::Created { batch: batch.to_owned() }, true)?;
        self.batch = Some(batch.to_owned());
        Ok(())
    }

    /// Keeps the answers of a batch that is over, and returns where each of them is. The disk has them when this returns.
    pub(super) fn end(&mut self, answers: &[(String, String)]) -> io::Result<Vec<(String, Place)>> {
        let (aside, results) = (self.path.with_extension("aside"), self.results());
        let mut file = private(true).truncate(true).open(&aside)?;
        let (mut places, mut at) = (Vec::with_capacity(answers.len()), 0);
        let mut text = String::new();
        for (line, answer) in answers {
            places.push((line.clone(), Place { at, length: answer.len() }));
            at += answer.len() as u64 + 1;
            text.push_str(answer);
            text.push('\n');
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, results)?;
        append(&self.path, &Entry::Ended, true)?;
        self.ended = true;
        Ok(places)
    }

    /// Finds the answers that are kept and not taken.
    pub(super) fn kept(&self) -> io::Result<Vec<(String, Place)>> {
        if !self.ended {
            return Ok(Vec::new());
        }
        let text = match fs::read_to_string(self.results()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text?,
        };
        let (mut places, mut at) = (Vec::new(), 0);
        for answer in text.split_inclusive('\n') {
            let whole = answer.trim_end_matches('\n');
            if let Some(line) = line::custom_id(whole).filter(|line| !self.taken.contains(line)) {
                places.push((line, Place { at, length: whole.len() }));
            }
            at += answer.len() as u64;
        }
        Ok(places)
    }

    /// Reads an answer that is kept.
    pub(super) fn answer(&self, place: Place) -> io::Result<String> {
        let mut file = File::open(self.results())?;
        file.seek(SeekFrom::Start(place.at))?;
        let mut bytes = vec![0; place.length];
        file.read_exact(&mut bytes)?;
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    /// Notes that an answer is in a journal. Where that is lost with the power it is kept for nobody.
    pub(super) fn take(&mut self, line: &str) -> io::Result<()> {
        append(&self.path, &Entry::Taken { line: line.to_owned() }, false)?;
        self.taken.insert(line.to_owned());
        Ok(())
    }

    /// Reads the record again: another process may know more by now. None where it was removed.
    pub(super) fn again(&self) -> Option<Self> {
        read(&self.path).map(|(_, record)| record)
    }

    /// Removes the record with what is kept. What cannot be removed now is removed when the folder is next read.
    pub(super) fn remove(&self) {
        fs::remove_file(self.results()).ok();
        fs::remove_file(&self.path).ok();
    }

    fn results(&self) -> PathBuf {
        self.path.with_extension("results")
    }
}

fn private(write: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(write).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn append(path: &Path, entry: &Entry, force: bool) -> io::Result<()> {
    let mut file = private(false).append(true).open(path)?;
    let mut text = serde_json::to_string(entry)?;
    text.push('\n');
    file.write_all(text.as_bytes())?;
    if force { file.sync_all() } else { Ok(()) }
}

/// Reads a record. A last line that was cut off tells nothing, and without a first one there is no batch.
fn read(path: &Path) -> Option<(String, Record)> {
    let text = fs::read_to_string(path).ok()?;
    let mut entries = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    let Some(Entry::Uploaded { model, file, lines }) = entries.next() else { return None };
    let mut record =
        Record { path: path.to_owned(), file, lines, batch: None, ended: false, taken: HashSet::new() };
    for entry in entries {
        match entry {
            Entry::Uploaded { .. } => {}
            Entry::Created { batch } => record.batch = Some(batch),
            Entry::Ended => record.ended = true,
            Entry::Taken { line } => drop(record.taken.insert(line)),
        }
    }
    Some((model, record))
}

fn is_old(path: &Path) -> bool {
    let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
    changed.ok().and_then(|at| at.elapsed().ok()).is_some_and(|age| age > FORGOTTEN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(line: &str) -> (String, String) {
        (line.to_owned(), format!(r#"{{"custom_id":"{line}","response":{{"body":"ä of {line}"}}}}"#))
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_record_is_read_as_it_was_written_however_far_it_came() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("batches");
        let (log, none) = Log::open(&below, "m").unwrap();
        assert!(none.is_empty() && !below.exists(), "nothing is made for nothing");
        let mut record = log.begin("file-1", names(&["a", "b", "c"])).unwrap();
        let read = || Log::open(&below, "m").unwrap().1;
        assert_eq!(read(), [record.clone()]);
        record.created("batch-1").unwrap();
        assert_eq!(read(), [record.clone()]);
        let places = record.end(&[answer("c"), answer("a")]).unwrap();
        assert_eq!(read(), [record.clone()]);
        assert_eq!(record.kept().unwrap(), places);
        assert_eq!(record.answer(places[1].1).unwrap(), answer("a").1);
        record.take("c").unwrap();
        assert_eq!(read()[0].kept().unwrap(), places[1..]);
        assert_eq!(Log::open(&below, "other").unwrap().1, [], "another model's is left alone");
        record.take("a").unwrap();
        assert_eq!(read(), [], "what is taken is gone");
        assert!(record.again().is_none());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("batches");
        let (log, _) = Log::open(&below, "m").unwrap();
        log.begin("file-1", names(&["a"])).unwrap().end(&[answer("a")]).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&below), 0o700);
        for entry in fs::read_dir(&below).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_makes_batches_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (log, _) = Log::open(folder.path(), "m").unwrap();
        let first = log.turn().await.unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(9), log.turn()).await.is_err());
        drop(first);
        log.turn().await.unwrap();
    }

    proptest! {
        /// A process can be killed, and the power can go, at every byte.
        #[test]
        fn a_record_that_was_cut_off_is_the_record_of_before(cut in 0_usize..400) {
            let folder = tempfile::tempdir().unwrap();
            let (log, _) = Log::open(folder.path(), "m").unwrap();
            let mut record = log.begin("file-1", names(&["a", "b"])).unwrap();
            let mut stages = vec![(fs::metadata(&record.path).unwrap().len(), record.clone())];
            record.created("batch-1").unwrap();
            stages.push((fs::metadata(&record.path).unwrap().len(), record.clone()));
            record.end(&[answer("a"), answer("b")]).unwrap();
            stages.push((fs::metadata(&record.path).unwrap().len(), record.clone()));
            record.take("b").unwrap();
            stages.push((fs::metadata(&record.path).unwrap().len(), record.clone()));
            let text = fs::read(&record.path).unwrap();
            fs::write(&record.path, &text[..cut.min(text.len())]).unwrap();
            // The end of a line is not needed to read it.
            let stage = stages.iter().rev().find(|(end, _)| *end <= cut as u64 + 1);
            let found = Log::open(folder.path(), "m").unwrap().1;
            prop_assert_eq!(found.first(), stage.map(|(_, record)| record));
        }
    }
}
