//! The files of a BERT of our own making: two layers of random weights, and the letters as word pieces.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use serde_json::json;
use tempfile::TempDir;

use crate::local::tests::weights;

pub(super) const HIDDEN: usize = 32;
pub(super) const FEED: usize = 72;
pub(super) const HEADS: usize = 4;
pub(super) const LAYERS: usize = 2;
pub(super) const EPSILON: f32 = 1e-12;

/// Pieces of the longest text.
pub(super) const LONGEST: usize = 40;

/// Positions that the model has.
const POSITIONS: usize = 48;

/// The names of all tensors with their shapes.
fn shapes() -> Vec<(String, Vec<usize>)> {
    let own = |name: &str, shape: &[usize]| (name.to_owned(), shape.to_vec());
    let mut shapes = vec![
        own("embeddings.word_embeddings.weight", &[vocabulary().len(), HIDDEN]),
        own("embeddings.position_embeddings.weight", &[POSITIONS, HIDDEN]),
        own("embeddings.token_type_embeddings.weight", &[2, HIDDEN]),
        own("embeddings.LayerNorm.weight", &[HIDDEN]),
        own("embeddings.LayerNorm.bias", &[HIDDEN]),
    ];
    for layer in 0..LAYERS {
        let parts = [
            ("attention.self.query", HIDDEN, Some(HIDDEN)),
            ("attention.self.key", HIDDEN, Some(HIDDEN)),
            ("attention.self.value", HIDDEN, Some(HIDDEN)),
            ("attention.output.dense", HIDDEN, Some(HIDDEN)),
            ("attention.output.LayerNorm", HIDDEN, None),
            ("intermediate.dense", FEED, Some(HIDDEN)),
            ("output.dense", HIDDEN, Some(FEED)),
            ("output.LayerNorm", HIDDEN, None),
        ];
        for (part, outputs, inputs) in parts {
            let shape: Vec<usize> = [outputs].into_iter().chain(inputs).collect();
            shapes.push((format!("encoder.layer.{layer}.{part}.weight"), shape));
            shapes.push(own(&format!("encoder.layer.{layer}.{part}.bias"), &[outputs]));
        }
    }
    shapes
}

/// Returns the tensors of the model, the same on every machine.
pub(super) fn tensors() -> HashMap<String, Tensor> {
    let random = |(seed, (name, shape)): (u64, (String, Vec<usize>))| {
        let numbers = weights(seed, &shape, 0.5);
        // Norms stretch by numbers around one.
        let numbers = if name.ends_with("LayerNorm.weight") { (numbers + 1.0).unwrap() } else { numbers };
        (name, numbers)
    };
    (1..).zip(shapes()).map(random).collect()
}

/// The word pieces: what marks a text, the letters where a word begins and where it goes on, some punctuation, and one character
/// of Chinese.
fn vocabulary() -> Vec<String> {
    let marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned);
    let begin = ('a'..='z').map(String::from);
    let inner = ('a'..='z').map(|letter| format!("##{letter}"));
    marks.into_iter().chain(begin).chain(inner).chain([".", "the", "鲸"].map(str::to_owned)).collect()
}

/// Writes the files of the model into a folder of its own, as `tiny-bert` there.
pub(super) fn model() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("tiny-bert");
    std::fs::create_dir(&folder).unwrap();
    write(&folder, HIDDEN);
    (dir, folder)
}

/// Writes the files of the model, which say that a piece has `hidden` numbers.
pub(super) fn write(folder: &Path, hidden: usize) {
    let save =
        |name: &str, value: serde_json::Value| std::fs::write(folder.join(name), value.to_string()).unwrap();
    save(
        "config.json",
        json!({
            "model_type": "bert", "hidden_act": "gelu", "vocab_size": vocabulary().len(), "hidden_size": hidden,
            "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": FEED,
            "hidden_dropout_prob": 0.1, "max_position_embeddings": POSITIONS, "type_vocab_size": 2,
            "initializer_range": 0.02, "layer_norm_eps": EPSILON, "pad_token_id": 0,
        }),
    );
    save("sentence_bert_config.json", json!({"max_seq_length": LONGEST, "do_lower_case": false}));
    let ids: HashMap<String, usize> = vocabulary().into_iter().zip(0..).collect();
    let mark = |name: &str| json!({"SpecialToken": {"id": name, "type_id": 0}});
    let special = |name: &str| json!({"id": name, "ids": [ids[name]], "tokens": [name]});
    save(
        "tokenizer.json",
        json!({
            "version": "1.0",
            // What a model was trained with is not what it is used with.
            "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0},
            "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
                        "pad_type_id": 0, "pad_token": "[PAD]"},
            "added_tokens": [],
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                           "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [mark("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, mark("[SEP]")],
                "pair": [mark("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, mark("[SEP]"),
                         {"Sequence": {"id": "B", "type_id": 1}}, mark("[SEP]")],
                "special_tokens": {"[CLS]": special("[CLS]"), "[SEP]": special("[SEP]")},
            },
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                      "max_input_chars_per_word": 100, "vocab": ids},
        }),
    );
    candle_core::safetensors::save(&tensors(), folder.join("model.safetensors")).unwrap();
}
