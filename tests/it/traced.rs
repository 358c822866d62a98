//! The developer's log: every line of a call says in which run, task and try it stands, and none says what was asked.

use crate::longhand::{Longhand, document};

/// A workflow of one chain whose worker waits a millisecond between its tries.
const WORKFLOW: &str = "version: 1\nname: traced\nnodes:\n  chunks: {split: {for: read}}\n  \
                        read: {fold: {over: chunks, agent: worker, calls: {tries: 2, first_wait_ms: 1}}}\noutput: read\n";

/// What stands between the braces of a span in a line.
fn fields<'a>(line: &'a str, span: &str) -> Option<(usize, &'a str)> {
    let begin = line.find(&format!("{span}{{"))?;
    let (fields, _) = line[begin + span.len() + 1..].split_once('}')?;
    Some((begin, fields))
}

#[test]
fn a_call_is_logged_within_its_task_and_its_run_and_without_any_text() {
    let longhand = Longhand::new();
    longhand
        .file("longhand.yaml", "")
        .file("a.md", document(30))
        .file("b.md", document(30))
        .file("workflows/traced.yaml", WORKFLOW)
        .file("agents/worker.yaml", "version: 1\nname: worker\nprompt: worker\nmax_output: 64\n")
        .file("prompts/worker.tera", "Read this: {{ document }} part {{ index }}\n{{ chunk }}\n{{ unit }}")
        .file(
            "script.yaml",
            "max_output: 64\nfailures: [{when: 'a.md part 2', times: 1}]\nrules: [{when: '', say: Repairs.}]\n",
        );
    let args =
        ["run", "traced", "a.md", "b.md", "--model", "scripted:script.yaml", "--window", "500", "--json"];
    let output = longhand.command(&args).env("LONGHAND_LOG", "longhand=trace").output().unwrap();
    let ended = longhand.ended(output);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let report = ended.json();
    let calls = report["calls"].as_array().unwrap();

    let within = |word: &str| -> Vec<&str> {
        ended.stderr.lines().filter(|line| line.contains(&format!("asking: {word}"))).collect()
    };
    let (asked, answered, missed) = (within("asks "), within("called "), within("no answer "));
    assert_eq!((answered.len(), missed.len()), (calls.len(), 1), "{}", ended.stderr);
    assert_eq!(asked.len(), answered.len() + missed.len());
    for line in asked.iter().chain(&answered).chain(&missed) {
        let (run, of_run) = fields(line, "run").unwrap();
        let (task, of_task) = fields(line, ":task").unwrap();
        let (call, of_call) = fields(line, ":call").unwrap();
        assert!(run < task && task < call, "{line}");
        assert_eq!(of_run, format!("run={} workflow=traced", report["run"].as_str().unwrap()));
        assert!(of_task.starts_with("node=read slot="), "{line}");
        assert!(of_call.starts_with(&format!("{of_task} step=")), "{line}");
        let model = format!(" model={:?}", calls[0]["model"].as_str().unwrap());
        assert!(of_call.ends_with(&model), "{line}");
    }
    assert!(missed[0].contains(" attempt=1 model="), "{}", missed[0]);
    assert_eq!(answered.iter().filter(|line| line.contains(" attempt=2 model=")).count(), 1);
    for text in ["Read this", "Entry", "was repaired on day", "Repairs."] {
        assert!(!ended.stderr.contains(text), "{text:?} was logged: {}", ended.stderr);
    }
}
