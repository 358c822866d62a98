//! Folders in which transformers keeps a model: `config.json`, `tokenizer.json` and files of weights. Says what they hold in the
//! words of a GGUF file, under which all else knows it.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::{TensorInfo, Value};
use serde_json::Value as Json;

use super::gguf::{Container, Stored, cannot_open};
use crate::model::ModelError;

const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
const WEIGHTS: &str = "model.safetensors";
/// Names the files of weights where there are several.
pub(super) const INDEX: &str = "model.safetensors.index.json";

/// The longest header of a file of weights that is read; the format allows no longer one.
const LONGEST_HEADER: u64 = 100_000_000;

/// Kinds of models, and the architectures that they are.
const KINDS: [(&str, &str); 4] =
    [("llama", "llama"), ("mistral", "llama"), ("qwen2", "qwen2"), ("qwen3", "qwen3")];

/// Parts of layers, and their names in GGUF files.
const PARTS: [(&str, &str); 11] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];

/// Numbers of the configuration, and their names in GGUF files.
const NUMBERS: [(&str, &str); 7] = [
    ("num_hidden_layers", "block_count"),
    ("max_position_embeddings", "context_length"),
    ("hidden_size", "embedding_length"),
    ("intermediate_size", "feed_forward_length"),
    ("num_attention_heads", "attention.head_count"),
    ("num_key_value_heads", "attention.head_count_kv"),
    ("head_dim", "attention.key_length"),
];

/// Numbers of the way in which positions are stretched, and their names here.
const SCALING: [(&str, &str); 5] = [
    ("factor", "factor"),
    ("low_freq_factor", "low_freq_factor"),
    ("high_freq_factor", "high_freq_factor"),
    ("beta_fast", "yarn_beta_fast"),
    ("beta_slow", "yarn_beta_slow"),
];

/// Tells whether the folder `path` holds a model that answers and can be computed.
pub(super) fn is_folder(path: &Path) -> bool {
    let there =
        path.join(TOKENIZER).is_file() && [WEIGHTS, INDEX].iter().any(|name| path.join(name).is_file());
    there && json(&path.join(CONFIG)).is_ok_and(|config| architecture(&config).is_ok())
}

/// Reads the folder `path`, of its weights the headers.
pub(super) fn open(path: &Path) -> Result<Container, ModelError> {
    let config = json(&path.join(CONFIG))?;
    let failed = |reason: String| ModelError::Load { path: path.join(CONFIG), reason };
    let architecture = architecture(&config).map_err(failed)?;
    let mut metadata = sizes(&config, architecture);
    metadata.insert("general.architecture".into(), Value::String(architecture.into()));
    metadata.insert("general.halves".into(), Value::Bool(true));
    if let Some(name) = path.file_name() {
        metadata.insert("general.name".into(), Value::String(name.to_string_lossy().into_owned()));
    }
    describe_text(path, &config, &mut metadata)?;
    let tied = config.get("tie_word_embeddings").and_then(Json::as_bool).unwrap_or(false);
    let mut container = Container { metadata, tensors: HashMap::new(), files: Vec::new() };
    for name in weight_files(path)? {
        let path = path.join(name);
        let failed = |reason: String| ModelError::Load { path: path.clone(), reason };
        let file = File::open(&path).map_err(|error| failed(cannot_open(&error)))?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let found = tensors(&mut reader, container.files.len()).map_err(failed)?;
        let kept = found.into_iter().filter(|(name, _)| !(tied && name == "output.weight"));
        container.tensors.extend(kept);
        container.files.push((path, reader));
    }
    Ok(container)
}

fn json(path: &Path) -> Result<Json, ModelError> {
    let failed = |reason: String| ModelError::Load { path: path.to_owned(), reason };
    let bytes = fs::read(path).map_err(|error| failed(cannot_open(&error)))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(format!("it is damaged: {error}")))
}

fn architecture(config: &Json) -> Result<&'static str, String> {
    let kind = config.get("model_type").and_then(Json::as_str).unwrap_or("");
    if kind == "llama" && config.get("attention_bias").and_then(Json::as_bool) == Some(true) {
        return Err("something is added to its queries, which its architecture does not do".into());
    }
    KINDS.into_iter().find(|(name, _)| *name == kind).map(|(_, architecture)| architecture).ok_or_else(|| {
        let known = KINDS.map(|(name, _)| format!("`{name}`")).join(", ");
        format!("it is a `{kind}`, which cannot be computed from a folder: expected one of {known}")
    })
}

