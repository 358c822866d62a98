//! longhand reads what no context window holds.

pub mod graph;
pub mod hash;
pub mod model;
pub mod name;
pub mod prompt;
pub mod spec;
pub mod text;

pub use hash::ContentHash;
