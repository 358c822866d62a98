//! What a run's events add up to.

use std::collections::{BTreeSet, HashMap};

use super::{
    Budget, CallRecord, CallSite, Decision, DocumentRecord, Event, Outcome, Plan, Slot, Spending, TaskId,
    Value,
};
use crate::hash::ContentHash;
use crate::model::ChatResponse;
use crate::name::{NodeName, RunId};

/// The weight in bytes of the largest value that is held in memory. Reading one back takes some ten microseconds, so that the
/// values of small documents are better held.
const LARGEST_HERE: usize = 1024;

/// Where the value of a task is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    /// It is here.
    Here(Value),
    /// It is in the journal, in the record that begins at this byte.
    At(u64),
}

/// How far a task has come. A task without a state has not ended yet.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskState {
    /// It yielded a value.
    Done(Kept),
    /// It failed, for this reason.
    Failed(String),
}

/// An answer that was journaled, and to what.
#[derive(Debug, Clone)]
struct Answer {
    request: ContentHash,
    model: String,
    response: ChatResponse,
}

/// A fold over the events of a run: applying the same events in the same order always gives the same state.
#[derive(Debug, Clone, Default)]
pub struct RunState {
    run: Option<(RunId, Plan)>,
    documents: Vec<DocumentRecord>,
    refused: Vec<(String, String)>,
    gathered: bool,
    tasks: HashMap<TaskId, TaskState>,
    /// Answers of tasks that have not ended: those of ended ones are never asked for again.
    answers: HashMap<TaskId, HashMap<u32, Answer>>,
    /// Tasks that wait for a person.
    waiting: BTreeSet<TaskId>,
    decisions: HashMap<TaskId, Decision>,
    /// The run that tasks were taken over from.
    reused: HashMap<TaskId, RunId>,
    budget: Budget,
    spending: Spending,
    /// How often calls failed that were not answered yet.
    missed: HashMap<CallSite, u32>,
    /// Every file that was written below the output folder, with all that it ever said.
    written: HashMap<String, Vec<ContentHash>>,
    outcome: Option<Outcome>,
    told: bool,
}

impl RunState {
    /// Takes in what happened next, from a record that begins at this byte of a journal.
    ///
    /// Lists of some size stay in the journal, to be read back when a step wants them: what a run has to hold in memory then
    /// does not grow with what its documents yield. A single text is held, since routes are decided on it.
    pub fn apply_from(&mut self, event: &Event, at: u64) {
        match event {
            Event::Done { task, value } if value.weight() > LARGEST_HERE => {
                self.end(task, TaskState::Done(Kept::At(at)));
            }
            event => self.apply(event),
        }
    }

