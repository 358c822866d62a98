//! What the calls of a run may use: set aside before a call, settled after it, and never passed.
//!
//! Knows nothing of models or of the journal: it is told what a run has used so far, and what the next call can use at
//! most. Where tokens are counted exactly and a model keeps to its longest answer, no number of calls in flight passes a
//! limit. A provider that charges more than was counted passes it by what it charged more for the calls in flight: what a
//! call really used is settled, whatever was set aside.

mod account;

pub use account::{Account, Purse, Refusal, Reservation};
