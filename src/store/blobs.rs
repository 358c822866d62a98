//! Content-addressed files: bytes that are found by their hash. Knows nothing of records.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::StoreError;
use super::folder::{self, RunFolder};
use crate::hash::ContentHash;

/// zstd's own default: three times smaller for prose, at hundreds of megabytes a second.
const LEVEL: i32 = 3;
/// How files under way begin in the spool folder.
const UNDER_WAY: &str = ".blob-";

/// The blobs of one run.
#[derive(Debug)]
pub(super) struct Blobs {
    folder: PathBuf,
    spool: PathBuf,
    /// Gives each file under way its own name.
    written: AtomicU64,
}

impl Blobs {
    pub(super) fn new(run: &RunFolder) -> Self {
        Self { folder: run.blobs(), spool: run.spool(), written: AtomicU64::new(0) }
    }

    /// Makes the folders and removes what a killed writer left under way. Only for the run's one writer.
    pub(super) fn prepare(&self) -> Result<(), StoreError> {
        folder::make(&self.folder)?;
        folder::make(&self.spool)?;
        for name in folder::names(&self.spool)?.iter().filter(|name| name.starts_with(UNDER_WAY)) {
            let path = self.spool.join(name);
            fs::remove_file(&path).map_err(|source| StoreError::io(&path, source))?;
        }
        Ok(())
    }

    /// Stores bytes and returns their name. Bytes that are there already are not stored again.
    pub(super) fn put(&self, bytes: &[u8]) -> Result<ContentHash, StoreError> {
        let hash = ContentHash::of(bytes);
        let path = self.path(&hash);
        // A damaged copy is written again, so being there is not enough.
        if read(&path, &hash).is_err() {
            self.write(&path, bytes)?;
        }
        Ok(hash)
    }

    /// Reads bytes back and checks them.
    pub(super) fn get(&self, hash: &ContentHash) -> Result<Vec<u8>, StoreError> {
        read(&self.path(hash), hash)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        if let Some(shard) = path.parent() {
            folder::make_new(shard)?;
        }
        let small = zstd::encode_all(bytes, LEVEL).map_err(|source| StoreError::io(path, source))?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        folder::write_whole(&self.spool.join(format!("{UNDER_WAY}{number}")), path, &small, false)
    }

    fn path(&self, hash: &ContentHash) -> PathBuf {
        let name = hash.to_string();
        let shard: String = name.chars().take(2).collect();
        self.folder.join(shard).join(name)
    }
}

pub(super) fn read(path: &Path, hash: &ContentHash) -> Result<Vec<u8>, StoreError> {
    let small = fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => StoreError::MissingBlob { hash: *hash, path: path.to_owned() },
        _ => StoreError::io(path, source),
    })?;
    match zstd::decode_all(small.as_slice()) {
        Ok(bytes) if ContentHash::of(&bytes) == *hash => Ok(bytes),
        _ => Err(StoreError::DamagedBlob { hash: *hash, path: path.to_owned() }),
    }
}
