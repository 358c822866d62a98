//! Runs the command over one document, with a workflow for each way of scoring.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// How sentences are scored, and how many are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) score: &'static str,
    /// Tokens of quotes that are kept of a document.
    pub(crate) kept: u64,
    /// How many sentences the words propose; 0 for all.
    pub(crate) proposed: u32,
}

/// A quote, or what stands in for one.
#[derive(Debug)]
pub(crate) struct Quoted {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) text: String,
}

impl Quoted {
    pub(crate) fn length(&self) -> usize {
        self.end - self.start
    }
}

/// What was answered, and the quotes that it rests on.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) answer: String,
    pub(crate) quotes: Vec<Quoted>,
}

/// The command in a project of its own.
#[derive(Debug)]
pub(crate) struct Longhand {
    folder: TempDir,
}

impl Longhand {
    pub(crate) fn new() -> Self {
        let longhand = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        longhand.write("longhand.yaml", "{}\n");
        longhand.write("agents/picker.yaml", include_str!("../../tests/fixtures/quoting/agents/picker.yaml"));
        longhand
            .write("prompts/picker.tera", include_str!("../../tests/fixtures/quoting/prompts/picker.tera"));
        longhand
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("the folder is made");
        fs::write(file, text).expect("the file is written");
    }

    pub(crate) fn document_path(&self) -> PathBuf {
        self.folder.path().join("document.txt")
    }

    pub(crate) fn document(&self, text: &str) {
        fs::write(self.document_path(), text).expect("the document is written");
    }

    pub(crate) fn quotes(&self, way: Way, question: &str, model: Option<&Path>) -> Vec<Quoted> {
        let Way { score, kept, proposed } = way;
        let agent = if score == "choice" { "picker" } else { "asker" };
        let propose = if proposed > 0 { format!(", propose: {proposed}") } else { String::new() };
        self.write(
            "workflows/quoted.yaml",
            &format!(
                "version: 1\nname: quoted\ninputs: {{question: {{default: \"\"}}}}\nnodes:\n  chunks: {{split: {{for: \
                 pick, max_tokens: 600}}}}\n  pick: {{quote: {{over: chunks, agent: {agent}, keep_tokens: {kept}, \
                 question: question, score: {score}{propose}}}}}\noutput: pick\n"
            ),
        );
        let question = format!("question={question}");
        quotes(&self.report(&["run", "quoted", "document.txt", "-p", &question], model))
    }

    pub(crate) fn ask(&self, path: &Path, question: &str, model: &Path) -> Reply {
        let path = path.display().to_string();
        let report = self.report(&["ask", &path, "-q", question, "--method", "quote-answer"], Some(model));
        Reply {
            answer: report["answer"].as_str().unwrap_or_default().trim().to_owned(),
            quotes: quotes(&report),
        }
    }

    fn report(&self, args: &[&str], model: Option<&Path>) -> Value {
        let model = model.map_or_else(|| "scripted".to_owned(), |path| path.display().to_string());
        let store = self.folder.path().join("store");
        let output = Command::new(env!("CARGO_BIN_EXE_longhand"))
            .args(args)
            .args(["--json", "--quiet", "--model", &model])
            .arg("--store")
            .arg(&store)
            .current_dir(self.folder.path())
            .output()
            .expect("the command runs");
        // A question may be asked again over the same document with another setting, and runs are not small.
        let _ = fs::remove_dir_all(&store);
        let said = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {said}"))
    }
}

fn quotes(report: &Value) -> Vec<Quoted> {
    let offset = |value: &Value| usize::try_from(value.as_u64().unwrap_or(0)).unwrap_or(0);
    let quote = |value: &Value| Quoted {
        start: offset(&value["start"]),
        end: offset(&value["end"]),
        text: value["text"].as_str().unwrap_or_default().to_owned(),
    };
    report["quotes"].as_array().map(|quotes| quotes.iter().map(quote).collect()).unwrap_or_default()
}
