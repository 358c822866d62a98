//! Where workflows, agents and prompts are found: shipped in the program, overridden file by file by a project folder.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use super::agent::AgentSpec;
use super::diagnostic::{Diagnostic, Diagnostics, suggestion};
use super::validate;
use super::workflow::WorkflowSpec;
use super::yaml::{Located, parse, read};
use crate::name::{AgentName, PromptName, WorkflowName};

static WORKFLOWS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/workflows");
static AGENTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/agents");
static PROMPTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/prompts");

/// The text of one file and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The file; one that is shipped in the program is named `shipped/...`.
    pub file: PathBuf,
    /// Its text.
    pub text: Arc<str>,
    /// Whether it is shipped in the program.
    pub shipped: bool,
}

/// One line of a list of workflows or agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name.
    pub name: String,
    /// Its one-line description; empty where the file is broken.
    pub description: String,
    /// Where it is from.
    pub file: PathBuf,
    /// Whether it is shipped in the program.
    pub shipped: bool,
}

/// All files that a workflow can name. Reading it checks no file; a file is checked when it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    workflows: BTreeMap<String, SourceFile>,
    agents: BTreeMap<String, SourceFile>,
    prompts: BTreeMap<String, SourceFile>,
}

impl Catalog {
    /// Reads what is shipped, and what `project` puts in its place in `workflows/`, `agents/` and `prompts/`.
    ///
    /// # Errors
    /// A diagnostic for every file of the project that cannot be read.
    pub fn load(project: Option<&Path>) -> Result<Self, Diagnostics> {
        let mut catalog = Self {
            workflows: shipped(&WORKFLOWS, "workflows", "yaml"),
            agents: shipped(&AGENTS, "agents", "yaml"),
            prompts: shipped(&PROMPTS, "prompts", "tera"),
        };
        if let Some(project) = project {
            catalog.overlay(project, true)?;
        }
        Ok(catalog)
    }

    fn overlay(&mut self, folder: &Path, with_workflows: bool) -> Result<(), Diagnostics> {
        let mut problems = Vec::new();
        if with_workflows {
            overlay(&mut self.workflows, &folder.join("workflows"), "yaml", &mut problems);
        }
        overlay(&mut self.agents, &folder.join("agents"), "yaml", &mut problems);
        overlay(&mut self.prompts, &folder.join("prompts"), "tera", &mut problems);
        if problems.is_empty() { Ok(()) } else { Err(Diagnostics(problems)) }
    }

    /// Finds a workflow file by name or by path, with the catalog in which its agents and prompts are to be looked up:
    /// those beside a path, or in the folder above, count before all others.
    ///
    /// # Errors
    /// A diagnostic where there is no such workflow or the file cannot be read.
    pub fn resolve(&self, workflow: &str) -> Result<(SourceFile, Cow<'_, Self>), Diagnostics> {
        let path = Path::new(workflow);
        let is_path =
            workflow.contains(['/', '\\']) || path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        if !is_path {
            let known: Vec<&str> = self.workflows.keys().map(String::as_str).collect();
            let found = self.workflows.get(workflow).cloned().ok_or_else(|| {
                Diagnostic::of_file(path, format!("there is no workflow `{workflow}`"))
                    .help(suggestion(workflow, &known))
            })?;
            return Ok((found, Cow::Borrowed(self)));
        }
        let source = SourceFile { file: path.to_owned(), text: read(path)?, shipped: false };
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut beside = self.clone();
        beside.overlay(&folder.join(".."), false)?;
        beside.overlay(folder, false)?;
        Ok((source, Cow::Owned(beside)))
    }

    /// Finds the file of a workflow that `from` names: one in the same folder, or else one of the catalog. A name is no
    /// path, so it leads into no other folder. `None` where there is none.
    #[must_use]
    pub fn beside(&self, from: &SourceFile, name: &WorkflowName) -> Option<Result<SourceFile, Diagnostics>> {
        let folder = from.file.parent().filter(|_| !from.shipped);
        let file = folder.map(|folder| folder.join(format!("{name}.yaml"))).filter(|file| file.is_file());
        match file {
            Some(file) => {
                let text = inside(folder.unwrap_or(Path::new("")), &file).and_then(|()| read(&file));
                Some(text.map(|text| SourceFile { file, text, shipped: false }))
            }
            None => self.workflows.get(name.as_str()).cloned().map(Ok),
        }
    }

