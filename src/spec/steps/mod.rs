//! The steps that came after the first seven, each in a file of its own.

mod extract;
mod filter;
mod judge;
mod rank;
mod retrieve;
mod several;
mod vote;
mod write;

pub use extract::{ExtractSpec, RecordSchema, SchemaProblem};
pub use filter::FilterSpec;
pub use judge::JudgeSpec;
pub use rank::RankSpec;
pub use retrieve::RetrieveSpec;
pub use several::Several;
pub use vote::{Tie, VoteSpec};
pub use write::{WriteFormat, WriteSpec};
