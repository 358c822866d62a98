//! A diagram in the language of Graphviz.

use std::fmt::Write as _;

use super::diagram::{Diagram, Look, State};

/// Writes a diagram as a directed graph for `dot`.
#[must_use]
pub fn dot(diagram: &Diagram) -> String {
    let mut text = format!(
        "digraph workflow {{\n  label=\"{}\"; labelloc=t; fontname=\"sans-serif\";\n  node [shape=box, style=\"filled\", \
         fillcolor=\"#ffffff\", fontname=\"sans-serif\"];\n",
        escaped(&diagram.title)
    );
    for (number, (title, nodes)) in diagram.groups().into_iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  subgraph cluster_{number} {{\n    label=\"{title}\";");
        for at in nodes {
            let Some(node) = diagram.nodes.get(at) else { continue };
            let lines: Vec<String> =
                std::iter::once(&node.name).chain(&node.lines).map(|line| escaped(line)).collect();
            let look = node.state.map(State::look);
            let style = match (node.result, look.is_some_and(|look| look.dashed)) {
                (true, true) => ", style=\"filled,rounded,dashed\"",
                (true, false) => ", style=\"filled,rounded\"",
                (false, true) => ", style=\"filled,dashed\"",
                (false, false) => "",
            };
            let colours = look.map_or_else(String::new, |Look { fill, frame, .. }| {
                format!(", fillcolor=\"{fill}\", color=\"{frame}\"")
            });
            let _ = writeln!(text, "    n{at} [label=\"{}\"{style}{colours}];", lines.join("\\n"));
        }
        text.push_str("  }\n");
    }
    for (from, to) in &diagram.arrows {
        let _ = writeln!(text, "  n{from} -> n{to};");
    }
    text.push_str("}\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
