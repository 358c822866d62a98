//! Qwen2: tiny models of our own making against what transformers computes from the same files.
//!
//! `tests/fixtures/qwen2` holds what was recorded, and says how to record it anew.

use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::{GgmlDType, QTensor};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::Computed;
use super::alone::Alone;
use super::mixed::learned;
use super::tiny::{alphabet, described, save, weights};
use crate::local::gguf::ModelFile;
use crate::local::pass::Rows;
use crate::local::sampling::likeliest;
use crate::local::serving::STEP;
use crate::local::tokenizer::{Piece, Vocabulary};
use crate::local::weights::Storage;
use crate::local::{LocalModel, LocalOptions, ModelInfo};
use crate::model::{ChatModel, ChatRequest, Message, StopReason};
use crate::text::{TokenCount, TokenCounter};

const HIDDEN: usize = 64;
const FEED: usize = 96;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD: usize = 16;
const LAYERS: usize = 3;

/// What to make of the file.
#[derive(Clone, Copy)]
struct Recipe {
    name: &'static str,
    architecture: &'static str,
    kind: GgmlDType,
    /// The embedding in the place of a head.
    tied: bool,
    base: f32,
    biases: bool,
    /// How positions are stretched, if they are.
    scaling: Option<&'static str>,
}

const UNTIED: Recipe = Recipe {
    name: "untied",
    architecture: "qwen2",
    kind: GgmlDType::Q8_0,
    tied: false,
    base: 1_000_000.0,
    biases: true,
    scaling: None,
};

const TIED: Recipe = Recipe { name: "tied", kind: GgmlDType::F32, tied: true, base: 10_000.0, ..UNTIED };

impl Recipe {
    /// Writes the model into `dir` and returns its path.
    fn write(&self, dir: &Path) -> PathBuf {
        let (tokens, merges) = learned();
        let key = |name: &str| format!("{}.{name}", self.architecture);
        let number = |size: usize| Value::U32(u32::try_from(size).unwrap());
        let mut metadata: Vec<(String, Value)> = vec![
            ("general.architecture".into(), Value::String(self.architecture.into())),
            ("general.name".into(), Value::String("Tiny Qwen2".into())),
            (key("block_count"), number(LAYERS)),
            (key("context_length"), Value::U32(2048)),
            (key("embedding_length"), number(HIDDEN)),
            (key("feed_forward_length"), number(FEED)),
            (key("attention.head_count"), number(HEADS)),
            (key("attention.head_count_kv"), number(KV_HEADS)),
            (key("attention.layer_norm_rms_epsilon"), Value::F32(1e-6)),
            (key("rope.freq_base"), Value::F32(self.base)),
        ];
        if let Some(scaling) = self.scaling {
            metadata.push((key("rope.scaling.type"), Value::String(scaling.into())));
        }
        metadata.extend(described("qwen2", &tokens, &merges));
        let tensors: Vec<(String, QTensor)> = (1..)
            .zip(self.shapes(tokens.len()))
            .map(|(seed, (name, shape, scale))| {
                let mut values = weights(seed, &shape, scale);
                if name.ends_with("norm.weight") {
                    // Around one, not around nothing.
                    values = (values + 1.0).unwrap();
                }
                let kind = if shape.len() == 1 { GgmlDType::F32 } else { self.kind };
                (name, QTensor::quantize(&values, kind).unwrap())
            })
            .collect();
        let path = dir.join(format!("{}.gguf", self.name));
        save(&path, &metadata, &tensors);
        path
    }

