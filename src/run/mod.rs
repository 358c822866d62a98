//! The ledger's words: what can happen in a run, what it adds up to, and the values that steps hand on. Pure: no clock,
//! no disk, no models.

mod event;
mod retry;
mod rounds;
mod spent;
mod state;
mod table;
mod told;
mod value;

pub use event::{
    CallRecord, CallSite, Decision, DocumentRecord, Event, ModelRecord, Outcome, Plan, Purpose, Slot, TaskId,
};
pub use retry::Patience;
pub use rounds::{Next, RoundAnswer, Rounds, RoundsEnd, RoundsRule};
pub use spent::{Budget, Limits, Spending, Spent};
pub use state::{Kept, RunState, TaskState};
pub use table::Table;
pub use told::in_one_line;
pub use value::{Quote, Value};