    /// Returns a workflow, by name or by path.
    ///
    /// # Errors
    /// What is wrong with the file, or that there is none.
    pub fn workflow(&self, workflow: &str) -> Result<Located<WorkflowSpec>, Diagnostics> {
        let (source, _) = self.resolve(workflow)?;
        read_workflow(&source)
    }

    /// Returns an agent; `None` where there is no such file.
    #[must_use]
    pub fn agent(&self, name: &AgentName) -> Option<Result<Located<AgentSpec>, Diagnostics>> {
        self.agents.get(name.as_str()).map(read_agent)
    }

    /// Returns the file of a prompt.
    #[must_use]
    pub fn prompt(&self, name: &PromptName) -> Option<&SourceFile> {
        self.prompts.get(name.as_str())
    }

    /// Returns the text of a workflow file as it is, by name or by path.
    ///
    /// # Errors
    /// A diagnostic where there is no such workflow or the file cannot be read.
    pub fn source(&self, workflow: &str) -> Result<SourceFile, Diagnostics> {
        self.resolve(workflow).map(|(source, _)| source)
    }

    /// Lists the workflows by name.
    #[must_use]
    pub fn workflows(&self) -> Vec<Listed> {
        list(&self.workflows, |source| read_workflow(source).map(|spec| spec.value.description))
    }

    /// Lists the agents by name.
    #[must_use]
    pub fn agents(&self) -> Vec<Listed> {
        list(&self.agents, |source| read_agent(source).map(|spec| spec.value.description))
    }

    /// Lists the names of the prompts.
    pub fn prompts(&self) -> impl Iterator<Item = &str> {
        self.prompts.keys().map(String::as_str)
    }
}

/// Reads and checks the text of a workflow file.
///
/// # Errors
/// What is wrong with it.
pub fn read_workflow(source: &SourceFile) -> Result<Located<WorkflowSpec>, Diagnostics> {
    let (spec, faults) = read_with_faults(source)?;
    if faults.is_empty() { Ok(spec) } else { Err(Diagnostics(faults)) }
}

/// Reads the text of a workflow file, and returns beside what it says what is wrong with it beyond its form and types.
///
/// # Errors
/// What is wrong with its form and its types, or that it is too large, so that nothing can be made of it.
pub fn read_with_faults(
    source: &SourceFile,
) -> Result<(Located<WorkflowSpec>, Vec<Diagnostic>), Diagnostics> {
    let spec = parse(&source.file, &source.text)?;
    if let Some(too_large) = validate::size(&spec) {
        return Err(too_large.into());
    }
    let faults = validate::workflow(&spec).err().map(|faults| faults.0).unwrap_or_default();
    Ok((spec, faults))
}

fn read_agent(source: &SourceFile) -> Result<Located<AgentSpec>, Diagnostics> {
    let spec = parse(&source.file, &source.text)?;
    validate::agent(&spec)?;
    Ok(spec)
}

fn list(
    files: &BTreeMap<String, SourceFile>,
    describe: impl Fn(&SourceFile) -> Result<String, Diagnostics>,
) -> Vec<Listed> {
    let row = |(name, source): (&String, &SourceFile)| Listed {
        name: name.clone(),
        description: describe(source).unwrap_or_default(),
        file: source.file.clone(),
        shipped: source.shipped,
    };
    files.iter().map(row).collect()
}

fn shipped(folder: &Dir<'_>, name: &str, extension: &str) -> BTreeMap<String, SourceFile> {
    let one = |file: &include_dir::File<'_>| {
        let stem = stem(file.path(), extension)?;
        let text = Arc::from(file.contents_utf8()?);
        Some((
            stem,
            SourceFile { file: Path::new("shipped").join(name).join(file.path()), text, shipped: true },
        ))
    };
    folder.files().filter_map(one).collect()
}

/// Puts the files of `folder` in the place of those with the same name. A folder that does not exist holds none.
fn overlay(
    files: &mut BTreeMap<String, SourceFile>,
    folder: &Path,
    extension: &str,
    problems: &mut Vec<Diagnostic>,
) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for file in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
        let Some(name) = stem(&file, extension) else { continue };
        match inside(folder.parent().unwrap_or(folder), &file).and_then(|()| read(&file)) {
            Ok(text) => {
                files.insert(name, SourceFile { file, text, shipped: false });
            }
            Err(mut why) => problems.append(&mut why.0),
        }
    }
}

