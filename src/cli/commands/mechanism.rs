//! `eval think`: the mechanism of reasoning in rounds.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum as _;

use super::super::error::{CommandError, ExitStatus};
use super::super::printer::Printer;
use super::super::settings::Settings;
use super::super::taking;
use super::eval::{COUNTED, CountedBy, Printed, told};
use crate::connect::connect_unasked;
use crate::evaluate::{Kind, SEGMENTS, ThinkBench, ThinkError};
use crate::graph;
use crate::spec::Catalog;

/// The shipped workflow that is measured.
const WORKFLOW: &str = "inftythink";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The sets to measure on; all of them where none is named
    #[arg(value_name = "SET")]
    sets: Vec<SetName>,
    /// The folder of the data sets; `LONGHAND_DATA` says it, too
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The most tokens of a round; 64, 128, 256, 512, 1024 and 2048 where none is named
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(64..=1 << 16))]
    segment: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SetName {
    /// Routes between cities
    Routes,
    /// Numbers games
    Countdown,
    /// Generated routes of at least 50 rounds
    LongRoutes,
    /// Generated numbers games of at least 50 rounds
    LongCountdown,
}

impl SetName {
    /// The name as it is typed.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

pub(super) async fn run(
    args: Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let name = settings.model.clone().unwrap_or_else(|| COUNTED.to_owned());
    let counted = connect_unasked(&name, name.clone(), &settings.connect_options(None))?;
    // What is measured is the method as it is shipped, whatever a project makes of it.
    let workflow = graph::compile(&Catalog::load(None)?, WORKFLOW)?;
    let spool = taking::unkept()?;
    let segments = if args.segment.is_empty() { SEGMENTS.to_vec() } else { args.segment };
    let progress = |text: &str| printer.say(text);
    let bench = ThinkBench {
        workflow: &workflow,
        spool: spool.path(),
        counter: Arc::new(CountedBy(counted.model)),
        segments: &segments,
        progress: &progress,
    };
    let data = args.data.as_ref().or(settings.data.as_ref()).map(|folder| settings.here.join(folder));
    let any = args.sets.is_empty();
    let sets = if any { SetName::value_variants().to_vec() } else { args.sets };
    let mut tables: Vec<Printed> = Vec::new();
    for set in sets {
        let of_data = matches!(set, SetName::Routes | SetName::Countdown);
        let measured = match (&data, of_data) {
            (None, true) if any => {
                printer.say(&format!("skipped {}: {}", set.name(), NO_DATA));
                continue;
            }
            (None, true) => {
                return Err(CommandError::new(ExitStatus::Usage, "nobody says where the data sets are")
                    .hinted(NO_DATA));
            }
            (data, _) => measured(set, &bench, data.as_deref().unwrap_or(&settings.here)).await,
        };
        let measured = match measured {
            // Who names no set wants what there is.
            Err(ThinkError::Data(error)) if any && error.is_missing() => {
                printer.say(&format!(
                    "skipped {}: {}; docs/inftythink.md says where it is from",
                    set.name(),
                    told(&error)
                ));
                continue;
            }
            measured => measured.map_err(|error| not_measured(set, error))?,
        };
        for table in measured {
            if !printer.json {
                printer.data(&format!("{table}\n"))?;
            }
            tables.push(table);
        }
    }
    if printer.json {
        printer.json(&tables)?;
    }
    let missed = tables.iter().any(Printed::missed);
    Ok(if missed { ExitStatus::Missed } else { ExitStatus::Done })
}

const NO_DATA: &str =
    "name the folder of data sets with `--data` or LONGHAND_DATA; docs/inftythink.md says what it holds";

async fn measured(
    set: SetName,
    bench: &ThinkBench<'_>,
    data: &std::path::Path,
) -> Result<Vec<Printed>, ThinkError> {
    let of_set = |table| vec![Printed::Table(table)];
    let of_both = |(table, grid)| vec![Printed::Table(table), Printed::Grid(grid)];
    match set {
        SetName::Routes => bench.longproc(Kind::Routes, data).await.map(of_set),
        SetName::Countdown => bench.longproc(Kind::Countdowns, data).await.map(of_set),
        SetName::LongRoutes => bench.generated(Kind::Routes).await.map(of_both),
        SetName::LongCountdown => bench.generated(Kind::Countdowns).await.map(of_both),
    }
}

fn not_measured(set: SetName, error: ThinkError) -> CommandError {
    let hint = match &error {
        ThinkError::Data(error) if error.is_missing() => Some(NO_DATA),
        ThinkError::Data(_) => Some("put the file there anew as its makers publish it"),
        _ => None,
    };
    let failed = CommandError::caused(ExitStatus::Failed, format!("cannot measure `{}`", set.name()), error);
    match hint {
        Some(hint) => failed.hinted(hint),
        None => failed,
    }
}
