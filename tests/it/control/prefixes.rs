//! Random workflows over random documents: a run whose journal is cut at any byte goes on, asks nothing again that it holds
//! the answer to, and ends in the same report.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use longhand::model::{
    BoxFuture, ChatModel, ChatRequest, ChatResponse, Message, ModelError, ModelLimits, Rule, Script,
    ScriptedModel, TokenSink,
};
use longhand::run::{Decision, Event, Outcome, TaskId};
use longhand::text::{TokenCount, TokenCounter};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;

use super::drawn::{archive, drawn, write_project};
use super::fixture;
use super::mixed::{self, assert_everything_ran, sites};
use crate::driven::Driven;
use crate::longhand::timeless;

/// A scripted model that counts how often it is asked.
#[derive(Debug)]
struct Counted(ScriptedModel, AtomicUsize);

impl ChatModel for Counted {
    fn identity(&self) -> &str {
        self.0.identity()
    }

    fn limits(&self) -> ModelLimits {
        self.0.limits()
    }

    fn counter(&self) -> &dyn TokenCounter {
        self.0.counter()
    }

    fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
        self.0.prompt_tokens(messages)
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        sink: Option<&'a dyn TokenSink>,
    ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.chat(request, sink)
    }
}

/// A model that keeps schemas only when it is told to.
fn script(concurrency: usize) -> Script {
    let rule = |when: &str, say: &str| Rule { when: when.to_owned(), say: say.to_owned() };
    let rules = vec![
        rule("Your answer cannot be used", "[{\"place\": \"mill\"}]"),
        rule("JSON about the mill", "[{\"place\": \"the mill\"}, {}]"),
        rule("JSON about", "none"),
    ];
    Script { context: 1200, max_output: 30, concurrency, rules, echo_words: Some(7), ..Script::default() }
}

/// What a person decides: the same about the same task.
fn decide(task: &TaskId) -> Decision {
    if task.node.as_str().ends_with(['1', '3', '5']) {
        Decision::Edited(format!("edited over {}", task.slot))
    } else {
        Decision::Approved
    }
}

/// How a run ended, and how often it asked on the way there.
struct Ran {
    report: Value,
    events: Vec<Event>,
    asked: usize,
}

/// What is run over and over: a workflow of a project or by path, documents, and what the model says.
struct Setting<'a> {
    project: Option<&'a Path>,
    workflow: &'a str,
    documents: &'a Path,
    script: Script,
}

impl Setting<'_> {
    /// Drives the run in a folder to its end, from wherever it stands.
    fn ran(&self, folder: &Path) -> Ran {
        let model = Arc::new(Counted(ScriptedModel::new(self.script.clone()), AtomicUsize::new(0)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let asked = Arc::<Counted>::clone(&model);
        let driven = Driven::new(folder, self.project, self.workflow, self.documents, asked);
        let outcome = runtime.block_on(driven.drive_deciding(decide));
        let report = driven.report();
        assert_eq!(outcome, Outcome::Succeeded, "{report:?}");
        let report = timeless(serde_json::to_value(report).unwrap());
        Ran { report, events: driven.events(), asked: model.1.load(Ordering::Relaxed) }
    }

    /// Drives a run to its end, and then each of the runs that would be left if its process had been killed when so many
    /// bytes were in the file of records.
    fn assert_goes_on(&self, folder: &Path, cuts: impl FnOnce(&[usize]) -> Vec<usize>) -> Ran {
        let whole = self.ran(&folder.join("whole"));
        assert_eq!(whole.asked, sites(&whole.events).len());
        let records = fs::read(folder.join("whole/store/runs/driven/records")).unwrap();
        let ends = (1..).zip(&records).filter(|(_, byte)| **byte == b'\n').map(|(end, _)| end);
        let ends: Vec<usize> = ends.collect();
        for at in cuts(&ends) {
            let part = folder.join("part");
            fs::create_dir_all(part.join("store/runs/driven")).unwrap();
            fs::copy(folder.join("whole/store/VERSION"), part.join("store/VERSION")).unwrap();
            fs::write(part.join("store/runs/driven/records"), &records[..at]).unwrap();
            let kept = ends.iter().filter(|end| **end <= at).count();
            let again = self.ran(&part);
            assert!(again.events.starts_with(&whole.events[..kept]), "cut at {at}");
            // Every place is journaled once, so what is asked now is what was not answered before.
            let answered = sites(&whole.events[..kept]).len();
            assert_eq!(again.asked + answered, sites(&again.events).len(), "cut at {at}");
            assert_eq!(again.report, whole.report, "cut at {at}");
            fs::remove_dir_all(part).unwrap();
        }
        whole
    }
}

#[test]
fn every_prefix_of_a_run_in_which_everything_runs_leads_to_the_same_report() {
    let script = fs::read_to_string(fixture("narrow.yaml")).unwrap();
    let script = serde_yaml::from_str(&script).unwrap();
    let (longhand, folder) = (mixed::folder(), tempfile::tempdir().unwrap());
    let (workflow, documents) = (fixture("mixed.yaml"), longhand.work());
    let setting = Setting { project: None, workflow: &workflow, documents: &documents, script };
    // Between any two events, and within every other one.
    let cuts = |ends: &[usize]| {
        let torn = ends.windows(2).step_by(2).map(|two| usize::midpoint(two[0], two[1]));
        ends.iter().copied().chain(torn).collect()
    };
    let whole = setting.assert_goes_on(folder.path(), cuts);
    assert_everything_ran(&whole.events);
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(11), failure_persistence: None, ..ProptestConfig::with_cases(48)
    })]

    #[test]
    fn a_run_that_is_cut_at_any_byte_asks_nothing_again_and_ends_in_the_same_report(
        nodes in drawn(),
        archive in archive(),
        documents in prop::collection::vec(1_usize..9, 1..4),
        concurrency in 1_usize..4,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 3),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("project");
        write_project(&project, &nodes, archive, &documents);
        let documents = project.join("documents");
        let setting = Setting {
            project: Some(&project), workflow: "drawn", documents: &documents, script: script(concurrency)
        };
        // A run that has not even begun is none that anybody could resume.
        let place = |ends: &[usize], (at, torn): (prop::sample::Index, bool)| {
            let bytes = ends[ends.len() - 1] - ends[0];
            if torn { ends[0] + at.index(bytes) } else { ends[at.index(ends.len())] }
        };
        setting.assert_goes_on(folder.path(), |ends| cuts.into_iter().map(|cut| place(ends, cut)).collect());
    }
}
