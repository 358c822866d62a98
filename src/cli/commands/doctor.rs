//! `doctor`: whether everything longhand needs is there.

use super::super::error::{CommandError, ExitStatus};
use super::super::printer::Printer;
use super::super::settings::Settings;
use super::probing;
use crate::connect::{DEFAULT_MODEL, connect};
use crate::graph;
use crate::run::in_one_line;
use crate::spec::Catalog;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// Ask this model, as `--model` takes it, for everything that a run may want of it
    #[arg(value_name = "MODEL")]
    asked: Option<String>,
    /// Fill the whole window that the model is said to have; its tokens are paid
    #[arg(long, requires = "asked")]
    whole_window: bool,
}

/// Checks this machine, or asks a model where one is named.
pub(in super::super) async fn run(
    args: Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    match args.asked {
        Some(model) => probing::run(&model, args.whole_window, settings, printer).await,
        None => here(settings, printer),
    }
}

fn here(settings: &Settings, printer: &Printer) -> Result<ExitStatus, CommandError> {
    let mut lines = Vec::new();
    let mut values = Vec::new();
    let mut sound = true;
    let mut tell = |name: &str, result: Result<String, String>| {
        let ok = result.is_ok();
        sound &= ok;
        let (Ok(text) | Err(text)) = result;
        lines.push(format!("{} {name:<10} {text}\n", if ok { "ok  " } else { "FAIL" }));
        values.push(serde_json::json!({ "check": name, "ok": ok, "text": text }));
    };
    let store = Store::open(&settings.store).and_then(|store| store.runs());
    tell(
        "store",
        store
            .map(|runs| format!("{}: {} runs", settings.store.display(), runs.len()))
            .map_err(|error| in_one_line(&error)),
    );
    tell("workflows", workflows(settings));
    let name = settings.model.as_deref().unwrap_or(DEFAULT_MODEL);
    let model = connect(name, &settings.connect_options(settings.window)).map(|connection| {
        let limits = connection.model.limits();
        format!("{name}: {}, window {} tokens", connection.model.identity(), limits.context)
    });
    tell(
        "model",
        model.map_err(|error| {
            let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            format!("{}{hint}", in_one_line(&error))
        }),
    );
    tell("device", Ok(device()));
    if printer.json {
        printer.json(&values)?;
    } else {
        printer.data(&lines.concat())?;
    }
    Ok(if sound { ExitStatus::Done } else { ExitStatus::Failed })
}

fn workflows(settings: &Settings) -> Result<String, String> {
    let catalog = Catalog::load(settings.project.as_deref()).map_err(|error| error.to_string())?;
    let names: Vec<String> = catalog.workflows().into_iter().map(|listed| listed.name).collect();
    for name in &names {
        graph::compile(&catalog, name).map_err(|error| error.to_string())?;
    }
    Ok(format!("{} compile", names.len()))
}

fn device() -> String {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    gpu().unwrap_or_else(|why| format!("CPU with {threads} threads ({why})"))
}

/// The graphics processor that models are computed on, or why there is none.
#[cfg(feature = "local")]
fn gpu() -> Result<String, String> {
    let device = crate::local::device_info();
    let why = device.fallback.map(|why| format!("no graphics processor is used: {why}"));
    device.gpu.ok_or_else(|| why.unwrap_or_else(|| "built without the feature `cuda`".to_owned()))
}

#[cfg(not(feature = "local"))]
fn gpu() -> Result<String, String> {
    Err("built without local models".to_owned())
}
