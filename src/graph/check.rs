//! What can be wrong between the steps of a workflow: one function for each kind of mistake.

use std::collections::BTreeSet;

use super::draft::{Draft, named_inputs, reads_chunk_by_chunk, references, seen};
use super::workflow::{Scope, ValueKind};
use crate::name::NodeName;
use crate::spec::{Diagnostic, InputKind, OutputType, StepSpec, Tie};

/// Reports a workflow without steps.
pub(super) fn empty(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let none = draft.spec.value.nodes.is_empty();
    let problem =
        || draft.spec.error_at_key(&["nodes"], "the workflow has no steps").label("expected a step");
    none.then(problem).into_iter().collect()
}

/// Reports names that stand in `nodes` and in `archive`.
pub(super) fn given_twice(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let spec = &draft.spec.value;
    let twice = spec.archive.keys().filter(|name| spec.nodes.contains_key(*name));
    let problem = |name: &NodeName| {
        let message = format!("the name `{name}` is given in `nodes` and in `archive`");
        draft.spec.error_at_key(&["archive", name.as_str()], message).label("expected a name of its own")
    };
    twice.map(problem).collect()
}

/// Reports references to nodes that do not exist.
pub(super) fn unknown_nodes(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        for reference in references(node.step) {
            if !draft.nodes.contains_key(reference.to) {
                let message = format!("there is no node `{}`", reference.to);
                let help = draft.suggestion(reference.to.as_str(), &draft.visible(node.scope));
                problems.push(draft.error_at(node, &reference.path(), message).help(help));
            }
        }
    }
    problems
}

/// Reports steps of a source that read steps of the archive.
pub(super) fn scopes(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values().filter(|node| node.scope == Scope::Source) {
        for reference in references(node.step) {
            if draft.nodes.get(reference.to).is_some_and(|to| to.scope == Scope::Archive) {
                let message = format!("`{}` is only there when every source is done", reference.to);
                let problem = draft.error_at(node, &reference.path(), message);
                problems
                    .push(problem.label("expected a node of `nodes`").help("move this step to `archive`"));
            }
        }
    }
    problems
}

/// Reports references to nodes that yield something else than the reader takes.
pub(super) fn kinds(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        for reference in references(node.step) {
            let Some(to) = draft.nodes.get(reference.to).filter(|to| to.scope <= node.scope) else {
                continue;
            };
            // What hangs on a missing node or on a circle is reported there.
            let Some(kind) = draft.yields(to) else { continue };
            let found = seen(to.scope, node.scope, kind);
            if found.is_some_and(|kind| reference.accepts.contains(&kind)) {
                continue;
            }
            let accepted: Vec<String> = reference.accepts.iter().map(ToString::to_string).collect();
            let kind = found.map_or_else(|| "the chunks of one source".to_owned(), |kind| kind.to_string());
            let message = format!("`{}` yields {kind}", reference.to);
            let label = format!("expected a node that yields {}", accepted.join(" or "));
            problems.push(draft.error_at(node, &reference.path(), message).label(label));
        }
    }
    problems
}

/// Reports recalls whose `for` is no call that reads them.
pub(super) fn recalls(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        let StepSpec::Recall(recall) = node.step else { continue };
        let reads =
            |step: &StepSpec| matches!(step, StepSpec::Call(call) if call.memory.as_ref() == Some(node.name));
        match draft.nodes.get(&recall.reader) {
            Some(reader) if reads(reader.step) => {}
            Some(_) => {
                let message = format!("`{}` does not read the memory of `{}`", recall.reader, node.name);
                let problem =
                    draft.error_at(node, &["for"], message).label("expected the `call` that reads it");
                let help = format!("give a `call` step the line `memory: {}`, and name it here", node.name);
                problems.push(problem.help(help));
            }
            None => {
                let help = draft.suggestion(recall.reader.as_str(), &draft.visible(node.scope));
                let message = format!("there is no node `{}`", recall.reader);
                problems.push(draft.error_at(node, &["for"], message).help(help));
            }
        }
    }
    problems
}

