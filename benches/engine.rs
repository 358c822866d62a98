//! What longhand itself costs, with a scripted model that answers at once: per call of a long chain, and from end to
//! end over a book.
//!
//! Items per second are calls per second. `LONGHAND_DATA` names the folder of evaluation data; without it the bench
//! over a book says that it was skipped.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a bench that cannot run says so and stops")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use longhand::agent::Models;
use longhand::graph;
use longhand::intake::{self, Input};
use longhand::model::{ChatModel, Script, ScriptedModel};
use longhand::report::{self, Report};
use longhand::run::{DocumentRecord, Event, Outcome, Plan, Purpose};
use longhand::schedule::{Stop, drive};
use longhand::spec::Catalog;
use longhand::step::RunContext;
use longhand::store::{Durability, Ledger, Store};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Calls of the chain, one a chunk.
const CHUNKS: u64 = 1_000;

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

/// A run with all that it needs, in a folder that goes away with it.
struct Prepared {
    folder: TempDir,
    context: Arc<RunContext>,
    stop: Stop,
}

impl Prepared {
    /// Compiles `workflow`, takes in `path` and journals both, as the command line does.
    fn new(project: Option<&Path>, workflow: &str, path: &Path, durability: Durability) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workflow = graph::compile(&Catalog::load(project).unwrap(), workflow).unwrap();
        let model = ScriptedModel::new(Script { max_output: 64, ..Script::default() });
        let plan = Plan {
            workflow: workflow.name().to_string(),
            workflow_hash: workflow.hash(),
            inputs: [("question".to_owned(), String::new())].into(),
            paths: vec![path.to_owned()],
            stdin: false,
            purpose: Purpose::Each,
            nodes: workflow.node_hashes(),
            model: "scripted".to_owned(),
            model_identity: model.identity().to_owned(),
            window: None,
            output: None,
            force: false,
        };
        let store = Store::open(folder.path()).unwrap();
        let run = "bench".parse().unwrap();
        let journal = store.create_run(&run, durability).unwrap();
        let documents = intake::gather([Input::Path(path.to_owned())], journal.spool()).documents;
        let ledger = Ledger::open(journal).unwrap();
        ledger.record(&Event::Started { run, plan: plan.clone(), at_ms: 0 }).unwrap();
        for document in &documents {
            let (index, name) = (document.index, document.name.clone());
            let (hash, bytes) = (document.hash, document.bytes);
            ledger.record(&Event::Document(DocumentRecord { index, name, hash, bytes })).unwrap();
        }
        ledger.record(&Event::Gathered).unwrap();
        let stop = Stop::default();
        let context = Arc::new(RunContext {
            sources: RunContext::sources_of(&documents, plan.purpose),
            inputs: plan.inputs.clone(),
            models: Models::new(Arc::new(model)),
            drain: stop.drain.clone(),
            workflow,
            documents,
            ledger,
            plan,
        });
        Self { folder, context, stop }
    }

    fn drive(self, runtime: &Runtime) -> Self {
        let outcome = runtime.block_on(drive(&self.context, &self.stop)).unwrap();
        assert_eq!(outcome, Outcome::Succeeded);
        self
    }

    fn report(&self) -> Report {
        let run = "bench".parse().unwrap();
        let reader = Store::open(self.folder.path()).unwrap().read_run(&run).unwrap();
        let events: Vec<Event> = reader.entries().map(|entry| entry.unwrap().1).collect();
        report::build("bench", &self.context.workflow, &events)
    }
}

/// Scheduling, rendering, journaling and nothing else: the chain is written and read, the answers cost nothing.
#[divan::bench(args = [Durability::None, Durability::Kill], sample_count = 5, sample_size = 1)]
fn chain_of_1000(bencher: Bencher<'_, '_>, durability: Durability) {
    let project = tempfile::tempdir().unwrap();
    let document = project.path().join("document.txt");
    fs::create_dir(project.path().join("workflows")).unwrap();
    fs::write(project.path().join("workflows/chain.yaml"), CHAIN).unwrap();
    fs::write(&document, (0..CHUNKS).map(sentence).collect::<String>()).unwrap();
    let runtime = runtime();
    let prepare = || Prepared::new(Some(project.path()), "chain", &document, durability);
    // Only what is kill-safe can be read back while the run is open.
    let checked = Prepared::new(Some(project.path()), "chain", &document, Durability::Kill).drive(&runtime);
    let calls = checked.report().calls.len() as u64;
    assert_eq!(calls, CHUNKS, "the document is not cut as the bench expects");
    // What was driven is handed back, so that its folder is removed outside of the time that is measured.
    bencher
        .counter(ItemsCount::new(CHUNKS))
        .with_inputs(prepare)
        .bench_values(|prepared| prepared.drive(&runtime));
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
        let driven = Prepared::new(None, "chain-of-agents", &book, Durability::Kill).drive(&runtime);
        let report = driven.report();
        (driven, report)
    });
}
