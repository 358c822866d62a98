//! `doctor`, `workflows`, and a folder that a `longhand.yaml` makes a project.

use std::fs;

use insta::assert_snapshot;

use crate::longhand::Longhand;

#[test]
fn doctor_says_what_is_there_and_what_is_not() {
    let longhand = Longhand::new();
    let sound = longhand.run(&["doctor", "--model", "scripted"]);
    assert_eq!((sound.code, sound.stderr.as_str()), (Some(0), ""), "{}", sound.shown());
    let lines: Vec<&str> = sound.stdout.lines().take(3).collect();
    assert_snapshot!(lines.join("\n"), @r"
    ok   store      [folder]/home/store: 0 runs
    ok   workflows  25 compile
    ok   model      scripted: scripted:186b1693, window 8192 tokens
    ");
    let unsound = longhand.run(&["doctor", "--model", "none.gguf", "--json"]);
    assert_eq!(unsound.code, Some(1));
    let failed: Vec<_> =
        unsound.json().as_array().unwrap().iter().filter(|line| line["ok"] == false).cloned().collect();
    assert_eq!((failed.len(), &failed[0]["check"]), (1, &"model".into()));
}

#[test]
fn workflows_are_listed_shown_and_copied() {
    let longhand = Longhand::new();
    let listed = longhand.run(&["workflows", "list"]);
    for (name, line) in longhand
        .run(&["workflows", "list", "--json"])
        .json()
        .as_array()
        .unwrap()
        .iter()
        .zip(listed.stdout.lines())
    {
        assert!(
            line.starts_with(name["name"].as_str().unwrap())
                && line.ends_with(name["description"].as_str().unwrap())
        );
    }
    let shown = longhand.run(&["workflows", "show", "tree"]).stdout;
    assert!(shown.contains("name: tree"), "{shown}");
    let copied = longhand.run(&["workflows", "copy", "tree"]);
    assert_snapshot!(copied.shown(), @r"
    exit 0
    --- stdout
    [folder]/work/workflows/tree.yaml
    [folder]/work/agents/editor.yaml
    [folder]/work/agents/merger.yaml
    [folder]/work/agents/reader.yaml
    [folder]/work/prompts/editor.tera
    [folder]/work/prompts/merger.tera
    [folder]/work/prompts/reader.tera
    [folder]/work/schema/workflow.json
    [folder]/work/schema/agent.json
    --- stderr
    hint: a file `longhand.yaml` here, even an empty one, makes this folder a project, and the copies are used
    ");
    let copy = fs::read_to_string(longhand.work().join("workflows/tree.yaml")).unwrap();
    assert_eq!(copy.replace("$schema=../schema/", "$schema=../docs/schema/"), shown);
    let again = longhand.run(&["workflows", "copy", "tree"]);
    assert_eq!(again.code, Some(0), "the same files are no conflict: {}", again.shown());
    longhand.file("agents/merger.yaml", "mine").file("workflows/tree.yaml", "version: 1");
    assert_snapshot!(longhand.run(&["workflows", "copy", "tree"]).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: `[folder]/work/workflows/tree.yaml` exists already

    hint: choose another folder, or overwrite with `--force`
    ");
    let forced = longhand.run(&["workflows", "copy", "tree", "--force"]);
    assert_eq!((forced.code, forced.stdout), (Some(0), copied.stdout));
    assert_eq!(fs::read_to_string(longhand.work().join("workflows/tree.yaml")).unwrap(), copy);
    assert_snapshot!(longhand.run(&["workflows", "show", "tre"]).shown(), @r"
    exit 3
    --- stdout
    --- stderr
    error: there is no workflow `tre`
    --> tre
     = help: did you mean `tree`?
    ");
}

#[test]
fn a_copy_brings_the_workflows_that_it_uses() {
    let longhand = Longhand::new();
    longhand.file("longhand.yaml", "model: scripted\n");
    assert_snapshot!(longhand.run(&["workflows", "copy", "coa-self-consistency"]).stdout, @r"
    [folder]/work/workflows/coa-self-consistency.yaml
    [folder]/work/workflows/coa-sampled.yaml
    [folder]/work/agents/editor.yaml
    [folder]/work/agents/sampled-manager.yaml
    [folder]/work/agents/sampled-worker.yaml
    [folder]/work/prompts/editor.tera
    [folder]/work/prompts/manager.tera
    [folder]/work/prompts/worker.tera
    [folder]/work/schema/workflow.json
    [folder]/work/schema/agent.json
    ");
    let sampled = fs::read_to_string(longhand.work().join("workflows/coa-sampled.yaml")).unwrap();
    assert!(sampled.contains("name: coa-sampled") && sampled.contains("$schema=../schema/"), "{sampled}");
    let checked = longhand.run(&["check", "workflows/coa-self-consistency.yaml", "coa-self-consistency"]);
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{}", checked.shown());
    // It is the copy that is used.
    longhand.file("workflows/coa-sampled.yaml", sampled.replace("name: coa-sampled", "name: another"));
    let checked = longhand.run(&["check", "coa-self-consistency"]);
    assert!(checked.stderr.contains("work/workflows/coa-sampled.yaml:"), "{}", checked.shown());
}

#[test]
fn a_copy_of_what_lies_beside_a_path_takes_the_files_of_that_folder() {
    let longhand = Longhand::new();
    let step = |name: &str, step: &str| format!("version: 1\nname: {name}\nnodes:\n  a: {step}\noutput: a\n");
    longhand
        .file("longhand.yaml", "model: scripted\n")
        .file("theirs/outer.yaml", step("outer", "{workflow: {name: inner}}"))
        .file("theirs/inner.yaml", step("inner", "{call: {agent: own}}"))
        .file("theirs/agents/own.yaml", "version: 1\nname: own\nprompt: own\nmax_output: 9\n")
        .file("theirs/prompts/own.tera", "Say anything.\n");
    let copied = longhand.run(&["workflows", "copy", "theirs/outer.yaml"]);
    assert_eq!(copied.code, Some(0), "{}", copied.shown());
    fs::remove_dir_all(longhand.work().join("theirs")).unwrap();
    assert_eq!(longhand.run(&["check", "outer"]).code, Some(0));
}

#[test]
fn a_list_for_programs_says_what_a_workflow_takes_and_gives() {
    let longhand = Longhand::new();
    let inputs = "  q: {description: what to say}\n  n: {type: integer, default: 3}\n  \
                  how: {type: choice, choices: [short, long], default: short}\n";
    longhand
        .file("longhand.yaml", "")
        .file(
            "workflows/own.yaml",
            format!(
                "version: 1\nname: own\ninputs:\n{inputs}nodes:\n  a: {{call: {{agent: own}}}}\noutput: a\n"
            ),
        )
        .file("workflows/wrong.yaml", "version: 1\nname: wrong\n")
        .file("agents/own.yaml", "version: 1\nname: own\nprompt: own\nmax_output: 9\n")
        .file("prompts/own.tera", "{{ q }} {{ n }} {{ how }}");
    let listed = longhand.run(&["workflows", "list", "--json"]).json();
    let find = |name: &str| listed.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
    let kinds = |name: &str| (find(name)["output_type"].clone(), find(name)["overview_type"].clone());
    assert_eq!(kinds("quote-chain"), ("quotes".into(), "quotes".into()));
    assert_eq!(kinds("chain-of-agents"), ("text".into(), "text".into()));
    assert_eq!(kinds("own"), ("text".into(), serde_json::Value::Null), "what nobody promises is told, too");
    assert_eq!(
        find("own")["inputs"],
        serde_json::json!([
            {"name": "how", "type": "choice", "default": "short", "description": "", "choices": ["short", "long"]},
            {"name": "n", "type": "integer", "default": "3", "description": ""},
            {"name": "q", "type": "text", "default": null, "description": "what to say"},
        ])
    );
    let null = serde_json::Value::Null;
    assert_eq!((kinds("wrong"), &find("wrong")["inputs"]), ((null.clone(), null.clone()), &null));
}

#[test]
fn a_workflow_is_shown_with_everything_that_it_comes_to() {
    let longhand = Longhand::new();
    let shown = longhand.run(&["workflows", "show", "refine", "--resolved"]);
    assert_snapshot!(shown.shown());
    let value = longhand.run(&["workflows", "show", "refine", "--resolved", "--json"]).json();
    assert_eq!(value["agents_by_node"]["answer"]["sampling"]["temperature"], 0.0);
}

#[test]
fn a_projects_copy_is_used_in_the_place_of_the_shipped_one() {
    let longhand = Longhand::new();
    longhand.file("longhand.yaml", "model: scripted\n").file("a.txt", "A text of few words.");
    assert_eq!(longhand.run(&["workflows", "copy", "truncate"]).stderr, "");
    let copy = fs::read_to_string(longhand.work().join("workflows/truncate.yaml")).unwrap();
    let description = copy.lines().find(|line| line.starts_with("description: ")).unwrap();
    longhand.file("workflows/truncate.yaml", copy.replace(description, "description: mine"));
    let listed = longhand.run(&["workflows", "list"]).stdout;
    assert!(listed.lines().any(|line| line.starts_with("truncate") && line.ends_with("mine")), "{listed}");
    longhand.file(
        "prompts/worker.tera",
        "MINE {{ chunk }}{{ unit }}{{ index }}{{ count }}{{ document }}{{ question }}",
    );
    let run = longhand.run(&["summarize", "a.txt", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.shown());
    let name = run.json()["run"].as_str().unwrap().to_owned();
    let call = longhand.run(&["runs", "show", &name, "--call", "0"]).stdout;
    assert!(call.contains("MINE A text of few words."), "{call}");
}

#[test]
fn a_project_names_the_model_and_a_flag_comes_before_it() {
    let longhand = Longhand::new();
    longhand.file("longhand.yaml", "model: scripted\nwindow: 3000\n").file("a.txt", "A text.");
    let lines = longhand.run(&["doctor"]).stdout;
    assert!(lines.contains("scripted: scripted:") && lines.contains("window 3000 tokens"), "{lines}");
    let lines = longhand.run(&["doctor", "--window", "2000"]).stdout;
    assert!(lines.contains("window 2000 tokens"), "{lines}");
    let mut command = longhand.command(&["doctor"]);
    let ended = longhand.ended(command.env("LONGHAND_MODEL", "none.gguf").output().unwrap());
    assert!(ended.stdout.contains("none.gguf"), "{}", ended.shown());
    assert_eq!(longhand.run(&["summarize", "a.txt"]).code, Some(0));
}

const LISTED: &str = "
model: swift
models:
  swift:
    scripted: {context: 6000, rules: [{when: '', say: Swift.}]}
    window: 3000
  sure:
    scripted: {context: 5000, rules: [{when: '', say: Sure.}]}
    price: {input: 1.5, output: 6}
";

#[test]
fn a_model_is_listed_under_a_name_and_named_by_settings_flags_and_agents() {
    let longhand = Longhand::new();
    longhand.file("longhand.yaml", LISTED).file("a.txt", "A text.");
    let lines = longhand.run(&["doctor"]).stdout;
    assert!(lines.contains("swift: scripted:") && lines.contains("window 3000 tokens"), "{lines}");
    let lines = longhand.run(&["doctor", "--model", "sure", "--window", "4000"]).stdout;
    assert!(lines.contains("sure: scripted:") && lines.contains("window 4000 tokens"), "{lines}");

    let said = |args: &[&str]| longhand.run(&[&["summarize", "a.txt", "--json"], args].concat()).json();
    assert_eq!(said(&[])["summaries"][0]["text"], "Swift.");
    assert_eq!(said(&["--model", "sure"])["summaries"][0]["text"], "Sure.");
    let manager = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/agents/manager.yaml")).unwrap();
    longhand.file("agents/manager.yaml", format!("{manager}model: sure\n"));
    let report = said(&[]);
    assert_eq!(report["summaries"][0]["text"], "Sure.", "the agent names its model");
    assert_ne!(report["calls"][0]["model"], report["calls"][1]["model"]);
}
