//! Random workflows that compile: a few nodes of every kind, each of which reads what nodes before it yield.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use crate::longhand::document;

/// A workflow that stands in another.
const INNER: &str = "
version: 1
name: inner
inputs:
  question: {}
nodes:
  chunks: {split: {for: read, max_tokens: 40}}
  read: {fold: {over: chunks, agent: inner, order: {shuffled: 2}}}
output: read
";

/// What every drawn workflow begins with: chunks, and one node that certainly reads them.
const FIRST: &str =
    "  chunks: {split: {for: first, max_tokens: 40}}\n  first: {map: {over: chunks, agent: first}}\n";

/// One node: its kind, which of the nodes before it it reads, and a number for whatever else it can be told.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    kind: Kind,
    picks: [usize; 3],
    number: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fold,
    Map,
    Extract,
    Quote,
    Call,
    Reduce,
    Filter,
    Rank,
    Vote,
    Judge,
    Iterate,
    Route,
    Workflow,
    Gate,
}

use Kind::{
    Call, Extract, Filter, Fold, Gate, Iterate, Judge, Map, Quote, Rank, Reduce, Route, Vote, Workflow,
};

pub(super) fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let kinds =
        [Fold, Map, Extract, Quote, Call, Reduce, Filter, Rank, Vote, Judge, Iterate, Route, Workflow, Gate];
    let one = (prop::sample::select(kinds.to_vec()), prop::array::uniform3(0_usize..100), 0_usize..100);
    prop::collection::vec(one.prop_map(|(kind, picks, number)| Drawn { kind, picks, number }), 2..7)
}

/// What stands below `archive`: nothing, a merger, or a merger and a gate.
pub(super) fn archive() -> impl Strategy<Value = usize> {
    0_usize..3
}

/// The nodes that are written already, by what they yield.
#[derive(Debug, Default)]
struct Written {
    steps: String,
    text: Vec<String>,
    texts: Vec<String>,
    lists: Vec<String>,
    /// What some node reads.
    read: BTreeSet<String>,
}

impl Written {
    fn pick(&mut self, from: &[String], pick: usize) -> Option<String> {
        let name = from.get(pick % from.len().max(1))?.clone();
        self.read.insert(name.clone());
        Some(name)
    }

    fn a_text(&mut self, pick: usize) -> Option<String> {
        self.pick(&self.text.clone(), pick)
    }

    fn some_texts(&mut self, pick: usize) -> Option<String> {
        self.pick(&self.texts.clone(), pick)
    }

    /// A node that an agent can be shown.
    fn any(&mut self, pick: usize) -> Option<String> {
        self.pick(&[self.text.as_slice(), &self.texts, &self.lists].concat(), pick)
    }

    /// Writes a node; one that finds nothing to read becomes one that reads the document.
    fn node(&mut self, project: &Path, at: usize, node: &Drawn) {
        let name = format!("n{at}");
        let written = self.step(project, &name, node);
        let (kind, step) = written.unwrap_or_else(|| {
            agent(project, &name, "{{ index }} of {{ count }}: {{ chunk }} after {{ unit }}");
            (Fold, format!("fold: {{over: chunks, agent: {name}}}"))
        });
        let _ = writeln!(self.steps, "  {name}: {{{step}}}");
        let repeated = kind == Workflow && node.number.is_multiple_of(2);
        match kind {
            Map | Filter | Rank => self.texts.push(name),
            Workflow if repeated => self.texts.push(name),
            Extract | Quote => self.lists.push(name),
            _ => self.text.push(name),
        }
    }

