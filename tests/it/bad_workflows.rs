//! One small file for each mistake a workflow can have, and the exact words with which it is answered.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use longhand::graph::compile;
use longhand::model::{ChatModel, Measure, Script, ScriptedModel};
use longhand::plan::cannot_fit;
use longhand::spec::{AgentSpec, Catalog};

const FOLDER: &str = "tests/fixtures/workflows/bad";

/// Returns what is said about a workflow: its errors, or the warnings of one that compiles. Its prompts are held against
/// a model of 8,192 tokens, or of as many as its first line says.
fn said(path: &str) -> String {
    let catalog = Catalog::load(None).unwrap();
    match compile(&catalog, path) {
        Ok(workflow) => {
            let first = std::fs::read_to_string(path).unwrap().lines().next().unwrap().to_owned();
            let window = first.split_once("window of ").and_then(|(_, rest)| rest.split(' ').next());
            let context = window.map_or(8192, |tokens| tokens.parse().unwrap());
            let model: Arc<dyn ChatModel> =
                Arc::new(ScriptedModel::new(Script { context, ..Script::default() }));
            let measure = |_: &AgentSpec| Some(Arc::new(Arc::clone(&model)) as Arc<dyn Measure>);
            let mut all = workflow.warnings().clone();
            all.0.extend(cannot_fit(&workflow, &BTreeMap::new(), true, &measure).0);
            all.to_string()
        }
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn every_mistake_is_answered_with_its_place_and_a_remedy() {
    let mut files: Vec<String> = std::fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .filter(|path| Path::new(path).extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() >= 110, "{}", files.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("snapshots/bad_workflows");
    settings.set_omit_expression(true);
    settings.bind(|| {
        for file in files {
            let message = said(&file);
            assert!(message.contains(" --> "), "{file}: no place in {message:?}");
            let name = Path::new(&file).file_stem().unwrap().to_str().unwrap().to_owned();
            insta::assert_snapshot!(name, message);
        }
    });
}

fn said_about(text: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w.yaml");
    std::fs::write(&file, text).unwrap();
    said(file.to_str().unwrap())
}

#[test]
fn an_alias_bomb_is_answered_with_a_message() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        let line = format!("a{level}: &a{level} [{aliases}]\n");
        text += &line;
    }
    let bomb = said_about(format!("version: 1\nname: w\nnodes: *a9\n{text}").as_bytes());
    assert!(bomb.contains("w.yaml:"), "{bomb}");
    let placed = said_about(format!("{text}nodes: {{a: {{split: *a9}}}}\n").as_bytes());
    assert!(placed.contains("w.yaml:"), "{placed}");
}

#[test]
fn a_hundred_thousand_levels_are_answered_with_a_message() {
    for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
        let told = said_about(text.as_bytes());
        assert!(told.contains("nested deeper than 32 levels"), "{told}");
    }
}

#[test]
fn a_large_file_and_a_file_of_bytes_are_answered_with_a_message() {
    let large = said_about(&vec![b'#'; 1024 * 1024 + 1]);
    assert!(large.contains("larger than 1048576 bytes"), "{large}");
    let bytes = said_about(&[b'a', 0xff, 0xfe]);
    assert!(bytes.contains("not UTF-8: byte 1"), "{bytes}");
}

#[test]
fn more_steps_than_anybody_writes_are_answered_with_one_message() {
    let mut text = String::from("version: 1\nname: w\noutput: n0\nnodes:\n");
    for number in 0..5_000 {
        let _ = writeln!(text, "  n{number}: {{gather: {{over: n{}}}}}", number + 1);
    }
    let told = said_about(text.as_bytes());
    assert_eq!(told.matches("error: ").count(), 1, "{told}");
    assert!(told.contains("the workflow has 5000 steps"), "{told}");
    let inputs: Vec<String> = (0..1001).map(|number| format!("i{number}: {{}}")).collect();
    let (inputs, steps) = (inputs.join(", "), "nodes: {a: {split: {for: b}}}");
    let text = format!("version: 1\nname: w\ninputs: {{{inputs}}}\n{steps}\noutput: a\n");
    let told = said_about(text.as_bytes());
    assert!(told.contains("the workflow has 1001 inputs"), "{told}");
}

