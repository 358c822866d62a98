//! In which calls two runs differ: the shape of `runs diff --json`.

use std::collections::{BTreeSet, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::naming::Naming;
use crate::model::Message;
use crate::run::{CallRecord, Event, Purpose, RunState};
use crate::text::TokenCount;

/// The version of this shape; it grows when a field changes its meaning or goes away.
const VERSION: u32 = 1;

/// What two runs asked and were answered, held against each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diff {
    /// The version of this shape.
    pub version: u32,
    /// The first run.
    pub a: Side,
    /// The second run.
    pub b: Side,
    /// How many calls have the same prompt and the same answer in both.
    pub same: usize,
    /// The calls of both runs that differ, in the order of the first.
    pub differing: Vec<Differing>,
    /// The calls that only the first run made.
    pub only_a: Vec<Place>,
    /// The calls that only the second run made.
    pub only_b: Vec<Place>,
}

/// One of the two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// The run's name.
    pub run: String,
    /// The workflow by name or path.
    pub workflow: String,
    /// The model as it was named.
    pub model: String,
    /// Its calls.
    pub calls: usize,
    /// Tokens of all prompts.
    pub prompt_tokens: TokenCount,
    /// Tokens of all answers.
    pub completion_tokens: TokenCount,
}

/// Where in a run a call was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The number of the call, as `runs show --call` takes it.
    pub call: usize,
    /// The node.
    pub node: String,
    /// The document that it was made for; `.` for all of them.
    pub path: String,
    /// The position of the call in its task, from 0.
    pub step: u32,
}

/// A call that both runs made, not alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Differing {
    /// Where the first run made it.
    pub a: Place,
    /// The number of the call in the second run.
    pub b_call: usize,
    /// Where the prompts part; null where they are alike.
    pub prompt: Option<Parting>,
    /// Where the answers part; null where they are alike.
    pub answer: Option<Parting>,
    /// Whether another model answered, or one that was asked in another way (sampling, length, form).
    pub asked_otherwise: bool,
}

/// The first lines that two texts do not share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parting {
    /// The number of that line, from 1.
    pub line: usize,
    /// How the first text goes on; null where it ends.
    pub a: Option<String>,
    /// How the second text goes on; null where it ends.
    pub b: Option<String>,
}

/// Holds two runs against each other, call by call: the same node, over the same document, at the same position.
#[must_use]
pub fn diff(a: (&str, &[Event]), b: (&str, &[Event])) -> Diff {
    let (first, second) = (Run::of(a.1), Run::of(b.1));
    let places: HashMap<_, _> =
        second.calls.iter().enumerate().map(|(at, call)| (second.key(call), (at, *call))).collect();
    let mut found = Diff {
        version: VERSION,
        a: first.side(a.0),
        b: second.side(b.0),
        same: 0,
        differing: Vec::new(),
        only_a: Vec::new(),
        only_b: Vec::new(),
    };
    let mut matched = BTreeSet::new();
    for (number, call) in first.calls.iter().enumerate() {
        let place = first.place(number, call);
        let Some((other_number, other)) = places.get(&first.key(call)) else {
            found.only_a.push(place);
            continue;
        };
        matched.insert(*other_number);
        let prompt = parting(&messages(&call.request.messages), &messages(&other.request.messages));
        let answer = parting(&call.response.text, &other.response.text);
        let asked = |call: &CallRecord| {
            (
                call.model.clone(),
                call.request.sampling.clone(),
                call.request.max_output,
                call.request.output.clone(),
            )
        };
        let asked_otherwise = asked(call) != asked(other);
        if prompt.is_none() && answer.is_none() && !asked_otherwise {
            found.same += 1;
        } else {
            found.differing.push(Differing {
                a: place,
                b_call: *other_number,
                prompt,
                answer,
                asked_otherwise,
            });
        }
    }
    let unmatched = second.calls.iter().enumerate().filter(|(at, _)| !matched.contains(at));
    found.only_b = unmatched.map(|(at, call)| second.place(at, call)).collect();
    found
}

struct Run<'a> {
    state: RunState,
    naming: Naming,
    calls: Vec<&'a CallRecord>,
}

impl<'a> Run<'a> {
    fn of(events: &'a [Event]) -> Self {
        let mut state = RunState::default();
        let mut calls = Vec::new();
        for event in events {
            state.apply(event);
            if let Event::Called(call) = event {
                calls.push(call.as_ref());
            }
        }
        let names = state.documents().iter().map(|document| document.name.clone()).collect();
        let purpose = state.plan().map_or(Purpose::Each, |plan| plan.purpose);
        Self { naming: Naming::new(names, purpose), state, calls }
    }

    fn key(&self, call: &CallRecord) -> (String, String, u32) {
        let task = &call.site.task;
        (task.node.to_string(), self.naming.path_of(task.slot), call.site.step)
    }

    fn place(&self, number: usize, call: &CallRecord) -> Place {
        let (node, path, step) = self.key(call);
        Place { call: number, node, path, step }
    }

    fn side(&self, run: &str) -> Side {
        let plan = self.state.plan();
        Side {
            run: run.to_owned(),
            workflow: plan.map_or_else(String::new, |plan| plan.workflow.clone()),
            model: plan.map_or_else(String::new, |plan| plan.model.clone()),
            calls: self.calls.len(),
            prompt_tokens: self.calls.iter().map(|call| call.response.usage.prompt_tokens).sum(),
            completion_tokens: self.calls.iter().map(|call| call.response.usage.completion_tokens).sum(),
        }
    }
}

fn messages(messages: &[Message]) -> String {
    let one = |message: &Message| format!("--- {:?}\n{}\n", message.role, message.content);
    messages.iter().map(one).collect::<Vec<_>>().concat()
}

fn parting(a: &str, b: &str) -> Option<Parting> {
    if a == b {
        return None;
    }
    let (mut first, mut second) = (a.lines(), b.lines());
    let mut line = 1;
    loop {
        match (first.next(), second.next()) {
            (Some(one), Some(other)) if one == other => line += 1,
            (a, b) => return Some(Parting { line, a: a.map(str::to_owned), b: b.map(str::to_owned) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_part_at_the_first_line_that_is_not_shared() {
        assert_eq!(parting("a\nb", "a\nb"), None);
        let parted = parting("a\nb\nc", "a\nx\nc").unwrap();
        assert_eq!((parted.line, parted.a.as_deref(), parted.b.as_deref()), (2, Some("b"), Some("x")));
        let ended = parting("a", "a\nb").unwrap();
        assert_eq!((ended.line, ended.a, ended.b.as_deref()), (2, None, Some("b")));
    }
}
