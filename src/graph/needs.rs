//! What `needs` says: nodes that another waits for without reading them.

use std::collections::BTreeSet;

use super::draft::{Draft, branches, references};
use super::workflow::Scope;
use crate::name::NodeName;
use crate::spec::{Diagnostic, Several, StepSpec};

/// One mention of a node in `needs`.
struct Mention<'a> {
    /// The node that waits.
    by: &'a NodeName,
    /// Its place in a list; none where a single node is named.
    at: Option<String>,
    /// The node that it waits for.
    to: &'a NodeName,
}

impl Mention<'_> {
    fn error(&self, draft: &Draft<'_>, message: String) -> Diagnostic {
        let path: Vec<&str> = ["needs", self.by.as_str()].into_iter().chain(self.at.as_deref()).collect();
        draft.spec.error_at(&path, message)
    }
}

fn mentions<'a>(draft: &Draft<'a>) -> Vec<Mention<'a>> {
    let of = |(by, several): (&'a NodeName, &'a Several)| {
        let listed = matches!(several, Several::List(_));
        let one =
            move |(at, to): (usize, &'a NodeName)| Mention { by, at: listed.then(|| at.to_string()), to };
        several.nodes().iter().enumerate().map(one)
    };
    draft.spec.value.needs.iter().flat_map(of).collect()
}

/// Reports nodes of `needs` that do not exist, on either side.
pub(super) fn unknown(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let all = draft.visible(Scope::Archive);
    let waiting = draft.spec.value.needs.keys().filter(|name| !draft.nodes.contains_key(*name));
    let waiting = waiting.map(|name| {
        let problem =
            draft.spec.error_at_key(&["needs", name.as_str()], format!("there is no node `{name}`"));
        problem.label("expected the node that waits").help(draft.suggestion(name.as_str(), &all))
    });
    let mentioned = mentions(draft).into_iter().filter(|one| !draft.nodes.contains_key(one.to));
    let mentioned = mentioned.map(|one| {
        let visible = draft.nodes.get(one.by).map_or(Scope::Archive, |node| node.scope);
        let problem = one.error(draft, format!("there is no node `{}`", one.to));
        let label = format!("expected a node that `{}` waits for", one.by);
        problem.label(label).help(draft.suggestion(one.to.as_str(), &draft.visible(visible)))
    });
    waiting.chain(mentioned).collect()
}

/// Reports nodes of a source that wait for the archive.
pub(super) fn scopes(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let scope = |name: &NodeName| draft.nodes.get(name).map(|node| node.scope);
    let wrong =
        |one: &Mention<'_>| scope(one.by) == Some(Scope::Source) && scope(one.to) == Some(Scope::Archive);
    let problem = |one: Mention<'_>| {
        let problem = one.error(draft, format!("`{}` is only there when every source is done", one.to));
        problem.label("expected a node of `nodes`").help(format!("move `{}` to `archive`", one.by))
    };
    mentions(draft).into_iter().filter(wrong).map(problem).collect()
}

/// Reports lists that are empty or name a node twice, and branches of a route, which would run whether they are taken or
/// not; warns of nodes that are read anyway.
pub(super) fn idle(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let empty = draft.spec.value.needs.iter().filter(|(_, several)| several.nodes().is_empty());
    let empty = empty.map(|(by, _)| {
        let problem = draft.spec.error_at_key(&["needs", by.as_str()], format!("`{by}` waits for nothing"));
        problem.label("expected the names of nodes")
    });
    let all = mentions(draft);
    let waits = draft.nodes.values().filter(|node| draft.spec.value.needs.contains_key(node.name));
    let read: BTreeSet<(&NodeName, &NodeName)> = waits
        .flat_map(|node| references(node.step).into_iter().map(|reference| (node.name, reference.to)))
        .collect();
    let mut before = BTreeSet::new();
    let of_one = all.iter().filter_map(|one| {
        if !before.insert((one.by, one.to)) {
            let problem = one.error(draft, format!("`{}` stands here twice", one.to));
            return Some(problem.label("expected another node"));
        }
        let step = draft.nodes.get(one.by)?.step;
        if let StepSpec::Route(route) = step
            && branches(route).any(|branch| branch.to == one.to)
        {
            let problem = one.error(draft, format!("`{}` is a branch of the route `{}`", one.to, one.by));
            let label = "would run whether it is taken or not";
            return Some(problem.label(label).help("remove it: the branch that is taken is waited for"));
        }
        let problem = || one.error(draft, format!("`{}` reads `{}` already", one.by, one.to));
        let help = "remove it: a node waits for all that it reads";
        read.contains(&(one.by, one.to)).then(|| problem().label("says nothing new").help(help).warning())
    });
    empty.chain(of_one).collect()
}

/// Warns of nodes that are waited for and whose value nobody reads. A gate and a file are waited for with reason.
pub(super) fn unread(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let spec = &draft.spec.value;
    let read: BTreeSet<&NodeName> = draft
        .nodes
        .values()
        .flat_map(|node| references(node.step))
        .map(|reference| reference.to)
        .chain([&spec.output])
        .chain(&spec.overview)
        .collect();
    let problem = |one: &Mention<'_>| {
        let node = draft.nodes.get(one.to)?;
        let kept = matches!(node.step, StepSpec::Gate(_) | StepSpec::Write(_)) || read.contains(one.to);
        let message = format!("`{}` waits for `{}`, and nothing reads what that yields", one.by, one.to);
        let help = "read it, by `with` for example, or remove it";
        (!kept).then(|| one.error(draft, message).label("an output that is never read").help(help).warning())
    };
    mentions(draft).iter().filter_map(problem).collect()
}