    fn step(&mut self, project: &Path, name: &str, node: &Drawn) -> Option<(Kind, String)> {
        let Drawn { kind, picks: [first, second, third], number } = *node;
        let shown = "{{ count }}{% for item in items %} [{{ item.number }}] {{ item.text }}{% endfor %}";
        let letter = char::from(b"aeiouyxq"[number % 8]);
        let (prompt, step) = match kind {
            Fold => {
                let order = ["left-to-right", "right-to-left", "{shuffled: 3}"][number % 3];
                (
                    "{{ index }}: {{ chunk }} after {{ unit }}",
                    format!("fold: {{over: chunks, order: {order}, "),
                )
            }
            Map => ("{{ index }}: {{ chunk }}", "map: {over: chunks, ".to_owned()),
            Extract => (
                "JSON about {{ chunk }} as {{ schema }}",
                "extract: {over: chunks, repairs: 1, schema: {type: array, items: {type: object}}, "
                    .to_owned(),
            ),
            Quote => (
                "{{ index }}:{% for one in unit %} {{ one.text }}{% endfor %}{% for sentence in sentences %} {{ sentence.number }} {{ sentence.text }}{% endfor %}",
                "quote: {over: chunks, score: choice, keep_tokens: 40, ".to_owned(),
            ),
            Call => {
                let (one, two) = (self.any(first)?, self.any(second)?);
                ("{{ one }} and {{ two }}", format!("call: {{with: {{one: {one}, two: {two}}}, "))
            }
            Iterate => {
                let one = self.any(first)?;
                let rounds = number % 4 + 1;
                let until = format!("until: {{contains: {letter}z}}, at_most: {rounds}");
                (
                    "{{ round }} of {{ rounds }}: {{ one }} after {{ previous }}",
                    format!("iterate: {{with: {{one: {one}}}, {until}, "),
                )
            }
            Reduce => (
                "{% for item in items %} {{ item }}{% endfor %}",
                format!("reduce: {{over: {}, ", self.some_texts(first)?),
            ),
            Filter => {
                let over = self.some_texts(first)?;
                if number.is_multiple_of(3) {
                    return Some((
                        kind,
                        format!("filter: {{over: {over}, keep_if: {{contains: {letter}}}}}"),
                    ));
                }
                ("{{ index }} of {{ count }}: {{ item }}", format!("filter: {{over: {over}, "))
            }
            Rank => (shown, format!("rank: {{over: {}, window: 3, step: 2, ", self.some_texts(first)?)),
            Judge => {
                let over = self.several(first, second)?;
                (shown, format!("judge: {{over: {over}, "))
            }
            Vote => return Some((kind, format!("vote: {{over: {}}}", self.several(first, second)?))),
            Gate => return Some((kind, format!("gate: {{show: {}, question: Well?}}", self.a_text(first)?))),
            Route => {
                let (on, one, two) = (self.a_text(first)?, self.a_text(second)?, self.a_text(third)?);
                let cases = format!("cases: [{{when: {{contains: {letter}}}, take: {one}}}]");
                return Some((kind, format!("route: {{on: {on}, {cases}, otherwise: {two}}}")));
            }
            Workflow => {
                let question = self.a_text(first)?;
                let times = if number.is_multiple_of(2) { ", times: 2" } else { "" };
                let inputs = format!("inputs: {{question: {{node: {question}}}}}");
                return Some((kind, format!("workflow: {{name: inner, {inputs}{times}}}")));
            }
        };
        agent(project, name, prompt);
        Some((kind, format!("{step}agent: {name}}}")))
    }

    /// Two nodes that yield texts, or one that yields several.
    fn several(&mut self, first: usize, second: usize) -> Option<String> {
        let from = [self.text.as_slice(), &self.texts].concat();
        let (one, two) = (self.pick(&from, first)?, self.pick(&from, second)?);
        if one == two { self.some_texts(first) } else { Some(format!("[{one}, {two}]")) }
    }
}

/// Writes an agent whose every prompt says whose it is.
fn agent(project: &Path, name: &str, prompt: &str) {
    let text = format!("version: 1\nname: {name}\nprompt: {name}\nmax_output: 30\n");
    fs::write(project.join(format!("agents/{name}.yaml")), text).unwrap();
    let document = if name == "all" { "" } else { " over {{ document }}" };
    fs::write(project.join(format!("prompts/{name}.tera")), format!("{name}{document} {prompt}")).unwrap();
}

/// Writes a project with the workflow `drawn`, and documents of so many sentences.
pub(super) fn write_project(project: &Path, nodes: &[Drawn], archive: usize, documents: &[usize]) {
    for folder in ["agents", "prompts", "workflows", "documents"] {
        fs::create_dir_all(project.join(folder)).unwrap();
    }
    for (number, sentences) in documents.iter().enumerate() {
        fs::write(project.join(format!("documents/{number}.md")), document(*sentences)).unwrap();
    }
    agent(project, "inner", "{{ question }}: {{ chunk }} after {{ unit }}");
    fs::write(project.join("workflows/inner.yaml"), INNER).unwrap();
    agent(project, "first", "{{ index }}: {{ chunk }}");
    let mut written = Written { texts: vec!["first".to_owned()], ..Written::default() };
    for (at, node) in nodes.iter().enumerate() {
        written.node(project, at, node);
    }
    // What nobody reads is shown to the last node, so that everything that is not behind a route runs.
    let all = [written.text.as_slice(), &written.texts, &written.lists].concat();
    let left: Vec<&String> = all.iter().filter(|name| !written.read.contains(*name)).collect();
    let with: Vec<String> = left.iter().map(|name| format!("{name}: {name}")).collect();
    let prompt: Vec<String> = left.iter().map(|name| format!("{{{{ {name} }}}}")).collect();
    agent(project, "last", &prompt.join(" and "));
    let mut text = format!(
        "version: 1\nname: drawn\nnodes:\n{FIRST}{}  last: {{call: {{agent: last, with: {{{}}}}}}}\noutput: last\n",
        written.steps,
        with.join(", ")
    );
    agent(project, "all", "{% for item in items %} {{ item }}{% endfor %}");
    if archive > 0 {
        text.push_str("archive:\n  all: {reduce: {over: last, agent: all}}\n");
        let overview = if archive > 1 { "seen" } else { "all" };
        if archive > 1 {
            text.push_str("  seen: {gate: {show: all, question: May this go out?}}\n");
        }
        let _ = writeln!(text, "overview: {overview}");
    }
    fs::write(project.join("workflows/drawn.yaml"), text).unwrap();
}
