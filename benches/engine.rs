//! What longhand itself costs, with a scripted model: per call of a long chain, per task of a large archive, when a run is
//! taken up again, beside a model that takes its time, and from end to end over a book.
//!
//! Items are calls or tasks. `LONGHAND_DATA` names the folder of evaluation data; without it the bench over a book says
//! that it was skipped. Run one bench alone to see how much memory it takes: the peak that is printed is the process's.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a bench that cannot run says so and stops")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use longhand::agent::Models;
use longhand::graph;
use longhand::intake::{self, Input};
use longhand::model::{ChatModel, Script, ScriptedModel};
use longhand::name::RunId;
use longhand::report::{self, Report};
use longhand::run::{Event, Outcome, Plan};
use longhand::schedule::{Stop, drive};
use longhand::spec::Catalog;
use longhand::step::{RunContext, take_in};
use longhand::store::{Durability, Journal, Ledger, Store};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// A chain and nothing else. A chunk holds one sentence of [`sentence`], because two are over the limit.
const CHAIN: &str = "
version: 1
name: chain
description: one worker after the other
inputs:
  question: {default: ''}
nodes:
  chunks: {split: {for: read, max_tokens: 64}}
  read: {fold: {over: chunks, agent: worker}}
output: read
";

/// Chunks that are read independently, and merged.
const MERGED: &str = "
version: 1
name: merged
description: parts are read independently and merged
inputs:
  question: {default: ''}
nodes:
  chunks: {split: {for: read, max_tokens: 64}}
  read: {map: {over: chunks, agent: reader}}
  answer: {reduce: {over: read, agent: merger}}
output: answer
";

/// The book that is read from end to end.
const BOOK: &str = "books/alice-s-adventures-in-wonderland.md";

fn main() {
    divan::main();
}

/// A sentence of 240 bytes, which the scripted model counts as 60 tokens.
fn sentence(number: u64) -> String {
    let mut text = format!("Entry {number} says that the harbour was closed");
    while text.len() < 230 {
        text.push_str(" again");
    }
    text.truncate(238);
    text.push_str(". ");
    text
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().enable_time().build().unwrap()
}

/// A model that answers at once.
fn instant() -> Script {
    Script { max_output: 64, ..Script::default() }
}

/// The most memory that this process ever had, where the system says so.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok().map(|kib: u64| kib / 1024)
}

/// A project with workflows of its own, and the documents to read.
struct Project(TempDir);

impl Project {
    /// Writes documents of so many sentences each.
    fn new(documents: u64, sentences: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("workflows")).unwrap();
        fs::write(folder.path().join("workflows/chain.yaml"), CHAIN).unwrap();
        fs::write(folder.path().join("workflows/merged.yaml"), MERGED).unwrap();
        let project = Self(folder);
        fs::create_dir(project.documents()).unwrap();
        for number in 0..documents {
            let text: String = (0..sentences).map(sentence).collect();
            fs::write(project.documents().join(format!("{number:06}.txt")), text).unwrap();
        }
        project
    }

    fn documents(&self) -> PathBuf {
        self.0.path().join("documents")
    }

    fn prepare(&self, workflow: &str, script: Script, durability: Durability) -> Prepared {
        Prepared::new(Some(self.0.path()), workflow, &self.documents(), script, durability)
    }
}

/// A run with all that it needs, in a folder that goes away with it.
struct Prepared {
    folder: TempDir,
    context: Arc<RunContext>,
    stop: Stop,
}

impl Prepared {
    /// Compiles `workflow`, takes in `path` and journals both, as the command line does.
    fn new(
        project: Option<&Path>,
        workflow: &str,
        path: &Path,
        script: Script,
        durability: Durability,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = Store::open(folder.path()).unwrap().create_run(&run(), durability).unwrap();
        let (context, stop) = context(project, workflow, path, script, journal);
        Self { folder, context, stop }
    }

    /// Closes the run and opens it again, as the command line does to resume one.
    fn again(self, project: &Project, workflow: &str) -> Self {
        let Self { folder, context, .. } = self;
        drop(context);
        let journal = Store::open(folder.path()).unwrap().open_run(&run(), Durability::Kill).unwrap();
        let (context, stop) =
            self::context(Some(project.0.path()), workflow, &project.documents(), instant(), journal);
        Self { folder, context, stop }
    }

    fn drive(self, runtime: &Runtime) -> Self {
        let outcome = runtime.block_on(drive(&self.context, &self.stop)).unwrap();
        assert_eq!(outcome, Outcome::Succeeded);
        self
    }

    fn report(&self) -> Report {
        let reader = Store::open(self.folder.path()).unwrap().read_run(&run()).unwrap();
        report::build(
            "bench",
            &self.context.workflow,
            reader.entries::<Event>().map(|entry| entry.unwrap().1),
        )
    }

    /// The bytes that the store takes of the disk, in whole blocks where the system tells.
    fn allocated(&self) -> u64 {
        let files = walkdir::WalkDir::new(self.folder.path()).into_iter();
        #[cfg(unix)]
        let size = |metadata: fs::Metadata| std::os::unix::fs::MetadataExt::blocks(&metadata) * 512;
        #[cfg(not(unix))]
        let size = |metadata: fs::Metadata| metadata.len();
        files.map(|entry| size(entry.unwrap().metadata().unwrap())).sum()
    }
}

