//! One file a subcommand; `runs show` has `shown` and `plotted`, `think` has `rounds` and `converting`, `eval` has `mechanism`
//! and `quality`, `doctor MODEL` has `probing`.

pub(super) mod ask;
pub(super) mod cache;
pub(super) mod chat;
pub(super) mod check;
pub(super) mod completions;
mod converting;
pub(super) mod doctor;
pub(super) mod eval;
pub(super) mod graph;
mod mechanism;
pub(super) mod models;
pub(super) mod plan;
mod plotted;
mod probing;
mod quality;
mod rounds;
pub(super) mod run;
pub(super) mod runs;
pub(super) mod schema;
pub(super) mod shown;
pub(super) mod store;
pub(super) mod summarize;
pub(super) mod think;
pub(super) mod workflows;
