//! A diagram in Mermaid's language.

use std::fmt::Write as _;

use super::diagram::{Diagram, Look, State};

/// Writes a diagram as a Mermaid flowchart. Node names are not used as identifiers: Mermaid has words of its own.
#[must_use]
pub fn mermaid(diagram: &Diagram) -> String {
    let mut text = format!("---\ntitle: \"{}\"\n---\nflowchart TD\n", diagram.title);
    for (number, (title, nodes)) in diagram.groups().into_iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  subgraph g{number} [\"{title}\"]");
        for at in nodes {
            let Some(node) = diagram.nodes.get(at) else { continue };
            let lines: Vec<String> = node.lines.iter().map(|line| escaped(line)).collect();
            let (open, close) = if node.result { ("([", "])") } else { ("[", "]") };
            let _ =
                writeln!(text, "    n{at}{open}\"<b>{}</b><br/>{}\"{close}", node.name, lines.join("<br/>"));
        }
        text.push_str("  end\n");
    }
    for (from, to) in &diagram.arrows {
        let _ = writeln!(text, "  n{from} --> n{to}");
    }
    for state in State::ALL {
        let of: Vec<String> = (0..diagram.nodes.len())
            .filter(|at| diagram.nodes.get(*at).is_some_and(|node| node.state == Some(state)))
            .map(|at| format!("n{at}"))
            .collect();
        if !of.is_empty() {
            let Look { word, fill, frame, dashed } = state.look();
            let dashes = if dashed { ",stroke-dasharray:5 3" } else { "" };
            let _ = writeln!(
                text,
                "  classDef {word} fill:{fill},stroke:{frame}{dashes}\n  class {} {word}",
                of.join(",")
            );
        }
    }
    text
}

/// Names are plain; the path of a model may hold anything.
fn escaped(text: &str) -> String {
    text.replace('&', "#amp;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}
