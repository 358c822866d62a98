//! The frontier over random workflows, in random orders of ends, held against what is needed by definition.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use proptest::prelude::*;

use super::Frontier;
use crate::graph::{Scope, Workflow, compile};
use crate::name::NodeName;
use crate::run::{Event, RunState, Slot, TaskId, Value};
use crate::spec::{Catalog, Several, StepSpec};

/// One node of a random workflow: the nodes before it that it reads, or a route between two of them, and one that it
/// waits for.
#[derive(Debug, Clone)]
struct Drawn {
    route: bool,
    reads: Vec<usize>,
    needs: Option<usize>,
}

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let one = (any::<bool>(), prop::collection::vec(0_usize..100, 0..4), prop::option::of(0_usize..100));
    prop::collection::vec(one.prop_map(|(route, reads, needs)| Drawn { route, reads, needs }), 1..9)
}

/// Writes the steps of one section; `outer` are nodes of sources, which only calls of the archive may read.
fn section(letter: char, nodes: &[Drawn], outer: usize, text: &mut String) {
    for (at, node) in nodes.iter().enumerate() {
        let own = |pick: usize| format!("{letter}{}", pick % at);
        if node.route && at > 0 && node.reads.len() >= 3 {
            let [on, first, second] = [node.reads[0], node.reads[1], node.reads[2]].map(own);
            let _ = writeln!(
                text,
                "  {letter}{at}: {{route: {{on: {on}, cases: [{{when: {{contains: y}}, take: {first}}}], otherwise: {second}}}}}"
            );
            continue;
        }
        let read = |(number, pick): (usize, &usize)| {
            let all = at + outer;
            let name = (all > 0).then(|| pick % all)?;
            let name = if name < at { format!("{letter}{name}") } else { format!("s{}", name - at) };
            Some(format!("v{number}: {name}"))
        };
        let with: Vec<String> = node.reads.iter().enumerate().filter_map(read).collect();
        let _ = writeln!(text, "  {letter}{at}: {{call: {{agent: one, with: {{{}}}}}}}", with.join(", "));
    }
}

/// Writes what the nodes of one section wait for; a branch of a route is none of it.
fn needs(letter: char, nodes: &[Drawn], text: &mut String) {
    for (at, node) in nodes.iter().enumerate() {
        let Some(needs) = node.needs.filter(|_| at > 0).map(|pick| pick % at) else { continue };
        let route = node.route && node.reads.len() >= 3;
        if !route || node.reads[1..3].iter().all(|branch| branch % at != needs) {
            let _ = writeln!(text, "  {letter}{at}: {letter}{needs}");
        }
    }
}

fn workflow(sources: &[Drawn], archive: &[Drawn]) -> Workflow {
    let mut text = String::from("version: 1\nname: w\nnodes:\n");
    section('s', sources, 0, &mut text);
    text.push_str("archive:\n");
    section('a', archive, sources.len(), &mut text);
    let mut waits = String::new();
    needs('s', sources, &mut waits);
    needs('a', archive, &mut waits);
    if !waits.is_empty() {
        let _ = write!(text, "needs:\n{waits}");
    }
    let _ = writeln!(text, "output: s{}\noverview: a{}", sources.len() - 1, archive.len() - 1);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("agents")).unwrap();
    std::fs::create_dir_all(folder.path().join("prompts")).unwrap();
    std::fs::write(folder.path().join("w.yaml"), text).unwrap();
    let agent = "version: 1\nname: one\nprompt: one\nmax_output: 1\n";
    std::fs::write(folder.path().join("agents/one.yaml"), agent).unwrap();
    std::fs::write(folder.path().join("prompts/one.tera"), "x").unwrap();
    let path = folder.path().join("w.yaml");
    compile(&Catalog::load(None).unwrap(), path.to_str().unwrap()).unwrap_or_else(|why| panic!("{why}"))
}

/// What a call says; a route says what the node taken says.
struct World<'a> {
    workflow: &'a Workflow,
    sources: u32,
    seed: u64,
}

