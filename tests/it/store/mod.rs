//! The store as its callers meet it: order, locks, kills, damage, full disks.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says on stderr what it skips"
)]

mod catalogue;
mod child;
mod damage;
mod full;
mod journal;
mod kill;
