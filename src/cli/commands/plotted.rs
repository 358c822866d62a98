//! `runs show --plot`: what stood in the context of every call, as a picture and in sums.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::super::error::{CommandError, ExitStatus};
use super::super::journals::{self, events_of};
use super::super::output;
use super::super::printer::{self, Printer};
use super::super::settings::Settings;
use crate::draw::{Ceiling, Sawtooth, Tooth, sawtooth_lines, sawtooth_svg};
use crate::graph::{self, Workflow};
use crate::name::{RunId, SessionName};
use crate::report::{Attended, Contexts, ModelLine};
use crate::run::Plan;
use crate::spec::Catalog;
use crate::store::{Store, StoreError};

/// Where the picture goes.
pub(super) struct Target {
    /// The file; none names it after what is drawn.
    pub(super) file: Option<PathBuf>,
    /// Whether another file may be overwritten.
    pub(super) force: bool,
}

/// Draws one run, however it stands.
pub(super) fn run(
    run: &RunId,
    standing: &str,
    target: Target,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let contexts = Readers::new(settings)?.contexts(run)?.0;
    let drawn = Drawn { name: run.as_str(), title: format!("run {run}: {standing}"), contexts };
    drawn.show(target, settings, printer)
}

/// Draws all turns of a session, one after the other.
pub(super) fn session(
    name: &SessionName,
    target: Target,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let mut readers = Readers::new(settings)?;
    let mut turns = Vec::new();
    for run in readers.store.runs()? {
        match readers.contexts(&run) {
            Ok((contexts, begun)) => turns.push((begun, contexts)),
            // Whoever talks in the session may have taken the turn back meanwhile.
            Err(StoreError::NoRun { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Of turns of one second only their journals tell which was first.
    turns.sort_by_key(|(begun, _)| *begun);
    let count = turns.len();
    let contexts = Contexts::joined(turns.into_iter().map(|(_, contexts)| contexts));
    let title = format!("session {name}: {count} {}", if count == 1 { "turn" } else { "turns" });
    Drawn { name: name.as_str(), title, contexts }.show(target, settings, printer)
}

/// Reads runs, each workflow of theirs compiled once.
struct Readers {
    store: Store,
    catalog: Catalog,
    compiled: HashMap<String, Option<Workflow>>,
}

impl Readers {
    fn new(settings: &Settings) -> Result<Self, CommandError> {
        let (store, catalog) = (Store::open(&settings.store)?, Catalog::load(settings.project.as_deref())?);
        Ok(Self { store, catalog, compiled: HashMap::new() })
    }

    /// Returns what a run's journal tells, and when the run began.
    fn contexts(&mut self, run: &RunId) -> Result<(Contexts, u64), StoreError> {
        let reader = self.store.read_run(run)?;
        let started = journals::started(&reader)?;
        let begun = started.as_ref().map_or(0, |(_, at_ms)| *at_ms);
        let workflow = started.and_then(|(plan, _)| self.workflow(&plan));
        let mut failed = None;
        let events = events_of(&reader).map_while(|event| event.map_err(|error| failed = Some(error)).ok());
        let contexts = Contexts::of(run.as_str(), workflow, events);
        failed.map_or(Ok((contexts, begun)), Err)
    }

    /// Returns the workflow of a run, as long as it is as it was.
    fn workflow(&mut self, plan: &Plan) -> Option<&Workflow> {
        let catalog = &self.catalog;
        let compiled = self.compiled.entry(plan.workflow.clone());
        let compiled = compiled.or_insert_with(|| graph::compile(catalog, &plan.workflow).ok());
        compiled.as_ref().filter(|workflow| workflow.hash() == plan.workflow_hash)
    }
}

/// What is drawn, and what it is called.
struct Drawn<'a> {
    name: &'a str,
    title: String,
    contexts: Contexts,
}

impl Drawn<'_> {
    fn show(
        self,
        target: Target,
        settings: &Settings,
        printer: &Printer,
    ) -> Result<ExitStatus, CommandError> {
        let file = file(target.file, self.name)?;
        let sawtooth = self.sawtooth();
        if self.contexts.calls.is_empty() {
            printer.say(&format!("{}; it has made no calls, so there is nothing to draw", self.title));
        } else {
            let path = settings.here.join(&file);
            output::write_file(&path, &sawtooth_svg(&sawtooth), target.force, None)?;
            printer.say(&format!("drawn in `{}`", path.display()));
        }
        if printer.json || printer.jsonl {
            printer.json(&self.contexts)?;
        } else if !self.contexts.calls.is_empty() {
            printer.data(&sawtooth_lines(&sawtooth, printer::width()))?;
        }
        Ok(ExitStatus::Done)
    }

    fn sawtooth(&self) -> Sawtooth {
        let Contexts { calls, models, .. } = &self.contexts;
        let tooth = |(prompt, generated)| Tooth { prompt, generated };
        let teeth = calls.iter().map(|call| tooth((call.prompt_tokens.0, call.completion_tokens.0)));
        let ceiling =
            |model: &ModelLine| Some(Ceiling { label: model.identity.clone(), tokens: model.window?.0 });
        Sawtooth {
            title: self.title.clone(),
            teeth: teeth.collect(),
            windows: models.iter().filter_map(ceiling).collect(),
            captions: captions(&self.contexts),
        }
    }
}

/// The file of a picture. What does not look like one was not meant to be one: `--plot RUN` names no run.
fn file(asked: Option<PathBuf>, name: &str) -> Result<PathBuf, CommandError> {
    match asked {
        None => Ok(PathBuf::from(format!("{name}.svg"))),
        Some(file) if file.extension().is_some_and(|end| end.eq_ignore_ascii_case("svg")) => Ok(file),
        Some(file) => {
            let message =
                format!("`{}` is no name for a picture: expected one that ends in `.svg`", shown(&file));
            Err(CommandError::new(ExitStatus::Usage, message)
                .hinted("the run comes first: longhand runs show RUN --plot FILE.svg"))
        }
    }
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}

/// The sums, in words.
fn captions(contexts: &Contexts) -> Vec<String> {
    let Contexts { calls, models, calls_took, chain_took, .. } = contexts;
    let unknown: Vec<&str> =
        models.iter().filter(|model| model.window.is_none()).map(|model| model.identity.as_str()).collect();
    let mut lines = Vec::new();
    if !unknown.is_empty() {
        lines.push(format!("the journal does not tell the window of {}", unknown.join(", ")));
    }
    lines.push("attended pairs, (p+g)(p+g+1)/2 for p tokens of prompt and g generated:".to_owned());
    let kept = |took: &Attended| match (took.kv_peak_bytes, took.kv_sum_bytes) {
        (Some(peak), Some(sum)) => {
            format!("; keys and values {} at the peak, {} in all", size(peak), size(sum))
        }
        _ => String::new(),
    };
    lines.push(format!(
        "  {} calls, the largest of {} tokens: {} pairs{}",
        grouped(calls.len() as u64),
        grouped(calls_took.peak_tokens.0),
        grouped(calls_took.pairs),
        kept(calls_took)
    ));
    let widest = models.iter().map(|model| model.window).collect::<Option<Vec<_>>>();
    let widest = widest.and_then(|windows| windows.into_iter().max());
    let is_too_long = chain_took.zip(widest).is_some_and(|(took, window)| took.peak_tokens > window);
    match chain_took {
        Some(took) => lines.push(format!(
            "  {} of {} tokens{}: {} pairs, {} as many{}",
            match contexts.chains() {
                1 => "one long chain".to_owned(),
                count => format!("{} long chains, one a source, the longest", grouped(count as u64)),
            },
            grouped(took.peak_tokens.0),
            if is_too_long { ", more than a window holds" } else { "" },
            grouped(took.pairs),
            times(took.pairs, calls_took.pairs),
            kept(took)
        )),
        None => lines.push("  one long chain: not known, the workflow is not there as it was".to_owned()),
    }
    if calls_took.kv_peak_bytes.is_none() {
        lines.push("keys and values: not known, the journal does not tell the shape of the model".to_owned());
    }
    lines
}

/// How many times as large a number is, to a tenth; to a hundredth where it is smaller.
fn times(number: u64, than: u64) -> String {
    let hundredths = u128::from(number) * 100 / u128::from(than.max(1));
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    if whole == 0 { format!("0.{rest:02} times") } else { format!("{whole}.{} times", rest / 10) }
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many bytes, to a tenth of the unit that suits them.
fn size(bytes: u64) -> String {
    let mut tenths = u128::from(bytes) * 10;
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
        if tenths < 10_000 {
            let tenth = if unit == "bytes" { String::new() } else { format!(".{}", tenths % 10) };
            return format!("{}{tenth} {unit}", tenths / 10);
        }
        tenths /= 1_000;
    }
    format!("{} PB", tenths / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_people_read_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 999, 23_040, 1_500_000_000].map(size), ["0 bytes", "999 bytes", "23.0 kB", "1.5 GB"]);
        assert_eq!(
            [(45, 10), (9, 10), (0, 0)].map(|(a, b)| times(a, b)),
            ["4.5 times", "0.90 times", "0.00 times"]
        );
    }

    #[test]
    fn only_a_picture_is_a_file() {
        assert_eq!(file(None, "a").unwrap(), PathBuf::from("a.svg"));
        assert_eq!(file(Some("b.SVG".into()), "a").unwrap(), PathBuf::from("b.SVG"));
        assert!(file(Some("20261123-1904".into()), "a").is_err());
    }
}
