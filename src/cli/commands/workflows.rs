//! `workflows`: the shipped ones, and those of the project.

use std::path::{Path, PathBuf};

use super::super::error::{CommandError, ExitStatus};
use super::super::output;
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::graph;
use crate::spec::{self, Catalog, SchemaKind};

#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the workflows, each with a line that says what it does
    List,
    /// Print the text of a workflow
    Show {
        /// The workflow's name
        name: String,
        /// Print what it comes to instead: every value with its default, and every node's agent
        #[arg(long)]
        resolved: bool,
    },
    /// Copy a workflow with its agents and prompts here, where they take the place of the shipped ones
    ///
    /// The workflows that its steps name come with it, and what they use. They go into `workflows/`, `agents/` and `prompts/` of the project folder, or of this folder where there is no
    /// project; `schema/` gets what editors need to check them. A file that is there already is left as it is where it
    /// says the same, and refused otherwise.
    Copy {
        /// The workflow's name
        name: String,
        /// Overwrite files that say something else
        #[arg(long)]
        force: bool,
    },
}

pub(in super::super) fn run(
    args: &Args,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let catalog = Catalog::load(settings.project.as_deref())?;
    match &args.action {
        Action::List => list(&catalog, printer)?,
        Action::Show { name, resolved: false } => printer.data(&catalog.source(name)?.text)?,
        Action::Show { name, resolved: true } => resolved(&catalog, name, printer)?,
        Action::Copy { name, force } => copy(&catalog, name, *force, settings, printer)?,
    }
    Ok(ExitStatus::Done)
}

fn list(catalog: &Catalog, printer: &Printer) -> Result<(), CommandError> {
    let listed = catalog.workflows();
    if printer.json {
        return printer.json(&listed.iter().map(|one| listed_value(catalog, one)).collect::<Vec<_>>());
    }
    let width = listed.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let lines = listed.iter().map(|one| format!("{:width$}  {}\n", one.name, one.description));
    printer.data(&lines.collect::<String>())
}

/// What a program needs to call a workflow. What one with a mistake yields and takes is not known.
fn listed_value(catalog: &Catalog, one: &spec::Listed) -> serde_json::Value {
    let workflow = graph::compile(catalog, &one.name).ok();
    let input = |(name, input): (&String, &spec::InputSpec)| {
        let mut value = serde_json::json!({
            "name": name, "type": input.kind, "default": input.default, "description": input.description,
        });
        if let (false, Some(value)) = (input.choices.is_empty(), value.as_object_mut()) {
            value.insert("choices".to_owned(), input.choices.as_slice().into());
        }
        value
    };
    let inputs = workflow.as_ref().map(|workflow| workflow.inputs().iter().map(input).collect::<Vec<_>>());
    serde_json::json!({
        "name": one.name,
        "description": one.description,
        "shipped": one.shipped,
        "file": one.file,
        "inputs": inputs,
        "output_type": workflow.as_ref().and_then(graph::Workflow::output_type),
        "overview_type": workflow.as_ref().and_then(graph::Workflow::overview_type),
    })
}

/// What the workflow comes to once defaults are filled in and names are looked up.
fn resolved(catalog: &Catalog, name: &str, printer: &Printer) -> Result<(), CommandError> {
    let workflow = graph::compile(catalog, name)?;
    let agents: serde_json::Map<String, serde_json::Value> = workflow
        .nodes()
        .filter_map(|node| Some((node.name.to_string(), serde_json::to_value(node.agent.as_deref()?).ok()?)))
        .collect();
    let value = serde_json::json!({ "workflow": workflow.spec(), "agents_by_node": agents });
    if printer.json { printer.json(&value) } else { printer.data(&spec::write(&value)) }
}

fn copy(
    catalog: &Catalog,
    name: &str,
    force: bool,
    settings: &Settings,
    printer: &Printer,
) -> Result<(), CommandError> {
    let workflow = graph::compile(catalog, name)?;
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for source in workflow.sources() {
        let stem = source.file.file_stem().unwrap_or_default().display();
        let file = Path::new("workflows").join(format!("{stem}.yaml"));
        if files.iter().any(|(other, _)| *other == file) {
            let message = format!("`{name}` uses two workflows of the name `{stem}`, from different folders");
            return Err(CommandError::new(ExitStatus::Invalid, message).hinted("rename one of the two"));
        }
        files.push((file, text(&source.text)));
    }
    for (agent, source) in workflow.agents() {
        files.push((Path::new("agents").join(format!("{agent}.yaml")), text(source.text())));
    }
    for prompt in workflow.prompts().names() {
        let text = workflow.prompts().text(prompt).unwrap_or_default();
        files.push((Path::new("prompts").join(format!("{prompt}.tera")), text.to_owned()));
    }
    for (kind, file) in [(SchemaKind::Workflow, "workflow"), (SchemaKind::Agent, "agent")] {
        let schema = serde_json::to_string_pretty(&spec::schema(kind)).unwrap_or_default();
        files.push((Path::new("schema").join(format!("{file}.json")), schema + "\n"));
    }
    let folder = settings.project.as_deref().unwrap_or(&settings.here);
    let files: Vec<(PathBuf, String)> =
        files.into_iter().map(|(file, text)| (folder.join(file), text)).collect();
    // All are looked at before any is written: a copy is whole or not there.
    for (file, text) in &files {
        output::check_file(file, text, force)?;
    }
    for (file, text) in &files {
        output::write_file(file, text, force, None)?;
    }
    for (file, _) in &files {
        printer.data(&format!("{}\n", file.display()))?;
    }
    if settings.project.is_none() {
        printer.say("hint: a file `longhand.yaml` here, even an empty one, makes this folder a project, and the copies are used");
    }
    Ok(())
}

/// A copy finds its schema in its own project.
fn text(shipped: &str) -> String {
    shipped.replacen("$schema=../docs/schema/", "$schema=../schema/", 1)
}
