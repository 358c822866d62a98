//! Models behind OpenAI-compatible endpoints, asked as a careful client asks.
//!
//! Nothing here tries again: a request is made once, and what came of it is said in such a way that whoever asked can tell
//! whether it was paid for and whether to ask again.

pub mod after;
mod batch;
pub mod breaker;
mod count;
mod embed;
mod endpoint;
mod failure;
mod gate;
mod gauge;
mod judging;
mod known;
mod model;
mod options;
pub mod pace;
mod probe;
mod recording;
mod secrets;
mod transport;
mod wire;

#[cfg(test)]
mod tests;

pub use batch::{BatchOptions, BatchedModel};
pub use count::{Conservative, Vocabulary, of_name, vocabulary};
pub use embed::RemoteEmbedder;
pub use endpoint::{Address, AddressError, Key, OPENAI, is_here};
pub use gate::Endpoints;
pub use gauge::{Gauge, SURE, Verdict};
pub use known::{AS_OF, Known, known};
pub use model::RemoteModel;
pub use options::{RemoteOptions, Tape};
pub use pace::PaceLimits;
pub use probe::{Finding, Standing, probe};
pub use secrets::shown;
