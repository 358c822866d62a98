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
    ok   workflows  16 compile
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
    assert_snapshot!(longhand.run(&["workflows", "copy", "tree"]).shown(), @r"
    exit 0
    --- stdout
    [folder]/work/workflows/tree.yaml
    --- stderr
    hint: a file `longhand.yaml` here, even an empty one, makes this folder a project, and the copy is used
    ");
    assert_eq!(fs::read_to_string(longhand.work().join("workflows/tree.yaml")).unwrap(), shown);
    assert_snapshot!(longhand.run(&["workflows", "copy", "tree"]).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: `[folder]/work/workflows/tree.yaml` exists already
    ");
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
