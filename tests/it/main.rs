//! Tests at the boundaries of longhand, one module per boundary.

mod store;
