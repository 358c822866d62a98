//! Private folders and files, and where the parts of one run lie. Knows nothing of what the files hold.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// How the folder of a journal begins that was put aside; a number follows.
pub(super) const ASIDE: &str = "journal.corrupt-";

/// The folder of one run.
#[derive(Debug, Clone)]
pub(super) struct RunFolder(PathBuf);

impl RunFolder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    pub(super) fn records(&self) -> PathBuf {
        self.0.join("records")
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.0.join("blobs")
    }

    pub(super) fn spool(&self) -> PathBuf {
        self.0.join("spool")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("LOCK")
    }

    /// Puts the journal aside under the first free name and says which.
    pub(super) fn put_journal_aside(&self) -> Result<PathBuf, StoreError> {
        let journal = self.journal();
        let mut number = 1_u32;
        loop {
            let aside = self.0.join(format!("{ASIDE}{number}"));
            if !aside.exists() {
                fs::rename(&journal, &aside).map_err(|source| StoreError::io(&journal, source))?;
                return Ok(aside);
            }
            number += 1;
        }
    }
}

/// Makes a folder that only its owner can enter, and its parents; one that is there is left as it is.
pub(super) fn make(path: &Path) -> Result<(), StoreError> {
    private(true).create(path).map_err(|source| {
        // The system says `exists` or `not a directory`, and not of which of the folders on the way it says so.
        match path.ancestors().find(|part| part.exists()).filter(|part| !part.is_dir()) {
            Some(file) => StoreError::NotAFolder { path: file.to_owned() },
            None => StoreError::io(path, source),
        }
    })
}

/// Makes a folder that only its owner can enter and says whether it was absent.
pub(super) fn make_new(path: &Path) -> Result<bool, StoreError> {
    match private(false).create(path) {
        Ok(()) => Ok(true),
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(StoreError::io(path, source)),
    }
}

/// Opens a file to write, making it for its owner only if it is absent.
pub(super) fn open_file(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).map_err(|source| StoreError::io(path, source))
}

/// Writes a file under a passing name and renames it, so that nobody ever sees half of it.
///
/// `force` waits until the bytes are on the disk.
pub(super) fn write_whole(aside: &Path, path: &Path, bytes: &[u8], force: bool) -> Result<(), StoreError> {
    let written = open_file(aside).and_then(|mut file| {
        let forced = |file: &File| if force { file.sync_all() } else { Ok(()) };
        file.set_len(0)
            .and_then(|()| file.write_all(bytes))
            .and_then(|()| forced(&file))
            .and_then(|()| fs::rename(aside, path))
            .map_err(|source| StoreError::io(path, source))
    });
    if written.is_err() {
        // What is left of it only takes space; the error that counts is the one that is returned.
        fs::remove_file(aside).ok();
    }
    written
}

/// Keeps a folder and all that is in it to its owner.
pub(super) fn close(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    for entry in walkdir::WalkDir::new(path) {
        use std::os::unix::fs::PermissionsExt as _;
        let entry = entry?;
        let mode = if entry.file_type().is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Lists the names in a folder, sorted; names that are not Unicode are none of the store's.
pub(super) fn names(path: &Path) -> Result<Vec<String>, StoreError> {
    let failed = |source| StoreError::io(path, source);
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

/// Adds up how many bytes of the disk a folder takes with all that is in it. What cannot be looked at counts as nothing.
pub(super) fn allocated(path: &Path) -> u64 {
    let metadata = walkdir::WalkDir::new(path).into_iter().filter_map(|entry| entry.ok()?.metadata().ok());
    #[cfg(unix)]
    return metadata.map(|metadata| std::os::unix::fs::MetadataExt::blocks(&metadata) * 512).sum();
    #[cfg(not(unix))]
    return metadata.map(|metadata| metadata.len()).sum();
}

fn private(parents: bool) -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(parents);
    #[cfg(unix)]
    builder.mode(0o700);
    builder
}
