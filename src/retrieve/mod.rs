//! Finds the parts of a text that matter: lexical scores, nearest vectors, fusion of rankings, centrality.
//!
//! No models and no paths: what is kept lies in a [`Storage`] that the caller hands in.

mod bm25;
mod centrality;
mod error;
mod fusion;
mod hit;
mod log;
mod storage;
mod terms;
mod vectors;

pub use bm25::{Bm25, KeptBm25};
pub use centrality::centrality;
pub use error::IndexError;
pub use fusion::reciprocal_rank_fusion;
pub use hit::Hit;
pub use storage::Storage;
pub use terms::terms;
pub use vectors::VectorIndex;
