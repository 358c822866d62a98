//! `eval`: measures on public data.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum as _;

use super::super::chat;
use super::super::error::{CommandError, ExitStatus};
use super::super::printer::Printer;
use super::super::settings::Settings;
use super::{mechanism, quality};
use crate::connect::connect_unasked;
use crate::evaluate::{Bench, BenchError, CachedEmbedder, Grid, Table};
use crate::text::{TokenCount, TokenCounter};

/// Whose tokens are counted where no model is named: those of the paper.
pub(super) const COUNTED: &str = "gpt-4o";

/// The vectors of the embedder have so many numbers.
const LENGTH: usize = 384;

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Measure what the memory of a long chat finds, without asking a language model
    ///
    /// Exits with 8 where an aim is missed.
    Memory(MemoryArgs),
    /// Measure the mechanism of reasoning in rounds, with a model that solves by rule
    ///
    /// Exits with 8 where an aim is missed.
    Think(mechanism::Args),
    /// Measure what reasoning in rounds is worth: how many problems a model solves in rounds, and in one answer of as many tokens
    ///
    /// Problems are runs like any other: the same command goes on where it was interrupted. Exits with 5 where a run failed.
    Math(quality::Args),
}

#[derive(Debug, clap::Args)]
struct MemoryArgs {
    /// The sets to measure on; all of them but `hema`, which takes minutes, where none is named
    #[arg(value_name = "SET")]
    sets: Vec<SetName>,
    /// The folder of the data sets; `LONGHAND_DATA` says it, too
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What finds passages by their meaning: `minilm`, a name of `longhand.yaml`, or `none` to find them by words alone
    #[arg(long, value_name = "NAME", default_value = chat::EMBEDDER)]
    embedder: String,
    /// Keep vectors in this file, so that measuring again embeds nothing twice
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SetName {
    /// Chats of a user and an assistant of 100,000 tokens
    Beam,
    /// Prompt sizes over chats of 500,000 tokens
    Prompts,
    /// Chats of two people
    Locomo,
    /// Histories of many sessions
    Longmemeval,
    /// A pool of Wikipedia passages
    Ir,
    /// The tables of the paper on memory, over chats of 500,000 tokens and those of two people
    Hema,
}

/// What was measured, as it is printed.
#[derive(Debug, serde::Serialize)]
#[serde(untagged)]
pub(super) enum Printed {
    /// Figures with aims.
    Table(Table),
    /// Figures beside those of a paper.
    Grid(Grid),
}

impl Printed {
    pub(super) fn missed(&self) -> bool {
        match self {
            Self::Table(table) => table.figures.iter().any(|figure| figure.met() == Some(false)),
            Self::Grid(_) => false,
        }
    }
}

impl std::fmt::Display for Printed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Table(table) => table.fmt(f),
            Self::Grid(grid) => grid.fmt(f),
        }
    }
}

pub(in super::super) async fn run(
    args: Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    match args.command {
        Command::Memory(args) => memory(args, settings, printer).await,
        Command::Think(args) => mechanism::run(args, settings, printer).await,
        Command::Math(args) => quality::run(args, settings, printer).await,
    }
}

async fn memory(
    args: MemoryArgs,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let name = settings.model.clone().unwrap_or_else(|| COUNTED.to_owned());
    let counted = connect_unasked(&name, name.clone(), &settings.connect_options(None))?;
    let embedder = chat::embedder(&args.embedder, settings, printer)?;
    let embedder = match (embedder, &args.vectors) {
        (Some(inner), Some(file)) => {
            let failed = |error| {
                CommandError::caused(
                    ExitStatus::Failed,
                    format!("cannot keep vectors in `{}`", file.display()),
                    error,
                )
            };
            let cached = CachedEmbedder::open(inner, &settings.here.join(file), LENGTH).map_err(failed)?;
            Some(Arc::new(cached) as Arc<dyn crate::model::Embedder>)
        }
        (embedder, _) => embedder,
    };
    let progress = |text: &str| printer.say(text);
    let data = args.data.as_ref().or(settings.data.as_ref()).map(|folder| settings.here.join(folder));
    let data = data.ok_or_else(|| {
        CommandError::new(ExitStatus::Usage, "nobody says where the data sets are")
            .hinted("name their folder with `--data` or LONGHAND_DATA; docs/memory.md says what it holds")
    })?;
    let bench =
        Bench { data: &data, embedder, counter: Arc::new(CountedBy(counted.model)), progress: &progress };
    let all = [SetName::Beam, SetName::Prompts, SetName::Locomo, SetName::Longmemeval, SetName::Ir];
    let any = args.sets.is_empty();
    let sets = if any { all.to_vec() } else { args.sets };
    let mut tables: Vec<Printed> = Vec::new();
    for set in sets {
        let table = measured(set, &bench).await;
        let table = match table {
            // Who names no set wants what there is.
            Err(BenchError::Data(error)) if any && error.is_missing() => {
                printer.say(&format!(
                    "skipped {}: {}; docs/memory.md says where it is from",
                    set.name(),
                    told(&error)
                ));
                continue;
            }
            table => table.map_err(|error| not_measured(set, error))?,
        };
        for table in table {
            if !printer.json {
                printer.data(&format!("{table}\n"))?;
            }
            tables.push(table);
        }
    }
    if tables.is_empty() {
        return Err(CommandError::new(
            ExitStatus::Failed,
            format!("`{}` holds none of the sets", data.display()),
        )
        .hinted("docs/memory.md says what it is to hold"));
    }
    if printer.json {
        printer.json(&tables)?;
    }
    let missed = tables.iter().any(Printed::missed);
    Ok(if missed { ExitStatus::Missed } else { ExitStatus::Done })
}

async fn measured(set: SetName, bench: &Bench<'_>) -> Result<Vec<Printed>, BenchError> {
    let table = match set {
        SetName::Beam => bench.beam().await,
        SetName::Prompts => bench.prompts(),
        SetName::Locomo => bench.locomo().await,
        SetName::Longmemeval => bench.longmemeval().await,
        SetName::Ir => bench.wikipool().await,
        SetName::Hema => return Ok(bench.hema().await?.into_iter().map(Printed::Grid).collect()),
    };
    Ok(vec![Printed::Table(table?)])
}

impl SetName {
    /// The name as it is typed.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

fn not_measured(set: SetName, error: BenchError) -> CommandError {
    let hint = match &error {
        BenchError::Data(error) if error.is_missing() => {
            "name the folder that holds it with `--data` or LONGHAND_DATA; docs/memory.md says where it is from"
        }
        BenchError::Data(_) => "put the file there anew as its makers publish it",
        BenchError::Memory(_) => "measure by words alone with `--embedder none`",
    };
    CommandError::caused(ExitStatus::Failed, format!("cannot measure `{}`", set.name()), error).hinted(hint)
}

/// An error with what caused it.
pub(super) fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

/// Counts as a model does.
#[derive(Debug)]
pub(super) struct CountedBy(pub(super) Arc<dyn crate::model::ChatModel>);

impl TokenCounter for CountedBy {
    fn count(&self, text: &str) -> TokenCount {
        self.0.counter().count(text)
    }
}
