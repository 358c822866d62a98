//! Tests at the boundaries of the crate, in one binary: a module for each boundary.

mod bad_workflows;
mod shipped;
