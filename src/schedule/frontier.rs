//! Which tasks may start: a pure state machine over the workflow's graph and the run's state.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::graph::{Scope, Workflow};
use crate::name::NodeName;
use crate::run::{RunState, Slot, TaskId, TaskState, Value};
use crate::spec::{RouteSpec, StepSpec};

/// The tasks that may start now, first things first: sources in order, so that documents are finished rather than begun.
///
/// It works backwards from what is wanted: the workflow's output for every source, the files to be written and, where it is
/// wanted, the overview of the archive. A node is needed where a needed node that is not done reads it or waits for it; a route
/// reads the text that it is decided on and, once that is there, the one branch that is taken. So a node that no result
/// needs never starts.
///
/// Told of every end of a task, it yields every needed task once all that it reads is there. A failed task ends its
/// source: the source's other tasks never start. The archive's tasks start when every source has ended and at least one
/// is whole; where a route of the archive then needs more of the sources, they are taken up again.
///
/// Every event costs at most a walk over the nodes of the workflow, except for one that opens the sources again.
#[derive(Debug)]
pub struct Frontier<'a> {
    nodes: Vec<Need<'a>>,
    sources: u32,
    /// The only slots that are worked on, where not all are.
    only: Option<HashSet<Slot>>,
    /// What every source has to yield.
    wanted: BTreeSet<usize>,
    /// What the archive has to yield; nothing where it is not wanted.
    of_archive: Vec<usize>,
    begun: bool,
    ready: BTreeSet<(Slot, usize)>,
    /// What is ready or was taken, and has not ended.
    issued: HashSet<(Slot, usize)>,
    /// Which nodes are done, by slot that has more to do.
    open: HashMap<Slot, Vec<bool>>,
    /// Sources that have more to do: the archive is open beside them.
    open_sources: usize,
    failed: HashSet<Slot>,
}

/// What one node needs.
#[derive(Debug)]
struct Need<'a> {
    name: &'a NodeName,
    scope: Scope,
    /// What it reads or waits for; of a route, without the branches.
    before: Vec<usize>,
    route: Option<Route<'a>>,
}

/// What a route is decided on, and where it leads.
#[derive(Debug)]
struct Route<'a> {
    on: usize,
    spec: &'a RouteSpec,
    branches: HashMap<&'a NodeName, usize>,
}

/// What a walk back from the results of one slot has found.
#[derive(Debug, Default)]
struct Found {
    /// Nodes that have all that they read.
    ready: Vec<usize>,
    /// Nodes of sources that the archive reads.
    from_sources: BTreeSet<usize>,
    whole: bool,
}

impl<'a> Frontier<'a> {
    /// Begins with what `state` says is done already. `archive` tells whether the archive's nodes are wanted.
    #[must_use]
    pub fn new(workflow: &'a Workflow, sources: u32, archive: bool, state: &RunState) -> Self {
        Self::over(workflow, sources, archive, None, state)
    }

