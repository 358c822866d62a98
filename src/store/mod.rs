//! The store: every run's journal and blobs on disk. The only room that names sled.
//!
//! Knows nothing of what a record means: callers append anything that serializes, and get it back in order.
//!
//! ```text
//! <store>/VERSION                      `longhand store 2`
//! <store>/backup-1/                    the store as it was before it was brought up from version 1
//! <store>/cache/index                  key -> run, and where in its `records` the line begins; for all runs together
//! <store>/sessions/<name>/             a session, a store of its own: see `session`
//! <store>/runs/<run>/LOCK              held exclusively by the run's one writer
//! <store>/runs/<run>/records           every record in order, each in a line of its own; it only grows
//! <store>/runs/<run>/journal/          sled: how many records there are, and where in `records` some of them begin
//! <store>/runs/<run>/journal.corrupt-N an index that could not be read, kept aside
//! <store>/runs/<run>/blobs/ab/<hash>   bytes named by the hash of their uncompressed form, zstd
//! <store>/runs/<run>/spool/            files under way
//! ```
//!
//! Folders are 0700 and files 0600, those of sled too.
//!
//! # What survives what
//!
//! * **The process is killed.** With [`Durability::Kill`] nothing is lost that [`Journal::append`] returned for: the line
//!   is then with the system. Half a line at the end, of an append that had not returned, is cut off. Places that sled
//!   had not written out are noted again when the run is next opened.
//! * **The index is damaged.** Nothing is lost. Opening a run to write puts the damaged folder aside and makes an index
//!   anew from the records; [`Recovery`] says so. Readers do not need the index.
//! * **The records are damaged.** Each line has a check and ends where no other byte does, so that damage to one line
//!   costs that record, and the next where the end of the line is hit; the others are read. A lost record is an error in
//!   its place: numbers have no gaps, and the index knows of records that were cut off at the end of the file.
//! * **The machine loses power.** There are two classes of records. Those of [`Journal::append`] are *kill-safe* and no
//!   more: what the system has not written out yet is lost, and what is damaged is found by its check or its hash. Those of
//!   [`Journal::append_forced`] are *power-safe*: it returns once the file of records is on the disk up to the end of the
//!   line (`fdatasync`), so that every record before is there, too; the first one of a process also forces the folders that
//!   lead to the file. Threads that wait at the same time share one wait. [`Ledger::record_forced`] does the same without
//!   blocking the runtime. Answers that are paid for are recorded so. The index and the blobs are never forced: the index
//!   is made anew from the records.
//!
//! Every record lies in `records`, and only places in sled: a flush of sled waits for the disk, several times as long
//! as an append takes. A run without a call
//! takes 40 KiB of the disk, most of it sled's.
//!
//! # Readers beside a writer
//!
//! A reader reads the whole lines of `records` up to where the file ends when it begins. As the file only grows, that is
//! what the run was at one moment. Nobody waits: sled lets one process open a folder, and a reader does not open it.
//!
//! # Finding records again
//!
//! A record that is offered under a key ([`Ledger::offer`]) is found under it by any later run ([`Recall::find`]). The index
//! holds places, never a record: there is no second copy, and removing a run makes what it had unfindable. What is found is
//! read from where it lies and held against the check of its line. The index can be lost, cut or damaged at any place;
//! then something is not found.
//!
//! # Versions
//!
//! Version 1 kept small records in sled and each large one in a file of its own. A store of an older version is left as it
//! is until [`Store::migrate`] is called, which first copies it to `<store>/backup-<version>`. A newer one is refused.
//!
//! # Upkeep
//!
//! [`Store::verify`] holds everything against its checks, sessions among it, and changes nothing. [`Store::compact`] removes what can be made
//! anew or leads nowhere; records are never rewritten.

mod ahead;
mod blobs;
mod catalogue;
mod compact;
mod disk;
mod engine;
mod entries;
mod error;
mod folder;
mod index;
mod journal;
mod ledger;
mod line;
mod lock;
mod marks;
mod migrate;
mod reader;
mod recall;
mod records;
mod recovery;
mod session;
mod session_upkeep;
mod upkeep;
mod verify;
mod version;
mod version_one;

pub use catalogue::Store;
pub use compact::Compaction;
pub use error::StoreError;
pub use journal::{Durability, Journal};
pub use ledger::{KeyOf, Ledger, Observer, Recorded};
pub use migrate::Migration;
pub use reader::{JournalMark, JournalReader, Records};
pub use recall::Recall;
pub use recovery::Recovery;
pub use session::SessionFolder;
pub use session_upkeep::SessionHealth;
pub use upkeep::IndexStats;
pub use verify::{IndexHealth, RunHealth, Verification};
