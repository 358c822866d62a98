//! What a run would ask, before it asks anything.
//!
//! A plan is a rehearsal: the real steps run over the real documents with the real tokenizer and the real chunking, and
//! stand-ins in the place of the models answer with filler of a chosen length. It is rehearsed twice. With answers of
//! the usual length it gives what is expected. With the longest answers, and with what `bound` adds for every kind of
//! step whose longest answers are not its dearest, it gives what no run can pass.
//!
//! A question that an earlier run has the answer to is answered with it, as the run would, and not counted. What cannot be
//! passed counts it all the same where filler may have had a part in the question.

mod actual;
mod bound;
mod choosing;
mod control;
mod filler;
mod fixed;
mod forecast;
mod instance;
mod pace;
mod rehearsal;
mod stand_in;
mod table;

pub use actual::{Actual, ActualLine, Beside, actual_table, with_actual};
pub use fixed::cannot_fit;
pub use forecast::{Amount, Basis, DocumentLine, Failure, Fit, Forecast, Limit, NodeLine, forecast};
pub use pace::{Measured, Pace};
pub use rehearsal::Stage;
pub use table::table;
