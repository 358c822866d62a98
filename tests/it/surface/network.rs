//! A run reaches for nothing: it works where there is no network, and holds no internet socket while it works.

use std::fs;
use std::process::Command;

use crate::longhand::{Longhand, Working, default_model, document};

/// The tables in which the system lists the internet sockets of a process's network.
const TABLES: [&str; 4] = ["tcp", "tcp6", "udp", "udp6"];

/// A command in a network of its own, without any interface that is up; none where that takes more rights.
fn isolated(longhand: &Longhand, args: &[&str]) -> Option<Command> {
    let tried = Command::new("unshare").args(["-n", "true"]).output();
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: a run without a network is not tried, because this process may not make one");
        return None;
    }
    let inner = longhand.command(args);
    let mut command = Command::new("unshare");
    command.arg("-n").arg(inner.get_program()).args(inner.get_args()).current_dir(longhand.work());
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Some(command)
}

/// Fails where the network of a process that is at work lists a socket. Nothing else lives in that network.
fn assert_no_socket(working: &Working) {
    for table in TABLES {
        let path = format!("/proc/{}/net/{table}", working.id());
        // A process that has ended meanwhile lists nothing.
        if let Ok(listed) = fs::read_to_string(&path) {
            assert_eq!(listed.lines().count(), 1, "{table} lists a socket: {listed}");
        }
    }
}

fn run(longhand: &Longhand, args: &[&str]) {
    let Some(mut command) = isolated(longhand, args) else { return };
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut working = longhand.begin_as(&mut command);
    working.until(" called ");
    assert_no_socket(&working);
    let ended = longhand.wait(working);
    assert_eq!(ended.code, Some(0), "{}", ended.shown());
}

#[test]
fn a_scripted_run_opens_no_socket() {
    let longhand = Longhand::new();
    longhand.file("a.md", document(60)).file("script.yaml", "latency_ms: 50\n");
    run(&longhand, &["summarize", "a.md", "--model", "scripted:script.yaml"]);
}

#[test]
fn a_run_of_the_default_model_opens_no_socket() {
    let Some(model) = default_model() else { return };
    let longhand = Longhand::new();
    longhand.file("a.md", document(12));
    run(&longhand, &["summarize", "a.md", "--method", "quote-chain", "--model", model.to_str().unwrap()]);
}
