//! Answers many requests at once: every step of the model computes some tokens of each that is being worked on.
//!
//! `scheduler` decides what a step computes. `request` is one request from its first token to its last, with `writing`,
//! `choosing` and `scoring` for what follows the prompt and `lookup` for guesses about it. `pages` says whose the pages are,
//! `prefixes` which of them can be used again. Knows what a pass is, and nothing of what computes it.

mod choosing;
mod lookup;
mod pages;
mod prefixes;
mod request;
mod scheduler;
mod scoring;
mod writing;

pub(super) use request::{Job, Outcome, Task};
pub(super) use scheduler::{Capacity, STEP, Scheduler};
