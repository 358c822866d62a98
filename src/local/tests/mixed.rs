//! The models whose answers llama.cpp has given: every kind of tensor, grouped heads, a vocabulary learned from a
//! sample. `tests/fixtures/llamacpp` holds the sample and the answers, and says how they were made.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::{GgmlDType, QTensor};

use super::tiny::{alphabet, described, save, weights};

const SAMPLE: &str = include_str!("../../../tests/fixtures/llamacpp/sample.txt");

const HIDDEN: usize = 256;
const FEED: usize = 512;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD: usize = 64;
const LAYERS: usize = 3;

/// Merges that stay within words, and merges that do not: the second show where a word was cut.
const MERGES: [usize; 2] = [300, 200];

/// Words that no merge leads to: only a tokenizer that takes whole words gives one token for each.
const WHOLE: [&str; 3] = ["Ġkaleidoscope", "Ġlamps", "zymurgy"];

/// Two ways in which files of the family differ.
#[derive(Clone, Copy)]
pub(in crate::local) struct Mixed {
    pub(in crate::local) name: &'static str,
    pre: &'static str,
    /// Positions stretched by a factor and by a factor for each frequency, and the embedding in the place of a head.
    stretched: bool,
}

/// The models.
pub(in crate::local) const MODELS: [Mixed; 2] = [
    Mixed { name: "plain", pre: "smollm", stretched: false },
    Mixed { name: "stretched", pre: "llama-bpe", stretched: true },
];

/// The ways to cut text into words that are recorded.
pub(super) const PRE_TOKENIZERS: [&str; 5] = ["smollm", "gpt-2", "llama-bpe", "qwen2", "default"];

impl Mixed {
    /// Writes the model into `dir` and returns its path.
    pub(in crate::local) fn write(&self, dir: &Path) -> PathBuf {
        let (tokens, merges) = learned();
        let mut metadata = sizes();
        metadata.extend(described(self.pre, &tokens, &merges));
        if self.stretched {
            metadata.push(("llama.rope.scaling.type".into(), Value::String("linear".into())));
            metadata.push(("llama.rope.scaling.factor".into(), Value::F32(4.0)));
        }
        let mut tensors = Vec::new();
        for (seed, (name, shape, kind, scale)) in (1..).zip(self.shapes(tokens.len())) {
            let mut values = weights(seed, &shape, scale);
            if shape.len() == 1 {
                // Around one, not around nothing.
                values = (values + 1.0).unwrap();
            }
            tensors.push((name, QTensor::quantize(&values.to_device(&Device::Cpu).unwrap(), kind).unwrap()));
        }
        let path = dir.join(format!("{}.gguf", self.name));
        save(&path, &metadata, &tensors);
        path
    }

    /// Every tensor with its shape, its kind and the size of its numbers.
    fn shapes(&self, tokens: usize) -> Vec<(String, Vec<usize>, GgmlDType, f32)> {
        // The matrix that gives the logits has large numbers, so that the best token stands out. Those of the layers are
        // small: random layers with large ones blow every rounding up, in any engine.
        let table = if self.stretched { (GgmlDType::Q6K, 0.5) } else { (GgmlDType::Q8_0, 2.0) };
        let mut shapes = vec![("token_embd.weight".to_owned(), vec![tokens, HIDDEN], table.0, table.1)];
        if self.stretched {
            shapes.push(("rope_freqs.weight".into(), vec![HEAD / 2], GgmlDType::F32, 0.5));
        } else {
            shapes.push(("output.weight".into(), vec![tokens, HIDDEN], GgmlDType::Q6K, 0.5));
        }
        shapes.push(("output_norm.weight".into(), vec![HIDDEN], GgmlDType::F32, 0.5));
        for layer in 0..LAYERS {
            let mut part = |name: &str, shape: &[usize], kind, scale| {
                shapes.push((format!("blk.{layer}.{name}.weight"), shape.to_vec(), kind, scale));
            };
            part("attn_norm", &[HIDDEN], GgmlDType::F32, 0.5);
            part("attn_q", &[HEADS * HEAD, HIDDEN], GgmlDType::Q4_1, 0.1);
            part("attn_k", &[KV_HEADS * HEAD, HIDDEN], GgmlDType::Q8_0, 0.1);
            part("attn_v", &[KV_HEADS * HEAD, HIDDEN], GgmlDType::Q5_0, 0.1);
            part("attn_output", &[HIDDEN, HEADS * HEAD], GgmlDType::Q4_0, 0.1);
            part("ffn_norm", &[HIDDEN], GgmlDType::F32, 0.5);
            part("ffn_gate", &[FEED, HIDDEN], GgmlDType::Q4K, 0.1);
            part("ffn_up", &[FEED, HIDDEN], GgmlDType::Q5K, 0.1);
            part("ffn_down", &[HIDDEN, FEED], GgmlDType::F16, 0.1);
        }
        shapes
    }
}

