//! The embedder as others use it: texts in, vectors out.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::small::{HIDDEN, LONGEST, model, write};
use crate::local::embed::{Bert, Engine, Folder, Halt, LocalEmbedder, together, vectors};
use crate::local::{LocalOptions, ModelInfo};
use crate::model::{Embedder, ModelError};
use crate::text::TokenCount;

fn load(path: &std::path::Path) -> LocalEmbedder {
    LocalEmbedder::load(path, &LocalOptions::default()).unwrap()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn vectors_come_in_the_order_of_their_texts_and_have_length_one() {
    let (_dir, path) = model();
    let embedder = load(&path);
    let long = "a long text. ".repeat(8_000);
    let texts = owned(&["the whale", "", &long, "x", "鲸鱼", "the whale", &long[..30]]);
    let found = embedder.embed(&texts).await.unwrap();
    for (text, vector) in texts.iter().zip(&found) {
        assert_eq!(vector.len(), HIDDEN);
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5);
        assert_eq!(&embedder.embed(std::slice::from_ref(text)).await.unwrap()[0], vector);
    }
    assert_eq!(found[0], found[5]);
    assert_ne!(found[0], found[3]);
    assert!(embedder.embed(&[]).await.unwrap().is_empty());
    let many: Vec<String> = (0..1_100).map(|at| "ab ".repeat(1 + at % 7)).collect();
    let found = embedder.embed(&many).await.unwrap();
    assert_eq!(found.len(), many.len());
    assert!((7..many.len()).all(|at| found[at] == found[at - 7]));
}

#[tokio::test]
async fn what_is_longer_than_the_window_is_cut_there_and_the_count_tells() {
    let (_dir, path) = model();
    let embedder = load(&path);
    let window = TokenCount(LONGEST as u64 - 2);
    assert_eq!(embedder.window(), Some(window));
    let fitting = "z ".repeat(LONGEST - 2);
    let text = format!("{fitting} but no more");
    assert_eq!(embedder.counter().unwrap().count(&fitting), window);
    assert!(embedder.pieces(&text) > window);
    let found = embedder.embed(&[fitting, text]).await.unwrap();
    assert_eq!(found[0], found[1]);
    // Two characters of which one is known, a word in pieces, nothing.
    for (text, pieces) in [("鲸鱼", 2), ("whale.", 6), ("", 0), (" \n", 0)] {
        assert_eq!(embedder.pieces(text), TokenCount(pieces), "{text}");
    }
    let narrow = LocalOptions { window: Some(10), ..LocalOptions::default() };
    let narrow = LocalEmbedder::load(&path, &narrow).unwrap();
    assert_eq!(narrow.window(), Some(TokenCount(8)));
    assert_eq!(narrow.identity(), embedder.identity());
}

#[test]
fn nothing_is_computed_for_a_request_that_nobody_waits_for() {
    let (_dir, path) = model();
    let folder = Folder::open(&path).unwrap();
    let (weights, _) = folder.weights().unwrap();
    let engine = Engine::Processors(Box::new(Bert::load(&folder, &weights).unwrap()));
    let pieces = folder.pieces(LONGEST).unwrap();
    let texts = owned(&["a", "b"]);
    let cancelled = vectors(&engine, &pieces, &texts, &AtomicBool::new(true));
    assert!(matches!(cancelled, Err(Halt::Cancelled)));
    assert_eq!(vectors(&engine, &pieces, &texts, &AtomicBool::new(false)).ok().unwrap().len(), 2);
}

#[test]
fn texts_of_like_length_are_computed_together_up_to_a_bound() {
    let pieces = [0; 9];
    let texts: Vec<(usize, &[u32])> = [2, 2, 3, 4, 9].iter().map(|&length| (0, &pieces[..length])).collect();
    assert_eq!(together(&texts, 100), 5);
    assert_eq!(together(&texts, 16), 4);
    assert_eq!(together(&texts, 15), 3);
    assert_eq!(together(&texts[4..], 3), 1);
}

#[test]
fn files_that_do_not_go_together_are_refused_and_named() {
    let (_dir, path) = model();
    let info = ModelInfo::read(&path).unwrap();
    assert_eq!(
        (info.name.as_str(), info.architecture.as_str(), info.quantization.as_str()),
        ("tiny-bert", "bert", "F32")
    );
    assert_eq!(info.context, LONGEST as u64);
    let refused = |path: &PathBuf| match LocalEmbedder::load(path, &LocalOptions::default()).unwrap_err() {
        ModelError::Load { path, reason } => {
            format!("{}: {reason}", path.file_name().unwrap().to_string_lossy())
        }
        other => panic!("{other}"),
    };
    write(&path, 36);
    insta::assert_snapshot!(refused(&path), @"model.safetensors: its tensor `embeddings.position_embeddings.weight` has the shape [48, 32]: expected [48, 36]");
    write(&path, 30);
    insta::assert_snapshot!(refused(&path), @"config.json: its 30 numbers cannot be shared by 4 heads");
    write(&path, HIDDEN);
    std::fs::write(path.join("tokenizer.json"), "{}").unwrap();
    assert!(refused(&path).starts_with("tokenizer.json: it is no `tokenizer.json`"), "{}", refused(&path));
    write(&path, HIDDEN);
    let weights = std::fs::read(path.join("model.safetensors")).unwrap();
    std::fs::write(path.join("model.safetensors"), &weights[..weights.len() / 2]).unwrap();
    assert!(refused(&path).starts_with("model.safetensors: it is damaged"), "{}", refused(&path));
    std::fs::remove_file(path.join("model.safetensors")).unwrap();
    insta::assert_snapshot!(refused(&path), @"model.safetensors: there is no such file");
}
