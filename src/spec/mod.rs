//! What workflow, agent and prompt files say, where in the file they say it, and where the files are found.
//!
//! The only room that names a YAML crate. It knows nothing of templates, graphs, models or the terminal: a name that a
//! file uses is looked up by whoever compiles the workflow.

mod agent;
mod workflow;

pub use agent::AgentSpec;
pub use workflow::{
    CallSpec, FoldSpec, GatherSpec, InputSpec, Keep, MapSpec, Order, QuoteScore, QuoteSpec, ReduceSpec,
    SplitSpec, StepSpec, WorkflowSpec,
};
