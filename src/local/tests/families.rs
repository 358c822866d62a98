//! The architectures: tiny models of our own making against what transformers computes from the same files.
//!
//! `tests/fixtures/families` holds what was recorded, and says how to record it anew.

use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::Computed;
use super::alone::Alone;
use super::tiny::{described, save, tokens, weights};
use crate::local::gguf::ModelFile;
use crate::local::pass::Rows;
use crate::local::sampling::likeliest;
use crate::local::serving::STEP;
use crate::local::weights::Storage;

const HIDDEN: usize = 64;
const FEED: usize = 96;

/// A number of the metadata.
#[derive(Debug, Clone, Copy)]
enum Number {
    Whole(u32),
    Fraction(f32),
    Name(&'static str),
}

/// What to make of the file of an architecture.
#[derive(Debug, Clone, Copy)]
pub(in crate::local) struct Family {
    pub(in crate::local) name: &'static str,
    architecture: &'static str,
    kind: GgmlDType,
    layers: usize,
    heads: usize,
    kv_heads: usize,
    head: usize,
    /// The embedding in the place of a head.
    tied: bool,
    /// The window that it is loaded with.
    window: usize,
    /// Tensors of factors of positions.
    factors: &'static [(&'static str, [f32; 8])],
    /// What the metadata says besides.
    says: &'static [(&'static str, Number)],
}

/// A head of another size than the hidden numbers and heads make.
const QWEN3: Family = Family {
    name: "qwen3",
    architecture: "qwen3",
    kind: GgmlDType::F32,
    layers: 3,
    heads: 4,
    kv_heads: 2,
    head: 24,
    tied: true,
    window: 2048,
    factors: &[],
    says: &[("rope.freq_base", Number::Fraction(1_000_000.0))],
};

const QWEN3_ROUNDED: Family =
    Family { name: "qwen3-rounded", kind: GgmlDType::Q8_0, head: 32, tied: false, ..QWEN3 };

/// Positions stretched by a factor for each pair, as Llama 3.1 does from 64 positions to 512.
const LLAMA3: Family = Family {
    name: "llama3",
    architecture: "llama",
    head: 16,
    factors: &[("rope_freqs.weight", [1.0, 1.293_975_8, 7.667_385, 8.0, 8.0, 8.0, 8.0, 8.0])],
    says: &[("rope.freq_base", Number::Fraction(10_000.0))],
    ..QWEN3
};

const YARN: Family = Family {
    name: "yarn",
    architecture: "qwen2",
    head: 16,
    says: &[
        ("rope.freq_base", Number::Fraction(10_000.0)),
        ("rope.scaling.type", Number::Name("yarn")),
        ("rope.scaling.factor", Number::Fraction(4.0)),
        ("rope.scaling.original_context_length", Number::Whole(64)),
    ],
    ..QWEN3
};

/// The sixth layer sees everything, the others a window shorter than a page.
const GEMMA3: Family = Family {
    name: "gemma3",
    architecture: "gemma3",
    layers: 7,
    head: 32,
    says: &[
        ("rope.freq_base", Number::Fraction(1_000_000.0)),
        ("rope.scaling.type", Number::Name("linear")),
        ("rope.scaling.factor", Number::Fraction(8.0)),
        ("attention.sliding_window", Number::Whole(40)),
    ],
    ..QWEN3
};

/// As the last, with a window of more than a page that ends within one.
const GEMMA3_ROUNDED: Family = Family {
    name: "gemma3-rounded",
    kind: GgmlDType::Q8_0,
    says: &[
        ("rope.freq_base", Number::Fraction(1_000_000.0)),
        ("attention.sliding_window", Number::Whole(71)),
    ],
    ..GEMMA3
};

const SHORT: [f32; 8] = [1.0, 1.05, 1.1, 1.2, 1.3, 1.4, 1.6, 2.0];
const LONG: [f32; 8] = [1.1, 1.3, 2.0, 4.0, 7.0, 12.0, 20.0, 32.0];

/// Half of a head is turned, and the context is longer than that before from the first prompt on.
const PHI3: Family = Family {
    name: "phi3",
    architecture: "phi3",
    heads: 2,
    kv_heads: 1,
    head: 32,
    tied: false,
    factors: &[("rope_factors_short.weight", SHORT), ("rope_factors_long.weight", LONG)],
    says: &[
        ("rope.freq_base", Number::Fraction(10_000.0)),
        ("rope.dimension_count", Number::Whole(16)),
        ("rope.scaling.type", Number::Name("longrope")),
        ("rope.scaling.original_context_length", Number::Whole(8)),
        ("attention.sliding_window", Number::Whole(100)),
    ],
    ..QWEN3
};

