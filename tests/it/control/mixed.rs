//! The mixed workflow, with every kind of step that asks or steers: its documents, and what a person decides in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use longhand::graph;
use longhand::name::RunId;
use longhand::run::{CallSite, Event};
use longhand::spec::Catalog;
use longhand::store::Store;
use serde_json::Value;

use super::fixture;
use crate::longhand::{Ended, Longhand, document, timeless};

/// A folder with a document for each branch of the route.
pub(super) fn folder() -> Longhand {
    let longhand = Longhand::new();
    longhand.file("a.md", document(9)).file("b.md", document(12));
    longhand.file("c.md", document(24)).file("d.md", document(6));
    longhand
}

/// Runs the workflow with a model that answers after so many milliseconds.
pub(super) fn command(longhand: &Longhand, latency_ms: u64) -> Vec<String> {
    let script = std::fs::read_to_string(fixture("narrow.yaml")).unwrap();
    longhand.file("script.yaml", format!("latency_ms: {latency_ms}\n{script}"));
    let workflow = fixture("mixed.yaml");
    let args = ["run", &workflow, "a.md", "b.md", "c.md", "d.md", "--model", "scripted:script.yaml"];
    args.into_iter().chain(["-o", "out", "--json"]).map(str::to_owned).collect()
}

pub(super) fn resume(run: &RunId, decisions: Vec<String>) -> Vec<String> {
    let args = ["runs", "resume", run.as_str(), "--json"].map(str::to_owned);
    args.into_iter().chain(decisions).collect()
}

pub(super) fn strings(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// What a person decides about what waits: the same whenever it is asked.
pub(super) fn decisions(report: &Value) -> Vec<String> {
    let waiting = report["waiting"].as_array().unwrap();
    let Some(first) = waiting.first() else { return Vec::new() };
    let node = first["node"].as_str().unwrap();
    if waiting.iter().any(|one| one["path"] == "b.md") {
        return vec![format!("--edit={node}=edited"), "--document=b.md".to_owned()];
    }
    vec![format!("--approve={node}")]
}

/// How a run must have ended, whatever happened to it on the way.
#[derive(Debug, PartialEq)]
pub(super) struct End {
    report: Value,
    /// Every file below the output folder.
    pages: BTreeMap<PathBuf, String>,
}

impl End {
    pub(super) fn of(longhand: &Longhand, run: &RunId, ended: &Ended) -> Self {
        assert_eq!(ended.code, Some(0), "{}", ended.shown());
        let out = longhand.work().join("out");
        let read = |file: PathBuf| {
            let text = std::fs::read_to_string(&file).unwrap();
            (file.strip_prefix(&out).unwrap().to_owned(), text.replace(run.as_str(), "[run]"))
        };
        let files = walkdir::WalkDir::new(&out).into_iter().map(|entry| entry.unwrap().into_path());
        let pages = files.filter(|path| path.is_file()).map(read).collect();
        Self { report: timeless(ended.json()), pages }
    }

    pub(super) fn calls(&self) -> usize {
        self.report["calls"].as_array().unwrap().len()
    }
}

/// Goes on with a run until nothing waits any more, and returns the end.
pub(super) fn decide_all(longhand: &Longhand, run: &RunId, mut ended: Ended) -> End {
    while ended.code == Some(7) {
        ended = longhand.run(&strings(&resume(run, decisions(&ended.json()))));
    }
    End::of(longhand, run, &ended)
}

/// The run in a store that has begun, and its events; a process may be killed before it has begun the one that it made.
pub(super) fn journal(store: &Path) -> Option<(RunId, Vec<Event>)> {
    if !store.join("runs").exists() {
        return None;
    }
    let store = Store::open(store).unwrap();
    let events = |run: RunId| {
        let entries = store.read_run(&run).unwrap().entries::<Event>();
        let events: Vec<Event> = entries.map(|entry| entry.unwrap().1).collect();
        (!events.is_empty()).then_some((run, events))
    };
    let mut begun = store.runs().unwrap().into_iter().filter_map(events);
    let found = begun.next();
    assert_eq!(begun.next(), None, "the same command goes on with the same run");
    found
}

/// Where answers were journaled, each place once.
pub(super) fn sites(events: &[Event]) -> BTreeSet<&CallSite> {
    let mut sites = BTreeSet::new();
    for event in events {
        if let Event::Called(call) = event {
            assert!(sites.insert(&call.site), "journaled twice: {:?}", call.site);
        }
    }
    sites
}

/// Holds that no node of the workflow was left out but the one that stands for others.
pub(super) fn assert_everything_ran(events: &[Event]) {
    let workflow = graph::compile(&Catalog::load(None).unwrap(), &fixture("mixed.yaml")).unwrap();
    let all: BTreeSet<&str> = workflow.nodes().map(|node| node.name.as_str()).collect();
    let done = events.iter().filter_map(|event| match event {
        Event::Done { task, .. } => Some(task.node.as_str()),
        _ => None,
    });
    assert_eq!(done.collect::<BTreeSet<_>>(), all);
    let asked: BTreeSet<&str> = sites(events).into_iter().map(|site| site.task.node.as_str()).collect();
    let asking: BTreeSet<&str> =
        workflow.nodes().filter(|node| node.agent.is_some()).map(|node| node.name.as_str()).collect();
    assert_eq!(asked, asking);
    let merges =
        |step| sites(events).into_iter().any(|site| site.task.node.as_str() == "merged" && site.step == step);
    assert!(merges(2), "two groups of parts, and what they became");
}