/// The sizes, and how positions are turned.
#[expect(clippy::cast_possible_truncation, reason = "fractions are computed with in single precision")]
fn sizes(config: &Json, architecture: &str) -> HashMap<String, Value> {
    let key = |name: &str| format!("{architecture}.{name}");
    let mut metadata = HashMap::new();
    for (name, ours) in NUMBERS {
        if let Some(number) = config.get(name).and_then(Json::as_u64) {
            metadata.insert(key(ours), Value::U64(number));
        }
    }
    let mut fraction = |name: &str, value: Option<&Json>| {
        if let Some(value) = value.and_then(Json::as_f64) {
            metadata.insert(key(name), Value::F32(value as f32));
        }
    };
    let stretched = ["rope_parameters", "rope_scaling"].iter().find_map(|name| config.get(name));
    let said = |name: &str| stretched.and_then(|stretched| stretched.get(name));
    fraction("attention.layer_norm_rms_epsilon", config.get("rms_norm_eps"));
    fraction("rope.freq_base", config.get("rope_theta").or(said("rope_theta")));
    for (name, ours) in SCALING {
        fraction(&format!("rope.scaling.{ours}"), said(name));
    }
    if let (Some(factor), Some(magnitude)) = (said("factor"), said("attention_factor"))
        && let (Some(factor), Some(magnitude)) = (factor.as_f64(), magnitude.as_f64())
    {
        // In the words of a GGUF file it multiplies what follows from the factor.
        let usual = 1.0 + 0.1 * factor.max(1.0).ln();
        metadata.insert(key("rope.scaling.attn_factor"), Value::F32((magnitude / usual) as f32));
    }
    let window = config.get("sliding_window").and_then(Json::as_u64).filter(|_| architecture == "llama");
    if let Some(window) = window {
        metadata.insert(key("attention.sliding_window"), Value::U64(window));
    }
    let original = said("original_max_position_embeddings").and_then(Json::as_u64);
    if let Some(original) = original {
        metadata.insert(key("rope.scaling.original_context_length"), Value::U64(original));
    }
    let kind = said("rope_type").or(said("type")).and_then(Json::as_str).filter(|&kind| kind != "default");
    if let Some(kind) = kind {
        metadata.insert(key("rope.scaling.type"), Value::String(kind.into()));
    }
    metadata
}

/// The vocabulary's names, the tokens that mean something, and the chat template.
fn describe_text(
    path: &Path,
    config: &Json,
    metadata: &mut HashMap<String, Value>,
) -> Result<(), ModelError> {
    let tokenizer = json(&path.join(TOKENIZER))?;
    let says = json(&path.join("tokenizer_config.json")).unwrap_or(Json::Null);
    let count = config.get("vocab_size").and_then(Json::as_u64).unwrap_or(0);
    let count = usize::try_from(count).unwrap_or(0).min(1 << 24);
    let mut tokens: Vec<(String, i32)> = (0..count).map(|id| (format!("<unused-{id}>"), 5)).collect();
    let mut put = |name: &str, id: &Json, kind: i32| {
        let place = id.as_u64().and_then(|id| usize::try_from(id).ok()).and_then(|id| tokens.get_mut(id));
        if let Some(place) = place {
            *place = (name.to_owned(), kind);
        }
    };
    let vocabulary = tokenizer.pointer("/model/vocab").and_then(Json::as_object);
    vocabulary.into_iter().flatten().for_each(|(name, id)| put(name, id, 1));
    for added in tokenizer.get("added_tokens").and_then(Json::as_array).into_iter().flatten() {
        let special = added.get("special").and_then(Json::as_bool).unwrap_or(false);
        let name = added.get("content").and_then(Json::as_str).unwrap_or("");
        put(name, added.get("id").unwrap_or(&Json::Null), if special { 3 } else { 4 });
    }
    for (key, ours) in [("bos_token", "bos_token_id"), ("eos_token", "eos_token_id")] {
        let named = says.get(key).and_then(|token| token.as_str().or(token.get("content")?.as_str()));
        let found = named.and_then(|name| tokens.iter().position(|(token, _)| token == name));
        let first = config.get(ours).and_then(|id| id.as_u64().or(id.get(0)?.as_u64()));
        if let Some(id) = found.map(|id| id as u64).or(first) {
            metadata.insert(format!("tokenizer.ggml.{ours}"), Value::U64(id));
        }
    }
    let template = fs::read_to_string(path.join("chat_template.jinja")).ok();
    let template = template.or(says.get("chat_template").and_then(Json::as_str).map(str::to_owned));
    if let Some(template) = template {
        metadata.insert("tokenizer.chat_template".into(), Value::String(template));
    }
    let (names, kinds) =
        tokens.into_iter().map(|(name, kind)| (Value::String(name), Value::I32(kind))).unzip();
    metadata.insert("tokenizer.ggml.tokens".into(), Value::Array(names));
    metadata.insert("tokenizer.ggml.token_type".into(), Value::Array(kinds));
    Ok(())
}

