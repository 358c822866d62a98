//! `write`: makes the text of a file. The file itself is written by the command, which alone writes output.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde_json::json;

use super::StepError;
use super::context::{RunContext, bug};
use crate::graph::{Scope, Workflow};
use crate::name::NodeName;
use crate::prompt::{Line, Variables};
use crate::run::{Quote, Slot, Table, TaskId, Value};
use crate::spec::{StepSpec, WriteFormat, WriteSpec};

/// A file that a run is to write, and the task whose value is its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// The task of a `write` step.
    pub task: TaskId,
    /// The file, seen from the output folder and inside it.
    pub path: PathBuf,
}

pub(super) fn run(context: &RunContext, task: &TaskId, spec: &WriteSpec) -> Result<Value, StepError> {
    let value = context.value(task, &spec.from)?;
    let text = match spec.format {
        WriteFormat::Text => plain(&value),
        WriteFormat::Json => format!("{:#}\n", json(context, value)),
        WriteFormat::Csv => match value {
            Value::Records(records) => Table::of(&records).csv(),
            _ => return Err(bug(&spec.from, "records")),
        },
    };
    Ok(Value::Text(text))
}

fn plain(value: &Value) -> String {
    let text = match value {
        Value::Text(text) => text.trim_end().to_owned(),
        Value::Texts(texts) => texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join("\n\n"),
        Value::Quotes(quotes) => quotes.iter().map(Quote::line).collect::<Vec<_>>().join("\n"),
        Value::Records(records) => Table::of(records).markdown().trim_end().to_owned(),
        Value::Chunks(_) => String::new(),
    };
    text + "\n"
}

fn json(context: &RunContext, value: Value) -> serde_json::Value {
    match value {
        Value::Text(text) => text.into(),
        Value::Texts(texts) => texts.into(),
        Value::Records(records) => records.into(),
        Value::Quotes(quotes) => {
            let one = |quote: &Quote| {
                json!({
                    "text": quote.text,
                    "document": context.document_name(quote.document),
                    "start": quote.span.start,
                    "end": quote.span.end,
                })
            };
            quotes.iter().map(one).collect()
        }
        Value::Chunks(_) => serde_json::Value::Null,
    }
}

/// Returns the files that the `write` steps of a workflow make over sources of these names, whether or not they are
/// there yet.
///
/// # Errors
/// [`StepError::Path`] where a path leads out of the output folder or two tasks would write the same file.
pub fn output_files(
    workflow: &Workflow,
    inputs: &BTreeMap<String, String>,
    sources: &[String],
) -> Result<Vec<OutputFile>, StepError> {
    let mut files: Vec<OutputFile> = Vec::new();
    for node in workflow.nodes() {
        let StepSpec::Write(spec) = &node.step else { continue };
        let of_source = |(index, name): (u32, &String)| (Slot::Source(index), Some(name.clone()));
        let slots: Vec<(Slot, Option<String>)> = match node.scope {
            Scope::Source => (0..).zip(sources).map(of_source).collect(),
            Scope::Archive => vec![(Slot::Archive, None)],
        };
        for (slot, document) in slots {
            let path = path(&node.name, spec, inputs, document)?;
            if files.iter().any(|file| file.path == path) {
                let reason = "it is written twice; use `{{ document }}` in the path".to_owned();
                let path = path.display().to_string();
                return Err(StepError::Path { node: node.name.to_string(), path, reason });
            }
            files.push(OutputFile { task: TaskId { slot, node: node.name.clone() }, path });
        }
    }
    Ok(files)
}

/// Renders the path of one file.
fn path(
    node: &NodeName,
    spec: &WriteSpec,
    inputs: &BTreeMap<String, String>,
    document: Option<String>,
) -> Result<PathBuf, StepError> {
    let mut variables = Variables::default();
    for (name, value) in inputs {
        variables.set(name, value.as_str());
    }
    if let Some(document) = document {
        variables.set("document", document);
    }
    let failed = |path: &str, reason: String| StepError::Path {
        node: node.to_string(),
        path: path.to_owned(),
        reason,
    };
    let rendered = Line::compile(&spec.path).and_then(|line| line.render(&variables));
    let rendered = rendered.map_err(|reason| failed(&spec.path, reason))?;
    inside(&rendered).ok_or_else(|| failed(&rendered, "it is no file inside the output folder".to_owned()))
}

/// Returns the path where it names a file below the folder that it is seen from, `.` left out.
fn inside(path: &str) -> Option<PathBuf> {
    let mut inside = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => inside.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    let named = !path.ends_with(['/', '\\']) && !path.contains(['\0', '\n', '\r']);
    (named && inside.file_name().is_some()).then_some(inside)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_inside_or_is_none() {
        assert_eq!(inside("a/./b.csv"), Some(PathBuf::from("a/b.csv")));
        for outside in ["", ".", "/etc/x", "../x", "a/../../x", "a/..", "a/", "a\nb", "a\0b"] {
            assert_eq!(inside(outside), None, "{outside:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_path_is_made_of_it_stays_inside(parts in proptest::collection::vec("[a.]{0,3}|/|[.]{2}|\\PC", 0..8)) {
            if let Some(path) = inside(&parts.concat()) {
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert!(path.components().next().is_some());
            }
        }
    }
}
