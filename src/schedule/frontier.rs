//! Which tasks may start: a pure state machine over the workflow's graph and the run's state.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::graph::{Scope, Workflow};
use crate::name::NodeName;
use crate::run::{RunState, Slot, TaskId, TaskState};

/// The tasks that may start now, first things first: sources in order, so that documents are finished rather than begun.
///
/// Told of every end of a task, it yields every task once all that it needs is there. A failed task ends its source: the
/// source's other tasks never start. The archive's tasks start when every source has ended and at least one is whole.
#[derive(Debug)]
pub struct Frontier<'a> {
    workflow: &'a Workflow,
    ready: BTreeSet<TaskId>,
    /// How many upstream nodes each waiting task still needs.
    waiting: HashMap<TaskId, usize>,
    /// Nodes left to finish, by source that is still alive.
    open: HashMap<Slot, usize>,
    whole: usize,
    failed: HashSet<Slot>,
    archive: bool,
}

impl<'a> Frontier<'a> {
    /// Begins with what `state` says is done already. `archive` tells whether the archive's nodes are wanted.
    #[must_use]
    pub fn new(workflow: &'a Workflow, sources: u32, archive: bool, state: &RunState) -> Self {
        let mut frontier = Self {
            workflow,
            ready: BTreeSet::new(),
            waiting: HashMap::new(),
            open: HashMap::new(),
            whole: 0,
            failed: HashSet::new(),
            archive,
        };
        for source in 0..sources {
            frontier.enter(Slot::Source(source), Scope::Source, state);
        }
        if frontier.open.is_empty() {
            frontier.enter_archive(state);
        }
        frontier
    }

    /// Takes the next task that may start.
    pub fn take(&mut self) -> Option<TaskId> {
        self.ready.pop_first()
    }

    /// Takes in that `task` is done and unlocks what waited for it.
    pub fn done(&mut self, task: &TaskId, state: &RunState) {
        if self.failed.contains(&task.slot) {
            return;
        }
        for node in self.workflow.nodes() {
            let needs_it = self.workflow.upstream(&node.name).any(|upstream| upstream == &task.node);
            let next = TaskId { slot: task.slot, node: node.name.clone() };
            if !needs_it {
                continue;
            }
            if let Some(count) = self.waiting.get_mut(&next) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.waiting.remove(&next);
                    self.ready.insert(next);
                }
            }
        }
        self.close(task.slot, state);
    }

    /// Takes in that `task` failed: its source ends here.
    pub fn failed(&mut self, task: &TaskId, state: &RunState) {
        let slot = task.slot;
        self.failed.insert(slot);
        self.ready.retain(|ready| ready.slot != slot);
        self.waiting.retain(|waiting, _| waiting.slot != slot);
        if self.open.remove(&slot).is_some() && self.open.is_empty() {
            self.enter_archive(state);
        }
    }

    fn close(&mut self, slot: Slot, state: &RunState) {
        let Some(left) = self.open.get_mut(&slot) else { return };
        *left = left.saturating_sub(1);
        if *left > 0 {
            return;
        }
        self.open.remove(&slot);
        if slot != Slot::Archive {
            self.whole += 1;
            if self.open.is_empty() {
                self.enter_archive(state);
            }
        }
    }

    fn enter_archive(&mut self, state: &RunState) {
        if self.archive && self.whole > 0 {
            self.archive = false;
            self.enter(Slot::Archive, Scope::Archive, state);
        }
    }

    /// Adds the tasks of one slot, those that are done already left out.
    fn enter(&mut self, slot: Slot, scope: Scope, state: &RunState) {
        let done = |node: &NodeName| {
            matches!(state.task(&TaskId { slot, node: node.clone() }), Some(TaskState::Done(_)))
        };
        let mut left = 0;
        for node in self.workflow.nodes().filter(|node| node.scope == scope) {
            let task = TaskId { slot, node: node.name.clone() };
            if done(&node.name) {
                continue;
            }
            left += 1;
            // What another scope yields is there already: sources have ended when the archive begins.
            let same_scope =
                |name: &&NodeName| self.workflow.node(name).is_some_and(|node| node.scope == scope);
            let missing =
                self.workflow.upstream(&node.name).filter(same_scope).filter(|name| !done(name)).count();
            if missing == 0 {
                self.ready.insert(task);
            } else {
                self.waiting.insert(task, missing);
            }
        }
        if left > 0 {
            self.open.insert(slot, left);
        } else if slot != Slot::Archive {
            self.whole += 1;
        }
    }
}
