//! The store as its callers meet it: order, locks, kills, damage, full disks.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod catalogue;
mod child;
mod damage;
mod full;
mod journal;
mod kill;
mod version_one;
