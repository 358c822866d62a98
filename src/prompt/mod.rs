//! Prompt templates: compiled once, checked for what they need, rendered from values.
//!
//! The only room that names the template engine. A document's text is only ever a value here, never a template.

mod line;
mod set;

pub use line::Line;
pub use set::{PromptError, PromptSet, Variables};