#[test]
fn a_file_of_misspelt_steps_without_end_is_answered_with_one_message() {
    let mut text = String::from("version: 1\nname: w\noutput: n0\nnodes:\n");
    for number in 0..40_000 {
        let _ = writeln!(text, "  n{number}: {{splt: {{}}}}");
    }
    assert!(text.len() <= 1024 * 1024);
    let told = said_about(text.as_bytes());
    assert_eq!(told.matches("error: ").count(), 1, "{told}");
    let (message, place) = told.split_once('\n').unwrap();
    insta::assert_snapshot!(message, @"error: the file has more than 30000 keys and values");
    assert!(place.contains("w.yaml:15"), "{told}");
}

#[test]
fn of_many_mistakes_the_first_are_shown_and_the_others_counted() {
    let others: Vec<String> = (0..9000).map(|number| format!("x{number}")).collect();
    let others = others.join(", ");
    let steps = format!(
        "  s: {{split: {{for: b}}}}\n  b: {{fold: {{over: s, agent: worker}}}}\n  a: {{vote: {{over: [{others}]}}}}\n"
    );
    let inputs = "inputs: {question: {default: ''}}";
    let text = format!("version: 1\nname: w\n{inputs}\nnodes:\n{steps}output: a\nneeds: {{b: [{others}]}}\n");
    let told = said_about(text.as_bytes());
    assert_eq!(told.matches("error: ").count(), 50, "{told}");
    insta::assert_snapshot!(told.lines().last().unwrap(), @"and 17950 more");
    assert!(told.lines().all(|line| line.len() < 200), "{told}");
}

#[test]
fn a_template_of_more_variables_than_anybody_gives_is_refused_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    let variables: String =
        (0..2000).fold(String::new(), |text, number| text + &format!("{{{{ v{number} }}}}"));
    write("agents/one.yaml", "version: 1\nname: one\nprompt: one\nmax_output: 5\n");
    write("prompts/one.tera", &variables);
    write("w.yaml", "version: 1\nname: w\nnodes:\n  a: {call: {agent: one}}\noutput: a\n");
    let told = said(folder.path().join("w.yaml").to_str().unwrap());
    assert!(told.contains("the template reads 2000 variables"), "{told}");
    assert_eq!(told.matches("error: ").count(), 1, "{told}");
}

#[test]
fn many_mistakes_are_told_at_once() {
    let told = said_about(
        b"version: 1\nname: w\nnodes:\n  c: {split: {for: nobody}}\n  r: {fold: {over: d, agent: wrker}}\noutput: z\n",
    );
    assert_eq!(told.matches("error: ").count(), 4, "{told}");
}

#[test]
fn the_mistakes_of_all_files_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("agents/one.yaml", "version: 1\nname: one\nprmpt: one\nmax_output: 5\n");
    write("agents/two.yaml", "version: 1\nname: two\nprompt: two\nmax_output: 5\n");
    write("prompts/two.tera", "{{ chunk | nosuchfilter }}");
    let steps = "  c: {split: {for: r, max_tokens: 0}}\n  r: {fold: {over: c, agent: one}}\n  m: {map: {over: c, agent: two}}\n";
    for (workflow, own) in [("", "`max_tokens` is out of range"), ("otput: r\n", "unknown key `otput`")] {
        write("w.yaml", &format!("version: 1\nname: w\nnodes:\n{steps}output: r\n{workflow}"));
        let told = said(folder.path().join("w.yaml").to_str().unwrap());
        for part in [own, "unknown key `prmpt`", "two.tera:1"] {
            assert!(told.contains(part), "{part} in\n{told}");
        }
    }
}
