//! How a model behind an endpoint is asked.

use std::path::PathBuf;
use std::sync::Arc;

use super::endpoint::Address;
use super::gate::Endpoints;
use super::pace::PaceLimits;
use crate::text::{TokenCount, TokenCounter};

/// Which model is behind which endpoint, and how it is asked.
#[derive(Debug, Clone)]
pub struct RemoteOptions {
    /// Where the endpoint is.
    pub address: Address,
    /// The model's name there.
    pub model: String,
    /// The tokens of its window.
    pub context: TokenCount,
    /// The most tokens of one answer.
    pub max_output: TokenCount,
    /// How often it is asked.
    pub limits: PaceLimits,
    /// The model's own tokenizer, where it was given.
    pub counter: Option<Arc<dyn TokenCounter>>,
    /// Whether it thinks before it answers.
    pub reasoning: bool,
    /// How long it thinks.
    pub reasoning_effort: Option<String>,
    /// Replies that are written to a file, or given again from one.
    pub tape: Option<Tape>,
    /// The endpoints of other models that are asked beside it.
    pub endpoints: Endpoints,
}

/// What is done with a file of replies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tape {
    /// Every reply is written to it.
    Record(PathBuf),
    /// The replies in it are given again, and nothing is sent.
    Replay(PathBuf),
}
