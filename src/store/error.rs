//! What can go wrong between the store and the disk. Knows paths and runs, not what records mean.

use std::io;
use std::path::{Path, PathBuf};

use crate::hash::ContentHash;
use crate::name::{NodeName, RunId, SessionName};
use crate::run::Slot;

/// The store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A newer longhand wrote this store.
    #[error(
        "the store `{}` has version {found}, and this longhand knows versions up to {known}: update longhand, or name another store with `--store`",
        path.display()
    )]
    Newer {
        /// The version of the store.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
        /// The store's folder.
        path: PathBuf,
    },
    /// An older longhand wrote this store.
    #[error(
        "the store `{}` has version {found}, and this longhand works with version {known}: `longhand store migrate` backs it up and brings it to that version",
        path.display()
    )]
    Older {
        /// The version of the store.
        found: u32,
        /// The version that this program works with.
        known: u32,
        /// The store's folder.
        path: PathBuf,
    },
    /// The version file does not say a version.
    #[error(
        "`{}` should say the version of the store, such as `longhand store 2`, but says `{found}`: restore the file, or name another store with `--store`",
        path.display()
    )]
    NoVersion {
        /// The version file.
        path: PathBuf,
        /// The beginning of what it holds; empty if it is missing.
        found: String,
    },
    /// Another process, or another part of this one, writes to the run.
    #[error("run `{run}` is held by another writer: wait until it ends, or stop it")]
    Busy {
        /// The run.
        run: RunId,
    },
    /// Another process, or another part of this one, writes to the session.
    #[error("session `{session}` is open elsewhere: close that chat, or use another session")]
    SessionBusy {
        /// The session.
        session: SessionName,
    },
    /// There is no such session.
    #[error("there is no session `{session}` in this store{}", among(known))]
    NoSession {
        /// The session as it was asked for.
        session: SessionName,
        /// The sessions that there are.
        known: Vec<SessionName>,
    },
    /// There is no such run.
    #[error("there is no run `{run}` in this store{}", likeness(similar))]
    NoRun {
        /// The run as it was asked for.
        run: String,
        /// Runs whose names begin alike, the most alike first; at most three.
        similar: Vec<RunId>,
    },
    /// More than one run begins that way.
    #[error("`{prefix}` begins the names of {} runs: write more of the name, such as `{}`", matches.len(), first(matches))]
    Ambiguous {
        /// The beginning as it was given.
        prefix: String,
        /// The runs that begin with it.
        matches: Vec<RunId>,
    },
    /// A run of that name is there already.
    #[error("run `{run}` exists already: choose another name, or remove it")]
    RunExists {
        /// The run.
        run: RunId,
    },
    /// No room is left on the disk, or within the quota.
    #[error("no space is left to write `{}`: free some, then resume the run", path.display())]
    DiskFull {
        /// What was being written.
        path: PathBuf,
    },
    /// The file system does not let this user do that.
    #[error("no permission for `{}`: check its owner and mode, or name another store with `--store`", path.display())]
    Denied {
        /// The file or folder.
        path: PathBuf,
    },
    /// A file stands where a folder should.
    #[error("`{}` is a file: expected a folder, or a name that is free; name another store with `--store`", path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// Any other failure of the file system, or of the engine below the journal.
    #[error("cannot read or write `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A blob is not there.
    #[error("blob `{}` is missing: expected it at `{}`", hash.short(), path.display())]
    MissingBlob {
        /// The hash of its bytes.
        hash: ContentHash,
        /// Where it should be.
        path: PathBuf,
    },
    /// A blob's bytes are not those that it was named after.
    #[error("blob `{}` is damaged: the bytes in `{}` have another hash", hash.short(), path.display())]
    DamagedBlob {
        /// The hash of the bytes that were stored.
        hash: ContentHash,
        /// The damaged file.
        path: PathBuf,
    },
    /// A record cannot be read.
    #[error("record {seq} in `{}` is damaged", path.display())]
    DamagedRecord {
        /// The record's sequence number.
        seq: u64,
        /// The file of records.
        path: PathBuf,
    },
    /// What a node yielded cannot be read back.
    #[error(
        "what `{node}` yielded cannot be read back from the journal: resume the run to have it made again"
    )]
    LostValue {
        /// The node.
        node: NodeName,
        /// What it ran over.
        slot: Slot,
    },
    /// A value cannot be written as JSON.
    #[error("this record cannot be written as JSON")]
    Encode {
        /// What the serializer said.
        source: serde_json::Error,
    },
    /// A record does not have the expected form.
    #[error("record {seq} in `{}` does not have the expected form", path.display())]
    Decode {
        /// The record's sequence number.
        seq: u64,
        /// The file of records.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
}

impl StoreError {
    /// Sorts a failure at `path` into the variants that a user can do something about.
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied { path },
            _ => Self::Io { path, source },
        }
    }
}

fn likeness(similar: &[RunId]) -> String {
    if similar.is_empty() {
        return String::new();
    }
    let names: Vec<_> = similar.iter().map(|run| format!("`{run}`")).collect();
    format!(": similar are {}", names.join(", "))
}

fn first(matches: &[RunId]) -> &str {
    matches.first().map_or("", RunId::as_str)
}

fn among(known: &[SessionName]) -> String {
    let names: Vec<&str> = known.iter().take(10).map(SessionName::as_str).collect();
    if names.is_empty() { String::new() } else { format!(": its sessions are {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_the_file_system_are_sorted_and_carry_the_path() {
        let of = |kind: io::ErrorKind| StoreError::io(Path::new("store/runs"), kind.into());
        assert!(matches!(of(io::ErrorKind::StorageFull), StoreError::DiskFull { .. }));
        assert!(matches!(of(io::ErrorKind::QuotaExceeded), StoreError::DiskFull { .. }));
        assert!(matches!(of(io::ErrorKind::PermissionDenied), StoreError::Denied { .. }));
        assert!(matches!(of(io::ErrorKind::ReadOnlyFilesystem), StoreError::Denied { .. }));
        assert!(matches!(of(io::ErrorKind::NotADirectory), StoreError::Io { .. }));
        insta::assert_snapshot!(of(io::ErrorKind::StorageFull), @"no space is left to write `store/runs`: free some, then resume the run");
        insta::assert_snapshot!(of(io::ErrorKind::PermissionDenied), @"no permission for `store/runs`: check its owner and mode, or name another store with `--store`");
    }
}
