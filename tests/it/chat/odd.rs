//! Models that answer nothing, for ever, or with what would steer a terminal; processes that meet; interrupts.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;

use super::MODEL;
use crate::longhand::Longhand;
use crate::support::provider::{Behaviour, Fault, Provider};

#[test]
fn a_second_process_on_a_session_is_told_so() {
    let longhand = Longhand::new();
    let args = ["chat", "-s", "two"];
    let mut command = longhand.command(&[&args[..], &MODEL[..]].concat());
    let mut first = longhand.begin_as(command.stdin(Stdio::piped()));
    first.until("a new session");
    let second = longhand.say("two", "Hello.");
    insta::assert_snapshot!(second.shown(), @"
    exit 1
    --- stdout
    --- stderr
    error: the store cannot be used
      caused by: session `two` is open elsewhere: close that chat, or use another session
    ");
    let read = longhand.run(&["chat", "-s", "two", "--export"]);
    assert_eq!((read.code, read.stdout.as_str()), (Some(0), ""), "whoever only reads is not held up");
    first.kill();
    longhand.wait(first);
    assert_eq!(longhand.say("two", "Hello.").code, Some(0), "the lock went with the process");
}

#[test]
fn an_answer_does_not_steer_the_terminal_and_is_kept_as_it_came() {
    let longhand = Longhand::new();
    let script = "rules:\n  - {when: '', say: \"Red \\e[31malert\\e[0m\\a, \\x9b2J and \\u202Eback\\r.\"}\n";
    longhand.file("odd.yaml", script);
    let mut command =
        longhand.command(&["chat", "-s", "e", "--model", "scripted:odd.yaml", "--embedder", "none"]);
    let mut child = longhand.spawn(command.stdin(Stdio::piped()));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"Hello.\n/turn 1\n/export\n/recall alert\n/memory\n/quit\n")
        .unwrap();
    let told = longhand.ended(child.wait_with_output().unwrap());
    assert!(told.stdout.contains("Red ␛[31malert␛[0m␇, �2J and �back␍."), "{}", told.shown());
    let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!told.stdout.contains(steers) && !told.stderr.contains(steers), "{:?}", told.stdout);
    let kept = &longhand.session("e")[0]["said"][1]["text"];
    assert_eq!(kept, "Red \u{1b}[31malert\u{1b}[0m\u{7}, \u{9b}2J and \u{202e}back\r.");
}

#[test]
fn a_model_that_answers_nothing_ends_the_turn_and_leaves_the_session() {
    let longhand = Longhand::new();
    longhand.file("mute.yaml", "rules:\n  - {when: Hello, say: ''}\n  - {when: '', say: Yes.}\n");
    let say = |text: &str| {
        longhand.run(&["chat", "-s", "m", "-m", text, "--model", "scripted:mute.yaml", "--embedder", "none"])
    };
    insta::assert_snapshot!(say("Hello?").shown(), @"
    exit 1
    --- stdout
    --- stderr
    error: the turn failed: node `turn` has nothing to remember: the answer is empty

    hint: the session is as before
    ");
    assert_eq!(longhand.session("m").len(), 0);
    assert_eq!(say("Are you there?").stdout, "Yes.\n");
}

#[test]
fn an_answer_that_never_stops_is_ended() {
    let provider = Provider::start(Behaviour {
        script: vec![Fault::Sound],
        faults: vec![(Fault::NeverEnding, 1000)],
        most_faults_per_body: u32::MAX,
        ..Behaviour::default()
    });
    let longhand = Longhand::new();
    longhand.file(
        "longhand.yaml",
        format!(
            "model: there\nmodels:\n  there:\n    openai: {{model: some-model, base_url: \"{}\"}}\n",
            provider.base_url()
        ),
    );
    longhand.file(
        "agents/companion.yaml",
        "version: 1\nname: companion\nsystem: companion-memory\nprompt: companion\nmax_output: 64\n\
         calls: {tries: 2, first_wait_ms: 1, longest_wait_ms: 1}\n",
    );
    let mut command = longhand.command(&["chat", "-s", "n", "--embedder", "none"]);
    let mut child = longhand.spawn(command.stdin(Stdio::piped()));
    child.stdin.take().unwrap().write_all(b"First.\nSecond.\n/quit\n").unwrap();
    let told = longhand.ended(child.wait_with_output().unwrap());
    assert_eq!(told.code, Some(0), "{}", told.shown());
    assert!(told.stderr.contains("it does not end where it was told to"), "{}", told.stderr);
    assert!(told.stdout.len() < 20_000, "{}", told.stdout.len());
    assert_eq!(longhand.session("n").len(), 1, "the session is as before");
}

#[test]
fn an_interrupt_between_turns_ends_a_chat_that_reads_a_pipe() {
    let longhand = Longhand::new();
    let args = ["chat", "-s", "p"];
    let mut command = longhand.command(&[&args[..], &MODEL[..]].concat());
    command.env("LONGHAND_LOG", "longhand=debug");
    let mut child = longhand.spawn(command.stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut until = |word: &str| {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "ended before {word}");
        }
    };
    until("waits for a line");
    stdin.write_all(b"Hello.\n").unwrap();
    until("waits for a line");
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(130), "its stdin is still open");
    drop(stdin);
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert!(stdout.starts_with("Hello."), "{stdout}");
    assert_eq!(longhand.session("p").len(), 1);
}

#[test]
fn what_means_nothing_in_a_chat_is_refused() {
    let longhand = Longhand::new();
    let refused = ["--batch", "--jsonl"].map(|flag| {
        let args = ["chat", "-s", "r", "-m", "Hello.", flag];
        longhand.run(&[&args[..], &MODEL[..]].concat()).shown()
    });
    insta::assert_snapshot!(refused.join("\n"), @"
    exit 2
    --- stdout
    --- stderr
    error: `--batch` means nothing in a chat: a turn is answered at once, or it is no talk

    hint: leave it out

    exit 2
    --- stdout
    --- stderr
    error: `--jsonl` means nothing in a chat: it has no report that its events could end with

    hint: `--message TEXT --json` prints one turn
    ");
    assert!(!longhand.home().join("store/sessions").exists());
}

#[test]
fn an_export_lies_where_the_program_works() {
    let longhand = Longhand::new();
    let told = longhand.typed("x", "Hello.\n/export out.md\n/export out.md\n/quit\n");
    assert!(told.stdout.contains("written to `out.md`"), "{}", told.shown());
    assert!(told.stderr.contains("cannot write `out.md`"), "nothing is overwritten: {}", told.shown());
    assert!(std::fs::read_to_string(longhand.work().join("out.md")).unwrap().contains("**user**"));
}