/// The same in a context that is not longer than that before, and without a window.
const PHI3_SHORT: Family = Family {
    name: "phi3-short",
    window: 512,
    says: &[
        ("rope.freq_base", Number::Fraction(10_000.0)),
        ("rope.dimension_count", Number::Whole(16)),
        ("rope.scaling.original_context_length", Number::Whole(512)),
    ],
    ..PHI3
};

/// The models that are tried.
pub(in crate::local) const FAMILIES: [Family; 8] =
    [QWEN3, QWEN3_ROUNDED, LLAMA3, YARN, GEMMA3, GEMMA3_ROUNDED, PHI3, PHI3_SHORT];

impl Family {
    /// Writes the model into `dir` and returns its path.
    pub(in crate::local) fn write(&self, dir: &Path) -> PathBuf {
        let (tokens, merges) = tokens();
        let key = |name: &str| format!("{}.{name}", self.architecture);
        let number = |size: usize| Value::U32(u32::try_from(size).unwrap());
        let mut metadata: Vec<(String, Value)> = vec![
            ("general.architecture".into(), Value::String(self.architecture.into())),
            ("general.name".into(), Value::String(self.name.into())),
            (key("block_count"), number(self.layers)),
            (key("context_length"), Value::U32(2048)),
            (key("embedding_length"), number(HIDDEN)),
            (key("feed_forward_length"), number(FEED)),
            (key("attention.head_count"), number(self.heads)),
            (key("attention.head_count_kv"), number(self.kv_heads)),
            (key("attention.key_length"), number(self.head)),
            (key("attention.value_length"), number(self.head)),
            (key("attention.layer_norm_rms_epsilon"), Value::F32(1e-6)),
        ];
        metadata.extend(self.says.iter().map(|(name, says)| {
            let says = match *says {
                Number::Whole(number) => Value::U32(number),
                Number::Fraction(number) => Value::F32(number),
                Number::Name(name) => Value::String(name.into()),
            };
            (key(name), says)
        }));
        metadata.extend(described("qwen2", &tokens, &merges));
        let mut tensors: Vec<(String, QTensor)> = (1..)
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
        for (name, factors) in self.factors {
            let factors = Tensor::new(factors, &Device::Cpu).unwrap();
            tensors.push(((*name).to_owned(), QTensor::quantize(&factors, GgmlDType::F32).unwrap()));
        }
        let path = dir.join(format!("{}.gguf", self.name));
        save(&path, &metadata, &tensors);
        path
    }

    /// Every tensor with its shape and the size of its numbers: those of queries and keys are large, so that which position
    /// is looked at matters.
    fn shapes(&self, tokens: usize) -> Vec<(String, Vec<usize>, f32)> {
        let (queries, keys) = (self.heads * self.head, self.kv_heads * self.head);
        let mut shapes = vec![
            ("token_embd.weight".to_owned(), vec![tokens, HIDDEN], 0.5),
            ("output_norm.weight".to_owned(), vec![HIDDEN], 0.5),
        ];
        if !self.tied {
            shapes.push(("output.weight".into(), vec![tokens, HIDDEN], 0.5));
        }
        for layer in 0..self.layers {
            let mut part = |name: &str, shape: &[usize], scale| {
                shapes.push((format!("blk.{layer}.{name}"), shape.to_vec(), scale));
            };
            part("attn_norm.weight", &[HIDDEN], 0.5);
            if self.architecture == "phi3" {
                part("attn_qkv.weight", &[queries + 2 * keys, HIDDEN], 0.3);
                part("ffn_up.weight", &[2 * FEED, HIDDEN], 0.2);
            } else {
                part("attn_q.weight", &[queries, HIDDEN], 0.3);
                part("attn_k.weight", &[keys, HIDDEN], 0.3);
                part("attn_v.weight", &[keys, HIDDEN], 0.3);
                part("ffn_gate.weight", &[FEED, HIDDEN], 0.2);
                part("ffn_up.weight", &[FEED, HIDDEN], 0.2);
            }
            part("attn_output.weight", &[HIDDEN, queries], 0.2);
            part("ffn_norm.weight", &[HIDDEN], 0.5);
            part("ffn_down.weight", &[HIDDEN, FEED], 0.2);
            if self.architecture == "qwen2" {
                part("attn_q.bias", &[queries], 1.0);
                part("attn_k.bias", &[keys], 1.0);
                part("attn_v.bias", &[keys], 0.5);
            }
            if self.architecture == "gemma3" {
                part("post_attention_norm.weight", &[HIDDEN], 0.5);
                part("post_ffw_norm.weight", &[HIDDEN], 0.5);
            }
            if ["qwen3", "gemma3"].contains(&self.architecture) {
                part("attn_q_norm.weight", &[self.head], 0.5);
                part("attn_k_norm.weight", &[self.head], 0.5);
            }
        }
        shapes
    }

