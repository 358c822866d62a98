//! A model file of our own making: two layers of random weights, a byte-level vocabulary, a chat template.

use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use tempfile::TempDir;

pub(super) const TEMPLATE: &str = "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}<|im_start|>system\nYou are Tiny.<|im_end|>\n{% endif %}\
    {{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

const HIDDEN: usize = 64;
const FEED: usize = 96;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD: usize = 16;

/// What to make of the file.
#[derive(Clone, Copy)]
pub(super) struct Recipe {
    pub(super) architecture: &'static str,
    pub(super) kind: GgmlDType,
    pub(super) pre: &'static str,
    /// Rows of the queries' weights; anything but 64 is damage.
    pub(super) query_rows: usize,
    /// What every weight of the output norm is.
    pub(super) output_norm: f32,
}

impl Default for Recipe {
    fn default() -> Self {
        let architecture = "llama";
        Self {
            architecture,
            kind: GgmlDType::Q8_0,
            pre: "smollm",
            query_rows: HEADS * HEAD,
            output_norm: 1.0,
        }
    }
}

/// Control tokens, and every byte as the character that stands for it.
pub(super) fn alphabet() -> Vec<String> {
    let mut tokens: Vec<String> =
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"].iter().map(|&name| name.to_owned()).collect();
    let printable = |byte: &u32| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut next = 0x100;
    for byte in 0..256u32 {
        let code = if printable(&byte) {
            byte
        } else {
            next += 1;
            next - 1
        };
        tokens.push(char::from_u32(code).unwrap().to_string());
    }
    tokens
}

/// The vocabulary: the alphabet and a few merges.
pub(super) fn tokens() -> (Vec<String>, Vec<String>) {
    let mut tokens = alphabet();
    let merges =
        ["Ġ t", "h e", "Ġt he", "a n", "an d", "Ġ a", "Ġa n", "Ġan d", "i n", "o n", "e r", "u s", "us er"];
    tokens.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    (tokens, merges.iter().map(|&merge| merge.to_owned()).collect())
}

/// Pseudo-random weights that are the same on every machine.
pub(in crate::local) fn weights(seed: u64, shape: &[usize], scale: f32) -> Tensor {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let values: Vec<f32> = (0..shape.iter().product::<usize>())
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (f32::from(u16::try_from(state >> 48).unwrap()) / 32_768.0 - 1.0) * scale
        })
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// What a file says of its vocabulary; the first three tokens are control tokens.
pub(super) fn described(pre: &str, tokens: &[String], merges: &[String]) -> Vec<(String, Value)> {
    let texts = |texts: &[String]| Value::Array(texts.iter().cloned().map(Value::String).collect());
    let kinds = (0..tokens.len()).map(|id| Value::I32(if id < 3 { 3 } else { 1 })).collect();
    vec![
        ("tokenizer.ggml.model".into(), Value::String("gpt2".into())),
        ("tokenizer.ggml.pre".into(), Value::String(pre.into())),
        ("tokenizer.ggml.tokens".into(), texts(tokens)),
        ("tokenizer.ggml.merges".into(), texts(merges)),
        ("tokenizer.ggml.token_type".into(), Value::Array(kinds)),
        ("tokenizer.ggml.bos_token_id".into(), Value::U32(1)),
        ("tokenizer.ggml.eos_token_id".into(), Value::U32(2)),
        ("tokenizer.chat_template".into(), Value::String(TEMPLATE.into())),
    ]
}

/// Writes a model file.
pub(super) fn save(path: &Path, metadata: &[(String, Value)], tensors: &[(String, QTensor)]) {
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<(&str, &QTensor)> =
        tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    gguf_file::write(&mut std::fs::File::create(path).unwrap(), &metadata, &tensors).unwrap();
}

/// Writes the model into `dir` and returns its path.
pub(super) fn write(dir: &Path, recipe: Recipe) -> PathBuf {
    let (tokens, merges) = tokens();
    let key = |name: &str| format!("{}.{name}", recipe.architecture);
    let number = |size: usize| Value::U32(u32::try_from(size).unwrap());
    let mut metadata: Vec<(String, Value)> = vec![
        ("general.architecture".into(), Value::String(recipe.architecture.into())),
        ("general.name".into(), Value::String("Tiny".into())),
        ("general.license".into(), Value::String("cc0-1.0".into())),
        (key("block_count"), Value::U32(2)),
        (key("context_length"), Value::U32(2048)),
        (key("embedding_length"), number(HIDDEN)),
        (key("feed_forward_length"), number(FEED)),
        (key("attention.head_count"), number(HEADS)),
        (key("attention.head_count_kv"), number(KV_HEADS)),
        (key("rope.freq_base"), Value::F32(10_000.0)),
        (key("rope.dimension_count"), number(HEAD)),
        (key("attention.layer_norm_rms_epsilon"), Value::F32(1e-5)),
    ];
    metadata.extend(described(recipe.pre, &tokens, &merges));
    let mut shapes = vec![("token_embd.weight".to_owned(), vec![tokens.len(), HIDDEN])];
    for layer in 0..2 {
        let part = |name: &str, rows, columns| (format!("blk.{layer}.{name}.weight"), vec![rows, columns]);
        shapes.push(part("attn_q", recipe.query_rows, HIDDEN));
        shapes.push(part("attn_k", KV_HEADS * HEAD, HIDDEN));
        shapes.push(part("attn_v", KV_HEADS * HEAD, HIDDEN));
        shapes.push(part("attn_output", HIDDEN, HEADS * HEAD));
        shapes.push(part("ffn_gate", FEED, HIDDEN));
        shapes.push(part("ffn_up", FEED, HIDDEN));
        shapes.push(part("ffn_down", HIDDEN, FEED));
    }
    let mut tensors: Vec<(String, QTensor)> = (1..)
        .zip(&shapes)
        .map(|(seed, (name, shape))| {
            (name.clone(), QTensor::quantize(&weights(seed, shape, 0.5), recipe.kind).unwrap())
        })
        .collect();
    let mut norm = |name: String, value: f32| {
        let weights = Tensor::full(value, HIDDEN, &Device::Cpu).unwrap();
        tensors.push((name, QTensor::quantize(&weights, GgmlDType::F32).unwrap()));
    };
    norm("output_norm.weight".into(), recipe.output_norm);
    for layer in 0..2 {
        norm(format!("blk.{layer}.attn_norm.weight"), 0.9);
        norm(format!("blk.{layer}.ffn_norm.weight"), 1.1);
    }
    let path = dir.join("tiny.gguf");
    save(&path, &metadata, &tensors);
    path
}

/// Writes the usual model into a folder of its own.
pub(in crate::local) fn model() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = write(dir.path(), Recipe::default());
    (dir, path)
}
