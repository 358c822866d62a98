//! The store: every run's journal and blobs on disk. The only room that names sled.
//!
//! Knows nothing of what a record means: callers append anything that serializes, and get it back in order.
//!
//! ```text
//! <store>/VERSION                      `longhand store 1`
//! <store>/runs/<run>/LOCK              held exclusively by the run's one writer
//! <store>/runs/<run>/TURN              held for the moment in which a reader copies the journal
//! <store>/runs/<run>/journal/          sled: sequence number -> record, or the hash of a record kept outside
//! <store>/runs/<run>/journal.corrupt-N what could not be read, kept aside
//! <store>/runs/<run>/blobs/ab/<hash>        bytes named by the hash of their uncompressed form, zstd
//! <store>/runs/<run>/blobs/ab/<hash>.<seq>  a record kept outside the journal
//! <store>/runs/<run>/spool/            files under way
//! ```
//!
//! Folders are 0700 and so nobody else reaches the files in them; files that this room writes are 0600 besides.
//!
//! # What survives what
//!
//! * **The process is killed.** With [`Durability::Kill`] nothing is lost that [`Journal::append`] returned for.
//!   sled buffers inside the process, so this takes a flush; appenders that wait at the same time share one.
//! * **The journal is damaged.** A record over 1 KiB is kept outside the journal, in a file whose name carries its
//!   sequence number, and such records are found again without the journal. Opening a run to write puts the
//!   damaged folder aside and rebuilds it from what could still be read and from those files; [`Recovery`] says
//!   what came of it. Lost are small records (starts and ends, empty answers), which cost little to redo. A small
//!   record that nothing can redo is appended with [`Journal::append_outside`].
//! * **The machine loses power.** Not promised: neither sled nor the blobs are forced to the disk before an append
//!   returns, for that triples the time of a large append. What the system has not written out yet is lost. A
//!   damaged journal is rebuilt as above, and a damaged blob is found by its hash.
//!
//! Why 1 KiB: a file takes a whole block of 4 KiB, and sled takes 2.6 bytes for each byte of a record, so the two
//! are even at about 1.7 KiB. The limit lies somewhat lower because a record outside can be found again. A second
//! copy of every record in an append-only file would lose nothing, but would be a second record of what happened,
//! which could disagree. An empty run takes half a mebibyte, which is one segment of sled's.
//!
//! # Readers beside a writer
//!
//! sled lets one process open a folder. [`Store::read_run`] therefore never opens the journal itself: it copies
//! it, opens the copy, and holds no lock when it returns, so a writer is never locked out by a reader. The copy
//! counts only if a second look finds the same bytes, for then it is what the folder held at one moment.

mod blobs;
mod catalogue;
mod commit;
mod engine;
mod error;
mod folder;
mod journal;
mod ledger;
mod lock;
mod reader;
mod record;
mod recovery;
mod version;

pub use catalogue::Store;
pub use error::StoreError;
pub use journal::{Durability, Journal};
pub use ledger::{Ledger, Observer};
pub use reader::JournalReader;
pub use recovery::Recovery;
