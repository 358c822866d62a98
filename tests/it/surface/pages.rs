//! The pages of a run: where they lie, who may read them, and whose they are when a run is taken up again.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use crate::longhand::{Ended, Longhand, document};

const ARGS: [&str; 7] = ["summarize", "a.md", "b.md", "--model", "scripted:script.yaml", "-o", "out"];

/// Two documents, read one after the other.
fn prepared() -> Longhand {
    let longhand = Longhand::new();
    longhand
        .file("a.md", document(12))
        .file("b.md", document(9))
        .file("script.yaml", "context: 4000\nmax_output: 64\nconcurrency: 1\nlatency_ms: 250\n");
    longhand
}

fn page(longhand: &Longhand, name: &str) -> Option<String> {
    fs::read_to_string(longhand.work().join("out").join(name)).ok()
}

/// Stops a run as soon as its first document is done.
fn interrupted(longhand: &Longhand) -> Ended {
    let mut working = longhand.begin(&ARGS);
    working.until("done: a.md");
    working.interrupt();
    let ended = longhand.wait(working);
    assert_eq!(ended.code, Some(130), "{}", ended.shown());
    assert!(page(longhand, "a.md.md").is_some());
    ended
}

/// The pages of the same run that nothing disturbed.
fn calm() -> [Option<String>; 3] {
    let calm = prepared();
    let ended = calm.run(&ARGS);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    ["a.md.md", "b.md.md", "archive.md"].map(|name| page(&calm, name))
}

fn resume(longhand: &Longhand) -> Ended {
    let runs = longhand.run(&["runs", "list", "--json"]).json();
    longhand.run(&["runs", "resume", runs[0]["run"].as_str().unwrap()])
}

#[test]
fn an_interrupted_run_that_writes_goes_on_by_the_same_command_and_by_name() {
    let expected = calm();
    assert!(expected.iter().all(Option::is_some));
    for again in [|longhand: &Longhand| longhand.run(&ARGS), resume] {
        let longhand = prepared();
        interrupted(&longhand);
        assert_eq!(
            page(&longhand, "archive.md"),
            None,
            "one of two documents does not stand for the archive"
        );
        let index = page(&longhand, "index.md").unwrap();
        let listed = "- [a.md](<a.md.md>): done, 779 bytes\n- `b.md`: not finished, 581 bytes\n";
        assert!(index.ends_with(listed), "{index}");
        let ended = again(&longhand);
        assert_eq!(ended.code, Some(0), "{}", ended.shown());
        assert_eq!(["a.md.md", "b.md.md", "archive.md"].map(|name| page(&longhand, name)), expected);
        assert!(page(&longhand, "index.md").unwrap().contains("[b.md](<b.md.md>): done"));
    }
}

#[test]
fn a_page_that_a_killed_process_had_only_begun_does_not_stay() {
    let longhand = prepared();
    interrupted(&longhand);
    let run = longhand.run(&["runs", "list", "--json"]).json()[0]["run"].as_str().unwrap().to_owned();
    longhand.file(&format!("out/.{run}.part"), "half a pa");
    assert_eq!(resume(&longhand).code, Some(0));
    let names = fs::read_dir(longhand.work().join("out")).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a.md.md", "archive.md", "b.md.md", "index.md"]);
}

/// A run whose second document was away when it was to be read, and is there again.
fn partial() -> Longhand {
    let longhand = prepared();
    let (there, away) = (longhand.work().join("b.md"), longhand.work().join("away"));
    let mut working = longhand.begin(&ARGS);
    working.until(" called ");
    fs::rename(&there, &away).unwrap();
    let ended = longhand.wait(working);
    assert_eq!(ended.code, Some(5), "{}", ended.shown());
    fs::rename(&away, &there).unwrap();
    longhand
}

