//! What can be typed. Doc comments here are the help texts.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::commands::{
    ask, cache, chat, check, completions, doctor, eval, graph, models, plan, run, runs, schema, store,
    summarize, think, workflows,
};

/// Read what no context window holds
#[derive(Debug, Parser)]
#[command(name = "longhand", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Examples:
  longhand summarize letters/ -o summaries/
  longhand ask book.md -q \"Who repaired the lamp?\"
  longhand runs list")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Flags that every command takes.
#[expect(clippy::struct_excessive_bools, reason = "every switch of a command line is one")]
#[derive(Debug, clap::Args)]
pub(super) struct Global {
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Print what happens in a run as one JSON value a line on stdout, the report last
    #[arg(long, global = true, conflicts_with = "json")]
    pub(super) jsonl: bool,
    /// Keep runs in this folder
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
    /// Read settings from this file instead of `longhand.yaml`
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Ask this model: a name of `longhand.yaml` or of `models list`, the path of a GGUF file, a well-known model of an
    /// endpoint such as `gpt-4o-mini`, any as `openai:NAME`, or `scripted`
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) model: Option<String>,
    /// Use no more than this many tokens of the model's window
    #[arg(long, global = true, value_name = "TOKENS")]
    pub(super) window: Option<u64>,
    /// Use no more than this many tokens of prompts and answers in a run; exit with 4 where that does not suffice
    #[arg(long, global = true, value_name = "N")]
    pub(super) max_tokens: Option<u64>,
    /// Use no more than this many US dollars in a run; exit with 4 where that does not suffice
    #[arg(long, global = true, value_name = "USD")]
    pub(super) max_cost: Option<f64>,
    /// Ask models behind endpoints in batches: at half the price, with answers within a day. A run that was stopped meanwhile
    /// goes on with `runs resume`
    #[arg(long, global = true)]
    pub(super) batch: bool,
    /// Never reach for the network, not even to fetch a model
    #[arg(long, global = true)]
    pub(super) offline: bool,
    /// Ask every call anew: serve no answer of another run, and offer none to later ones
    #[arg(long, global = true)]
    pub(super) no_cache: bool,
    /// Say nothing on stderr but errors
    // No short form: `-q` is the question of `ask`.
    #[arg(long, global = true)]
    pub(super) quiet: bool,
    /// Say more on stderr; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// When stderr is a terminal and `NO_COLOR` is not set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Summarize documents: one summary for each, and one of them all
    Summarize(summarize::Args),
    /// Answer a question from documents, with the passages that the answer rests on
    Ask(ask::Args),
    /// Solve a problem by reasoning in rounds of bounded length
    Think(think::Args),
    /// Talk over many turns and days, with a memory of all that was said
    Chat(chat::Args),
    /// Run a workflow, by shipped name or by path
    Run(run::Args),
    /// Tell what a run would ask, cost and take, before anything is asked
    Plan(plan::Args),
    /// Draw a workflow, alone or as a run stands in it
    Graph(graph::Args),
    /// Compile workflows and report every problem in them
    Check(check::Args),
    /// Measure on public data
    Eval(eval::Args),
    /// Look at runs, resume them, hold them against each other, and branch off
    Runs(runs::Args),
    /// Look at the answers of earlier runs that later ones are served, or forget them
    Cache(cache::Args),
    /// Look after the folder that keeps runs: check it, make it smaller, bring an older one up
    Store(store::Args),
    /// Look at local models, and fetch them
    Models(models::Args),
    /// Look at the shipped workflows, and copy them
    Workflows(workflows::Args),
    /// Print the JSON Schema of a file format
    Schema(schema::Args),
    /// Check that everything longhand needs is there
    Doctor(doctor::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
}