impl World<'_> {
    fn node(&self, name: &NodeName) -> &crate::graph::Node {
        self.workflow.node(name).unwrap()
    }

    fn taken(&self, slot: Slot, node: &NodeName) -> Option<&NodeName> {
        match &self.node(node).step {
            StepSpec::Route(route) => Some(route.choose(&self.says(slot, &route.on))),
            _ => None,
        }
    }

    fn says(&self, slot: Slot, node: &NodeName) -> String {
        if let Some(taken) = self.taken(slot, node) {
            return self.says(slot, taken);
        }
        let mut drawn = DefaultHasher::new();
        (self.seed, slot, node).hash(&mut drawn);
        if drawn.finish().is_multiple_of(2) { "y".to_owned() } else { "n".to_owned() }
    }

    /// What a route waits for although it does not read it.
    fn waits_for(&self, node: &NodeName) -> &[NodeName] {
        self.workflow.spec().needs.get(node).map_or(&[], Several::nodes)
    }

    /// Adds a task and everything that it needs.
    fn need(&self, slot: Slot, node: &NodeName, needed: &mut BTreeSet<TaskId>) {
        let slots = if slot == Slot::Archive && self.node(node).scope == Scope::Source {
            (0..self.sources).map(Slot::Source).collect()
        } else {
            vec![slot]
        };
        for slot in slots {
            if !needed.insert(TaskId { slot, node: node.clone() }) {
                continue;
            }
            if let Some(taken) = self.taken(slot, node) {
                let StepSpec::Route(route) = &self.node(node).step else { unreachable!() };
                self.need(slot, &route.on, needed);
                self.need(slot, taken, needed);
                for before in self.waits_for(node) {
                    self.need(slot, before, needed);
                }
            } else {
                for before in self.workflow.upstream(node) {
                    self.need(slot, before, needed);
                }
            }
        }
    }

    fn needed(&self) -> BTreeSet<TaskId> {
        let mut needed = BTreeSet::new();
        for slot in (0..self.sources).map(Slot::Source) {
            self.need(slot, self.workflow.output(), &mut needed);
        }
        self.need(Slot::Archive, self.workflow.overview().unwrap(), &mut needed);
        needed
    }

    /// Runs from `state`, the ends in the order that `picks` draws, and returns what ran and how it ended. Before every
    /// start it holds that nothing runs twice and that everything a task reads is there.
    fn run(&self, state: &mut RunState, picks: &[usize], most: usize) -> BTreeSet<TaskId> {
        let mut frontier = Frontier::new(self.workflow, self.sources, true, state);
        let (mut running, mut ran) = (Vec::new(), BTreeSet::new());
        for turn in 0..most {
            while let Some(task) = frontier.take() {
                assert!(ran.insert(task.clone()), "{task:?} runs twice");
                self.assert_readable(&task, state);
                running.push(task);
            }
            if running.is_empty() {
                break;
            }
            let pick = picks.get(turn % picks.len().max(1)).copied().unwrap_or(0);
            let task = running.swap_remove(pick % running.len());
            let value = Value::Text(self.says(task.slot, &task.node));
            state.apply(&Event::Done { task: task.clone(), value });
            frontier.done(&task, state);
        }
        ran
    }

    fn assert_readable(&self, task: &TaskId, state: &RunState) {
        let reads: Vec<&NodeName> = match &self.node(&task.node).step {
            StepSpec::Route(route) => {
                let taken = self.taken(task.slot, &task.node).unwrap();
                self.waits_for(&task.node).iter().chain([&route.on, taken]).collect()
            }
            _ => self.workflow.upstream(&task.node).collect(),
        };
        for name in reads {
            let from_sources = task.slot == Slot::Archive && self.node(name).scope == Scope::Source;
            let slots =
                if from_sources { (0..self.sources).map(Slot::Source).collect() } else { vec![task.slot] };
            for slot in slots {
                assert!(state.value(name, slot).is_some(), "{task:?} starts without {name} over {slot}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_ends_first_exactly_what_is_needed_runs_and_runs_once(
        sources in drawn(), archive in drawn(), seed in any::<u64>(),
        picks in prop::collection::vec(0_usize..64, 1..40), others in prop::collection::vec(0_usize..64, 1..40),
    ) {
        let workflow = workflow(&sources, &archive);
        let world = World { workflow: &workflow, sources: 3, seed };
        let needed = world.needed();
        for picks in [picks, others] {
            prop_assert_eq!(&world.run(&mut RunState::default(), &picks, usize::MAX), &needed);
        }
    }

    #[test]
    fn a_run_that_is_cut_anywhere_goes_on_with_exactly_the_rest(
        sources in drawn(), archive in drawn(), seed in any::<u64>(), cut in 0_usize..60,
        picks in prop::collection::vec(0_usize..64, 1..40),
    ) {
        let workflow = workflow(&sources, &archive);
        let world = World { workflow: &workflow, sources: 3, seed };
        let mut state = RunState::default();
        world.run(&mut state, &picks, cut);
        let done: BTreeSet<TaskId> =
            world.needed().into_iter().filter(|task| state.task(task).is_some()).collect();
        let rest = world.run(&mut state, &picks, usize::MAX);
        prop_assert!(rest.is_disjoint(&done));
        prop_assert_eq!(rest.into_iter().chain(done).collect::<BTreeSet<_>>(), world.needed());
    }

    #[test]
    fn a_failed_task_ends_its_source_and_no_other(
        sources in drawn(), archive in drawn(), seed in any::<u64>(), picks in prop::collection::vec(0_usize..64, 1..40),
        fails in 0_usize..6,
    ) {
        let workflow = workflow(&sources, &archive);
        let world = World { workflow: &workflow, sources: 3, seed };
        let needed = world.needed();
        let mut state = RunState::default();
        let mut frontier = Frontier::new(&workflow, 3, true, &state);
        let (mut running, mut ran, mut dead) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for turn in 0.. {
            while let Some(task) = frontier.take() {
                prop_assert!(ran.insert(task.clone()));
                prop_assert!(needed.contains(&task), "{:?} is not needed", task);
                prop_assert!(!dead.contains(&task.slot), "{:?} starts after its slot failed", task);
                running.push(task);
            }
            if running.is_empty() {
                break;
            }
            let task = running.swap_remove(picks[turn % picks.len()] % running.len());
            if turn == fails {
                dead.insert(task.slot);
                state.apply(&Event::Failed { task: task.clone(), error: String::new() });
                frontier.failed(&task, &state);
            } else {
                let value = Value::Text(world.says(task.slot, &task.node));
                state.apply(&Event::Done { task: task.clone(), value });
                frontier.done(&task, &state);
            }
        }
        for slot in (0..3).map(Slot::Source).filter(|slot| !dead.contains(slot)) {
            prop_assert!(state.value(workflow.output(), slot).is_some(), "{slot} is not finished");
        }
    }
}
