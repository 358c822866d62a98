//! The page on the language is held against the files in `docs/examples`, and these against the program.

use std::fs;
use std::path::PathBuf;

use longhand::spec::{SchemaKind, schema};

use crate::longhand::{Longhand, document};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn examples() -> Vec<PathBuf> {
    let files = fs::read_dir(folder().join("examples")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    files
}

#[test]
fn the_page_has_a_section_and_an_example_for_every_step() {
    let page = fs::read_to_string(folder().join("language.md")).unwrap();
    let schema = schema(SchemaKind::Workflow);
    for step in schema["$defs"]["StepSpec"]["oneOf"].as_array().unwrap() {
        let kind = step["required"][0].as_str().unwrap();
        let section = page.split(&format!("\n### `{kind}`\n")).nth(1);
        let section =
            section.unwrap_or_else(|| panic!("no section on `{kind}`")).split("\n### ").next().unwrap();
        assert!(section.contains(&format!("docs/examples/{kind}.yaml")), "`{kind}` shows no example");
    }
}

#[test]
fn every_example_stands_on_the_page_as_it_is_in_its_file() {
    let page = fs::read_to_string(folder().join("language.md")).unwrap();
    for file in examples() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(page.contains(&format!("```yaml\n{text}```")), "{} differs from the page", file.display());
    }
}

#[test]
fn every_example_compiles_without_a_word_and_runs() {
    for file in examples() {
        let longhand = Longhand::new();
        longhand.file("in/a.md", document(40)).file("in/b.md", document(30));
        longhand.file(
            "script.yaml",
            "rules:\n  - {when: 'JSON', say: '[{\"date\": \"1 May\", \"what\": \"rain\"}]'}\n",
        );
        let path = file.to_str().unwrap();
        let checked = longhand.run(&["check", path, "--model", "scripted:script.yaml"]);
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{}", checked.shown());
        let needs_question = fs::read_to_string(&file).unwrap().contains("question: {");
        let question = ["-p", "question=Which day was the mill repaired?"];
        let args = ["run", path, "in", "-o", "out", "--model", "scripted:script.yaml"];
        let more: &[&str] = if needs_question { &question } else { &[] };
        let ended = longhand.run(&[args.as_slice(), more].concat());
        // An example with a gate waits for a person, and has written no page before.
        if file.ends_with("gate.yaml") || file.ends_with("needs.yaml") {
            assert_eq!(ended.code, Some(7), "{}", ended.shown());
            continue;
        }
        assert_eq!(ended.code, Some(0), "{path}: {}", ended.shown());
        for page in ["out/a.md.md", "out/b.md.md", "out/index.md"] {
            assert!(longhand.work().join(page).is_file(), "{path}: {page}");
        }
    }
}
