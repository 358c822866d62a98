//! The seam to language models: what is asked, what is answered, and the trait that every back end implements.
//!
//! Knows nothing of workflows, files or the journal. A back end is chosen in one place only, above this room.

mod chat;
mod error;
mod measure;
mod price;
mod scripted;

pub use chat::{
    BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelLimits, OutputForm, Role, Sampling,
    StopReason, TokenSink, Usage,
};
pub use error::ModelError;
pub use measure::{Measure, Unasked};
pub use price::{Money, Price, Speed, Terms};
pub use scripted::{Rule, Script, ScriptedFailure, ScriptedModel};
