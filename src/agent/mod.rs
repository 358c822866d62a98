//! One logical call: render the prompt, look in the journal, ask the model, journal the answer.
//!
//! Knows nothing of steps or of the order of calls.

mod caller;
mod error;
mod models;

pub use caller::{Ask, Caller};
pub use error::AgentError;
pub use models::Models;
