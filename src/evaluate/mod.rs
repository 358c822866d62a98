//! Measures longhand on public data. Most figures need no language model: what is measured is what a memory, or reasoning in rounds,
//! puts into a prompt, not what a model makes of it. `math` alone measures that, too.
//!
//! The data is not part of the project: its folder is named by whoever measures.

mod bootstrap;
mod cache;
mod draw;
mod driven;
mod grid;
mod hema;
mod math;
mod memory;
mod metrics;
mod rouge;
mod sets;
mod table;
mod think;

pub use bootstrap::{Interval, RESAMPLES, bootstrap};
pub use cache::CachedEmbedder;
pub use driven::{DrivenError, Kept};
pub use grid::{Cell, Grid, Row};
pub use math::{MathBench, MathError, Method, Quality, Runs, RunsError};
pub use memory::{Bench, BenchError, Progress};
pub use metrics::{average_precision, graded_ndcg, mean, ndcg, precision, recall, reciprocal_rank, success};
pub use rouge::{Rouge, rouge_l, rouge_n};
pub use sets::{DataError, MathSet};
pub use table::{Aim, Figure, Table};
pub use think::{Kind, SEGMENTS, ThinkBench, ThinkError};
