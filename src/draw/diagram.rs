//! What there is to draw: boxes, arrows and words. Knows no format.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Node, Scope, Workflow};
use crate::model::Money;
use crate::name::NodeName;
use crate::run::{Event, Purpose, RunState, Slot, TaskId, TaskState};

/// How far a node has come over all its slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Every slot has its value.
    Done,
    /// A slot failed.
    Failed,
    /// A slot waits for a person.
    Waiting,
    /// Some slots have their value, or a call was answered.
    Begun,
    /// Nothing has happened.
    Open,
}

/// How a state is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// The word for it.
    pub(super) word: &'static str,
    /// The colour inside.
    pub(super) fill: &'static str,
    /// The colour of the frame.
    pub(super) frame: &'static str,
    /// Whether the frame is broken: so it is told from the others without colours, too.
    pub(super) dashed: bool,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeBox {
    pub(super) name: String,
    /// The lines below the name.
    pub(super) lines: Vec<String>,
    pub(super) scope: Scope,
    /// Whether its value is a result of the run.
    pub(super) result: bool,
    /// Where a run is drawn in.
    pub(super) state: Option<State>,
}

/// A workflow, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagram {
    pub(super) title: String,
    /// In the order of the workflow: every node after all that it reads.
    pub(super) nodes: Vec<NodeBox>,
    /// From the node that is read to the one that reads it, by position.
    pub(super) arrows: Vec<(usize, usize)>,
}

/// What a run did in one node.
#[derive(Debug, Default, Clone, Copy)]
struct Figures {
    done: usize,
    failed: usize,
    waiting: usize,
    calls: usize,
    prompt: u64,
    completion: u64,
    cost: Money,
    ms: u64,
}

impl Diagram {
    /// Makes the diagram of a workflow alone.
    #[must_use]
    pub fn of(workflow: &Workflow) -> Self {
        Self::new(workflow, workflow.name().to_string(), |_| None)
    }

    /// Makes the diagram of a workflow with what the events of a run did in it.
    #[must_use]
    pub fn of_run(workflow: &Workflow, run: &str, events: &[Event]) -> Self {
        let mut state = RunState::default();
        let mut figures: BTreeMap<&NodeName, Figures> = BTreeMap::new();
        for event in events {
            state.apply(event);
            if let Event::Called(call) = event {
                let node = figures.entry(&call.site.task.node).or_default();
                node.calls += 1;
                node.ms += call.ms;
                // What was taken over used nothing here.
                if call.cached_from.is_none() && state.reused(&call.site.task).is_none() {
                    node.prompt += call.response.usage.prompt_tokens.0;
                    node.completion += call.response.usage.completion_tokens.0;
                    node.cost = node.cost + call.cost;
                }
            }
        }
        let together = state.plan().is_some_and(|plan| plan.purpose == Purpose::Together);
        let sources = if together { 1 } else { state.documents().len() };
        let outcome = state.outcome().map_or_else(|| "not ended".to_owned(), |outcome| outcome.to_string());
        let title = format!("{}, run {run}: {outcome}", workflow.name());
        Self::new(workflow, title, |node| {
            let mut found = figures.get(&node.name).copied().unwrap_or_default();
            let slots: Vec<Slot> = match node.scope {
                Scope::Source => {
                    (0..sources).filter_map(|at| u32::try_from(at).ok()).map(Slot::Source).collect()
                }
                Scope::Archive => vec![Slot::Archive],
            };
            for slot in &slots {
                match state.task(&TaskId { slot: *slot, node: node.name.clone() }) {
                    Some(TaskState::Done(_)) => found.done += 1,
                    Some(TaskState::Failed(_)) => found.failed += 1,
                    None => {}
                }
            }
            found.waiting = state.waiting().filter(|task| task.node == node.name).count();
            Some((found.state(slots.len()), found.lines(slots.len())))
        })
    }

    fn new(
        workflow: &Workflow,
        title: String,
        standing: impl Fn(&Node) -> Option<(State, Vec<String>)>,
    ) -> Self {
        let results: BTreeSet<&NodeName> =
            [Some(workflow.output()), workflow.overview()].into_iter().flatten().collect();
        let node = |node: &Node| {
            let agent = node.agent.as_ref().map(|agent| format!(" by {}", agent.name));
            let model = node
                .agent
                .as_ref()
                .and_then(|agent| agent.model.as_ref())
                .map(|model| format!("model {model}"));
            let (state, figures) = standing(node).unzip();
            NodeBox {
                name: node.name.to_string(),
                lines: std::iter::once(format!("{}{}", node.kind(), agent.unwrap_or_default()))
                    .chain(model)
                    .chain(figures.into_iter().flatten())
                    .collect(),
                scope: node.scope,
                result: results.contains(&node.name),
                state,
            }
        };
        let places: BTreeMap<&NodeName, usize> =
            workflow.nodes().enumerate().map(|(at, node)| (&node.name, at)).collect();
        let into = |(at, node): (usize, &Node)| {
            let read = workflow.upstream(&node.name).filter_map(|name| places.get(name));
            read.map(|from| (*from, at)).collect::<Vec<_>>()
        };
        Self {
            title,
            nodes: workflow.nodes().map(node).collect(),
            arrows: workflow.nodes().enumerate().flat_map(into).collect(),
        }
    }

