//! The seam to language models: what is asked, what is answered, and the trait that every back end implements.
//!
//! Knows nothing of workflows, files or the journal. A back end is chosen in one place only, above this room.

mod cassette;
mod chat;
mod embed;
mod error;
mod fallback;
mod measure;
mod price;
mod scripted;

pub use cassette::{Cassette, Recorder};
pub use chat::{
    Admission, BoxFuture, ChatModel, ChatRequest, ChatResponse, Down, Message, ModelLimits, OutputForm, Role,
    Sampling, StopReason, TokenSink, Usage,
};
pub use embed::Embedder;
pub use error::{Charge, ModelError};
pub use fallback::{BEHIND, Fallback};
pub use measure::{Measure, Unasked};
pub use price::{Money, Price, Speed, Termed, Terms};
pub use scripted::{Rule, Script, ScriptedFailure, ScriptedModel};
