//! Vocabularies of scored pieces against what `SentencePiece` makes of the same pieces.
//!
//! `tests/fixtures/scored` holds what was recorded, and says how to record it anew.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::Value;
use serde::Deserialize;
use tempfile::TempDir;

use super::mixed::learned;
use super::tiny::{described, save};
use crate::local::gguf::ModelFile;
use crate::local::tokenizer::{Piece, Vocabulary};
use crate::text::{TokenCount, TokenCounter};

#[derive(Deserialize)]
struct Tokens {
    prefix: bool,
    text: String,
    ids: Vec<u32>,
}

/// Writes a file with a vocabulary of scored pieces, and returns its path.
fn write(dir: &Path, prefix: bool) -> PathBuf {
    let (learned, _) = learned();
    let plain = |token: &String| -> Option<String> {
        let token = token.replace('Ġ', "▁").replace('Ċ', "\n");
        token.chars().all(|c| c.is_ascii() || c == '▁').then_some(token)
    };
    let mut tokens: Vec<(String, i32)> =
        ["<unk>", "<s>", "</s>"].map(|name| (name.to_owned(), if name == "<unk>" { 2 } else { 3 })).into();
    tokens.extend((0..=255u8).map(|byte| (format!("<0x{byte:02X}>"), 6)));
    let mut known = HashSet::from(["\n\n", "lamp▁lamp"].map(str::to_owned));
    // Two letters that are no ASCII have pieces of their own; all others are written byte by byte.
    let pieces = learned[3..].iter().filter_map(plain).chain(["é".to_owned(), "灯".to_owned()]);
    tokens.extend(pieces.filter(|piece| known.insert(piece.clone())).map(|piece| (piece, 1)));
    // What a user defined is taken as one, and an unlikely piece only where nothing else is.
    tokens.extend([("\n\n".to_owned(), 4), ("lamp▁lamp".to_owned(), 1)]);
    let scores = (0..tokens.len()).map(|id| {
        let late = tokens[id].0.chars().count() == 1;
        #[expect(clippy::cast_precision_loss, reason = "some hundred tokens")]
        let score = if id < 259 || tokens[id].1 == 4 { 0.0 } else { -(id as f32) };
        Value::F32(if late { score - 10_000.0 } else { score })
    });
    let scores = Value::Array(scores.collect());
    let names: Vec<String> = tokens.iter().map(|(name, _)| name.clone()).collect();
    let mut metadata = described("default", &names, &["a b".to_owned()]);
    let mut say = |name: &str, value: Value| {
        metadata.retain(|(key, _)| key != name);
        metadata.push((name.to_owned(), value));
    };
    say("general.architecture", Value::String("llama".into()));
    say("llama.context_length", Value::U32(2048));
    say("tokenizer.ggml.model", Value::String("llama".into()));
    say("tokenizer.ggml.scores", scores);
    say(
        "tokenizer.ggml.token_type",
        Value::Array(tokens.iter().map(|(_, kind)| Value::I32(*kind)).collect()),
    );
    say("tokenizer.ggml.unknown_token_id", Value::U32(0));
    say("tokenizer.ggml.add_space_prefix", Value::Bool(prefix));
    let path = dir.join(format!("scored-{prefix}.gguf"));
    save(&path, &metadata, &[]);
    path
}

fn load(prefix: bool) -> Vocabulary {
    let dir = TempDir::new().unwrap();
    Vocabulary::load(&ModelFile::open(&write(dir.path(), prefix)).unwrap()).unwrap()
}

#[test]
fn tokens_are_those_of_sentencepiece() {
    let recorded = include_str!("../../../tests/fixtures/scored/tokens.jsonl").lines();
    let recorded: Vec<Tokens> = recorded.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(recorded.len() > 60);
    let vocabularies = [load(false), load(true)];
    for Tokens { prefix, text, ids } in recorded {
        let vocabulary = &vocabularies[usize::from(prefix)];
        assert_eq!(vocabulary.plain(&text).unwrap(), ids, "{prefix} {text:?}");
        assert_eq!(vocabulary.count(&text), TokenCount(ids.len() as u64), "{text:?}: counted");
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| vocabulary.bytes(id).to_vec()).collect();
        let space = if prefix && !text.is_empty() { " " } else { "" };
        assert_eq!(String::from_utf8(bytes).unwrap(), format!("{space}{text}"));
    }
}

#[test]
fn a_prompt_begins_with_the_first_token_and_names_in_messages_mean_nothing() {
    let vocabulary = load(true);
    let ids = vocabulary.prompt(&[Piece::Template("the</s>"), Piece::Content("the</s>")]).unwrap();
    assert_eq!(ids.iter().filter(|&&id| id < 3).collect::<Vec<_>>(), [&1, &2]);
    assert_eq!(ids[1..3], [vocabulary.plain("the").unwrap()[0], 2]);
    assert!(vocabulary.is_end(2));
}

#[test]
fn a_vocabulary_without_scores_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = write(dir.path(), true);
    let mut bytes = std::fs::read(&path).unwrap();
    let name = b"tokenizer.ggml.scores";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at] = b'T';
    std::fs::write(&path, bytes).unwrap();
    let error = Vocabulary::load(&ModelFile::open(&path).unwrap()).unwrap_err().to_string();
    assert!(error.contains("0 scores"), "{error}");
}

#[test]
#[ignore = "writes the files that tests/fixtures/scored/record.py reads, into the folder LONGHAND_RECORD"]
fn write_the_files_to_record() {
    let folder = std::env::var_os("LONGHAND_RECORD").map(PathBuf::from).unwrap();
    write(&folder, false);
    write(&folder, true);
}
