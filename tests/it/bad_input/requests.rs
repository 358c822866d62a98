//! Command lines that ask for what is not there, or what would destroy something.

use std::fs;

use insta::assert_snapshot;

use crate::longhand::{Ended, Longhand};

fn with_text(args: &[&str]) -> Ended {
    let longhand = Longhand::new();
    longhand.file("a.txt", "A text.");
    longhand.run(args)
}

#[test]
fn an_input_that_the_workflow_does_not_have() {
    assert_snapshot!(with_text(&["run", "tree", "a.txt", "--model", "scripted", "-p", "qestion=Who?"]).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: workflow `tree` has no input `qestion`

    hint: its inputs are: question
    ");
    assert_snapshot!(with_text(&["run", "tree", "a.txt", "--model", "scripted", "-p", "question"]).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: `question` is not a parameter: expected KEY=VALUE
    ");
    assert_snapshot!(with_text(&["run", "quote-answer", "a.txt", "--model", "scripted"]).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: workflow `quote-answer` needs its input `question`

    hint: give it with `-p question=...`
    ");
}

#[test]
fn an_unknown_method() {
    assert_snapshot!(with_text(&["summarize", "a.txt", "--model", "scripted", "-m", "tre"]).shown(), @r"
    exit 3
    --- stdout
    --- stderr
    error: there is no workflow `tre`
    --> tre
     = help: did you mean `tree`?
    ");
}

#[test]
fn a_question_of_no_words() {
    assert_snapshot!(with_text(&["ask", "a.txt", "--model", "scripted", "-q", " "]).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: the question is empty
    ");
}

#[test]
fn a_window_that_is_no_number() {
    let longhand = Longhand::new();
    longhand.file("a.txt", "A text.");
    let mut command = longhand.command(&["summarize", "a.txt", "--model", "scripted"]);
    let ended = longhand.ended(command.env("LONGHAND_WINDOW", "4k").output().unwrap());
    assert_snapshot!(ended.shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: `LONGHAND_WINDOW` is `4k`: expected a number of tokens, such as `4096`
    ");
}

#[test]
fn a_window_that_holds_no_text() {
    assert_snapshot!(with_text(&["summarize", "a.txt", "--model", "scripted", "--window", "100"]).shown(), @r"
    exit 3
    --- stdout
    --- stderr
    error: a prompt of the agent `manager` cannot fit the window of 100 tokens
     --> shipped/agents/manager.yaml:7:13
      |
    7 | max_output: 512
      |             ^^^ leaves no room beside 59 tokens without any text
      |
      = help: a `call` step sets 512 tokens aside beside it: shorten the prompt, lower `max_output`, or take a model with a larger window

    error: a prompt of the agent `worker` cannot fit the window of 100 tokens
     --> shipped/prompts/worker.tera:1:1
      |
    1 | {# The note of a worker of Chain-of-Agents: one part of the text, the note so far, and what the note is for. -#}
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 118 tokens without any text
      |
      = help: a `fold` step sets 1040 tokens aside beside it: shorten the prompt, lower `max_output`, or take a model with a larger window
    ");
}

#[test]
fn settings_that_are_not_there_or_misspelt() {
    let longhand = Longhand::new();
    assert_snapshot!(longhand.run(&["doctor", "--config", "none.yaml"]).shown(), @r"
    exit 3
    --- stdout
    --- stderr
    error: cannot read the file: No such file or directory (os error 2)
    --> [folder]/work/none.yaml
    ");
    longhand.file("longhand.yaml", "model: scripted\nstoer: runs\n");
    assert_snapshot!(longhand.run(&["doctor"]).shown(), @r"
    exit 3
    --- stdout
    --- stderr
    error: unknown key `stoer`
     --> [folder]/work/longhand.yaml:2:1
      |
    2 | stoer: runs
      | ^^^^^ no such key here
      |
      = help: did you mean `store`?
    ");
}

#[test]
fn a_run_that_is_not_there() {
    assert_snapshot!(Longhand::new().run(&["runs", "show", "2026"]).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: there is no run `2026` in this store

    hint: `longhand runs list` shows all runs
    ");
}

#[test]
fn nothing_that_is_there_is_overwritten_without_being_told_to() {
    let longhand = Longhand::new();
    longhand.file("a.txt", "A text.").file("out/index.md", "mine").file("pages/a.txt.md", "mine too");
    let args = |folder| ["summarize", "a.txt", "--model", "scripted", "-o", folder];
    assert_snapshot!(longhand.run(&args("out")).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: `[folder]/work/out/index.md` exists already

    hint: choose another folder, or overwrite with `--force`
    ");
    assert_snapshot!(longhand.run(&args("pages")).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: `[folder]/work/pages/a.txt.md` exists already

    hint: choose another folder, or overwrite with `--force`
    ");
    assert_eq!(fs::read_to_string(longhand.work().join("out/index.md")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(longhand.work().join("pages/a.txt.md")).unwrap(), "mine too");
    longhand.file("archive", "A document with an unhappy name.");
    let ended = longhand.run(&["summarize", "archive", "--model", "scripted", "-o", "new", "--force"]);
    assert_snapshot!(ended.shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: the page of `archive` would be `[folder]/work/new/archive.md`, which is for all documents

    hint: rename the document, or leave out `--output`
    ");
    for folder in ["out", "pages"] {
        let ended = longhand.run(&[args(folder).as_slice(), &["--force"]].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.shown());
        assert!(fs::read_to_string(longhand.work().join(folder).join("index.md")).unwrap().contains("a.txt"));
    }
}
