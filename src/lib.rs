//! longhand reads what no context window holds.
//!
//! Methods for long documents are YAML workflows over a handful of general steps; every call to a model is in a journal
//! before anything depends on it, so a run that is killed anywhere goes on where it stopped.
//!
//! ```
//! use longhand::model::{ChatModel, ChatRequest, Message, Script, ScriptedModel};
//! use longhand::text::TokenCount;
//!
//! let model = ScriptedModel::new(Script::default());
//! let request = ChatRequest::new(vec![Message::user("The ferry sank in 1913.")], TokenCount(64));
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! let answer = runtime.block_on(model.chat(&request, None))?;
//! assert_eq!(answer.text, "The ferry sank in 1913.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rooms, in reading order
//!
//! | room | what lives there |
//! |---|---|
//! | [`text`] | spans, token counts, sentences, chunks that tile a document |
//! | [`answer`] | the final answer of a text, and whether two answers say the same |
//! | [`intake`] | files and folders to documents |
//! | [`run`] | what can happen in a run, and what it adds up to |
//! | [`spec`] | workflow, agent and settings files, with line and column |
//! | [`prompt`] | prompt templates |
//! | [`model`] | the seam to language models |
//! | [`local`] | the engine that runs a model on this machine |
//! | [`remote`] | models behind OpenAI-compatible endpoints |
//! | [`graph`] | specs to a workflow that is valid by construction |
//! | [`store`] | the journal of every run |
//! | [`retrieve`] | how much a sentence has to do with a question |
//! | [`memory`] | what is remembered of a long chat |
//! | [`budget`] | what calls may use |
//! | [`agent`] | one logical call |
//! | [`step`] | one file per kind of step |
//! | [`schedule`] | what may run next, and running it |
//! | [`plan`] | what a run would ask |
//! | [`report`] | what a run did |
//! | [`draw`] | what a workflow looks like |
//! | [`evaluate`] | measuring on public data |
//! | [`cli`] | the command line |
//!
//! [`name`], [`mod@hash`], [`date`] and [`connect`] stand beside them: names, content hashes, the calendar, and the way from a model's name to the model.

pub mod agent;
pub mod answer;
pub mod budget;
pub mod cli;
pub mod connect;
pub mod date;
pub mod draw;
pub mod evaluate;
pub mod graph;
pub mod hash;
pub mod intake;
#[cfg(feature = "local")]
pub mod local;
pub mod memory;
pub mod model;
pub mod name;
pub mod plan;
pub mod prompt;
pub mod remote;
pub mod report;
pub mod retrieve;
pub mod run;
pub mod schedule;
pub mod spec;
pub mod step;
pub mod store;
pub mod text;

pub use hash::ContentHash;