/// Writes a file that holds a vocabulary and no weights, and returns its path.
pub(super) fn write_vocabulary(dir: &Path, pre: &str) -> PathBuf {
    let (tokens, merges) = learned();
    let mut metadata = sizes();
    metadata.extend(described(pre, &tokens, &merges));
    let path = dir.join(format!("vocabulary-{pre}.gguf"));
    save(&path, &metadata, &[]);
    path
}

fn sizes() -> Vec<(String, Value)> {
    let number = |size: usize| Value::U32(u32::try_from(size).unwrap());
    vec![
        ("general.architecture".into(), Value::String("llama".into())),
        ("general.name".into(), Value::String("Mixed".into())),
        ("llama.block_count".into(), number(LAYERS)),
        ("llama.context_length".into(), Value::U32(2048)),
        ("llama.embedding_length".into(), number(HIDDEN)),
        ("llama.feed_forward_length".into(), number(FEED)),
        ("llama.attention.head_count".into(), number(HEADS)),
        ("llama.attention.head_count_kv".into(), number(KV_HEADS)),
        ("llama.rope.freq_base".into(), Value::F32(10_000.0)),
        ("llama.rope.dimension_count".into(), number(HEAD)),
        ("llama.attention.layer_norm_rms_epsilon".into(), Value::F32(1e-5)),
    ]
}

/// Tokens and merges as byte-pair encoding learns them from the sample: the commonest pair first, the smaller of two.
pub(super) fn learned() -> (Vec<String>, Vec<String>) {
    let mut tokens = alphabet();
    let mut known: HashSet<String> = tokens.iter().cloned().collect();
    let mut merges = Vec::new();
    let mut text: Vec<usize> = SAMPLE.bytes().map(|byte| 3 + usize::from(byte)).collect();
    let (newline, space) = (3 + usize::from(b'\n'), 3 + usize::from(b' '));
    let begins_word: [String; 2] = [tokens[newline].clone(), tokens[space].clone()];
    for (across, count) in [false, true].into_iter().zip(MERGES) {
        for _ in 0..count {
            let mut pairs: HashMap<(usize, usize), usize> = HashMap::new();
            for pair in text.windows(2) {
                *pairs.entry((pair[0], pair[1])).or_default() += 1;
            }
            let may = |&(left, right): &(usize, usize)| {
                let within = !begins_word.iter().any(|start| tokens[right].starts_with(start));
                (across || within) && !known.contains(&format!("{}{}", tokens[left], tokens[right]))
            };
            let best = pairs.into_iter().filter(|(pair, _)| may(pair));
            let Some((pair, _)) = best.max_by_key(|&(pair, count)| (count, std::cmp::Reverse(pair))) else {
                break;
            };
            let (left, right) = (tokens[pair.0].clone(), tokens[pair.1].clone());
            merges.push(format!("{left} {right}"));
            known.insert(format!("{left}{right}"));
            tokens.push(format!("{left}{right}"));
            text = merged(&text, pair, tokens.len() - 1);
        }
    }
    tokens.extend(WHOLE.iter().map(|&word| word.to_owned()).filter(|word| !known.contains(word)));
    (tokens, merges)
}

fn merged(text: &[usize], pair: (usize, usize), id: usize) -> Vec<usize> {
    let mut shorter = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let joined = *first == pair.0 && after.first() == Some(&pair.1);
        shorter.push(if joined { id } else { *first });
        rest = if joined { &after[1..] } else { after };
    }
    shorter
}
