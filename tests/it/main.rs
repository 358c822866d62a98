//! Tests at the boundaries of the crate, in one binary: a module for each boundary.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod bad_workflows;
mod shipped;
