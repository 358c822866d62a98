//! From files to a workflow that is valid by construction, or everything that is wrong with them at once.
//!
//! The only room that names the graph crate. It knows nothing of models, runs or documents.

mod carried;
mod check;
mod compile;
mod draft;
mod files;
mod inner;
mod needs;
mod order;
mod routes;
mod variables;
mod workflow;

pub use compile::compile;
pub use workflow::{Node, Scope, ValueKind, Workflow};