#[test]
fn a_failed_document_that_is_tried_again_gets_its_page_and_the_archive_a_new_one() {
    let longhand = partial();
    let before = page(&longhand, "archive.md").unwrap();
    assert_snapshot!(page(&longhand, "index.md").unwrap().lines().nth(5).unwrap(), @"- `b.md`: failed, 581 bytes");
    let ended = resume(&longhand);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    assert_ne!(page(&longhand, "archive.md").unwrap(), before);
    assert_eq!(["a.md.md", "b.md.md", "archive.md"].map(|name| page(&longhand, name)), calm());
}

#[test]
fn a_page_that_somebody_has_changed_is_left_alone() {
    let longhand = partial();
    longhand.file("out/archive.md", "my own words");
    assert_snapshot!(resume(&longhand).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    done: b.md
    error: `[folder]/work/out/archive.md` was not written by this run, or was changed since

    hint: move it away and go on with: longhand runs resume [run]
    ");
    assert_eq!(page(&longhand, "archive.md").unwrap(), "my own words");
    fs::remove_file(longhand.work().join("out/archive.md")).unwrap();
    assert_eq!(resume(&longhand).code, Some(0));
    assert_eq!(page(&longhand, "archive.md"), calm()[2]);
}

#[test]
fn a_folder_that_holds_pages_of_another_run_is_refused() {
    let longhand = prepared();
    assert_eq!(longhand.run(&ARGS).code, Some(0));
    assert_snapshot!(longhand.run(&ARGS).shown(), @r"
    exit 2
    --- stdout
    --- stderr
    error: `[folder]/work/out/index.md` exists already

    hint: choose another folder, or overwrite with `--force`
    ");
    let forced = longhand.run(&[&ARGS[..], &["--force"]].concat());
    assert_eq!(forced.code, Some(0), "{}", forced.shown());
}

#[test]
fn documents_of_one_name_get_pages_of_their_own_below_the_output_folder() {
    let longhand = Longhand::new();
    longhand.file("a/x.txt", "One letter came.").file("b/x.txt", "Another came.");
    let ended = longhand.run(&["summarize", "a/x.txt", "b/x.txt", "--model", "scripted", "-o", "out"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    for name in ["x.txt.md", "b/x.txt.md", "archive.md", "index.md"] {
        assert!(page(&longhand, name).is_some(), "{name}");
    }
    let beside = fs::read_dir(longhand.work().join("b")).unwrap().count();
    assert_eq!(beside, 1, "nothing is written beside a document");
}

#[cfg(unix)]
#[test]
fn pages_are_as_the_umask_says_and_what_a_run_keeps_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let longhand = prepared();
    let inner = longhand.command(&["summarize", "-", "--model", "scripted", "-o", "out"]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "umask 027; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    command.current_dir(longhand.work()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(fs::File::open(longhand.work().join("a.md")).unwrap());
    let ended = longhand.ended(command.output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    assert_eq!(mode(&longhand.work().join("out/stdin.md")), 0o640);
    let kept = walkdir::WalkDir::new(longhand.home().join("store")).into_iter().map(Result::unwrap);
    let stdin: Vec<_> = kept.filter(|entry| entry.file_name() == "stdin").collect();
    assert_eq!(stdin.len(), 1);
    assert_eq!(mode(stdin[0].path()), 0o600);
}

#[test]
fn answers_that_were_cut_off_are_counted() {
    let longhand = Longhand::new();
    let long = "word ".repeat(3000);
    longhand.file("a.md", document(12)).file(
        "script.yaml",
        format!("context: 9000\nmax_output: 64\nrules: [{{when: '', say: '{long}'}}]\n"),
    );
    let ended = longhand.run(&["summarize", "a.md", "--model", "scripted:script.yaml", "-o", "out"]);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
    assert_snapshot!(ended.shown(), @r"
    exit 0
    --- stdout
    --- stderr
    done: a.md
    warning: 2 answers were cut off at their longest length (in `answer`, `read`): give the agents there a larger `max_output`
    written to `[folder]/work/out`
    ");
}
