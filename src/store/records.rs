//! The file of records: every record of a run, in order, each in a line. The run's only copy of what happened.
//!
//! Knows nothing of the index over it. The file only grows, so whoever reads it while it is written sees a beginning of it.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::Disk;
use super::error::StoreError;
use super::folder;
use super::line;

/// How much of what need not survive the process is gathered before it is written.
const GATHERED: usize = 1 << 16;

/// A record's number and the place of its line.
pub(super) type Place = (u64, u64);

/// The end of a file of records, where its one writer appends.
#[derive(Debug)]
pub(super) struct Records {
    path: PathBuf,
    file: File,
    disk: Arc<Disk>,
    /// Where the next line goes, once all that is gathered is written.
    end: u64,
    gathered: Vec<u8>,
    /// The places of what is gathered.
    places: Vec<Place>,
    /// A write failed, and what it left behind could not be removed yet.
    torn: bool,
}

impl Records {
    /// Opens the file to append at `end`; what lies behind it is half a line of a writer that was killed, and goes.
    pub(super) fn open(path: PathBuf, end: u64) -> Result<Self, StoreError> {
        let file = folder::open_file(&path)?;
        let same = file.try_clone().map_err(|source| StoreError::io(&path, source))?;
        let disk = Arc::new(Disk::new(path.clone(), same, end));
        let (gathered, places) = (Vec::new(), Vec::new());
        let mut records = Self { path, file, disk, end, gathered, places, torn: true };
        records.mend()?;
        Ok(records)
    }

    /// Appends a packed record. It outlives the process only after [`Self::write_out`].
    pub(super) fn append(&mut self, seq: u64, body: &[u8]) {
        self.places.push((seq, self.end));
        let before = self.gathered.len();
        line::write(&mut self.gathered, self.end, seq, body);
        self.end += (self.gathered.len() - before) as u64;
    }

    /// Says whether enough is gathered to be worth writing.
    pub(super) fn is_due(&self) -> bool {
        self.gathered.len() >= GATHERED
    }

    /// Hands what is gathered to the system and says where it lies. If this fails, nothing is written of it.
    pub(super) fn write_out(&mut self) -> Result<Vec<Place>, StoreError> {
        if self.gathered.is_empty() {
            return Ok(Vec::new());
        }
        self.mend()?;
        if let Err(source) = self.file.write_all(&self.gathered) {
            self.torn = true;
            // If this fails too, it is tried again before the next write.
            self.mend().ok();
            return Err(StoreError::io(&self.path, source));
        }
        self.gathered.clear();
        self.disk.wrote(self.end);
        Ok(std::mem::take(&mut self.places))
    }

    /// Takes the last record back that was appended and not written.
    pub(super) fn take_back(&mut self) {
        if let Some((_, at)) = self.places.pop() {
            let taken = usize::try_from(self.end - at).unwrap_or(usize::MAX);
            self.gathered.truncate(self.gathered.len().saturating_sub(taken));
            self.end = at;
        }
    }

    /// Says how far the file reaches once all that is gathered is written.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Returns the file as the disk has it, to wait for it without holding up whoever appends.
    pub(super) fn disk(&self) -> &Arc<Disk> {
        &self.disk
    }

    /// Waits until all that is written is on the disk.
    pub(super) fn force(&self) -> Result<(), StoreError> {
        self.file.sync_all().map_err(|source| StoreError::io(&self.path, source))
    }

    fn mend(&mut self) -> Result<(), StoreError> {
        if self.torn {
            let written = self.end - self.gathered.len() as u64;
            let mended = self.file.set_len(written).and_then(|()| self.file.seek(SeekFrom::Start(written)));
            mended.map_err(|source| StoreError::io(&self.path, source))?;
            self.torn = false;
        }
        Ok(())
    }
}

/// Says how far a file of records reaches; a run in which nothing has happened has none.
pub(super) fn length(path: &Path) -> Result<u64, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(StoreError::io(path, source)),
    }
}

/// Reads the packed record whose line begins at `at`; none where no whole line does.
pub(super) fn at(path: &Path, at: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let line = Lines::open(path, at..u64::MAX)?.next().transpose()?;
    Ok(line.and_then(|line| line.record()).map(|(_, body)| body))
}

/// Says where the first line begins that does not begin before `at`; where none does, `at` itself, behind which there is then
/// no whole line.
pub(super) fn line_after(path: &Path, at: u64) -> Result<u64, StoreError> {
    // Whether a line begins at `at` shows in the byte before it.
    let Some(before) = at.checked_sub(1) else { return Ok(0) };
    let line = Lines::open(path, before..u64::MAX)?.next().transpose()?;
    Ok(line.map_or(at, |line| line.end))
}

/// Reads the bytes before `at`, `most` of them; of a file that is not there none.
pub(super) fn before(path: &Path, at: u64, most: u64) -> Result<Vec<u8>, StoreError> {
    let from = at.saturating_sub(most);
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(at - from).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|source| StoreError::io(path, source)),
    }
}

/// A line as it was found.
#[derive(Debug)]
pub(super) struct Line {
    /// Where it begins.
    pub(super) at: u64,
    /// Where the next one begins.
    pub(super) end: u64,
    /// Its bytes, without the line feed.
    pub(super) bytes: Vec<u8>,
}

impl Line {
    /// Returns the number of its record, and the record packed; none where the line is damaged.
    pub(super) fn record(&self) -> Option<(u64, Vec<u8>)> {
        line::read(&self.bytes, self.at)
    }
}

/// A walk over the whole lines of a file of records.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    /// None where there is no file: a run in which nothing has happened.
    file: Option<BufReader<io::Take<File>>>,
    at: u64,
}

impl Lines {
    /// Walks over the lines in `part` of the file, which must begin where a line does.
    pub(super) fn open(path: &Path, part: Range<u64>) -> Result<Self, StoreError> {
        let from = part.start;
        let opened = || -> io::Result<_> {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(from))?;
            Ok(Some(BufReader::with_capacity(GATHERED, file.take(part.end.saturating_sub(from)))))
        };
        let file = match opened() {
            Err(source) if source.kind() == io::ErrorKind::NotFound => None,
            opened => opened.map_err(|source| StoreError::io(path, source))?,
        };
        Ok(Self { path: path.to_owned(), file, at: from })
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let mut bytes = Vec::new();
        let length = file.read_until(line::END, &mut bytes)?;
        // What does not end is being written, or was when its writer was killed.
        if bytes.pop() != Some(line::END) {
            return Ok(None);
        }
        let at = self.at;
        self.at += length as u64;
        Ok(Some(Line { at, end: self.at, bytes }))
    }
}

impl Iterator for Lines {
    type Item = Result<Line, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map_err(|source| StoreError::io(&self.path, source)).transpose()
    }
}
