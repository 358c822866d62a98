//! Stores that are newer, damaged or full.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;

use crate::longhand::{Ended, Longhand, document, timeless};

const RUN: [&str; 7] = ["summarize", "long.md", "--model", "scripted", "--window", "2500", "--json"];

fn prepared() -> Longhand {
    let longhand = Longhand::new();
    longhand.file("long.md", document(600));
    longhand
}

fn only_run(longhand: &Longhand) -> String {
    let runs = longhand.run(&["runs", "list", "--json"]).json();
    assert_eq!(runs.as_array().unwrap().len(), 1);
    runs[0]["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_store_of_a_newer_version() {
    let longhand = prepared();
    fs::create_dir_all(longhand.home().join("store")).unwrap();
    fs::write(longhand.home().join("store/VERSION"), "longhand store 3\n").unwrap();
    assert_snapshot!(longhand.run(&RUN).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: the store cannot be used
      caused by: the store `[folder]/home/store` has version 3, and this longhand knows versions up to 2: update longhand, or name another store with `--store`
    ");
    assert_eq!(fs::read_dir(longhand.home().join("store")).unwrap().count(), 1, "nothing was written to it");
}

#[test]
fn a_store_that_is_a_file() {
    let longhand = prepared();
    assert_snapshot!(longhand.run(&["runs", "list", "--store", "long.md"]).shown(), @r"
    exit 1
    --- stdout
    --- stderr
    error: the store cannot be used
      caused by: `[folder]/work/long.md` is a file: expected a folder, or a name that is free; name another store with `--store`
    ");
    let below = longhand.run(&["runs", "list", "--store", "long.md/runs"]);
    assert_eq!(below.stderr, longhand.run(&["runs", "list", "--store", "long.md"]).stderr);
}

#[test]
fn a_damaged_run_goes_on_from_what_can_be_read() {
    let longhand = prepared();
    let whole = longhand.run(&RUN);
    assert_eq!(whole.code, Some(0), "{}", whole.shown());
    let whole = timeless(whole.json());
    let run = only_run(&longhand);
    let journal = longhand.home().join("store/runs").join(&run).join("journal");
    for name in ["db", "conf"] {
        let length = usize::try_from(fs::metadata(journal.join(name)).unwrap().len()).unwrap();
        fs::write(journal.join(name), vec![0xA5; length]).unwrap();
    }
    let records = journal.with_file_name("records");
    let half = fs::metadata(&records).unwrap().len() / 2;
    fs::File::options().write(true).open(&records).unwrap().set_len(half).unwrap();

    let calls = |report: &serde_json::Value| report["calls"].as_array().unwrap().len();
    let left = longhand.run(&["runs", "show", &run, "--json"]);
    assert_eq!(left.code, Some(0), "{}", left.shown());
    let left = calls(&left.json());
    assert!(left > 3, "only {left} of {} calls are left", calls(&whole));

    let mut command = longhand.command(&["runs", "resume", &run, "--json"]);
    let output = command.env("LONGHAND_LOG", "longhand=debug").output().unwrap();
    let resumed = longhand.ended(output);
    assert_eq!(resumed.code, Some(0), "{}", resumed.shown());
    let repeated = resumed.stderr.matches(" called ").count();
    assert_eq!(repeated, calls(&whole) - left, "only lost calls are repeated");
    assert_eq!(timeless(resumed.json()), whole);
    let warning = resumed.stderr.lines().find(|line| line.starts_with("warning: ")).unwrap();
    assert!(warning.contains("was damaged: ") && warning.contains("journal.corrupt-1"), "{warning}");
}

/// A file system of three mebibytes, gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: &Path) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=3m,mode=700", "longhand-test"]).arg(path);
        mount.output().is_ok_and(|output| output.status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).output().ok();
    }
}

#[test]
fn a_full_disk_is_said_and_the_run_goes_on_once_there_is_room() {
    let longhand = prepared();
    longhand.file("script.yaml", "latency_ms: 100\n");
    let run = ["summarize", "long.md", "--model", "scripted:script.yaml", "--window", "2500", "--json"];
    let Some(disk) = SmallDisk::mount(&longhand.home().join("disk")) else {
        eprintln!("SKIPPED: a full disk is not tried, because this process may not mount a file system");
        return;
    };
    let store = disk.0.display().to_string();
    let mut working = longhand.begin(&[run.as_slice(), &["--store", &store]].concat());
    working.until(" called ");
    let ballast = disk.0.join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    drop(file);
    let full = longhand.wait(working);
    let (before, after) = full.stderr.split_once("/runs/").unwrap();
    assert_snapshot!(before, @r"
    error: the run stopped
      caused by: no space is left to write `[folder]/home/disk
    ");
    let (what, after) = after.split_once('`').unwrap();
    assert!(what.contains("/journal") || what.contains("/records"), "{what}");
    let remedy = Ended { code: full.code, stdout: full.stdout.clone(), stderr: after.to_owned() };
    assert_snapshot!(remedy.shown(), @r"
    exit 1
    --- stdout
    --- stderr
    : free some, then resume the run

    hint: what is finished is kept; mend the cause and go on with: longhand runs resume [run]
    ");
    fs::remove_file(&ballast).unwrap();

    let runs = longhand.run(&["runs", "list", "--json", "--store", &store]).json();
    assert_eq!(runs[0]["state"], "interrupted");
    let resumed =
        longhand.run(&["runs", "resume", runs[0]["run"].as_str().unwrap(), "--json", "--store", &store]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.shown());
    let whole = longhand.run(&run);
    assert_eq!(timeless(resumed.json()), timeless(whole.json()));
}
