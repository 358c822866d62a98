//! From where a path is seen: one in a settings file from the folder of that file, one that is typed from where one is.

use std::fs;

use insta::assert_snapshot;

use crate::longhand::{Ended, Longhand};

/// What `doctor` says of the store and of the model, which is not there.
fn store_and_model(ended: &Ended) -> String {
    ended.stdout.lines().filter(|line| line.contains("store ") || line.contains("model ")).fold(
        String::new(),
        |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        },
    )
}

#[test]
fn a_settings_file_is_seen_from_its_own_folder() {
    let longhand = Longhand::new();
    longhand.file("project/longhand.yaml", "model: ./weights/none.gguf\nstore: runs\n");
    let mut command = longhand.command(&["doctor", "--config", "project/longhand.yaml"]);
    // LONGHAND_HOME brings a store of its own, which would come before the project's.
    command.env_remove("LONGHAND_HOME").env("HOME", longhand.home());
    let ended = longhand.ended(command.output().unwrap());
    assert_snapshot!(store_and_model(&ended), @r"
    ok   store      [folder]/work/project/runs: 0 runs
    FAIL model      cannot load the model `[folder]/work/project/weights/none.gguf`: there is no such file
    ");
}

#[test]
fn what_is_typed_is_seen_from_where_one_is() {
    let longhand = Longhand::new();
    longhand.file("project/longhand.yaml", "model: other.gguf\nstore: other\n");
    let typed = ["doctor", "--config", "project/longhand.yaml", "--model", "none.gguf", "--store", "runs"];
    assert_snapshot!(store_and_model(&longhand.run(&typed)), @r"
    ok   store      [folder]/work/runs: 0 runs
    FAIL model      cannot load the model `[folder]/work/none.gguf`: there is no such file
    ");
    let mut command = longhand.command(&["doctor", "--config", "project/longhand.yaml"]);
    command.env("LONGHAND_MODEL", "weights/none.gguf").env("LONGHAND_STORE", "runs");
    assert_snapshot!(store_and_model(&longhand.ended(command.output().unwrap())), @r"
    ok   store      [folder]/work/runs: 0 runs
    FAIL model      cannot load the model `[folder]/work/weights/none.gguf`: there is no such file
    ");
}

#[test]
fn a_users_own_settings_are_seen_from_their_folder_too() {
    let longhand = Longhand::new();
    let folder = longhand.home().join("settings/longhand");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.yaml"), "model: none.gguf\nstore: runs\n").unwrap();
    let mut command = longhand.command(&["doctor"]);
    command.env_remove("LONGHAND_HOME").env("HOME", longhand.home());
    command.env("XDG_CONFIG_HOME", longhand.home().join("settings"));
    assert_snapshot!(store_and_model(&longhand.ended(command.output().unwrap())), @r"
    ok   store      [folder]/home/settings/longhand/runs: 0 runs
    FAIL model      cannot load the model `[folder]/home/settings/longhand/none.gguf`: there is no such file
    ");
}

#[test]
fn a_script_beside_a_settings_file_is_found_from_another_folder_and_by_resume() {
    let longhand = Longhand::new();
    longhand
        .file("project/longhand.yaml", "model: scripted:script.yaml\n")
        .file("project/script.yaml", "rules: [{when: '', say: It was dark.}]")
        .file("a.txt", "The lamp went out.");
    let run = longhand.run(&["summarize", "a.txt", "--json", "--config", "project/longhand.yaml"]);
    assert_eq!(run.code, Some(0), "{}", run.shown());
    let name = run.json()["run"].as_str().unwrap().to_owned();
    let mut command = longhand.command(&["runs", "resume", &name]);
    let resumed = longhand.ended(command.current_dir(longhand.home()).output().unwrap());
    assert_eq!(resumed.code, Some(0), "{}", resumed.shown());
    assert!(resumed.stdout.contains("It was dark."), "{}", resumed.shown());
}

#[test]
fn an_agents_model_is_seen_from_the_projects_folder() {
    let longhand = Longhand::new();
    longhand
        .file("project/longhand.yaml", "model: scripted\n")
        .file("project/script.yaml", "rules: [{when: '', say: The other one.}]")
        .file(
            "project/agents/own.yaml",
            "version: 1\nname: own\ndescription: reads a part\nprompt: own\nmodel: scripted:script.yaml\nmax_output: 50\n",
        )
        .file("project/prompts/own.tera", "{{ chunk }}")
        .file(
            "project/workflows/own.yaml",
            "version: 1\nname: own\ndescription: one call\nnodes:\n  part: {split: {for: answer, keep: first}}\n  answer: {fold: {over: part, agent: own}}\noutput: answer\n",
        )
        .file("a.txt", "The lamp went out.");
    let run = longhand.run(&["run", "own", "a.txt", "--config", "project/longhand.yaml"]);
    assert_snapshot!(run.shown(), @r"
    exit 0
    --- stdout
    # a.txt

    The other one.
    --- stderr
    done: a.txt
    ");
}
