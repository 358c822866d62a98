//! longhand reads what no context window holds.

pub mod hash;
#[cfg(feature = "local")]
pub mod local;
pub mod model;
pub mod name;
pub mod text;

pub use hash::ContentHash;