    /// Every tensor with its shape and the size of its numbers: those of queries and keys are large, so that which position
    /// is looked at matters.
    fn shapes(&self, tokens: usize) -> Vec<(String, Vec<usize>, f32)> {
        let mut shapes = vec![
            ("token_embd.weight".to_owned(), vec![tokens, HIDDEN], 0.5),
            ("output_norm.weight".to_owned(), vec![HIDDEN], 0.5),
        ];
        if !self.tied {
            shapes.push(("output.weight".into(), vec![tokens, HIDDEN], 0.5));
        }
        for layer in 0..LAYERS {
            let mut part = |name: &str, shape: &[usize], scale| {
                shapes.push((format!("blk.{layer}.{name}"), shape.to_vec(), scale));
            };
            part("attn_norm.weight", &[HIDDEN], 0.5);
            part("attn_q.weight", &[HEADS * HEAD, HIDDEN], 0.3);
            part("attn_k.weight", &[KV_HEADS * HEAD, HIDDEN], 0.3);
            part("attn_v.weight", &[KV_HEADS * HEAD, HIDDEN], 0.3);
            part("attn_output.weight", &[HIDDEN, HEADS * HEAD], 0.2);
            part("ffn_norm.weight", &[HIDDEN], 0.5);
            part("ffn_gate.weight", &[FEED, HIDDEN], 0.2);
            part("ffn_up.weight", &[FEED, HIDDEN], 0.2);
            part("ffn_down.weight", &[HIDDEN, FEED], 0.2);
            if self.biases {
                part("attn_q.bias", &[HEADS * HEAD], 1.0);
                part("attn_k.bias", &[KV_HEADS * HEAD], 1.0);
                part("attn_v.bias", &[KV_HEADS * HEAD], 0.5);
            }
        }
        shapes
    }

    fn load(&self, dir: &Path, computed: Computed) -> (Alone, Vocabulary) {
        let mut file = ModelFile::open(&self.write(dir)).unwrap();
        let vocabulary = Vocabulary::load(&file).unwrap();
        let llama = computed.load(&mut file, vocabulary.len(), 2048);
        (llama, vocabulary)
    }
}

#[derive(Deserialize)]
struct Answer {
    model: String,
    sha256: String,
    prompt: String,
    text: String,
    ids: Vec<u32>,
    /// What follows the prompt.
    logits: Vec<f32>,
    /// The best token at every step and its logit.
    steps: Vec<(u32, f32)>,
}

#[derive(Deserialize)]
struct Tokens {
    text: String,
    ids: Vec<u32>,
}

