//! The order of the nodes, and the circles in which there is none.

use std::collections::BTreeMap;

use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};

use super::draft::Draft;
use crate::name::NodeName;
use crate::spec::Diagnostic;

type Graph<'a> = DiGraph<&'a NodeName, ()>;

/// Returns the names with every node after all that it reads, those of the archive last.
pub(super) fn order<'a>(draft: &Draft<'a>) -> Result<Vec<&'a NodeName>, Vec<Diagnostic>> {
    let mut graph: Graph<'a> = Graph::new();
    let indices: BTreeMap<&NodeName, NodeIndex> =
        draft.nodes.keys().map(|name| (*name, graph.add_node(name))).collect();
    for (name, node) in &draft.nodes {
        for before in draft.upstream(node) {
            if let (Some(from), Some(to)) = (indices.get(before), indices.get(name)) {
                graph.update_edge(*from, *to, ());
            }
        }
    }
    let Ok(sorted) = toposort(&graph, None) else { return Err(circles(draft, &graph)) };
    let mut names: Vec<&NodeName> =
        sorted.into_iter().filter_map(|i| graph.node_weight(i)).copied().collect();
    names.sort_by_key(|name| draft.nodes.get(name).map(|node| node.scope));
    Ok(names)
}

fn circles(draft: &Draft<'_>, graph: &Graph<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for component in tarjan_scc(graph) {
        let Some(first) = component.iter().copied().min() else { continue };
        if component.len() == 1 && !graph.contains_edge(first, first) {
            continue;
        }
        let circle = circle(graph, first);
        let names: Vec<&str> =
            circle.iter().filter_map(|i| graph.node_weight(*i)).map(|n| n.as_str()).collect();
        let Some(node) = graph.node_weight(first).and_then(|name| draft.nodes.get(*name)) else { continue };
        let message = format!("the nodes wait for each other: {}", names.join(" -> "));
        let problem = draft.error_at_node(node, message).label("depends on itself");
        problems.push(problem.help("let one of them read something else"));
    }
    problems
}

/// Returns the shortest way from a node back to itself, both ends named.
fn circle(graph: &Graph<'_>, start: NodeIndex) -> Vec<NodeIndex> {
    let mut came_from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
    let mut waiting = std::collections::VecDeque::from([start]);
    while let Some(at) = waiting.pop_front() {
        for next in graph.neighbors(at) {
            came_from.entry(next).or_insert_with(|| {
                waiting.push_back(next);
                at
            });
        }
    }
    let mut way = vec![start];
    let mut at = start;
    while let Some(before) = came_from.get(&at) {
        way.push(*before);
        at = *before;
        if at == start {
            break;
        }
    }
    way.reverse();
    way
}