/// Reports splits whose `for` names no node, or one that does not read them, and splits outside of a source.
pub(super) fn splits(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        let StepSpec::Split(split) = node.step else { continue };
        if node.scope == Scope::Archive {
            let message = format!("`{}` has no document to split", node.name);
            problems.push(draft.error_at_node(node, message).help("move this step to `nodes`"));
            continue;
        }
        let reads_this = |step: &StepSpec| references(step).iter().any(|one| one.to == node.name);
        let readers: Vec<&str> =
            draft.nodes.values().filter(|n| reads_this(n.step)).map(|n| n.name.as_str()).collect();
        if !draft.nodes.contains_key(&split.reader) {
            let message = format!("there is no node `{}`", split.reader);
            let help = draft.suggestion(split.reader.as_str(), &draft.visible(node.scope));
            problems.push(draft.error_at(node, &["for"], message).help(help));
        } else if !readers.contains(&split.reader.as_str()) {
            let message = format!("`{}` does not read the chunks of `{}`", split.reader, node.name);
            let problem = draft.error_at(node, &["for"], message).label("expected the step that reads them");
            problems.push(problem.help(match readers.first() {
                Some(reader) => format!("they are read by `{reader}`"),
                None => format!("give `{}` the line `over: {}`", split.reader, node.name),
            }));
        } else if let Some(reader) = draft.nodes.get(&split.reader)
            && split.max_tokens.is_none()
            && !reads_chunk_by_chunk(reader.step)
        {
            let message =
                format!("`{}` does not read chunk by chunk, so its prompt bounds none", split.reader);
            let problem = draft.error_at(node, &["for"], message).label("needs `max_tokens` beside it");
            problems.push(problem.help("add, for example, `max_tokens: 400`"));
        }
    }
    problems
}

/// Reports an `output` or an `overview` that is unknown, in the wrong section or no result.
pub(super) fn results(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let spec = &draft.spec.value;
    let output = result(draft, "output", &spec.output, Scope::Source);
    let overview = spec.overview.as_ref().and_then(|name| result(draft, "overview", name, Scope::Archive));
    output.into_iter().chain(overview).collect()
}

fn result(draft: &Draft<'_>, key: &str, name: &NodeName, scope: Scope) -> Option<Diagnostic> {
    let section = super::draft::section(scope);
    let label = format!("expected a node of `{section}` that yields one text, quotes or records");
    let Some(node) = draft.nodes.get(name) else {
        let of_scope = draft.nodes.values().filter(|node| node.scope == scope);
        let known: Vec<&str> = of_scope.map(|node| node.name.as_str()).collect();
        let problem = draft.spec.error_at(&[key], format!("there is no node `{name}`"));
        return Some(problem.label(label).help(draft.suggestion(name.as_str(), &known)));
    };
    if node.scope != scope {
        let there = super::draft::section(node.scope);
        return Some(draft.spec.error_at(&[key], format!("`{name}` is a node of `{there}`")).label(label));
    }
    let kind = draft.yields(node)?;
    let fits = matches!(kind, ValueKind::Text | ValueKind::Quotes | ValueKind::Records);
    (!fits).then(|| draft.spec.error_at(&[key], format!("`{name}` yields {kind}")).label(label))
}

/// Reports results that are not of the type that the workflow promises, and a promise without a result.
pub(super) fn promises(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let spec = &draft.spec.value;
    let promised = [
        ("output_type", spec.output_type, Some(&spec.output)),
        ("overview_type", spec.overview_type, spec.overview.as_ref()),
    ];
    let problem = |(key, promised, name): (&str, Option<OutputType>, Option<&NodeName>)| {
        let promised = promised?;
        let Some(name) = name else {
            let problem = draft.spec.error_at_key(&[key], "the workflow has no `overview`");
            return Some(problem.label("the type of nothing").help("remove it, or add `overview`"));
        };
        // A result that is none of the three is reported as one.
        let found = draft.yields(draft.nodes.get(name)?)?.result()?;
        let kind = found.word();
        let problem = draft.spec.error_at(&[key], format!("`{name}` yields {found}"));
        let problem = problem.label(format!("promises {promised}"));
        (found != promised)
            .then(|| problem.help(format!("write `{key}: {kind}`, or let another node give the result")))
    };
    promised.into_iter().filter_map(problem).collect()
}

