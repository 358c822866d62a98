//! Walks what the user named and makes a document of everything that is text. Knows nothing of what is done with documents.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::document::{Source, Stamp};
use super::sniff::{BINARY, SAMPLE, binary_kind};
use super::spool::{detect, keep, persist, transcode};
use super::survey::{Facts, Survey, survey};
use super::{Document, IntakeError};
use crate::text::DocumentIndex;

/// What messages call standard input.
const STDIN: &str = "stdin";

/// Something to read.
pub enum Input {
    /// A file, or a folder with everything below it.
    Path(PathBuf),
    /// Bytes that can be read once.
    Stdin(Box<dyn Read>),
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Stdin(_) => f.write_str("Stdin"),
        }
    }
}

/// An input, or a file of a folder, that gave no document.
#[derive(Debug)]
pub struct Failure {
    /// What the document would have been called.
    pub name: String,
    /// Why there is none.
    pub error: IntakeError,
}

/// What came of a list of inputs.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The documents, in the order of the inputs; those of a folder by name.
    pub documents: Vec<Document>,
    /// What could not be read.
    pub failed: Vec<Failure>,
}

/// Reads every input once and makes documents of what is text.
///
/// Folders are read with all folders below them, sorted by name, without hidden entries and without following links; a file that
/// is reached twice is read once. UTF-8 is used where it stands; any other encoding, and what can be read only once,
/// goes as UTF-8 into a file of `spool`. What cannot be read is reported and stops nothing.
pub fn gather(inputs: impl IntoIterator<Item = Input>, spool: &Path) -> Gathered {
    let mut gathering =
        Gathering { spool, seen: HashSet::new(), names: HashSet::new(), found: Gathered::default() };
    for input in inputs {
        match input {
            Input::Stdin(mut reader) => {
                let text = gathering.spooled(&mut *reader, Path::new(STDIN));
                gathering.record(STDIN.to_owned(), None, text);
            }
            Input::Path(path) if path.is_dir() => gathering.folder(&path),
            Input::Path(path) => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                gathering.file(name, path);
            }
        }
    }
    gathering.found
}

/// Everything below a folder, and a file as it is, in the order in which it is read.
pub(super) fn walk(root: &Path) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
    let hidden =
        |entry: &DirEntry| entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
    WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(move |entry| !hidden(entry))
}

struct Gathering<'a> {
    spool: &'a Path,
    seen: HashSet<PathBuf>,
    names: HashSet<String>,
    found: Gathered,
}

