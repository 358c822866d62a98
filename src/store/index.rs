//! The index over all runs: under which key a record can be found, and where. Knows neither what a record means nor what a
//! key is made of, and holds no record itself.
//!
//! ```text
//! line feed | key (32 digits) | space | place (16 digits) | space | run, with spaces up to 64 | space | check (16 digits)
//! ```
//!
//! Every line is one write to the end of the file, so that any number of processes can share it. A line *begins* with its
//! line feed: half a line, of a process that was killed or of a disk that was full, costs only itself. The digits are
//! hexadecimal, and the check covers all before it. What is no line is passed over.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::folder;
use crate::hash::{ContentHash, hex};
use crate::name::RunId;

/// The longest name of a run.
const RUN: usize = 64;
/// The first half of a hash, and a quarter of one, in digits.
const KEY: usize = 32;
const CHECK: usize = 16;
/// A line without its line feed.
const LENGTH: usize = KEY + 1 + 16 + 1 + RUN + 1 + CHECK;
/// How much is read at once.
const BLOCK: usize = 1 << 18;

/// A key in the index: half a hash, which is enough to tell any two apart.
pub(super) type Key = [u8; 16];

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) run: RunId,
    /// Where the record's line begins in the run's file of records.
    pub(super) at: u64,
}

/// Writes a line, its line feed first.
pub(super) fn line(entry: &Entry) -> String {
    let mut line = String::with_capacity(LENGTH + 1);
    line.push('\n');
    // Writing to a string cannot fail.
    entry.key.iter().for_each(|byte| line.extend(hex(*byte).map(char::from)));
    let _ = write!(line, " {:016x} {:<RUN$} ", entry.at, entry.run.as_str());
    let check = check(line.trim_start().as_bytes());
    line.push_str(&check);
    line
}

fn check(bytes: &[u8]) -> String {
    ContentHash::of(bytes).half().iter().take(CHECK / 2).flat_map(|byte| hex(*byte)).map(char::from).collect()
}

/// Reads a line without its line feed. The run before is compared with first: most lines are of the run of the line before.
fn read(line: &[u8], before: Option<&RunId>) -> Option<Entry> {
    let line = str::from_utf8(line).ok().filter(|line| line.len() == LENGTH)?;
    let (body, said) = line.split_at_checked(LENGTH - CHECK)?;
    if check(body.as_bytes()) != said {
        return None;
    }
    let digits = |from: usize, to: usize| u64::from_str_radix(body.get(from..to)?, 16).ok();
    let mut key = Key::default();
    let (first, second) = key.split_at_mut(8);
    first.copy_from_slice(&digits(0, 16)?.to_be_bytes());
    second.copy_from_slice(&digits(16, KEY)?.to_be_bytes());
    let at = digits(KEY + 1, KEY + 17)?;
    let run = body.get(KEY + 18..KEY + 18 + RUN)?.trim_end();
    let run = match before.filter(|before| before.as_str() == run) {
        Some(before) => before.clone(),
        None => run.parse().ok()?,
    };
    Some(Entry { key, run, at })
}

/// The file.
#[derive(Debug, Clone)]
pub(super) struct Index {
    path: PathBuf,
}

impl Index {
    pub(super) fn new(folder: &Path) -> Self {
        Self { path: folder.join("index") }
    }

    /// Opens the file to append, making it if it is absent.
    pub(super) fn open(&self) -> Result<File, StoreError> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        options.mode(0o600);
        options.open(&self.path).map_err(|source| StoreError::io(&self.path, source))
    }

    /// Shows every whole line to `see`, the oldest first, and returns how many others there are. Without a file there are none.
    pub(super) fn walk(&self, mut see: impl FnMut(Entry)) -> Result<u64, StoreError> {
        let failed = |source| StoreError::io(&self.path, source);
        let file = match File::open(&self.path) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(0),
            file => file.map_err(failed)?,
        };
        let mut file = BufReader::with_capacity(BLOCK, file);
        let (mut line, mut before, mut damaged) = (Vec::with_capacity(LENGTH + 1), None, 0);
        loop {
            line.clear();
            if file.read_until(b'\n', &mut line).map_err(failed)? == 0 {
                return Ok(damaged);
            }
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            match read(line, before.as_ref()) {
                Some(entry) => {
                    before = Some(entry.run.clone());
                    see(entry);
                }
                // The file begins with the line feed of its first line.
                None => damaged += u64::from(!line.is_empty()),
            }
        }
    }

    /// Keeps only the entries that `places` has, each once, and says how many those are.
    ///
    /// A process that has the file open goes on with the old one: what it appends from then on is not found.
    pub(super) fn rewrite(&self, places: &Places) -> Result<u64, StoreError> {
        let (mut bytes, mut kept) = (Vec::new(), HashSet::new());
        self.walk(|entry| {
            if places.get(&entry.key) == Some((&entry.run, entry.at)) && kept.insert(entry.key) {
                bytes.extend_from_slice(line(&entry).as_bytes());
            }
        })?;
        if self.path.exists() {
            folder::write_whole(&self.path.with_extension("part"), &self.path, &bytes, false)?;
        }
        Ok(kept.len() as u64)
    }

    /// Returns how large the file is, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Empties the file. Processes that have it open go on with it.
    pub(super) fn clear(&self) -> Result<(), StoreError> {
        match OpenOptions::new().write(true).open(&self.path).and_then(|file| file.set_len(0)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io(&self.path, source))
            }
            _ => Ok(()),
        }
    }
}