/// Reports votes whose `tie` names a node that has no vote, and lists in which no or not only different nodes stand.
pub(super) fn several(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        let over = match node.step {
            StepSpec::Vote(vote) => &vote.over,
            StepSpec::Judge(judge) => &judge.over,
            _ => continue,
        };
        let nodes = over.nodes();
        if nodes.is_empty() {
            let problem = draft.error_at_key(node, &["over"], "nothing to choose from".to_owned());
            problems.push(problem.label("expected the names of nodes"));
        }
        let mut before = BTreeSet::new();
        for (at, name) in nodes.iter().enumerate().filter(|(_, name)| !before.insert(*name)) {
            let problem =
                draft.error_at(node, &["over", &at.to_string()], format!("`{name}` stands here twice"));
            problems.push(problem.label("expected another node"));
        }
        if let StepSpec::Vote(vote) = node.step
            && let Tie::Node(tie) = &vote.tie
            && !nodes.contains(tie)
        {
            let known: Vec<&str> =
                std::iter::once("first").chain(nodes.iter().map(NodeName::as_str)).collect();
            let problem = draft.error_at(node, &["tie"], format!("`{tie}` has no vote"));
            let label = "expected `first` or a node of `over`";
            problems.push(problem.label(label).help(draft.suggestion(tie.as_str(), &known)));
        }
    }
    problems
}

/// Reports demonstrations of steps that show nothing.
pub(super) fn examples(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        for (at, one) in node.step.examples().iter().enumerate() {
            if let Some(key) = one.empty_part() {
                let message = format!("`{key}` of a demonstration is empty");
                let problem = draft.error_at(node, &["examples", &at.to_string(), key], message);
                problems.push(problem.label("expected a text"));
            }
        }
    }
    problems
}

/// Reports steps whose `question` names no input.
pub(super) fn questions(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let inputs: Vec<&str> = draft.spec.value.inputs.keys().map(String::as_str).collect();
    let mut problems = Vec::new();
    for node in draft.nodes.values() {
        for (key, input) in named_inputs(node.step) {
            let path = if key == "question" { &[key][..] } else { &[key, "input"] };
            let Some(known) = draft.spec.value.inputs.get(input) else {
                let problem = draft.error_at(node, path, format!("there is no input `{input}`"));
                let help = draft.suggestion(input, &inputs);
                problems.push(problem.label("expected the name of an input").help(help));
                continue;
            };
            if key != "question" && known.kind != InputKind::Integer {
                let problem = draft.error_at(node, path, format!("the input `{input}` is no whole number"));
                problems.push(problem.label("expected an input of `type: integer`"));
            }
        }
    }
    problems
}

/// Warns of nodes from which no way leads to a result.
pub(super) fn unused_nodes(draft: &Draft<'_>) -> Vec<Diagnostic> {
    let spec = &draft.spec.value;
    let written =
        draft.nodes.values().filter(|node| matches!(node.step, StepSpec::Write(_))).map(|node| node.name);
    let mut waiting: Vec<&NodeName> =
        [Some(&spec.output), spec.overview.as_ref()].into_iter().flatten().chain(written).collect();
    let mut used = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if let Some(node) = draft.nodes.get(name)
            && used.insert(name)
        {
            waiting.extend(references(node.step).into_iter().map(|reference| reference.to));
            waiting.extend(draft.needs(name));
        }
    }
    let unused = draft.nodes.values().filter(|node| !used.contains(node.name));
    let problem = |node: &super::draft::DraftNode<'_>| {
        let message = format!("no result depends on `{}`", node.name);
        let help = "remove it, or name it in `output`, `overview` or a step that they depend on";
        draft.error_at_node(node, message).help(help).warning()
    };
    unused.map(problem).collect()
}
