//! A call that fails for a reason that may pass is made again; one that does not is not.

use serde_json::Value;

use crate::longhand::{Longhand, document};

/// A workflow of one chain whose worker waits a millisecond between its tries.
fn prepared(failures: &str, calls: &str) -> Longhand {
    let longhand = Longhand::new();
    longhand.file("longhand.yaml", "");
    longhand.file("a.md", document(30)).file("b.md", document(30));
    longhand.file("script.yaml", format!("max_output: 64\nconcurrency: 1\nfailures: [{failures}]\n"));
    let workflow = format!(
        "version: 1\nname: trying\nnodes:\n  chunks: {{split: {{for: read}}}}\n  \
         read: {{fold: {{over: chunks, agent: worker, calls: {{first_wait_ms: 1, {calls}}}}}}}\noutput: read\n"
    );
    longhand.file("workflows/trying.yaml", workflow);
    longhand.file("agents/worker.yaml", "version: 1\nname: worker\nprompt: worker\nmax_output: 64\n");
    longhand.file("prompts/worker.tera", "{{ document }} part {{ index }}\n{{ chunk }}\n{{ unit }}");
    longhand
}

const RUN: [&str; 7] = ["run", "trying", "a.md", "b.md", "--model", "scripted:script.yaml", "--window=500"];

fn lines(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_call_is_made_again_until_it_is_answered() {
    let longhand = prepared("{when: 'a.md part 2', times: 2, retry_after_ms: 3}", "tries: 3");
    let ended = longhand.run(&[&RUN[..], &["--jsonl"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let lines = lines(&ended.stdout);
    let missed: Vec<&Value> = lines.iter().filter(|line| line["event"] == "missed").collect();
    assert_eq!(missed.len(), 2);
    assert_eq!((&missed[0]["attempt"], &missed[1]["attempt"]), (&1.into(), &2.into()));
    assert_eq!(missed[0]["wait_ms"], 3, "as long as the model asks for");
    assert_eq!(missed[0]["error"], "the model did not answer: the script says so");
    let tries =
        lines.iter().filter(|line| line["event"] == "call").map(|line| line["attempt"].as_u64().unwrap());
    assert_eq!(tries.filter(|attempt| *attempt == 3).count(), 1, "the others were answered at once");
}

#[test]
fn a_document_whose_call_is_never_answered_fails_alone_and_can_be_tried_again() {
    let longhand = prepared("{when: 'a.md part 2', times: 3}", "tries: 2");
    let args = [&RUN[..], &["--json"]].concat();
    let ended = longhand.run(&args);
    assert_eq!(ended.code, Some(5), "{}", ended.shown());
    let report = ended.json();
    let error = &report["failed"][0]["error"];
    assert_eq!(error, "agent `worker` got no answer: the model did not answer: the script says so");
    assert_eq!(report["documents"][1]["status"], "done");
    let run = report["run"].as_str().unwrap();
    // The failures of a script are those of a process: this one has three of its own, and two are not enough.
    let again = longhand.run(&["runs", "resume", run, "--json"]);
    assert_eq!(again.code, Some(5), "{}", again.shown());
    longhand.file(
        "workflows/trying.yaml",
        std::fs::read_to_string(longhand.work().join("workflows/trying.yaml"))
            .unwrap()
            .replace("tries: 2", "tries: 4"),
    );
    let more = longhand.run(&["runs", "resume", run, "--json"]);
    assert_eq!(
        more.code,
        Some(0),
        "how often a call is tried is not part of what is asked: {}",
        more.shown()
    );
}

#[test]
fn only_what_failed_is_tried_again_where_that_is_asked_for() {
    let longhand = prepared("{when: 'a.md part 2', times: 1}", "tries: 1");
    longhand.file("in/a.md", document(30)).file("in/b.md", document(300)).file("in/c.md", document(30));
    // The budget ends the run after the first document failed, the third is done and the second is half read.
    let args = [
        "run",
        "trying",
        "in",
        "--model",
        "scripted:script.yaml",
        "--window=500",
        "--json",
        "--max-tokens=4000",
    ];
    let ended = longhand.run(&args);
    assert_eq!(ended.code, Some(4), "{}", ended.shown());
    let report = ended.json();
    let run = report["run"].as_str().unwrap();
    let status = |report: &Value| -> Vec<String> {
        report["documents"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["status"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(status(&report), ["failed", "open", "open"]);
    longhand.file("script.yaml", "max_output: 64\nconcurrency: 1\n");
    let resume = ["runs", "resume", run, "--json", "--max-tokens=100000"];
    let retried = longhand.run(&[&resume[..], &["--retry-failed"]].concat());
    assert_eq!(retried.code, Some(130), "the others are open: {}", retried.shown());
    assert_eq!(status(&retried.json()), ["done", "open", "open"]);
    let again = longhand.run(&[&resume[..], &["--retry-failed"]].concat());
    assert_eq!(again.code, Some(1), "{}", again.shown());
    assert!(again.stderr.contains("failed, so there is nothing to try again"), "{}", again.stderr);
    assert_eq!(longhand.run(&resume).code, Some(0));
}

#[test]
fn a_wait_that_is_too_long_is_not_waited_for() {
    let longhand = prepared("{when: '', times: 1, retry_after_ms: 3600000}", "longest_wait_ms: 1000");
    let ended = longhand.run(&[&RUN[..], &["--jsonl"]].concat());
    assert_eq!(ended.code, Some(5), "{}", ended.shown());
    let lines = lines(&ended.stdout);
    let missed: Vec<&Value> = lines.iter().filter(|line| line["event"] == "missed").collect();
    assert_eq!(missed.len(), 1);
    assert_eq!(missed[0]["wait_ms"], Value::Null);
}

#[test]
fn a_call_that_hangs_is_given_up_and_counted_as_spent() {
    let longhand = prepared("{when: 'a.md part 1', times: 1, silent: true}", "timeout_s: 1");
    let ended = longhand.run(&[&RUN[..], &["--jsonl"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    let missed = lines(&ended.stdout).into_iter().find(|line| line["event"] == "missed").unwrap();
    assert_eq!(missed["error"], "the model did not finish its answer within 1 s");
    let run = longhand.run(&["runs", "list", "--json"]).json()[0]["run"].as_str().unwrap().to_owned();
    let store = longhand::store::Store::open(&longhand.home().join("store")).unwrap();
    let mut state = longhand::run::RunState::default();
    for entry in store.read_run(&run.parse().unwrap()).unwrap().entries::<longhand::run::Event>() {
        state.apply(&entry.unwrap().1);
    }
    let report = longhand.run(&["runs", "show", &run, "--json"]).json();
    let answered = &report["usage"];
    let answered =
        answered["prompt_tokens"].as_u64().unwrap() + answered["completion_tokens"].as_u64().unwrap();
    assert!(state.spending().run().tokens.0 > answered, "the model may have answered nobody");
}