impl Gathering<'_> {
    fn folder(&mut self, root: &Path) {
        let mut empty = true;
        for entry in walk(root) {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    empty = false;
                    self.file(name_below(root, entry.path()), entry.into_path());
                }
                Ok(_) => {}
                Err(error) => {
                    empty = false;
                    let path = error.path().unwrap_or(root).to_owned();
                    let name = name_below(root, &path);
                    self.found
                        .failed
                        .push(Failure { name, error: IntakeError::from_io(&path, error.into()) });
                }
            }
        }
        if empty {
            let name = root.to_string_lossy().into_owned();
            self.found
                .failed
                .push(Failure { name, error: IntakeError::EmptyFolder { path: root.to_owned() } });
        }
    }

    fn file(&mut self, name: String, path: PathBuf) {
        let identity = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if self.seen.insert(identity) {
            let text = self.extract(&path);
            self.record(name, Some(path), text);
        }
    }

    fn record(&mut self, name: String, path: Option<PathBuf>, text: Result<(Source, Facts), IntakeError>) {
        let (source, facts) = match text {
            Ok(text) => text,
            Err(error) => return self.found.failed.push(Failure { name, error }),
        };
        let name = self.own_name(name, path.as_deref());
        self.names.insert(name.clone());
        let index = DocumentIndex(u32::try_from(self.found.documents.len()).unwrap_or(u32::MAX));
        let Facts { hash, bytes, .. } = facts;
        self.found.documents.push(Document { index, name, path, hash, bytes, source });
    }

    /// Returns a name that no document has yet. One that is taken gets folders before it, as many as it takes: never all of
    /// the path, because pages are named after it and lie below one folder.
    fn own_name(&self, name: String, path: Option<&Path>) -> String {
        if !self.names.contains(&name) {
            return name;
        }
        let folders = path.map(folders_above).unwrap_or_default();
        let mut longer = path.and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let below = folders.iter().rev().map(|folder| {
            longer = format!("{folder}/{longer}");
            longer.clone()
        });
        let counted = (2_u64..).map(|number| format!("{name}-{number}"));
        let mut names = below.filter(|longer| longer.len() > name.len()).chain(counted);
        names.find(|name| !self.names.contains(name)).unwrap_or_default()
    }

    fn extract(&self, path: &Path) -> Result<(Source, Facts), IntakeError> {
        let failed = |error| IntakeError::from_io(path, error);
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return self.spooled(&mut file, path);
        }
        let stamp = Stamp::of(&metadata);
        check_sample(&mut file, path)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let (source, facts) = match self.understand(&mut file, path)? {
            (None, facts) => (Source { file: path.to_owned(), skip: facts.skip, stamp }, facts),
            (Some(spooled), facts) => (self.source(spooled, &facts)?, facts),
        };
        if Stamp::of(&fs::metadata(path).map_err(failed)?) != stamp {
            return Err(IntakeError::Changed { path: path.to_owned() });
        }
        Ok((source, facts))
    }

    /// Keeps what can be read only once, then treats it as a file; `path` is what messages call it.
    fn spooled(&self, reader: &mut dyn Read, path: &Path) -> Result<(Source, Facts), IntakeError> {
        let sample = check_sample(reader, path)?;
        let mut kept = keep(&sample, reader, path, self.spool)?;
        let (spooled, facts) = self.understand(kept.as_file_mut(), path)?;
        let spooled = match spooled {
            Some(spooled) => spooled,
            None => persist(kept, &facts, self.spool)?,
        };
        Ok((self.source(spooled, &facts)?, facts))
    }

    /// Surveys `file`, and transcodes it into the spool folder where it is not UTF-8.
    fn understand(&self, file: &mut File, path: &Path) -> Result<(Option<PathBuf>, Facts), IntakeError> {
        let failed = |error| IntakeError::from_io(path, error);
        let (spooled, facts) = match survey(file).map_err(failed)? {
            Survey::Text(facts) => (None, facts),
            Survey::Damaged(offset) => return Err(IntakeError::Damaged { path: path.to_owned(), offset }),
            Survey::Foreign(offset) => {
                let encoding = detect(file, offset).map_err(failed)?;
                file.seek(SeekFrom::Start(0)).map_err(failed)?;
                let (spooled, facts) = transcode(file, encoding, path, self.spool)?;
                (Some(spooled), facts)
            }
        };
        if facts.nul {
            return Err(IntakeError::Binary { path: path.to_owned(), kind: BINARY });
        }
        if facts.visible { Ok((spooled, facts)) } else { Err(IntakeError::NoText { path: path.to_owned() }) }
    }

    fn source(&self, file: PathBuf, facts: &Facts) -> Result<Source, IntakeError> {
        match fs::metadata(&file) {
            Ok(metadata) => Ok(Source { file, skip: facts.skip, stamp: Stamp::of(&metadata) }),
            Err(source) => Err(IntakeError::Spool { path: self.spool.to_owned(), source }),
        }
    }
}

/// Reads the first bytes and refuses those of a binary file.
fn check_sample(reader: &mut (impl Read + ?Sized), path: &Path) -> Result<Vec<u8>, IntakeError> {
    let mut sample = Vec::new();
    reader.take(SAMPLE as u64).read_to_end(&mut sample).map_err(|error| IntakeError::from_io(path, error))?;
    binary_kind(&sample).map_or(Ok(sample), |kind| Err(IntakeError::Binary { path: path.to_owned(), kind }))
}

