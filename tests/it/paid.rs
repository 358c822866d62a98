//! Answers that are paid for are on the disk before anything depends on them, and others do not wait for it.

use std::fs;
use std::process::Command;

use crate::longhand::{Longhand, document};

const SETTINGS: &str = "model: m
models:
  m:
    scripted: {max_output: 64}
";

/// Runs a chain under `strace` and returns its calls and what the process asked of the disk; none where there is no
/// `strace`, or where it may not trace.
fn traced(settings: &str) -> Option<(usize, Vec<String>)> {
    let longhand = Longhand::new();
    longhand.file("long.md", document(60)).file("longhand.yaml", settings);
    let run =
        longhand.command(&["run", "refine", "long.md", "-p", "question=What?", "--window", "700", "--json"]);
    let trace = longhand.work().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-e", "trace=fdatasync,fsync", "-o"]).arg(&trace).arg(run.get_program());
    strace.args(run.get_args()).current_dir(longhand.work()).env("LONGHAND_HOME", longhand.home());
    let ended =
        strace.output().ok().map(|output| longhand.ended(output)).filter(|ended| ended.code == Some(0));
    let Some(ended) = ended else {
        eprintln!(
            "SKIPPED: what is asked of the disk is not looked at, because there is no `strace` that may"
        );
        return None;
    };
    let calls = ended.json()["calls"].as_array().unwrap().len();
    let lines = fs::read_to_string(trace).unwrap();
    Some((calls, lines.lines().filter(|line| line.contains("sync(")).map(str::to_owned).collect()))
}

#[test]
fn an_answer_with_a_price_is_forced_to_the_disk_and_one_without_is_not() {
    let Some((calls, free)) = traced(SETTINGS) else { return };
    let paid = traced(&format!("{SETTINGS}    price: {{input: 1, output: 2}}\n")).unwrap();
    assert!(calls > 2 && paid.0 == calls, "{calls} and {} calls", paid.0);
    let forced = |lines: &[String]| lines.iter().filter(|line| line.contains("/records>")).count();
    assert_eq!((forced(&free), forced(&paid.1)), (0, calls), "{:?}", paid.1);
    let folder =
        |name: &str| paid.1.iter().filter(|line| line.contains(name) && line.contains("fsync(")).count();
    assert_eq!(
        (folder("/store/runs>"), folder("/store>")),
        (1, 1),
        "the file must be found, too: {:?}",
        paid.1
    );
}
