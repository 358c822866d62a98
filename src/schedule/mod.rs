//! Decides what may run next (pure) and drives it (the only place that spawns).

mod drive;
mod frontier;
#[cfg(test)]
mod tests;

pub use drive::{DriveError, Stop, drive};
pub use frontier::Frontier;