    fn load(&self, dir: &Path, computed: Computed) -> Alone {
        let mut file = ModelFile::open(&self.write(dir)).unwrap();
        let vocabulary = file.texts("tokenizer.ggml.tokens").unwrap().len();
        computed.load(&mut file, vocabulary, self.window)
    }
}

#[derive(Deserialize)]
struct Answer {
    model: String,
    sha256: String,
    ids: Vec<u32>,
    /// What follows the prompt.
    logits: Vec<f32>,
    /// The best token at every step and its logit.
    steps: Vec<(u32, f32)>,
}

fn answers(model: &str) -> Vec<Answer> {
    let rows = include_str!("../../../tests/fixtures/families/answers.jsonl").lines();
    let rows = rows.map(|line| serde_json::from_str::<Answer>(line).unwrap());
    rows.filter(|answer| answer.model == model).collect()
}

fn after(pass: &mut Alone, tokens: &[u32]) -> Vec<f32> {
    pass.truncate(0);
    let (last, before) = tokens.split_last().unwrap();
    for part in before.chunks(STEP) {
        pass.feed(part, Rows::None).unwrap();
    }
    pass.feed(&[*last], Rows::Last).unwrap().to_vec()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Computes every recorded answer and holds it against the recording: the same tokens, and logits within `bound`.
fn compare(family: &Family, computed: Computed, bound: f32) {
    let dir = TempDir::new().unwrap();
    let mut pass = family.load(dir.path(), computed);
    let file = std::fs::read(dir.path().join(format!("{}.gguf", family.name))).unwrap();
    let found = format!("{:x}", Sha256::digest(file));
    let (mut largest, mut held) = (0f32, 0);
    for answer in answers(family.name) {
        let name = format!("{computed:?} {} {}", answer.model, answer.ids.len());
        assert_eq!(found, answer.sha256, "{name}: recorded of another file, record it anew");
        let mut logits = after(&mut pass, &answer.ids);
        largest = largest.max(distance(&logits, &answer.logits));
        for (at, &(best, logit)) in answer.steps.iter().enumerate() {
            largest = largest.max((logits[best as usize] - logit).abs());
            assert!(largest < bound, "{name}: differs by {largest} up to step {at}");
            assert_eq!(likeliest(&logits), best, "{name}: step {at}");
            logits = pass.feed(&[best], Rows::Last).unwrap().to_vec();
        }
        held += 1;
    }
    assert!(held >= 3, "{held} answers of `{}` are recorded", family.name);
    eprintln!("{computed:?} {}: logits differ by up to {largest:.6}", family.name);
}

#[test]
fn logits_and_answers_are_those_of_transformers() {
    for family in FAMILIES.iter().filter(|family| family.kind == GgmlDType::F32) {
        compare(family, Computed::Tensors(Storage::Dense), 1e-3);
        // Keys and values are of half precision.
        compare(family, Computed::Cpu, 2e-2);
    }
}

#[test]
fn weights_of_eight_bits_unpacked_give_the_same() {
    for family in FAMILIES.iter().filter(|family| family.kind != GgmlDType::F32) {
        compare(family, Computed::Tensors(Storage::Dense), 1e-3);
    }
}

#[test]
#[ignore = "writes the files that tests/fixtures/families/record.py reads, into the folder LONGHAND_RECORD"]
fn write_the_files_to_record() {
    let folder = std::env::var_os("LONGHAND_RECORD").map(PathBuf::from).unwrap();
    for family in FAMILIES {
        family.write(&folder);
    }
}
