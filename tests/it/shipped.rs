//! Everything that is shipped compiles without a warning, and every prompt renders with what its steps give it.

use longhand::graph::compile;
use longhand::name::NodeName;
use longhand::prompt::Variables;
use longhand::spec::{Catalog, InputSpec};
use serde_json::json;

fn all_variables(question: &str) -> Variables {
    Variables::default()
        .with("document", "a.txt")
        .with("chunk", "the text & \"more\"")
        .with("unit", json!([{"text": "chosen before"}]))
        .with("index", 2)
        .with("count", 3)
        .with("items", ["one", "two"])
        .with("sentences", json!([{"number": 1, "text": "It rained."}]))
        .with("notes", "a note")
        .with("schema", "{\"type\": \"array\"}")
        .with("passages", json!([{"text": "a quote"}]))
        .with("question", question)
}

#[test]
fn every_shipped_workflow_compiles_without_a_warning() {
    let catalog = Catalog::load(None).unwrap();
    let names: Vec<String> = catalog.workflows().into_iter().map(|listed| listed.name).collect();
    assert_eq!(
        names,
        [
            "chain-of-agents",
            "map-extract",
            "merge",
            "quote-answer",
            "quote-chain",
            "rag",
            "refine",
            "tree",
            "truncate"
        ]
    );
    for name in names {
        let workflow = compile(&catalog, &name).unwrap_or_else(|why| panic!("{why}"));
        assert!(workflow.warnings().is_empty(), "{}", workflow.warnings());
        assert!(!workflow.spec().description.is_empty(), "{name}");
    }
}

#[test]
fn every_shipped_prompt_renders_with_and_without_a_question() {
    let catalog = Catalog::load(None).unwrap();
    let mut used = std::collections::BTreeSet::new();
    for listed in catalog.workflows() {
        let workflow = compile(&catalog, &listed.name).unwrap();
        for prompt in workflow.prompts().names() {
            used.insert(prompt.to_string());
            for question in ["", "who?"] {
                let text = workflow.prompts().render(prompt, &all_variables(question)).unwrap();
                // The asker is never shown the question: how likely it finds it is what is measured.
                let shows = !question.is_empty() && prompt.as_str() != "asker";
                assert_eq!(text.contains("who?"), shows, "{prompt}: {text}");
                assert!(
                    !text.starts_with(char::is_whitespace) && !text.contains("\n\n\n"),
                    "{prompt}: {text:?}"
                );
            }
        }
    }
    assert_eq!(
        used,
        catalog.prompts().map(str::to_owned).collect(),
        "a shipped prompt is used by no workflow"
    );
}

#[test]
fn the_chain_runs_split_fold_call_and_then_the_archive() {
    let catalog = Catalog::load(None).unwrap();
    let workflow = compile(&catalog, "chain-of-agents").unwrap();
    let order: Vec<&str> = workflow.nodes().map(|node| node.name.as_str()).collect();
    assert_eq!(order, ["chunks", "read", "answer", "overview"]);
    let upstream: Vec<&str> = workflow.upstream(workflow.output()).map(NodeName::as_str).collect();
    assert_eq!(upstream, ["read"]);
    let question = InputSpec { default: Some(String::new()), ..workflow.inputs()["question"].clone() };
    assert_eq!(workflow.inputs()["question"], question);
}

#[test]
fn a_comment_does_not_change_the_identity_of_a_workflow_and_a_prompt_does() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = root.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    let hash = || compile(&Catalog::load(Some(root.path())).unwrap(), "refine").unwrap().hash();
    let shipped = hash();
    let source = Catalog::load(None).unwrap().source("refine").unwrap();
    write("workflows/refine.yaml", &format!("# another comment\n{}", source.text));
    assert_eq!(hash(), shipped);
    write("prompts/refiner.tera", "{{ chunk }} {{ question }}");
    assert_ne!(hash(), shipped);
}