/// Returns the names of the files of weights.
fn weight_files(path: &Path) -> Result<BTreeSet<PathBuf>, ModelError> {
    let index = path.join(INDEX);
    if !index.is_file() {
        return Ok(BTreeSet::from([PathBuf::from(WEIGHTS)]));
    }
    let names = json(&index)?;
    let names = names.get("weight_map").and_then(Json::as_object).into_iter().flatten();
    let files: Option<BTreeSet<PathBuf>> = names
        .map(|(_, file)| {
            let file = Path::new(file.as_str()?);
            // No name leads out of the folder.
            (file.file_name() == Some(file.as_os_str())).then(|| file.to_owned())
        })
        .collect();
    files.filter(|files| !files.is_empty()).ok_or_else(|| ModelError::Load {
        path: index,
        reason: "its `weight_map` does not name files of its folder".into(),
    })
}

/// Reads which tensors a file holds, and where.
fn tensors(reader: &mut BufReader<File>, file: usize) -> Result<Vec<(String, Stored)>, String> {
    let mut length = [0; 8];
    reader.read_exact(&mut length).map_err(|error| error.to_string())?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_HEADER {
        return Err(format!("its header has {length} bytes: expected up to {LONGEST_HEADER}"));
    }
    let mut header = Vec::new();
    reader.take(length).read_to_end(&mut header).map_err(|error| error.to_string())?;
    let header: HashMap<String, Json> =
        serde_json::from_slice(&header).map_err(|error| format!("its header is damaged: {error}"))?;
    let tensors = header.iter().filter(|(name, _)| *name != "__metadata__").filter_map(|(name, says)| {
        let ours = renamed(name)?;
        let stored = stored(says, 8 + length, file);
        Some(stored.map(|stored| (ours, stored)).ok_or_else(|| {
            format!("its tensor `{name}` cannot be read: expected numbers of the types F32, F16 or BF16")
        }))
    });
    tensors.collect()
}

fn stored(says: &Json, data: u64, file: usize) -> Option<Stored> {
    let ggml_dtype = match says.get("dtype")?.as_str()? {
        "F32" => GgmlDType::F32,
        "F16" => GgmlDType::F16,
        "BF16" => GgmlDType::BF16,
        _ => return None,
    };
    let shape = says.get("shape")?.as_array()?.iter();
    let shape: Vec<usize> = shape.map(|size| usize::try_from(size.as_u64()?).ok()).collect::<Option<_>>()?;
    let offset = data.checked_add(says.get("data_offsets")?.get(0)?.as_u64()?)?;
    Some(Stored { file, info: TensorInfo { ggml_dtype, shape: shape.into(), offset } })
}

/// Returns the name of a tensor in GGUF files; none for what nothing is computed with.
fn renamed(name: &str) -> Option<String> {
    match name {
        "model.embed_tokens.weight" => return Some("token_embd.weight".into()),
        "model.norm.weight" => return Some("output_norm.weight".into()),
        "lm_head.weight" => return Some("output.weight".into()),
        _ => {}
    }
    let (layer, part) = name.strip_prefix("model.layers.")?.split_once('.')?;
    let (part, kind) = part.rsplit_once('.')?;
    let (_, ours) = PARTS.into_iter().find(|(theirs, _)| *theirs == part)?;
    Some(format!("blk.{layer}.{ours}.{kind}"))
}