/// Returns the names of the folders that lead to `path`, the outermost first, with `..` resolved.
fn folders_above(path: &Path) -> Vec<String> {
    let mut folders = Vec::new();
    for part in path.parent().into_iter().flat_map(Path::components) {
        match part {
            Component::Normal(name) => folders.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => drop(folders.pop()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    folders
}

fn name_below(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::ContentHash;
    use crate::text::Span;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn whole(document: &Document) -> String {
        let mut text = String::new();
        document.reader().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(document.hash, ContentHash::of(text.as_bytes()));
        assert_eq!(document.bytes, text.len() as u64);
        text
    }

    #[test]
    fn a_folder_gives_its_text_files_by_name_and_names_the_rest() {
        let files = folder(&[
            ("b/c.md", b"three"),
            ("a.txt", b"one"),
            ("b.txt", b"two"),
            (".hidden", b"no"),
            (".git/x", b"no"),
            ("z.pdf", b"%PDF-1.7 ..."),
            ("zero", &[0; 9000]),
            ("empty.txt", b" \n"),
            ("notes", b"four"),
        ]);
        let spool = tempfile::tempdir().unwrap();
        let gathered = gather(
            [Input::Path(files.path().to_owned()), Input::Path(files.path().join("a.txt"))],
            spool.path(),
        );
        let found: Vec<_> =
            gathered.documents.iter().map(|d| (d.index.0, d.name.as_str(), whole(d))).collect();
        let expected =
            [(0, "a.txt", "one"), (1, "b/c.md", "three"), (2, "b.txt", "two"), (3, "notes", "four")];
        assert_eq!(found, expected.map(|(index, name, text)| (index, name, text.to_owned())));
        let failed: Vec<_> = gathered.failed.iter().map(|failure| failure.name.as_str()).collect();
        assert_eq!(failed, ["empty.txt", "z.pdf", "zero"]);
        assert!(matches!(gathered.failed[0].error, IntakeError::NoText { .. }));
    }

    #[test]
    fn documents_of_one_name_get_folders_before_it_and_never_all_of_them() {
        let files = folder(&[
            ("a/x.txt", b"1"),
            ("b/x.txt", b"2"),
            ("c/b/x.txt", b"3"),
            ("d/r/in/x.txt", b"4"),
            ("e/r/in/x.txt", b"5"),
        ]);
        let inputs = ["a/x.txt", "b/../b/x.txt", "c/b/x.txt", "d/r", "e/r"];
        let inputs = inputs.map(|name| Input::Path(files.path().join(name)));
        let stdin = ["6", "7"].map(|text| Input::Stdin(Box::new(text.as_bytes())));
        let spool = tempfile::tempdir().unwrap();
        let gathered = gather(inputs.into_iter().chain(stdin), spool.path());
        let names: Vec<_> = gathered.documents.iter().map(|document| document.name.as_str()).collect();
        let expected = ["x.txt", "b/x.txt", "c/b/x.txt", "in/x.txt", "r/in/x.txt", "stdin", "stdin-2"];
        assert_eq!(names, expected);
    }

    #[test]
    fn every_encoding_becomes_utf_8() {
        let utf_16: Vec<u8> = "\u{feff}Ünïcode 左".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let latin = b"Le caf\xe9 est ferm\xe9 depuis l'\xe9t\xe9 dernier, h\xe9las.".repeat(20);
        let files = folder(&[("1", &utf_16), ("2", &latin), ("3", b"\xEF\xBB\xBFmarked")]);
        let spool = tempfile::tempdir().unwrap();
        let gathered = gather([Input::Path(files.path().to_owned())], spool.path());
        let texts: Vec<_> = gathered.documents.iter().map(whole).collect();
        let expected = "Le café est fermé depuis l'été dernier, hélas.".repeat(20);
        assert_eq!(texts, ["Ünïcode 左", &expected, "marked"], "{:?}", gathered.failed);
        assert_eq!(gathered.documents[2].read(Span { start: 1, end: 3 }).unwrap(), "ar");
    }

    #[test]
    fn a_nul_character_is_found_however_late_it_comes() {
        let late = [vec![b'a'; 3 * SAMPLE], vec![0], vec![b'a'; 10]].concat();
        let foreign = [&b"\xe9t\xe9 "[..], &late].concat();
        let files = folder(&[("late", &late), ("foreign", &foreign)]);
        let gathered = gather([Input::Path(files.path().to_owned())], files.path());
        assert!(gathered.documents.is_empty(), "{gathered:?}");
        let binary = |failure: &Failure| matches!(failure.error, IntakeError::Binary { .. });
        assert!(gathered.failed.len() == 2 && gathered.failed.iter().all(binary), "{gathered:?}");
    }

    #[test]
    fn what_gives_no_document_is_said() {
        let files = folder(&[(
            "damaged",
            "ääääääääää\n".as_bytes().iter().chain(b"\xff").copied().collect::<Vec<_>>().as_slice(),
        )]);
        fs::create_dir(files.path().join("empty")).unwrap();
        let inputs = ["damaged", "empty", "missing"].map(|name| Input::Path(files.path().join(name)));
        let failed = gather(inputs, files.path()).failed;
        assert!(matches!(failed[0].error, IntakeError::Damaged { offset: 21, .. }));
        assert!(matches!(failed[1].error, IntakeError::EmptyFolder { .. }));
        assert!(matches!(failed[2].error, IntakeError::Missing { .. }));
    }

    #[test]
    fn standard_input_is_kept_and_spans_are_checked() {
        let spool = tempfile::tempdir().unwrap();
        let gathered = gather([Input::Stdin(Box::new("naïve text".as_bytes()))], spool.path());
        let document = &gathered.documents[0];
        assert_eq!((document.name.as_str(), whole(document).as_str()), ("stdin", "naïve text"));
        assert_eq!(document.read(Span { start: 2, end: 4 }).unwrap(), "ï");
        for (start, end) in [(3, 4), (0, 99), (4, 2)] {
            assert!(matches!(document.read(Span { start, end }), Err(IntakeError::Span { .. })));
        }
    }

    #[test]
    fn a_file_that_changes_is_noticed() {
        let files = folder(&[("a.txt", b"before")]);
        let gathered = gather([Input::Path(files.path().join("a.txt"))], files.path());
        fs::write(files.path().join("a.txt"), "after that").unwrap();
        let read = gathered.documents[0].read(Span { start: 0, end: 3 });
        assert!(matches!(read, Err(IntakeError::Changed { .. })));
    }
}
