//! Data goes to stdout and nothing else does; files go where they were asked for.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;

use crate::longhand::{Longhand, document};

/// Holds a value against the parts of JSON Schema that the printed schemas use; says where it breaks them.
fn broken(schema: &Value, value: &Value, root: &Value, place: &str) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        return broken(root.pointer(name.trim_start_matches('#')).unwrap(), value, root, place);
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let fits = choices.iter().any(|schema| broken(schema, value, root, place).is_none());
            return (!fits).then(|| format!("{place}: {value} is none of {choice}"));
        }
    }
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no JSON type: {other}"),
    };
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        Value::Null => Vec::new(),
        kind => vec![kind.clone()],
    };
    if !kinds.is_empty() && !kinds.iter().any(is) {
        return Some(format!("{place}: {value} is no {kinds:?}"));
    }
    let constant = schema.get("const").is_some_and(|constant| constant != value);
    let unlisted = schema["enum"].as_array().is_some_and(|listed| !listed.contains(value));
    if constant || unlisted {
        return Some(format!("{place}: {value} is not what {schema} lists"));
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if let Some(missing) = required.into_iter().find(|name| value.is_object() && value.get(name).is_none()) {
        return Some(format!("{place}: {missing} is missing"));
    }
    let fields = value.as_object().into_iter().flatten().map(|(name, field)| {
        let schema = schema["properties"].get(name);
        schema.map_or_else(
            || Some(format!("{place}: {name} is not described")),
            |schema| broken(schema, field, root, &format!("{place}.{name}")),
        )
    });
    let items = value
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| broken(&schema["items"], item, root, &format!("{place}[]")));
    fields.chain(items).flatten().next()
}

#[test]
fn json_is_what_the_schema_says() {
    let longhand = Longhand::new();
    longhand.file("a/1.md", document(40)).file("a/2.md", document(9)).file("a/3.png", b"\x89PNG\0");
    let schema = longhand.run(&["schema", "report"]).json();
    let runs = [
        vec!["summarize", "a", "--model", "scripted", "--json"],
        vec!["summarize", "a", "--model", "scripted", "--json", "-m", "quote-chain", "-o", "out"],
        vec![
            "ask",
            "a",
            "-q",
            "Which day was the mill repaired?",
            "-m",
            "quote-answer",
            "--model",
            "scripted",
            "--json",
        ],
    ];
    for args in runs {
        let ended = longhand.run(&args);
        assert_eq!(ended.code, Some(5), "{}", ended.shown());
        let report = ended.json();
        assert_eq!(broken(&schema, &report, &schema, "report"), None);
        assert_eq!(report["outcome"], "partial");
        let run = report["run"].as_str().unwrap();
        assert_eq!(
            longhand.run(&["runs", "show", run, "--json"]).json(),
            report,
            "the journal tells the same"
        );
        let mut wrong = report.clone();
        wrong["calls"][0]["ms"] = "soon".into();
        assert_eq!(
            broken(&schema, &wrong, &schema, "report").unwrap(),
            "report.calls[].ms: \"soon\" is no [String(\"integer\")]"
        );
    }
}

#[test]
fn every_command_that_takes_json_prints_json() {
    let longhand = Longhand::new();
    for args in [
        &["runs", "list"][..],
        &["workflows", "list"],
        &["doctor", "--model", "scripted"],
        &["check", "tree", "refine", "--model", "scripted"],
        &["schema", "workflow"],
        &["schema", "agent"],
        &["schema", "config"],
        &["schema", "events"],
        &["schema", "plan"],
        &["schema", "diff"],
        &["schema", "contexts"],
        &["graph", "tree"],
        &["workflows", "show", "tree", "--resolved"],
        #[cfg(feature = "local")]
        &["models", "list"],
    ] {
        let ended = longhand.run(&[args, &["--json"]].concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{args:?}");
        assert!(!ended.json().is_null());
    }
}

#[test]
fn a_result_is_on_stdout_and_all_else_on_stderr() {
    let longhand = Longhand::new();
    longhand
        .file("a.md", "The lamp was lit at dusk.")
        .file("script.yaml", "rules: [{when: '', say: A lamp was lit.}]");
    let ended = longhand.run(&["summarize", "a.md", "--model", "scripted:script.yaml"]);
    assert_snapshot!(ended.shown(), @r"
    exit 0
    --- stdout
    # a.md

    A lamp was lit.
    --- stderr
    done: a.md
    ");
    let quiet = longhand.run(&["summarize", "a.md", "--model", "scripted:script.yaml", "--quiet"]);
    assert_eq!((quiet.stdout, quiet.stderr.as_str()), (ended.stdout, ""));
}

#[test]
fn a_folder_gets_one_file_per_document_and_two_pages() {
    let longhand = Longhand::new();
    longhand
        .file("in/letters/1.txt", "One letter came.")
        .file("in/2.md", "Another text.")
        .file("script.yaml", "concurrency: 1\nrules: [{when: '', say: Something.}]");
    let ended = longhand.run(&["summarize", "in", "--model", "scripted:script.yaml", "-o", "out"]);
    assert_snapshot!(ended.shown(), @r"
    exit 0
    --- stdout
    --- stderr
    done: 2.md
    done: letters/1.txt
    written to `[folder]/work/out`
    ");
    let below = |folder: &Path| {
        let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().is_file());
        files
            .map(|entry| entry.path().strip_prefix(folder).unwrap().display().to_string())
            .collect::<Vec<_>>()
    };
    let out = longhand.work().join("out");
    assert_eq!(below(&out), ["2.md.md", "archive.md", "index.md", "letters/1.txt.md"]);
    assert_snapshot!(fs::read_to_string(out.join("letters/1.txt.md")).unwrap(), @r"
    # letters/1.txt

    Something.
    ");
    assert_snapshot!(fs::read_to_string(out.join("archive.md")).unwrap(), @r"
    # The archive

    Something.
    ");
    let index = fs::read_to_string(out.join("index.md")).unwrap();
    assert_snapshot!(index.split_once('\n').unwrap().1, @r"
    Workflow `chain-of-agents`, succeeded.

    - [2.md](<2.md.md>): done, 13 bytes
    - [letters/1.txt](<letters/1.txt.md>): done, 16 bytes
    ");
}

#[test]
fn a_dash_reads_stdin_and_a_resumed_run_does_not_need_it_again() {
    let longhand = Longhand::new();
    longhand.file("input", document(60)).file("script.yaml", "latency_ms: 50\n");
    let args = ["summarize", "-", "--model", "scripted:script.yaml", "--window", "1500", "--json"];
    let mut command = longhand.command(&args);
    command.stdin(fs::File::open(longhand.work().join("input")).unwrap());
    let mut working = longhand.begin_as(&mut command);
    working.until(" called ");
    working.kill();
    longhand.wait(working);
    let runs = longhand.run(&["runs", "list", "--json"]).json();
    let resumed = longhand.run(&["runs", "resume", runs[0]["run"].as_str().unwrap(), "--json"]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.shown());
    let report = resumed.json();
    assert_eq!(report["documents"][0]["path"], "stdin");
    assert_eq!(report["documents"][0]["bytes"], document(60).len());
}
