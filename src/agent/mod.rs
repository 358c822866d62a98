//! One logical call: render the prompt, look in the journal and among the answers of other runs, set aside what it may
//! use, ask the model, as often as its policy allows, journal the answer.
//!
//! Knows nothing of steps or of the order of calls.

mod asking;
mod attempt;
mod caller;
mod error;
mod flight;
mod models;
mod recall;

pub use caller::{Ask, Caller, messages};
pub use error::AgentError;
pub use models::Models;
pub use recall::{Usable, answered, key_of};
