//! Files and folders that give no text, or stop giving it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use insta::assert_snapshot;

use crate::longhand::{Ended, Longhand, document};

/// The user `nobody`, who may read only what everybody may.
const NOBODY: u32 = 65534;

fn summarize(longhand: &Longhand, paths: &[&str]) -> Ended {
    longhand.run(&[&["summarize", "--model", "scripted"], paths].concat())
}

#[test]
fn an_empty_file() {
    let longhand = Longhand::new();
    longhand.file("empty.txt", "");
    assert_snapshot!(summarize(&longhand, &["empty.txt"]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: `[folder]/work/empty.txt` holds no text: leave it out
    ");
}

#[test]
fn an_empty_folder() {
    let longhand = Longhand::new();
    fs::create_dir(longhand.work().join("letters")).unwrap();
    assert_snapshot!(summarize(&longhand, &["letters"]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: the folder `[folder]/work/letters` holds no file: name one that does, hidden files are passed over
    ");
}

#[test]
fn a_missing_file() {
    assert_snapshot!(summarize(&Longhand::new(), &["missing.txt"]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: `[folder]/work/missing.txt` does not exist: check the path
    ");
}

#[test]
fn an_unreadable_file() {
    let longhand = Longhand::new();
    longhand.file("secret.txt", "Nobody may read this.");
    let secret = longhand.work().join("secret.txt");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = longhand.command(&["summarize", "--model", "scripted", "secret.txt"]);
    if fs::read(&secret).is_ok() {
        // Root may read everything, so the command is run as somebody else.
        for folder in [longhand.work().parent().unwrap(), &longhand.work(), &longhand.home()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        chown(longhand.home(), Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY);
    }
    let Ok(output) = command.output() else {
        eprintln!("SKIPPED: an unreadable file is not tried, because nobody else may start the program");
        return;
    };
    assert_snapshot!(longhand.ended(output).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: `[folder]/work/secret.txt` may not be read: give yourself the permission to read it
    ");
}

#[test]
fn fifty_megabytes_of_nothing() {
    let longhand = Longhand::new();
    fs::File::create(longhand.work().join("sparse.txt")).unwrap().set_len(50 << 20).unwrap();
    assert_snapshot!(summarize(&longhand, &["sparse.txt"]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: `[folder]/work/sparse.txt` is a binary file, not text: convert it to plain text first
    ");
}

#[test]
fn damaged_utf_8() {
    let longhand = Longhand::new();
    longhand.file(
        "damaged.txt",
        ["Zwölf größere Bäche führen übers Gehöft, höchst ärgerlich. ".as_bytes(), b"\xff\xfe\xff"].concat(),
    );
    assert_snapshot!(summarize(&longhand, &["damaged.txt"]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: `[folder]/work/damaged.txt` is UTF-8 up to byte 68 and damaged there: repair it or convert it to UTF-8
    ");
}

#[test]
fn one_line_of_megabytes_without_a_space_is_read_to_its_end() {
    let longhand = Longhand::new();
    let text = "abcdefghij".repeat(5 << 17);
    longhand.file("line.txt", &text);
    let ended = longhand.run(&["summarize", "--model", "scripted", "--json", "line.txt"]);
    assert_eq!((ended.code, ended.stderr.contains("error")), (Some(0), false), "{}", ended.stderr);
    let report = ended.json();
    assert_eq!(report["documents"][0]["bytes"], text.len());
    let mut end = 0;
    for chunk in report["documents"][0]["chunks"].as_array().unwrap() {
        assert_eq!(chunk["start"], end, "the chunks tile the line");
        end = chunk["end"].as_u64().unwrap();
    }
    assert_eq!(end, text.len() as u64);
}

#[test]
fn a_binary_file_among_good_ones() {
    let longhand = Longhand::new();
    longhand
        .file("letters/1.txt", "The lamp was lit.")
        .file("letters/2.pdf", b"%PDF-1.7\0\x01")
        .file("letters/3.txt", "The lamp went out.");
    longhand.file("script.yaml", "concurrency: 1\nrules: [{when: '', say: A lamp.}]");
    let ended = longhand.run(&["summarize", "--model", "scripted:script.yaml", "letters"]);
    assert_snapshot!(ended.shown(), @r"
    exit 5
    --- stdout
    # 1.txt

    A lamp.

    # 3.txt

    A lamp.

    # The archive

    A lamp.
    --- stderr
    done: 1.txt
    done: 3.txt
    error: `[folder]/work/letters/2.pdf` is a PDF document, not text: convert it to plain text first
    ");
    let report =
        longhand.run(&["summarize", "--model", "scripted:script.yaml", "letters", "--json", "--quiet"]);
    assert_eq!(report.code, Some(5));
    assert_eq!(report.json()["failed"][0]["path"], "2.pdf");
    assert_snapshot!(report.stderr, @"error: `[folder]/work/letters/2.pdf` is a PDF document, not text: convert it to plain text first");
}

#[test]
fn a_file_that_changes_while_it_is_read() {
    let longhand = Longhand::new();
    longhand.file("a.md", document(300)).file("b.md", "Nothing happens to this one.");
    longhand.file(
        "script.yaml",
        "context: 4000\nmax_output: 64\nconcurrency: 1\nlatency_ms: 50\nrules: [{when: '', say: Repairs.}]",
    );
    let args = ["summarize", "a.md", "b.md", "--model", "scripted:script.yaml", "--window", "700"];
    let mut working = longhand.begin(&args);
    working.until(" called ");
    longhand.file("a.md", document(301));
    assert_snapshot!(longhand.wait(working).shown(), @r"
    exit 5
    --- stdout
    # b.md

    Repairs.
    --- stderr
    done: b.md
    error: `[folder]/work/a.md` has changed since it was first read: start a new run to read it again
    ");
}

#[test]
fn a_file_that_changes_while_a_run_is_interrupted() {
    let longhand = Longhand::new();
    longhand.file("a.md", document(300));
    longhand.file("script.yaml", "context: 4000\nmax_output: 64\nlatency_ms: 50\n");
    let args = ["summarize", "a.md", "--model", "scripted:script.yaml", "--window", "700"];
    let mut working = longhand.begin(&args);
    working.until(" called ");
    working.kill();
    assert_eq!(longhand.wait(working).code, None);
    longhand.file("a.md", document(301));
    assert_snapshot!(longhand.run(&args).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    going on with the interrupted run [run]
    error: the documents of the run [run] have changed since it began

    hint: put them back as they were, or give the run up with `longhand runs rm [run]` and start again
    ");
}

#[test]
fn what_stdin_gives_is_named_stdin() {
    let longhand = Longhand::new();
    for (content, expected) in [("", "`stdin` holds no text"), ("%PDF-1.4", "`stdin` is a PDF document")] {
        longhand.file("input", content);
        let mut command = longhand.command(&["summarize", "-", "--model", "scripted"]);
        let input = fs::File::open(longhand.work().join("input")).unwrap();
        let ended = longhand.ended(command.stdin(input).output().unwrap());
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(expected), "{}", ended.shown());
        assert!(!Path::new(&ended.stderr).starts_with("[folder]/home"), "{}", ended.shown());
    }
}
