//! sled under the index: bytes by number, in order. The only file that names sled.
//!
//! Knows nothing of records. What sled calls corruption is told apart from what the file system says.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::folder;

/// The pages that sled keeps in memory. An index is written at its end and read once, so little is enough.
const CACHE_BYTES: u64 = 8 << 20;

/// sled's threads may hold the folder for a moment after its database is dropped.
const TRIES: u32 = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// A number and what is kept under it.
pub(super) type Value = (u64, Vec<u8>);

/// An open sled folder.
#[derive(Debug)]
pub(super) struct Engine {
    db: sled::Db,
}

/// Why an [`Engine`] could not be opened.
#[derive(Debug)]
pub(super) enum OpenFault {
    /// The folder is damaged; these values could be read before the damage.
    Damaged(Vec<Value>),
    /// Something holds the folder.
    Held,
    /// The file system, or sled, failed otherwise.
    Failed(io::Error),
}

impl Engine {
    /// Opens a folder, which may be empty, and reads it once from end to end, for sled finds some damage only then.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Value>), OpenFault> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE_BYTES)
            // A flush waits for the disk, and what is lost of an index is found again.
            .flush_every_ms(None);
        let mut tries = 0;
        let db = loop {
            match config.open() {
                Ok(db) => break db,
                Err(sled::Error::Io(source)) if is_lock(&source) => {
                    tries += 1;
                    if tries == TRIES {
                        return Err(OpenFault::Held);
                    }
                    thread::sleep(BETWEEN_TRIES);
                }
                // A file cut short ends where sled still expects bytes.
                Err(sled::Error::Io(source)) if source.kind() != io::ErrorKind::UnexpectedEof => {
                    return Err(OpenFault::Failed(source));
                }
                // The store's version says which sled wrote the folder, so a format that sled does not support is
                // damage too.
                Err(_) => return Err(OpenFault::Damaged(Vec::new())),
            }
        };
        // sled makes its files for everybody to read.
        folder::close(path).map_err(OpenFault::Failed)?;
        let engine = Self { db };
        let mut values = Vec::new();
        for value in engine.values() {
            match value {
                Ok(value) => values.push(value),
                Err(source) if source.kind() == io::ErrorKind::InvalidData => {
                    return Err(OpenFault::Damaged(values));
                }
                Err(source) => return Err(OpenFault::Failed(source)),
            }
        }
        Ok((engine, values))
    }

    /// Puts a value under a number. It is on the disk once the engine is dropped, or when sled thinks fit.
    pub(super) fn insert(&self, seq: u64, value: &[u8]) -> io::Result<()> {
        self.db.insert(seq.to_be_bytes(), value).map(|_| ()).map_err(said)
    }

    /// Walks the values in the order of their numbers.
    fn values(&self) -> impl Iterator<Item = io::Result<Value>> + use<> {
        self.db.iter().map(|pair| {
            let (key, value) = pair.map_err(said)?;
            let seq = <[u8; 8]>::try_from(key.as_ref())
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a key is not a sequence number"))?;
            Ok((u64::from_be_bytes(seq), value.to_vec()))
        })
    }
}

/// sled gives a failed lock no kind of its own.
fn is_lock(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other && error.to_string().starts_with("could not acquire lock")
}

fn said(error: sled::Error) -> io::Error {
    match error {
        sled::Error::Io(source) => source,
        sled::Error::Corruption { at, .. } => {
            io::Error::new(io::ErrorKind::InvalidData, format!("sled found damage at {at:?}"))
        }
        other => io::Error::other(other),
    }
}
