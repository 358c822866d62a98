//! Which tasks may start: a pure state machine over the workflow's graph and the run's state.

use std::collections::{BTreeSet, HashMap};

use crate::graph::{Scope, Workflow};
use crate::name::NodeName;
use crate::run::{RunState, Slot, TaskId, TaskState};

/// The tasks that may start now, first things first: sources in order, so that documents are finished rather than begun.
///
/// Told of every end of a task, it yields every task once all that it needs is there. A failed task ends its source: the
/// source's other tasks never start. The archive's tasks start when every source has ended and at least one is whole.
///
/// A source is looked at only once nothing before it can start, so that what is held here and what an event costs depend
/// on how many sources are under way, and not on how many there are.
#[derive(Debug)]
pub struct Frontier<'a> {
    workflow: &'a Workflow,
    sources: u32,
    /// The first source that has not been looked at.
    next: u32,
    ready: BTreeSet<TaskId>,
    /// How many upstream nodes each waiting task still needs.
    waiting: HashMap<TaskId, usize>,
    /// Nodes left to finish, by source that is still alive.
    open: HashMap<Slot, usize>,
    /// Whether a source is whole.
    whole: bool,
    archive: bool,
}

impl<'a> Frontier<'a> {
    /// Begins before the first source. `archive` tells whether the archive's nodes are wanted.
    #[must_use]
    pub fn new(workflow: &'a Workflow, sources: u32, archive: bool) -> Self {
        Self {
            workflow,
            sources,
            next: 0,
            ready: BTreeSet::new(),
            waiting: HashMap::new(),
            open: HashMap::new(),
            whole: false,
            archive,
        }
    }

    /// Takes the next task that may start. What `state` says is done is not done again.
    pub fn take(&mut self, state: &RunState) -> Option<TaskId> {
        while self.ready.is_empty() && self.next < self.sources {
            self.enter(Slot::Source(self.next), Scope::Source, state);
            self.next += 1;
        }
        let sources_ended = self.next == self.sources && self.open.is_empty();
        if self.archive && self.whole && sources_ended {
            self.archive = false;
            self.enter(Slot::Archive, Scope::Archive, state);
        }
        self.ready.pop_first()
    }

    /// Takes in that `task` is done and unlocks what waited for it.
    pub fn done(&mut self, task: &TaskId) {
        let slot = task.slot;
        // A source that has failed is not open any more.
        let Some(left) = self.open.get_mut(&slot) else { return };
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.open.remove(&slot);
            self.whole = true;
            return;
        }
        for node in self.workflow.nodes() {
            if !self.workflow.upstream(&node.name).any(|upstream| upstream == &task.node) {
                continue;
            }
            let next = TaskId { slot, node: node.name.clone() };
            if let Some(count) = self.waiting.get_mut(&next) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.waiting.remove(&next);
                    self.ready.insert(next);
                }
            }
        }
    }

    /// Takes in that `task` failed: its source ends here.
    pub fn failed(&mut self, task: &TaskId) {
        let slot = task.slot;
        self.open.remove(&slot);
        for node in self.workflow.nodes() {
            let dropped = TaskId { slot, node: node.name.clone() };
            self.ready.remove(&dropped);
            self.waiting.remove(&dropped);
        }
    }

    /// Adds the tasks of one slot, those that are done already left out.
    fn enter(&mut self, slot: Slot, scope: Scope, state: &RunState) {
        let done = |node: &NodeName| {
            matches!(state.task(&TaskId { slot, node: node.clone() }), Some(TaskState::Done(_)))
        };
        let mut left = 0;
        for node in self.workflow.nodes().filter(|node| node.scope == scope) {
            if done(&node.name) {
                continue;
            }
            left += 1;
            // What another scope yields is there already: sources have ended when the archive begins.
            let same_scope =
                |name: &&NodeName| self.workflow.node(name).is_some_and(|node| node.scope == scope);
            let missing =
                self.workflow.upstream(&node.name).filter(same_scope).filter(|name| !done(name)).count();
            let task = TaskId { slot, node: node.name.clone() };
            if missing == 0 {
                self.ready.insert(task);
            } else {
                self.waiting.insert(task, missing);
            }
        }
        if left > 0 {
            self.open.insert(slot, left);
        } else {
            self.whole = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::graph;
    use crate::run::{Event, Value};
    use crate::spec::Catalog;

    fn tree() -> Workflow {
        graph::compile(&Catalog::load(None).unwrap(), "tree").unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_task_starts_once_after_what_it_needs_and_little_is_held(
            sources in 0_u32..40,
            // For each step: which of the running tasks ends, and whether it fails.
            ends in prop::collection::vec((any::<prop::sample::Index>(), prop::bool::weighted(0.1)), 400),
        ) {
            const AT_ONCE: usize = 4;
            let workflow = tree();
            let in_source = workflow.nodes().filter(|node| node.scope == Scope::Source).count();
            let in_archive = workflow.nodes().count() - in_source;
            let mut state = RunState::default();
            let mut frontier = Frontier::new(&workflow, sources, true);
            let mut started: BTreeMap<TaskId, bool> = BTreeMap::new();
            let mut running: Vec<TaskId> = Vec::new();
            let mut failed = BTreeSet::new();
            for (which, fails) in ends {
                while running.len() < AT_ONCE && let Some(task) = frontier.take(&state) {
                    prop_assert!(started.insert(task.clone(), false).is_none(), "{task:?} starts twice");
                    let same_scope = |node: &&NodeName| workflow.node(node).unwrap().scope == workflow.node(&task.node).unwrap().scope;
                    for needed in workflow.upstream(&task.node).filter(same_scope) {
                        prop_assert!(state.value(needed, task.slot).is_some(), "{task:?} starts before {needed}");
                    }
                    if task.slot == Slot::Archive {
                        prop_assert!(running.iter().all(|other| other.slot == Slot::Archive));
                    }
                    running.push(task);
                }
                prop_assert!(frontier.ready.len() + frontier.waiting.len() <= (AT_ONCE + 1) * workflow.nodes().count());
                if running.is_empty() {
                    break;
                }
                let task = running.swap_remove(which.index(running.len()));
                if fails {
                    failed.insert(task.slot);
                    state.apply(&Event::Failed { task: task.clone(), error: String::new() });
                    frontier.failed(&task);
                } else {
                    state.apply(&Event::Done { task: task.clone(), value: Value::Texts(Vec::new()) });
                    frontier.done(&task);
                }
            }
            prop_assert!(running.is_empty() && frontier.take(&state).is_none());
            for source in (0..sources).map(Slot::Source).filter(|slot| !failed.contains(slot)) {
                prop_assert_eq!(started.keys().filter(|task| task.slot == source).count(), in_source);
            }
            let whole = (0..sources).any(|source| !failed.contains(&Slot::Source(source)));
            let archive = started.keys().filter(|task| task.slot == Slot::Archive).count();
            prop_assert_eq!(archive > 0, whole && in_archive > 0);

            // A run that is taken up again starts nothing that is done.
            let mut again = Frontier::new(&workflow, sources, true);
            while let Some(task) = again.take(&state) {
                prop_assert!(state.value(&task.node, task.slot).is_none());
                again.failed(&task);
            }
        }
    }
}
