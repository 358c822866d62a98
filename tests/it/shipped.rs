//! Everything that is shipped compiles without a warning, and every prompt renders with what its steps give it.

use std::path::{Path, PathBuf};

use longhand::graph::compile;
use longhand::name::NodeName;
use longhand::prompt::Variables;
use longhand::spec::{Catalog, InputSpec};
use serde_json::json;

use crate::longhand::{Longhand, document};

fn all_variables(question: &str) -> Variables {
    Variables::default()
        .with("document", "a.txt")
        .with("chunk", "the text & \"more\"")
        .with("unit", json!([{"text": "chosen before"}]))
        .with("index", 2)
        .with("count", 3)
        .with("items", ["one", "two"])
        .with("sentences", json!([{"number": 1, "text": "It rained."}]))
        .with("item", "a part")
        .with("readings", ["a reading", "another"])
        .with("notes", "a note")
        .with("schema", "{\"type\": \"array\"}")
        .with("passages", json!([{"text": "a quote"}]))
        .with("question", question)
        .with("message", if question.is_empty() { "Hello." } else { question })
        .with("answer", "An answer.")
        .with("previous", "A summary.")
        .with("thought", "A thought.")
        .with("rereads", 2)
        .with(
            "memory",
            json!([{"part": "summary", "text": "It rained."}, {"part": "passage", "line": "a line"}]),
        )
}

#[test]
fn every_shipped_workflow_compiles_without_a_warning() {
    let catalog = Catalog::load(None).unwrap();
    let names: Vec<String> = catalog.workflows().into_iter().map(|listed| listed.name).collect();
    let shipped = [
        "chain-of-agents",
        "chat",
        "chat-long",
        "chat-summarized",
        "coa-bidirectional",
        "coa-code",
        "coa-permutation",
        "coa-sampled",
        "coa-self-consistency",
        "coa-shuffled",
        "hierarchical",
        "inftythink",
        "inftythink-data",
        "inftythink-prompted",
        "inftythink-vote",
        "iterative-summary",
        "map-extract",
        "merge",
        "quote-answer",
        "quote-chain",
        "rag",
        "refine",
        "single-shot",
        "tree",
        "truncate",
    ];
    assert_eq!(names, shipped);
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
                let mut variables = all_variables(question);
                if prompt.as_str() == "note-judge" {
                    variables.set("items", json!([{"number": 1, "text": "a note"}]));
                }
                let text = workflow.prompts().render(prompt, &variables).unwrap();
                // The asker is never shown the question: how likely it finds it is what is measured. The others stand beside a
                // prompt that shows it.
                let beside =
                    ["companion-memory", "prompted-thinker", "solver", "thinker-go-on", "thinker-history"];
                let shows = !question.is_empty()
                    && !["asker"].iter().chain(&beside).any(|one| *one == prompt.as_str());
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

/// The files of a shipped folder, each with its text.
fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn the_schemas_in_the_repository_are_those_that_the_program_prints() {
    let longhand = Longhand::new();
    for (path, text) in files("docs/schema") {
        let kind = path.file_stem().unwrap().to_str().unwrap();
        let printed = longhand.run(&["schema", kind]).stdout;
        assert!(text == printed, "write it anew: longhand schema {kind} > docs/schema/{kind}.json");
    }
    assert_eq!(files("docs/schema").len(), 8);
}

#[test]
fn every_shipped_file_is_valid_under_the_schema_that_it_names() {
    for (folder, kind) in [("workflows", "workflow"), ("agents", "agent")] {
        let schema =
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schema/{kind}.json")));
        let validator =
            jsonschema::validator_for(&serde_json::from_slice(&schema.unwrap()).unwrap()).unwrap();
        for (path, text) in files(folder) {
            let modeline = format!("# yaml-language-server: $schema=../docs/schema/{kind}.json");
            assert_eq!(text.lines().next(), Some(modeline.as_str()), "{}", path.display());
            let mut value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
            let problems: Vec<String> =
                validator.iter_errors(&value).map(|problem| problem.to_string()).collect();
            assert!(problems.is_empty(), "{}: {problems:?}", path.display());
            value["nmae"] = "misspelt".into();
            assert!(!validator.is_valid(&value), "{}", path.display());
        }
    }
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

/// How many calls each node of a shipped method makes over one document of several chunks.
fn calls(method: &str) -> std::collections::BTreeMap<String, usize> {
    let longhand = Longhand::new();
    longhand.file("a.md", document(60)).file("script.yaml", "context: 4000\nmax_output: 64\n");
    let model = ["--model", "scripted:script.yaml", "--window", "700", "--json"];
    let ended = longhand.run(&[&["run", method, "a.md", "-p", "question=Who?"], model.as_slice()].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let mut calls = std::collections::BTreeMap::new();
    for call in ended.json()["calls"].as_array().unwrap() {
        *calls.entry(call["node"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    calls
}

#[test]
fn code_is_completed_by_a_chain_and_one_manager() {
    let calls = calls("coa-code");
    assert!(calls["read"] > 2, "{calls:?}");
    assert_eq!(calls["answer"], 1);
    assert_eq!(calls.len(), 2);
}

#[test]
fn two_chains_in_both_directions_are_judged_and_one_manager_answers() {
    let calls = calls("coa-bidirectional");
    assert!(calls["forward"] > 2, "{calls:?}");
    assert_eq!(calls["forward"], calls["backward"]);
    assert_eq!((calls["best"], calls["answer"], calls.len()), (1, 1, 4));
}

#[test]
fn five_sampled_chains_vote() {
    let calls = calls("coa-self-consistency");
    for path in 0..5 {
        assert_eq!(calls[&format!("paths.{path}.read")], calls["paths.0.read"]);
        assert_eq!(calls[&format!("paths.{path}.answer")], 1);
    }
    assert_eq!(calls.len(), 10, "a vote asks nobody: {calls:?}");
}

#[test]
fn five_shuffled_chains_are_judged_and_one_manager_answers() {
    let calls = calls("coa-permutation");
    assert_eq!((calls["best"], calls["answer"], calls.len()), (1, 1, 7));
}

#[test]
fn useful_parts_are_read_on_their_own_and_one_head_concludes() {
    let calls = calls("hierarchical");
    assert!(calls["useful"] > 1, "{calls:?}");
    assert!(calls.get("read").is_none_or(|read| *read <= calls["useful"]));
    assert_eq!(calls["answer"], 1);
}
