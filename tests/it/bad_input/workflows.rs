//! Workflows with a mistake, through `check` and `run`: status 3, and the place by file, line and column.

use insta::assert_snapshot;

use crate::longhand::Longhand;

/// What `check` says of a workflow. `run` says the same of it, though it names the file by its whole path.
fn said(workflow: &str, prompt: &str) -> String {
    let longhand = Longhand::new();
    longhand.file("a.txt", "A text.").file("w.yaml", workflow);
    longhand.file("prompts/teller.tera", prompt).file(
        "agents/teller.yaml",
        "version: 1\nname: teller\ndescription: tells\nprompt: teller\nmax_output: 64\n",
    );
    let checked = longhand.run(&["check", "w.yaml"]);
    let run = longhand.run(&["run", "w.yaml", "a.txt", "--model", "scripted"]);
    assert_eq!((checked.code, run.code), (Some(3), Some(3)), "{}{}", checked.shown(), run.shown());
    assert_eq!(run.stderr.replace("[folder]/work/", ""), checked.stderr);
    assert_eq!(longhand.run(&["check", "--quiet", "w.yaml"]).stderr, checked.stderr);
    let runs = longhand.run(&["runs", "list"]).stdout;
    assert_eq!(runs, "", "nothing was begun");
    checked.shown()
}

#[test]
fn a_typing_mistake() {
    assert_snapshot!(said("version: 1\nname: w\nnodes:\n  parts: {split: {for: read}}\n  read: {fold: {ovr: parts, agent: teller}}\noutput: read\n", "{{ chunk }}"), @r"
    exit 3
    --- stdout
    --- stderr
    error: unknown key `ovr`
     --> w.yaml:5:17
      |
    5 |   read: {fold: {ovr: parts, agent: teller}}
      |                 ^^^ no such key here
      |
      = help: did you mean `over`?
    ");
}

#[test]
fn no_yaml() {
    assert_snapshot!(said("version: 1\nname: w\nnodes: {parts: [\n", "{{ chunk }}"), @r"
    exit 3
    --- stdout
    --- stderr
    error: this is not YAML: while parsing a node, did not find expected node content
     --> w.yaml:3:17
      |
    3 | nodes: {parts: [
      |                 ^
    ");
}

#[test]
fn a_cycle() {
    assert_snapshot!(said("version: 1\nname: w\nnodes:\n  a: {call: {agent: teller, with: {chunk: b}}}\n  b: {call: {agent: teller, with: {chunk: a}}}\noutput: a\n", "{{ chunk }}"), @r"
    exit 3
    --- stdout
    --- stderr
    error: the nodes wait for each other: a -> b -> a
     --> w.yaml:4:3
      |
    4 |   a: {call: {agent: teller, with: {chunk: b}}}
      |   ^ depends on itself
      |
      = help: let one of them read something else
    ");
}

#[test]
fn an_unknown_agent() {
    assert_snapshot!(said("version: 1\nname: w\nnodes:\n  parts: {split: {for: read}}\n  read: {fold: {over: parts, agent: tellr}}\noutput: read\n", "{{ chunk }}"), @r"
    exit 3
    --- stdout
    --- stderr
    error: there is no agent `tellr`
     --> w.yaml:5:37
      |
    5 |   read: {fold: {over: parts, agent: tellr}}
      |                                     ^^^^^ expected the name of a file `agents/tellr.yaml`
      |
      = help: did you mean `teller`?
    ");
}

#[test]
fn a_template_with_a_variable_that_nobody_gives() {
    assert_snapshot!(said("version: 1\nname: w\nnodes:\n  parts: {split: {for: read}}\n  read: {fold: {over: parts, agent: teller}}\noutput: read\n", "Read this:\n{{ chnk }}\n"), @r"
    exit 3
    --- stdout
    --- stderr
    error: nothing gives `chnk` to this template in node `read`
     --> prompts/teller.tera:2:4
      |
    2 | {{ chnk }}
      |    ^^^^ not given by a `fold` step
      |
      = help: did you mean `chunk`?
    ");
}

#[test]
fn a_file_that_is_not_there() {
    assert_snapshot!(Longhand::new().run(&["check", "none.yaml", "tree", "--model", "scripted"]).shown(), @r"
    exit 3
    --- stdout
    tree: valid, 4 nodes
    --- stderr
    error: cannot read the file: No such file or directory (os error 2)
    --> none.yaml
    ");
}

#[test]
fn programs_are_told_every_problem_with_its_place() {
    let longhand = Longhand::new();
    let text = "version: 1\nname: bad\nnodes:\n  parts:\n    splt: {for: read}\n  read:\n    map: {over: parts, agent: reeder}\noutput: read\n";
    longhand.file("bad.yaml", text);
    let ended = longhand.run(&["check", "bad.yaml", "quote-chain", "--json", "--model", "scripted"]);
    assert_eq!(ended.code, Some(3), "{}", ended.shown());
    let told = ended.json();
    assert_eq!((&told[0]["valid"], &told[1]["valid"]), (&false.into(), &true.into()));
    let problems = told[0]["problems"].as_array().unwrap();
    assert_eq!(told[0]["found"], problems.len());
    let first = &problems[0];
    assert_eq!(
        (&first["severity"], &first["file"], &first["line"], &first["column"]),
        (&"error".into(), &"bad.yaml".into(), &5.into(), &5.into()),
        "{first}"
    );
    assert!(first["message"].as_str().unwrap().contains("splt"), "{first}");
    assert!(first["help"].as_str().unwrap().contains("split"), "{first}");
    assert_eq!(told[1]["problems"], serde_json::json!([]));
}
