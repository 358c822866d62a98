//! What the calls of a step carry from one to the next or show every time, where that is lost or has no bound.
//!
//! The note of a `fold` is never longer than one answer, the quotes of a `quote` step never more than `keep_tokens`: by
//! themselves both are bounded. What is not is a list that `with` shows in every call beside the chunk.

use std::collections::BTreeMap;

use super::draft::{Draft, DraftNode, agent, reads_chunk_by_chunk, with};
use super::variables::{Agents, read};
use super::workflow::{Scope, ValueKind};
use crate::name::NodeName;
use crate::prompt::PromptSet;
use crate::spec::{Carry, Diagnostic, Keep, QuoteScore, RouteSpec, StepSpec};

/// Returns the variables of a step without which its agent does not see what the step is about, each with what then
/// happens.
fn essential(draft: &Draft<'_>, step: &StepSpec) -> &'static [(&'static str, &'static str)] {
    const CHUNK: (&str, &str) = ("chunk", "its agent never sees what it is to read");
    const ITEMS: (&str, &str) = ("items", "its agent never sees what it is asked about");
    match step {
        StepSpec::Fold(fold) if reads_one(draft, &fold.over) => &[CHUNK],
        StepSpec::Fold(_) => {
            &[CHUNK, ("unit", "each answer is lost, and only what the last chunk says is left")]
        }
        StepSpec::Map(_) => &[CHUNK],
        StepSpec::Extract(step) if step.over.is_some() => &[CHUNK],
        StepSpec::Quote(step) if step.score != QuoteScore::Words => {
            &[("sentences", "its agent never sees what it is to choose from")]
        }
        StepSpec::Reduce(_) | StepSpec::Rank(_) | StepSpec::Judge(_) => &[ITEMS],
        StepSpec::Filter(step) if step.agent.is_some() => {
            &[("item", "its agent never sees what it decides on")]
        }
        StepSpec::Iterate(step) if step.carry != Carry::None && step.at_most.number() != Some(1) => {
            &[("previous", "each round begins from nothing")]
        }
        _ => &[],
    }
}

/// Tells whether a node yields one chunk a document.
fn reads_one(draft: &Draft<'_>, over: &NodeName) -> bool {
    let step = draft.nodes.get(over).map(|node| node.step);
    matches!(step, Some(StepSpec::Split(split)) if split.keep == Keep::First)
}

/// Warns of steps whose prompt does not read what the step hands it from call to call: an output that is never read.
pub(super) fn unread(draft: &Draft<'_>, agents: &Agents, prompts: &PromptSet) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        let Some(read) = read(node, agents, prompts) else { continue };
        for (variable, so) in essential(draft, node.step).iter().filter(|(name, _)| !read.contains(*name)) {
            let message = format!("the prompt of `{}` does not use `{variable}`: {so}", node.name);
            let problem = draft.error_at(node, &["agent"], message).label("its template never reads it");
            let help =
                format!("write `{{{{ {variable} }}}}` into the template, or take another step or agent");
            problems.push(problem.help(help).warning());
        }
    }
    problems
}

/// Warns of steps that show in every call, beside the chunk, a list that grows with the documents: the longer they are,
/// the less room is left for a chunk, until there is none.
pub(super) fn growing(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in
        draft.nodes.values().filter(|node| reads_chunk_by_chunk(node.step) && agent(node.step).is_some())
    {
        for (variable, shown) in with(node.step).into_iter().flat_map(BTreeMap::iter) {
            let Some(from) = draft.nodes.get(shown).filter(|from| grows(draft, from, draft.nodes.len()))
            else {
                continue;
            };
            let message =
                format!("every call of `{}` carries `{shown}`, which grows without bound", node.name);
            let problem = draft.error_at(node, &["with", variable], message);
            let problem = problem.label(match from.step {
                StepSpec::Gather(_) => "as long as the archive",
                _ => "as long as the document",
            });
            let help = "merge it into one text with `reduce`, or keep the best of it with `rank` and `top`";
            problems.push(problem.help(help).warning());
        }
    }
    problems
}

/// Tells whether what a node yields is longer the more there is to read. A value that one answer holds is not.
fn grows(draft: &Draft<'_>, node: &DraftNode<'_>, hops: usize) -> bool {
    let Some(hops) = hops.checked_sub(1) else { return false };
    let of = |name: &NodeName| draft.nodes.get(name).is_some_and(|from| grows(draft, from, hops));
    match node.step {
        StepSpec::Split(split) => split.keep == Keep::All,
        StepSpec::Map(step) => of(&step.over),
        StepSpec::Filter(step) => of(&step.over),
        StepSpec::Rank(step) => step.top.is_none() && of(&step.over),
        StepSpec::Extract(step) => step.over.as_ref().is_some_and(of),
        StepSpec::Gather(step) => {
            step.keep_tokens.is_none() && (node.scope == Scope::Archive || of(&step.over))
        }
        StepSpec::Write(step) => of(&step.from),
        StepSpec::Gate(step) => of(&step.show),
        StepSpec::Route(route) => RouteSpec::branches(route).any(of),
        StepSpec::Workflow(step) => {
            let records = draft.yields(node) == Some(ValueKind::Records);
            step.times.is_none() && records
        }
        StepSpec::Fold(_)
        | StepSpec::Reduce(_)
        | StepSpec::Call(_)
        | StepSpec::Quote(_)
        | StepSpec::Iterate(_)
        | StepSpec::Retrieve(_)
        | StepSpec::Recall(_)
        | StepSpec::Remember(_)
        | StepSpec::Vote(_)
        | StepSpec::Judge(_) => false,
    }
}