    /// Takes in what happened next.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Started { run, plan, .. } => self.run = Some((run.clone(), plan.clone())),
            Event::Forked { from, tasks, .. } => {
                self.reused.extend(tasks.iter().map(|task| (task.clone(), from.clone())));
            }
            Event::Document(document) => self.documents.push(document.clone()),
            Event::Refused { name, error } => self.refused.push((name.clone(), error.clone())),
            Event::Gathered => self.gathered = true,
            Event::Allowed { budget } => self.budget = budget.clone(),
            Event::Reserved { site, amount, kept } => self.spending.set_aside(site, *amount, *kept),
            Event::Missed { site, charged, .. } => {
                self.spending.miss(site, *charged);
                *self.missed.entry(site.clone()).or_default() += 1;
            }
            Event::Called(call) => self.called(call),
            Event::Done { task, value } => self.end(task, TaskState::Done(Kept::Here(value.clone()))),
            Event::Failed { task, error } => {
                self.tasks.insert(task.clone(), TaskState::Failed(error.clone()));
                // Its slot ends here, so nobody needs to decide about the rest of it.
                self.waiting.retain(|waiting| waiting.slot != task.slot);
            }
            Event::Waits { task } => {
                self.waiting.insert(task.clone());
            }
            Event::Decided { task, decision } => {
                self.waiting.remove(task);
                self.decisions.insert(task.clone(), decision.clone());
            }
            Event::Ended { outcome, .. } => self.outcome = Some(*outcome),
            Event::Writes { path, hash } => self.written.entry(path.clone()).or_default().push(*hash),
            Event::Told => self.told = true,
            Event::Resumed { decided, .. } => {
                self.told = false;
                self.outcome = None;
                self.missed.clear();
                if !decided {
                    self.forget_failures();
                }
            }
        }
    }

    fn forget_failures(&mut self) {
        // What was made of the whole archive is stale once a failed document is tried again.
        let failed = self.failures().next().is_some();
        let stale = |task: &TaskId| failed && task.slot == Slot::Archive;
        // A rejection that has taken effect is forgotten with its failure: the person is asked again.
        let tasks = &self.tasks;
        self.decisions
            .retain(|task, _| !stale(task) && !matches!(tasks.get(task), Some(TaskState::Failed(_))));
        self.waiting.retain(|task| !stale(task));
        self.tasks.retain(|task, state| matches!(state, TaskState::Done(_)) && !stale(task));
    }

    fn called(&mut self, call: &CallRecord) {
        self.missed.remove(&call.site);
        // What was taken over from another run was paid for there.
        if !self.reused.contains_key(&call.site.task) {
            self.spending.settle(&call.site, call.spent());
        }
        let request = call.hash.unwrap_or_else(|| call.request.hash());
        let answer = Answer { request, model: call.model.clone(), response: call.response.clone() };
        self.answers.entry(call.site.task.clone()).or_default().insert(call.site.step, answer);
    }

    fn end(&mut self, task: &TaskId, state: TaskState) {
        self.answers.remove(task);
        self.tasks.insert(task.clone(), state);
    }

    /// Returns what the run does, once it has started.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.run.as_ref().map(|(_, plan)| plan)
    }

    /// Returns the documents taken in, in reading order.
    #[must_use]
    pub fn documents(&self) -> &[DocumentRecord] {
        &self.documents
    }

    /// Returns the files refused, each with the reason.
    #[must_use]
    pub fn refused(&self) -> &[(String, String)] {
        &self.refused
    }

    /// Tells whether every document is known.
    #[must_use]
    pub fn is_gathered(&self) -> bool {
        self.gathered
    }

    /// Returns how a task ended, if it has.
    #[must_use]
    pub fn task(&self, task: &TaskId) -> Option<&TaskState> {
        self.tasks.get(task)
    }

    /// Returns where the value is that `node` yielded over `slot`, if it has.
    #[must_use]
    pub fn kept(&self, node: &NodeName, slot: Slot) -> Option<&Kept> {
        match self.task(&TaskId { slot, node: node.clone() }) {
            Some(TaskState::Done(kept)) => Some(kept),
            Some(TaskState::Failed(_)) | None => None,
        }
    }

    /// Tells whether `node` has yielded its value over `slot`.
    #[must_use]
    pub fn is_done(&self, node: &NodeName, slot: Slot) -> bool {
        self.kept(node, slot).is_some()
    }

    /// Returns the value that `node` yielded over `slot`, if it has and the value is here: every one is where events were taken
    /// in by [`Self::apply`], and every single text in any case.
    #[must_use]
    pub fn value(&self, node: &NodeName, slot: Slot) -> Option<&Value> {
        match self.kept(node, slot)? {
            Kept::Here(value) => Some(value),
            Kept::At(_) => None,
        }
    }

    /// Returns the tasks that failed, with the reasons.
    pub fn failures(&self) -> impl Iterator<Item = (&TaskId, &str)> {
        self.tasks.iter().filter_map(|(task, state)| match state {
            TaskState::Failed(error) => Some((task, error.as_str())),
            TaskState::Done(_) => None,
        })
    }

    /// Returns the journaled answer of this model to the request with this hash at this site, if there is one.
    #[must_use]
    pub fn answer(&self, site: &CallSite, request: &ContentHash, model: &str) -> Option<&ChatResponse> {
        let answer = self.answers.get(&site.task)?.get(&site.step)?;
        (answer.request == *request && answer.model == model).then_some(&answer.response)
    }

    /// Returns what the run may use.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Returns what the run has used. What was set aside for calls of which no end is known counts as used.
    #[must_use]
    pub fn spending(&self) -> Spending {
        let mut spending = self.spending.clone();
        spending.close();
        spending
    }

    /// Counts the tries of a call that have failed since the run was last taken up.
    #[must_use]
    pub fn missed(&self, site: &CallSite) -> u32 {
        self.missed.get(site).copied().unwrap_or(0)
    }

    /// Returns the tasks that wait for a person.
    pub fn waiting(&self) -> impl Iterator<Item = &TaskId> {
        self.waiting.iter()
    }

    /// Returns what a person decided about a task, if that has happened.
    #[must_use]
    pub fn decision(&self, task: &TaskId) -> Option<&Decision> {
        self.decisions.get(task)
    }

    /// Returns the run that a task was taken over from, if it was.
    #[must_use]
    pub fn reused(&self, task: &TaskId) -> Option<&RunId> {
        self.reused.get(task)
    }

    /// Tells whether the run wrote, or was about to write, this text as this file below the output folder.
    #[must_use]
    pub fn has_written(&self, path: &str, hash: &ContentHash) -> bool {
        self.written.get(path).is_some_and(|hashes| hashes.contains(hash))
    }

    /// Tells whether the results of the run were printed or written since it ended.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// Returns how the run ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }
}