fn run() -> RunId {
    "bench".parse().unwrap()
}

fn context(
    project: Option<&Path>,
    workflow: &str,
    path: &Path,
    script: Script,
    journal: Journal,
) -> (Arc<RunContext>, Stop) {
    let workflow = graph::compile(&Catalog::load(project).unwrap(), workflow).unwrap();
    let model = ScriptedModel::new(script);
    let (name, identity) = (workflow.name().to_string(), model.identity().to_owned());
    let plan = Plan {
        inputs: [("question".to_owned(), String::new())].into(),
        ..Plan::new(name, workflow.hash(), "scripted".to_owned(), identity)
    };
    let ledger = Ledger::open(journal).unwrap();
    if ledger.read(|state| state.plan().is_none()) {
        let started = Event::Started { run: run(), plan: plan.clone(), at_ms: 0, models: Box::default() };
        ledger.record(&started).unwrap();
    }
    let gathered = intake::gather([Input::Path(path.to_owned())], ledger.journal().unwrap().spool());
    take_in(&ledger, &gathered).unwrap();
    let stop = Stop::default();
    let (models, drain) = (Models::new(Arc::new(model)), stop.drain.clone());
    let context = RunContext::new(workflow, plan, gathered.documents, models, ledger, drain);
    (Arc::new(context), stop)
}

/// Scheduling, rendering, journaling and nothing else: the chain is written and read, the answers cost nothing.
#[divan::bench(args = [Durability::None, Durability::Kill], sample_count = 10, sample_size = 1)]
fn chain_of_1000(bencher: Bencher<'_, '_>, durability: Durability) {
    const CALLS: u64 = 1_000;
    let project = Project::new(1, CALLS);
    let runtime = runtime();
    let checked = project.prepare("chain", instant(), Durability::Kill);
    let before = checked.allocated();
    let checked = checked.drive(&runtime);
    let calls = checked.report().calls.len() as u64;
    assert_eq!(calls, CALLS, "the document is not cut as the bench expects");
    eprintln!("on the disk: {} bytes a call, {before} without one", (checked.allocated() - before) / CALLS);
    // What was driven is handed back, so that its folder is removed outside of the time that is measured.
    bencher
        .counter(ItemsCount::new(CALLS))
        .with_inputs(|| project.prepare("chain", instant(), durability))
        .bench_values(|prepared| prepared.drive(&runtime));
}

/// Two tasks a document, a split and a fold of one call: a task must cost the same in an archive of any size.
#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 1, sample_size = 1)]
fn tasks(bencher: Bencher<'_, '_>, tasks: u64) {
    let project = Project::new(tasks / 2, 1);
    let runtime = runtime();
    bencher
        .counter(ItemsCount::new(tasks))
        .with_inputs(|| project.prepare("chain", instant(), Durability::Kill))
        .bench_values(|prepared| prepared.drive(&runtime));
    eprintln!("peak memory so far: {:?} MiB", peak_memory());
}

/// Opens a run of 100,000 finished calls and finds that nothing is left to do.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn resume_after_100000(bencher: Bencher<'_, '_>) {
    let project = Project::new(100, 1_000);
    let runtime = runtime();
    let mut done = Some(project.prepare("chain", instant(), Durability::None).drive(&runtime));
    bencher.counter(ItemsCount::new(100_000_u64)).bench_local(|| {
        let again = done.take().unwrap().again(&project, "chain");
        done = Some(again.drive(&runtime));
    });
    eprintln!("peak memory so far: {:?} MiB", peak_memory());
}

/// 200 documents of ten chunks and a merge, by a model of 50 milliseconds that takes 32 calls at once.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn beside_latency(bencher: Bencher<'_, '_>) {
    const LATENCY: Duration = Duration::from_millis(50);
    const AT_ONCE: usize = 32;
    let project = Project::new(200, 10);
    let runtime = runtime();
    let script = || Script { latency_ms: 50, concurrency: AT_ONCE, ..instant() };
    let mut took = Duration::ZERO;
    let mut calls = 0;
    bencher.with_inputs(|| project.prepare("merged", script(), Durability::Kill)).bench_local_values(
        |prepared| {
            let began = Instant::now();
            let driven = prepared.drive(&runtime);
            took = began.elapsed();
            calls = driven.report().calls.len();
            driven
        },
    );
    let ideal = LATENCY * u32::try_from(calls.div_ceil(AT_ONCE)).unwrap();
    let share = 100.0 * ideal.as_secs_f64() / took.as_secs_f64();
    eprintln!("{calls} calls in {took:?}, {ideal:?} at best: {share:.1} %");
}

/// From the file to the report, with the shipped chain of agents.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn book(bencher: Bencher<'_, '_>) {
    let Some(book) = std::env::var_os("LONGHAND_DATA").map(|data| PathBuf::from(data).join(BOOK)) else {
        eprintln!("skipped: LONGHAND_DATA does not name the folder of evaluation data");
        return;
    };
    let Ok(metadata) = fs::metadata(&book) else {
        eprintln!("skipped: there is no file `{}`", book.display());
        return;
    };
    let runtime = runtime();
    bencher.counter(BytesCount::new(metadata.len())).bench_local(|| {
        let prepared = Prepared::new(None, "chain-of-agents", &book, instant(), Durability::Kill);
        let driven = prepared.drive(&runtime);
        let report = driven.report();
        (driven, report)
    });
}
