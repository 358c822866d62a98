//! The steps that came after the first seven, each in a file of its own.

mod amount;
mod call;
mod extract;
mod filter;
mod gate;
mod iterate;
mod judge;
mod memory;
mod names;
mod rank;
mod reading;
mod retrieve;
mod route;
mod several;
mod subworkflow;
mod vote;
mod write;

pub use amount::{Amount, FromInput};
pub use call::CallSpec;
pub use extract::{ExtractSpec, RecordSchema, SchemaProblem};
pub use filter::FilterSpec;
pub use gate::GateSpec;
pub use iterate::{Carry, IterateSpec};
pub use judge::JudgeSpec;
pub use memory::{RecallSpec, RememberSpec};
pub use rank::RankSpec;
pub use reading::{ChunkEnd, FoldSpec, Keep, Order, SplitSpec};
pub use retrieve::RetrieveSpec;
pub use route::{CaseSpec, RouteSpec};
pub use several::Several;
pub use subworkflow::{Binding, SubworkflowSpec};
pub use vote::{Tie, VoteBy, VoteSpec};
pub use write::{WriteFormat, WriteSpec};
