//! What workflow, agent and prompt files say, where in the file they say it, and where the files are found.
//!
//! The only room that names a YAML crate. It knows nothing of templates, graphs, models or the terminal: a name that a
//! file uses is looked up by whoever compiles the workflow.

mod agent;
mod calls;
mod catalog;
mod condition;
mod config;
mod control;
mod diagnostic;
mod example;
mod implication;
mod input;
mod mend;
mod model;
mod outline;
mod output_type;
mod schema;
mod script;
mod steps;
mod validate;
mod workflow;
mod yaml;

pub use agent::AgentSpec;
pub use calls::{CallPolicy, StepCalls};
pub use catalog::{Catalog, Listed, SourceFile, leads_out, read_with_faults, read_workflow};
pub use condition::{Condition, Pattern};
pub use config::{BudgetSpec, Config, LimitSpec, config};
pub use diagnostic::{Diagnostic, Diagnostics, Severity, closest, suggestion};
pub use example::Example;
pub use input::{InputKind, InputSpec};
pub use model::{BackEnd, LimitsSpec, LocalSpec, ModelSpec, OpenAiSpec};
pub use output_type::OutputType;
pub use schema::{SchemaKind, schema};
pub use script::script;
pub use steps::{
    Amount, Binding, CallSpec, Carry, CaseSpec, ChunkEnd, ExtractSpec, FilterSpec, FoldSpec, FromInput,
    GateSpec, IterateSpec, JudgeSpec, Keep, Order, RankSpec, RecallSpec, RecordSchema, RememberSpec,
    RetrieveSpec, RouteSpec, SchemaProblem, Several, SplitSpec, SubworkflowSpec, Tie, VoteBy, VoteSpec,
    WriteFormat, WriteSpec,
};
pub use workflow::{GatherSpec, MapSpec, QuoteScore, QuoteSpec, ReduceSpec, StepSpec, WorkflowSpec};
pub use yaml::{LARGEST_FILE, Located, mentioned_agents, parse, read, write};