fn rows<T: for<'a> Deserialize<'a>>(recorded: &str) -> Vec<T> {
    recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn answers() -> Vec<Answer> {
    rows(include_str!("../../../tests/fixtures/qwen2/answers.jsonl"))
}

fn next(llama: &mut Alone, tokens: &[u32]) -> Vec<f32> {
    llama.feed(tokens, Rows::Last).unwrap().to_vec()
}

fn after(llama: &mut Alone, tokens: &[u32]) -> Vec<f32> {
    llama.truncate(0);
    let (last, before) = tokens.split_last().unwrap();
    for part in before.chunks(STEP) {
        llama.feed(part, Rows::None).unwrap();
    }
    next(llama, &[*last])
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Computes every recorded answer and holds it against the recording: the same tokens, and logits within `bound`.
fn compare(recipe: Recipe, computed: Computed, bound: f32) {
    let dir = TempDir::new().unwrap();
    let (mut llama, vocabulary) = recipe.load(dir.path(), computed);
    let file = std::fs::read(dir.path().join(format!("{}.gguf", recipe.name))).unwrap();
    let found = format!("{:x}", Sha256::digest(file));
    let (mut largest, mut held) = (0f32, 0);
    for answer in answers().iter().filter(|answer| answer.model == recipe.name) {
        let name = format!("{computed:?} {} {}", answer.model, answer.prompt);
        assert_eq!(found, answer.sha256, "{name}: recorded of another file, record it anew");
        let ids = vocabulary.prompt(&[Piece::Template(&answer.text)]).unwrap();
        assert_eq!(ids, answer.ids, "{name}: tokens of the prompt");
        let mut logits = after(&mut llama, &ids);
        largest = largest.max(distance(&logits, &answer.logits));
        for (at, &(best, logit)) in answer.steps.iter().enumerate() {
            assert_eq!(likeliest(&logits), best, "{name}: step {at}");
            largest = largest.max((logits[best as usize] - logit).abs());
            assert!(largest < bound, "{name}: differs by {largest} up to step {at}");
            logits = next(&mut llama, &[best]);
        }
        held += 1;
    }
    assert!(held >= 4, "{held} answers of `{}` are recorded", recipe.name);
    eprintln!("{computed:?} {}: logits differ by up to {largest:.6}", recipe.name);
}

#[test]
fn logits_and_answers_are_those_of_transformers() {
    compare(UNTIED, Computed::Tensors(Storage::Dense), 1e-3);
    compare(TIED, Computed::Tensors(Storage::Dense), 1e-3);
    // Keys and values are of half precision.
    compare(TIED, Computed::Cpu, 1e-2);
}

#[test]
fn weights_that_stay_as_they_are_stored_give_the_same() {
    // Numbers of single precision are stored as they are computed with.
    compare(TIED, Computed::Tensors(Storage::Quantized), 1e-3);
}

#[test]
fn weights_of_eight_bits_give_nearly_the_same() {
    // What goes into a product of eight bits is rounded to as many.
    for computed in [Computed::Cpu, Computed::Tensors(Storage::Quantized)] {
        let dir = TempDir::new().unwrap();
        let (mut llama, _) = UNTIED.load(dir.path(), computed);
        for answer in answers().iter().filter(|answer| answer.model == UNTIED.name) {
            let spread = answer.logits.iter().copied().fold(0.0, f32::max);
            let apart = distance(&after(&mut llama, &answer.ids), &answer.logits);
            assert!(apart < 0.1 * spread, "{computed:?} {}: {apart} of {spread}", answer.prompt);
        }
    }
}

#[test]
fn the_same_weights_mean_something_else_to_llama() {
    // Else the recordings would not show whether biases and turns are those of this architecture.
    let dir = TempDir::new().unwrap();
    let (mut llama, _) = Recipe { architecture: "llama", ..UNTIED }.load(dir.path(), Computed::Cpu);
    for answer in answers().iter().filter(|answer| answer.model == UNTIED.name) {
        let apart = distance(&after(&mut llama, &answer.ids), &answer.logits);
        assert!(apart > 1.0, "{}: {apart}", answer.prompt);
    }
}

#[test]
fn steps_of_any_length_give_nearly_the_same_logits() {
    let dir = TempDir::new().unwrap();
    let (mut llama, vocabulary) = UNTIED.load(dir.path(), Computed::Tensors(Storage::Dense));
    let ids: Vec<u32> = (0..600).map(|at| 3 + (at * 37 + at * at) % 700).collect();
    let whole = next(&mut llama, &ids);
    assert!(distance(&whole, &after(&mut llama, &ids)) < 1e-3);
    llama.truncate(0);
    let all = llama.feed(&ids, Rows::All).unwrap().to_vec();
    assert!(distance(&whole, &all[all.len() - vocabulary.len()..]) < 1e-3);
}

#[test]
fn tokens_are_those_of_transformers() {
    let dir = TempDir::new().unwrap();
    let vocabulary = Vocabulary::load(&ModelFile::open(&UNTIED.write(dir.path())).unwrap()).unwrap();
    let recorded: Vec<Tokens> = rows(include_str!("../../../tests/fixtures/qwen2/tokens.jsonl"));
    assert!(recorded.len() > 12);
    for Tokens { text, ids } in recorded {
        assert_eq!(vocabulary.plain(&text).unwrap(), ids, "{text:?}");
        assert_eq!(vocabulary.count(&text), TokenCount(ids.len() as u64), "{text:?}: counted");
    }
}

#[test]
fn a_distilled_model_cuts_text_alike_and_ends_with_its_own_token() {
    let dir = TempDir::new().unwrap();
    let load = |pre: &str, first: &str| {
        let mut tokens = alphabet();
        tokens[0] = first.to_owned();
        tokens.push("12".to_owned());
        let mut metadata = vec![
            ("general.architecture".to_owned(), Value::String("qwen2".into())),
            ("qwen2.context_length".to_owned(), Value::U32(2048)),
        ];
        metadata.extend(described(pre, &tokens, &["1 2".to_owned()]));
        let path = dir.path().join(format!("{pre}.gguf"));
        save(&path, &metadata, &[]);
        Vocabulary::load(&ModelFile::open(&path).unwrap()).unwrap()
    };
    let (base, distilled) =
        (load("qwen2", "<|endoftext|>"), load("deepseek-r1-qwen", "<｜end▁of▁sentence｜>"));
    assert_eq!(base.len(), 260);
    for text in ["In 1212.", " 12\n\n 12", "they'll 灯台 12"] {
        // A digit is a word of its own, so the merge of two never comes about.
        let ids = distilled.plain(text).unwrap();
        assert!(!ids.contains(&259), "{text:?}: {ids:?}");
        assert_eq!(base.plain(text).unwrap(), ids, "{text:?}");
    }
    // The token that the file names as its last, and the one known by its name.
    assert!(distilled.is_end(0) && distilled.is_end(2) && !distilled.is_end(1));
    let answered = distilled.prompt(&[Piece::Template("12<｜end▁of▁sentence｜>")]).unwrap();
    assert_eq!(answered.last(), Some(&0));
}

#[test]
fn a_model_describes_itself_and_answers() {
    let dir = TempDir::new().unwrap();
    let path = UNTIED.write(dir.path());
    let info = ModelInfo::read(&path).unwrap();
    assert_eq!((info.architecture.as_str(), info.context), ("qwen2", 2048));
    assert_eq!(info.quantization, "Q8_0");
    let model =
        LocalModel::load(&path, &LocalOptions { window: Some(512), ..LocalOptions::default() }).unwrap();
    assert_eq!(model.limits().context, TokenCount(512));
    // Three layers, two heads with keys and values, 16 numbers of two bytes each.
    assert_eq!(model.kv_bytes(), Some(3 * 2 * 16 * 2 * 2));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let request = ChatRequest::new(vec![Message::user("Who kept the log in 1871?")], TokenCount(12));
    let first = runtime.block_on(model.chat(&request, None)).unwrap();
    let second = runtime.block_on(model.chat(&request, None)).unwrap();
    assert_eq!((first.text, first.stop), (second.text, StopReason::Length));
}

/// The message about a file of that recipe, without the folder.
fn refusal(recipe: Recipe) -> String {
    let dir = TempDir::new().unwrap();
    let error = LocalModel::load(&recipe.write(dir.path()), &LocalOptions::default()).unwrap_err();
    error.to_string().replace(&dir.path().display().to_string(), "DIR")
}

#[test]
fn biases_that_are_missing() {
    let said = refusal(Recipe { biases: false, ..UNTIED });
    insta::assert_snapshot!(said, @"cannot load the model `DIR/untied.gguf`: it has no tensor `blk.0.attn_q.bias`, which its architecture needs");
}

#[test]
fn positions_that_are_stretched_in_another_way() {
    let said = refusal(Recipe { scaling: Some("spiral"), ..UNTIED });
    insta::assert_snapshot!(said, @"cannot load the model `DIR/untied.gguf`: its positions are stretched by `spiral`: expected `linear`, `yarn`, `llama3`, `longrope` with its factors, `ntk` or none");
}

#[test]
#[ignore = "writes the files that tests/fixtures/qwen2/record.py reads, into the folder LONGHAND_RECORD"]
fn write_the_files_to_record() {
    let folder = std::env::var_os("LONGHAND_RECORD").map(PathBuf::from).unwrap();
    for recipe in [UNTIED, TIED] {
        recipe.write(&folder);
    }
}
