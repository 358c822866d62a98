//! The examples of docs/language.md stand there word for word, compile without a warning, and run.

use std::fs;
use std::path::PathBuf;

use crate::longhand::{Longhand, document};

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs")
}

#[test]
fn every_example_is_in_the_text_and_runs() {
    let text = fs::read_to_string(docs().join("language.md")).unwrap();
    let files = fs::read_dir(docs().join("examples")).unwrap().map(|entry| entry.unwrap().path());
    let mut examples: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    examples.sort();
    assert!(examples.len() >= 4, "{examples:?}");
    for example in examples {
        let path = example.to_str().unwrap();
        let kind = example.file_stem().unwrap().to_str().unwrap();
        assert!(text.contains(&fs::read_to_string(&example).unwrap()), "{path} is not in the text");
        assert!(text.contains(&format!("\n## {kind}\n")), "no section {kind}");
        let longhand = Longhand::new();
        longhand.file("a.md", document(30)).file("b.md", "A short letter.");
        longhand.file("script.yaml", "context: 4000\nmax_output: 200\n");
        let checked = longhand.run(&["check", path]);
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{}", checked.shown());
        let ended = longhand.run(&["run", path, "a.md", "b.md", "--model", "scripted:script.yaml", "--json"]);
        let expected = if kind == "gate" { 7 } else { 0 };
        assert_eq!(ended.code, Some(expected), "{}", ended.shown());
    }
}