/// Appends a line in one write. What only half fits is no line, and harms none.
pub(super) fn append(mut file: &File, entry: &Entry) -> io::Result<()> {
    let line = line(entry);
    match file.write(line.as_bytes())? {
        written if written == line.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// Where records are, by key: the newest of each key whose run is there.
#[derive(Debug, Default)]
pub(super) struct Places {
    runs: Vec<RunId>,
    places: HashMap<Key, (u32, u64)>,
}

impl Places {
    /// Reads an index; `there` are the runs whose entries count.
    pub(super) fn read(index: &Index, there: &[RunId]) -> Result<Self, StoreError> {
        let there: HashSet<&RunId> = there.iter().collect();
        let mut found = Self::default();
        let mut numbers: HashMap<RunId, u32> = HashMap::new();
        index.walk(|entry| {
            let number = match numbers.get(&entry.run) {
                Some(number) => *number,
                None if there.contains(&entry.run) => {
                    let number = u32::try_from(found.runs.len()).unwrap_or(u32::MAX);
                    found.runs.push(entry.run.clone());
                    numbers.insert(entry.run, number);
                    number
                }
                None => return,
            };
            found.places.insert(entry.key, (number, entry.at));
        })?;
        Ok(found)
    }

    pub(super) fn get(&self, key: &Key) -> Option<(&RunId, u64)> {
        let (run, at) = self.places.get(key)?;
        Some((self.runs.get(usize::try_from(*run).ok()?)?, *at))
    }

    /// Walks the places in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&RunId, u64)> {
        self.places.keys().filter_map(|key| self.get(key))
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns the runs that have at least one of the places.
    pub(super) fn runs(&self) -> HashSet<&RunId> {
        let numbers: HashSet<u32> = self.places.values().map(|(run, _)| *run).collect();
        numbers.iter().filter_map(|number| self.runs.get(usize::try_from(*number).ok()?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(number: u64) -> Entry {
        let key = ContentHash::of(&number.to_le_bytes()).half();
        let run = if number.is_multiple_of(3) { "x".repeat(RUN) } else { format!("run-{}", number % 4) };
        Entry { key, run: run.parse().unwrap(), at: number.wrapping_mul(0x9E37_79B9_7F4A_7C15) }
    }

    fn index(folder: &Path, bytes: &[u8]) -> Index {
        let index = Index::new(folder);
        std::fs::write(&index.path, bytes).unwrap();
        index
    }

    fn walked(index: &Index) -> (Vec<Entry>, u64) {
        let mut entries = Vec::new();
        let damaged = index.walk(|entry| entries.push(entry)).unwrap();
        (entries, damaged)
    }

    #[test]
    fn what_is_appended_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::new(folder.path());
        assert_eq!(walked(&index), (Vec::new(), 0));
        let file = index.open().unwrap();
        let all: Vec<Entry> = (0..50).map(entry).collect();
        for entry in &all {
            append(&file, entry).unwrap();
        }
        assert_eq!(index.bytes(), 50 * (LENGTH as u64 + 1));
        assert_eq!(walked(&index), (all.clone(), 0));
        let runs: Vec<RunId> = ["run-0", "run-1"].map(|run| run.parse().unwrap()).into();
        let places = Places::read(&index, &runs).unwrap();
        for entry in &all {
            let expected = runs.contains(&entry.run).then_some((&entry.run, entry.at));
            assert_eq!(places.get(&entry.key), expected);
        }
        index.clear().unwrap();
        append(&file, &entry(1)).unwrap();
        assert_eq!(walked(&index), (vec![entry(1)], 0), "a process that had it open goes on");
    }

    proptest! {
        #[test]
        fn damage_to_a_line_costs_that_line_and_at_most_the_next(
            hurt in any::<prop::sample::Index>(),
            noise in prop::collection::vec(any::<u8>(), 1..40),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let all: Vec<Entry> = (0..9).map(entry).collect();
            let mut bytes: Vec<u8> = all.iter().flat_map(|entry| line(entry).into_bytes()).collect();
            let hurt = hurt.index(bytes.len() - noise.len());
            bytes.splice(hurt..hurt + noise.len(), noise);
            let (found, _) = walked(&index(folder.path(), &bytes));
            prop_assert!(found.len() >= 7, "{}", found.len());
            prop_assert!(found.iter().all(|entry| all.contains(entry)));
        }

        #[test]
        fn half_a_line_costs_only_itself(torn in 0_usize..9, kept in 0_usize..LENGTH) {
            let folder = tempfile::tempdir().unwrap();
            let all: Vec<Entry> = (0..9).map(entry).collect();
            let bytes: Vec<u8> = (0..).zip(&all).flat_map(|(at, entry)| {
                let line = line(entry).into_bytes();
                line[..if at == torn { kept } else { line.len() }].to_vec()
            }).collect();
            let expected: Vec<Entry> = (0..).zip(all).filter(|(at, _)| *at != torn).map(|(_, entry)| entry).collect();
            prop_assert_eq!(walked(&index(folder.path(), &bytes)).0, expected);
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let folder = tempfile::tempdir().unwrap();
            prop_assert_eq!(walked(&index(folder.path(), &bytes)).0, Vec::new());
        }
    }
}
