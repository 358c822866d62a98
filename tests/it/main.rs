//! Tests at the boundaries of longhand, one module per boundary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unused_self,
    reason = "a test that meets what it does not expect has failed"
)]

mod architecture;
mod bad_input;
mod bad_workflows;
mod cached;
mod chain;
mod chat;
mod control;
mod crash;
mod defect;
mod driven;
mod eval;
mod growth;
mod hops;
mod language;
mod longhand;
mod paid;
mod quoting;
mod remote;
mod shipped;
mod spending;
mod steps;
mod store;
mod support;
mod surface;
mod traced;
