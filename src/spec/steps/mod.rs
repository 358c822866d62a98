//! The steps that came after the first seven, each in a file of its own.

mod gate;
mod iterate;
mod names;
mod route;
mod subworkflow;

pub use gate::GateSpec;
pub use iterate::{Carry, IterateSpec};
pub use route::{CaseSpec, RouteSpec};
pub use subworkflow::{Binding, SubworkflowSpec};
