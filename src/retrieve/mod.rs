//! Finds the parts of a text that matter: lexical scores, fusion of rankings, centrality. Pure: no files, no models.

mod bm25;
mod centrality;
mod fusion;
mod terms;

pub use bm25::Bm25;
pub use centrality::centrality;
pub use fusion::reciprocal_rank_fusion;
pub use terms::terms;