    /// Returns the scopes that have nodes, each with what it is called and the positions of its nodes.
    pub(super) fn groups(&self) -> Vec<(&'static str, Vec<usize>)> {
        let of = |scope: Scope| {
            (0..self.nodes.len()).filter(move |at| self.nodes.get(*at).is_some_and(|it| it.scope == scope))
        };
        [("for every source", Scope::Source), ("once, over the archive", Scope::Archive)]
            .into_iter()
            .map(|(title, scope)| (title, of(scope).collect::<Vec<_>>()))
            .filter(|(_, nodes)| !nodes.is_empty())
            .collect()
    }
}

impl Figures {
    fn state(&self, slots: usize) -> State {
        match self {
            Self { failed: 1.., .. } => State::Failed,
            Self { waiting: 1.., .. } => State::Waiting,
            Self { done, .. } if *done == slots => State::Done,
            Self { done: 0, calls: 0, .. } => State::Open,
            _ => State::Begun,
        }
    }

    fn lines(&self, slots: usize) -> Vec<String> {
        let mut lines = vec![format!("{} of {slots} done", self.done)];
        if self.failed > 0 {
            lines.push(format!("{} failed", self.failed));
        }
        match self.waiting {
            0 => {}
            1 => lines.push("1 waits for a person".to_owned()),
            more => lines.push(format!("{more} wait for a person")),
        }
        if self.calls > 0 {
            let calls = if self.calls == 1 { "call" } else { "calls" };
            lines.push(format!("{} {calls}, {} + {} tokens", self.calls, self.prompt, self.completion));
            if self.cost > Money::default() {
                lines.push(format!("{} USD", self.cost.figure()));
            }
            lines.push(format!("{}.{} s", self.ms / 1000, self.ms % 1000 / 100));
        }
        lines
    }
}

impl State {
    pub(super) fn look(self) -> Look {
        let (word, fill, frame) = match self {
            Self::Done => ("done", "#e3f1e3", "#3a7d44"),
            Self::Failed => ("failed", "#f9e0de", "#b3261e"),
            Self::Waiting => ("waiting", "#e1ebf8", "#2b5fa4"),
            Self::Begun => ("begun", "#fdf2d0", "#a07a00"),
            Self::Open => ("open", "#f2f2f2", "#8a8a8a"),
        };
        Look { word, fill, frame, dashed: self == Self::Waiting }
    }

    pub(super) const ALL: [Self; 5] = [Self::Done, Self::Failed, Self::Waiting, Self::Begun, Self::Open];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_counts_more_than_what_waits_and_that_more_than_what_is_done() {
        let some = Figures { done: 1, ..Figures::default() };
        assert_eq!(Figures::default().state(2), State::Open);
        assert_eq!(some.state(2), State::Begun);
        assert_eq!(Figures { calls: 1, ..Figures::default() }.state(2), State::Begun);
        assert_eq!(some.state(1), State::Done);
        assert_eq!(Figures { waiting: 1, ..some }.state(2), State::Waiting);
        assert_eq!(Figures { waiting: 1, failed: 1, ..some }.state(3), State::Failed);
    }

    #[test]
    fn a_cost_is_told_where_there_is_one() {
        let free = Figures { done: 1, calls: 2, prompt: 30, completion: 4, ms: 1250, ..Figures::default() };
        assert_eq!(free.lines(1), ["1 of 1 done", "2 calls, 30 + 4 tokens", "1.2 s"]);
        let paid = Figures { waiting: 1, cost: Money::from_usd(0.0125), ..free };
        let lines = ["1 of 2 done", "1 waits for a person", "2 calls, 30 + 4 tokens", "0.0125 USD", "1.2 s"];
        assert_eq!(paid.lines(2), lines);
    }

    #[test]
    fn every_state_has_a_look_of_its_own() {
        for (at, one) in State::ALL.into_iter().enumerate() {
            for other in State::ALL.into_iter().skip(at + 1) {
                assert!(one.look().word != other.look().word && one.look().fill != other.look().fill);
            }
        }
    }
}