/// Refuses a file that a link puts into `folder` and that lies elsewhere: what a prompt says is sent to a model, so a
/// folder from elsewhere could have any file of this machine sent.
fn inside(folder: &Path, file: &Path) -> Result<(), Diagnostics> {
    if !leads_out(folder, file) {
        return Ok(());
    }
    let here = seen(folder);
    let message = format!("the file is a link that leads out of `{}`", here.display());
    Err(Diagnostic::of_file(file, message).help("put the file itself there").into())
}

/// Tells whether a file that stands in `folder` is a link, or stands behind one, that leads out of it. One that is not
/// there leads nowhere.
#[must_use]
pub fn leads_out(folder: &Path, file: &Path) -> bool {
    match (seen(folder).canonicalize(), file.canonicalize()) {
        (Ok(root), Ok(real)) => !real.starts_with(root),
        _ => false,
    }
}

/// An empty path is the folder that one is in.
fn seen(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn stem(file: &Path, extension: &str) -> Option<String> {
    let fits = file.extension().is_some_and(|found| found == extension);
    file.file_stem().filter(|_| fits).and_then(|stem| stem.to_str()).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, name: &str, text: &str) {
        let file = root.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    const AGENT: &str = "version: 1\nname: worker\ndescription: mine\nprompt: worker\nmax_output: 7\n";

    #[test]
    fn a_file_of_the_project_stands_in_for_the_shipped_one_of_that_name() {
        let project = tempfile::tempdir().unwrap();
        write(project.path(), "agents/worker.yaml", AGENT);
        let catalog = Catalog::load(Some(project.path())).unwrap();
        let worker = catalog.agent(&"worker".parse().unwrap()).unwrap().unwrap();
        assert_eq!(worker.value.max_output, 7);
        assert!(catalog.agents().iter().any(|listed| listed.name == "manager" && listed.shipped));
    }

    #[test]
    fn what_stands_beside_a_path_counts_before_what_stands_above_it() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "agents/worker.yaml", &AGENT.replace('7', "8"));
        write(root.path(), "prompts/worker.tera", "above");
        write(root.path(), "mine/agents/worker.yaml", AGENT);
        write(root.path(), "mine/w.yaml", "version: 1");
        let catalog = Catalog::load(None).unwrap();
        let path = root.path().join("mine/w.yaml");
        let (_, beside) = catalog.resolve(path.to_str().unwrap()).unwrap();
        assert_eq!(beside.agent(&"worker".parse().unwrap()).unwrap().unwrap().value.max_output, 7);
        assert_eq!(&*beside.prompt(&"worker".parse().unwrap()).unwrap().text, "above");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_out_of_the_folder_is_refused_and_one_within_it_is_not() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "secret.txt", "the secret");
        write(root.path(), "mine/agents/worker.yaml", AGENT);
        write(root.path(), "mine/w.yaml", "version: 1");
        write(root.path(), "mine/v.txt", "version: 1");
        let link = |to: &str, name: &str| {
            let at = root.path().join("mine").join(name);
            std::fs::create_dir_all(at.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(root.path().join(to), at).unwrap();
        };
        link("mine/v.txt", "v.yaml");
        let path = root.path().join("mine/w.yaml");
        let catalog = Catalog::load(None).unwrap();
        let (source, beside) = catalog.resolve(path.to_str().unwrap()).unwrap();
        assert!(beside.beside(&source, &"v".parse().unwrap()).unwrap().is_ok(), "a link within the folder");
        link("secret.txt", "u.yaml");
        assert!(beside.beside(&source, &"u".parse().unwrap()).unwrap().is_err());
        link("secret.txt", "prompts/worker.tera");
        let told = catalog.resolve(path.to_str().unwrap()).unwrap_err().to_string();
        assert!(told.contains("a link that leads out of") && !told.contains("the secret"), "{told}");
    }

    #[test]
    fn an_unknown_or_unreadable_workflow_is_told_by_name() {
        let catalog = Catalog::load(None).unwrap();
        let unknown = catalog.workflow("chain-of-agent").unwrap_err().to_string();
        assert!(unknown.contains("did you mean `chain-of-agents`?"), "{unknown}");
        let missing = catalog.workflow("no/such.yaml").unwrap_err().to_string();
        assert!(missing.contains("no/such.yaml"), "{missing}");
    }
}
