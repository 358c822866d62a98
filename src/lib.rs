//! longhand reads what no context window holds.

pub mod hash;
pub mod intake;
pub mod model;
pub mod name;
pub mod retrieve;
pub mod text;

pub use hash::ContentHash;
