//! Inputs of workflows: their types, and texts that come from files.

use insta::assert_snapshot;

use crate::longhand::Longhand;

const WORKFLOW: &str = "version: 1
name: typed
inputs:
  lines: {type: integer, default: 3}
  share: {type: number, default: 0.5}
  brief: {type: boolean, default: false}
  tone: {type: choice, choices: [dry, warm], default: dry}
  subject: {type: text}
nodes:
  chunks: {split: {for: read}}
  read: {fold: {over: chunks, agent: typist}}
output: read
";

fn prepared() -> Longhand {
    let longhand = Longhand::new();
    longhand
        .file("longhand.yaml", "model: scripted\n")
        .file("workflows/typed.yaml", WORKFLOW)
        .file("agents/typist.yaml", "version: 1\nname: typist\nprompt: typist\nmax_output: 50\n")
        .file(
            "prompts/typist.tera",
            "{% if brief %}brief{% else %}long{% endif %} {{ lines + 1 }} {{ share }} {{ tone }} {{ subject }} {{ chunk }}{{ unit }}",
        )
        .file("a.txt", "A text.")
        .file("subject.txt", "the lamp\n");
    longhand
}

fn prompt(longhand: &Longhand, params: &[&str]) -> String {
    let ended = longhand.run(&[&["run", "typed", "a.txt", "--json"], params].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let run = ended.json()["run"].as_str().unwrap().to_owned();
    let call = longhand.run(&["runs", "show", &run, "--call", "0", "--json"]).json();
    call["request"]["messages"][0]["content"].as_str().unwrap().to_owned()
}

#[test]
fn templates_see_values_of_the_inputs_types() {
    let longhand = prepared();
    assert_eq!(prompt(&longhand, &["-p", "subject=@subject.txt"]), "long 4 0.5 dry the lamp\n A text.");
    let params =
        ["-p", "subject=x", "-p", "brief=true", "-p", "lines=7", "-p", "tone=warm", "-p", "share=1.5"];
    assert_eq!(prompt(&longhand, &params), "brief 8 1.5 warm x A text.");
}

#[test]
fn a_value_of_another_type_is_refused_with_what_was_expected() {
    let longhand = prepared();
    let said = |param: &str| longhand.run(&["run", "typed", "a.txt", "-p", "subject=x", "-p", param]).shown();
    assert_snapshot!(said("lines=many"), @r"
    exit 2
    --- stdout
    --- stderr
    error: the input `lines` of workflow `typed` is `many`

    hint: expected a whole number, such as `3`
    ");
    assert!(said("brief=yes").contains("expected `true` or `false`"));
    assert!(said("tone=loud").contains("expected one of `dry`, `warm`"));
    assert!(said("share=@missing.txt").contains("cannot read `missing.txt`"));
    assert_eq!(
        longhand.run(&["run", "typed", "a.txt"]).code,
        Some(2),
        "a text without a default must be given"
    );
}

#[test]
fn a_default_that_is_not_of_its_type_is_a_mistake_in_the_file() {
    let longhand = prepared();
    for (wrong, expected) in [
        ("lines: {type: integer, default: 0.5}", "expected a whole number"),
        ("lines: {type: choice}", "has nothing to choose from"),
        ("lines: {choices: [a]}", "has choices and is no choice"),
        ("lines: {type: whole}", "unknown value `whole`"),
        ("lines: {default: [1]}", "default"),
    ] {
        let text = WORKFLOW.replace("lines: {type: integer, default: 3}", wrong);
        longhand.file("workflows/typed.yaml", text);
        let ended = longhand.run(&["check", "typed"]);
        assert_eq!(ended.code, Some(3), "{wrong}: {}", ended.shown());
        assert!(
            ended.stderr.contains(expected) && ended.stderr.contains("typed.yaml:4:"),
            "{}",
            ended.shown()
        );
    }
}