    /// Begins as [`Self::new`] does, and works on no other sources than `only`. Where others have more to do, the archive's
    /// nodes are not wanted.
    #[must_use]
    pub fn over(
        workflow: &'a Workflow,
        sources: u32,
        archive: bool,
        only: Option<HashSet<Slot>>,
        state: &RunState,
    ) -> Self {
        let index: HashMap<&NodeName, usize> =
            workflow.nodes().enumerate().map(|(at, node)| (&node.name, at)).collect();
        let at = |name: &NodeName| index.get(name).copied();
        let need = |node: &'a crate::graph::Node| {
            let route = match &node.step {
                StepSpec::Route(spec) => at(&spec.on).map(|on| {
                    let branches = spec.branches().filter_map(|name| Some((name, at(name)?)));
                    Route { on, spec, branches: branches.collect() }
                }),
                _ => None,
            };
            let before = workflow.upstream(&node.name).filter_map(at);
            let waits = |at: &usize| {
                route
                    .as_ref()
                    .is_none_or(|route| *at == route.on || !route.branches.values().any(|b| b == at))
            };
            let before = before.filter(waits).collect();
            Need { name: &node.name, scope: node.scope, before, route }
        };
        // A file is written whether or not a result depends on it.
        let written = |scope| {
            let written = move |node: &&crate::graph::Node| {
                node.scope == scope && matches!(node.step, StepSpec::Write(_))
            };
            workflow.nodes().filter(written).filter_map(|node| at(&node.name))
        };
        let of_archive = workflow.overview().and_then(at).into_iter().chain(written(Scope::Archive));
        let mut frontier = Self {
            nodes: workflow.nodes().map(need).collect(),
            sources,
            only,
            wanted: at(workflow.output()).into_iter().chain(written(Scope::Source)).collect(),
            of_archive: if archive { of_archive.collect() } else { Vec::new() },
            begun: false,
            ready: BTreeSet::new(),
            issued: HashSet::new(),
            open: HashMap::new(),
            open_sources: 0,
            failed: state.failures().map(|(task, _)| task.slot).collect(),
        };
        if frontier.leaves_some(state) {
            frontier.of_archive.clear();
        }
        if !frontier.of_archive.is_empty() {
            let done = frontier.done_nodes(Slot::Archive, state);
            let found = frontier.walk(Slot::Archive, &done, state);
            frontier.wanted.extend(found.from_sources);
        }
        frontier.take_up_sources(state);
        frontier.begin_archive(state);
        frontier
    }

    /// Takes the next task that may start.
    pub fn take(&mut self) -> Option<TaskId> {
        let (slot, node) = self.ready.pop_first()?;
        self.nodes.get(node).map(|node| TaskId { slot, node: node.name.clone() })
    }

    /// Tells whether the slot of a task has not failed.
    #[must_use]
    pub fn is_alive(&self, task: &TaskId) -> bool {
        !self.failed.contains(&task.slot)
    }

    /// Takes in that `task` is done and unlocks what waited for it.
    pub fn done(&mut self, task: &TaskId, state: &RunState) {
        let slot = task.slot;
        let Some(node) = self.nodes.iter().position(|node| node.name == &task.node) else { return };
        self.issued.remove(&(slot, node));
        if self.failed.contains(&slot) {
            return;
        }
        if let Some(done) = self.open.get_mut(&slot).and_then(|nodes| nodes.get_mut(node)) {
            *done = true;
            self.advance(slot, state);
        }
    }

    /// Takes in that `task` failed: its source ends here.
    pub fn failed(&mut self, task: &TaskId, state: &RunState) {
        let slot = task.slot;
        self.failed.insert(slot);
        let dropped: Vec<(Slot, usize)> = self.ready.range((slot, 0)..=(slot, usize::MAX)).copied().collect();
        for one in dropped {
            self.ready.remove(&one);
        }
        self.close(slot, state);
    }

    /// Makes ready what a slot can start now, and closes it where nothing is left to do.
    fn advance(&mut self, slot: Slot, state: &RunState) {
        let Some(done) = self.open.get(&slot) else { return };
        let found = self.walk(slot, done, state);
        if !found.from_sources.is_subset(&self.wanted) {
            self.wanted.extend(found.from_sources);
            self.take_up_sources(state);
            // Sources that have all of it already leave the archive nothing to wait for.
            self.advance(slot, state);
            return;
        }
        for node in found.ready {
            if self.issued.insert((slot, node)) {
                self.ready.insert((slot, node));
            }
        }
        if found.whole {
            self.close(slot, state);
        }
    }

    fn close(&mut self, slot: Slot, state: &RunState) {
        if self.open.remove(&slot).is_some() && slot != Slot::Archive {
            self.open_sources = self.open_sources.saturating_sub(1);
            self.begin_archive(state);
        }
    }

    /// Opens every source that has not yielded all that is wanted of it.
    fn take_up_sources(&mut self, state: &RunState) {
        for slot in (0..self.sources).map(Slot::Source) {
            let left = self.only.as_ref().is_some_and(|only| !only.contains(&slot));
            if left || self.failed.contains(&slot) || self.open.contains_key(&slot) {
                continue;
            }
            let done = self.done_nodes(slot, state);
            if self.wanted.iter().any(|node| done.get(*node) == Some(&false)) {
                self.open.insert(slot, done);
                self.open_sources += 1;
                self.advance(slot, state);
            }
        }
    }

    /// Tells whether a source is left alone that has not yielded all that is wanted of it.
    fn leaves_some(&self, state: &RunState) -> bool {
        let Some(only) = &self.only else { return false };
        let mut left = (0..self.sources).map(Slot::Source).filter(|slot| !only.contains(slot));
        left.any(|slot| {
            let done = self.done_nodes(slot, state);
            self.wanted.iter().any(|node| done.get(*node) == Some(&false))
        })
    }

    /// Begins the archive, or goes on with it, where no source has more to do.
    fn begin_archive(&mut self, state: &RunState) {
        if self.of_archive.is_empty() || self.open_sources > 0 {
            return;
        }
        let whole = usize::try_from(self.sources).is_ok_and(|sources| sources > self.failed.len());
        if !self.begun && whole {
            self.begun = true;
            self.open.insert(Slot::Archive, self.done_nodes(Slot::Archive, state));
        }
        self.advance(Slot::Archive, state);
    }

    fn done_nodes(&self, slot: Slot, state: &RunState) -> Vec<bool> {
        let done = |node: &Need<'_>| {
            let task = TaskId { slot, node: node.name.clone() };
            matches!(state.task(&task), Some(TaskState::Done(_)))
        };
        self.nodes.iter().map(done).collect()
    }

    /// Walks back from what a slot is to yield to what it can start with.
    fn walk(&self, slot: Slot, done: &[bool], state: &RunState) -> Found {
        let is_done = |node: usize| done.get(node).copied().unwrap_or(false);
        let archive = slot == Slot::Archive;
        let mut waiting: Vec<usize> =
            if archive { self.of_archive.clone() } else { self.wanted.iter().copied().collect() };
        let mut seen = vec![false; self.nodes.len()];
        let mut found = Found { whole: true, ..Found::default() };
        while let Some(at) = waiting.pop() {
            let (Some(node), Some(seen)) = (self.nodes.get(at), seen.get_mut(at)) else { continue };
            if is_done(at) || std::mem::replace(seen, true) {
                continue;
            }
            found.whole = false;
            let mut missing = false;
            for before in self.reads(node, slot, is_done, state) {
                if archive && self.nodes.get(before).is_some_and(|node| node.scope == Scope::Source) {
                    found.from_sources.insert(before);
                    missing |= self.open_sources > 0;
                } else if !is_done(before) {
                    missing = true;
                    waiting.push(before);
                }
            }
            if !missing {
                found.ready.push(at);
            }
        }
        found
    }

    /// Returns what a node reads, as far as that is decided.
    fn reads(
        &self,
        node: &Need<'a>,
        slot: Slot,
        is_done: impl Fn(usize) -> bool,
        state: &RunState,
    ) -> Vec<usize> {
        let mut reads = node.before.clone();
        if let Some(Route { on, spec, branches }) = &node.route {
            let text = self.nodes.get(*on).filter(|_| is_done(*on)).and_then(|on| state.value(on.name, slot));
            if let Some(Value::Text(text)) = text {
                reads.extend(branches.get(spec.choose(text)));
            }
        }
        reads
    }
}
