//! Folders of transformers' kind: the same weights as in a GGUF file give the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::Content;
use candle_core::{DType, Device, Tensor};
use serde_json::json;
use tempfile::TempDir;

use super::tiny::{TEMPLATE, tokens};
use super::{Computed, FAMILIES};
use crate::local::gguf::ModelFile;
use crate::local::pass::Rows;
use crate::local::tokenizer::Vocabulary;
use crate::local::{LocalModel, LocalOptions, ModelInfo, ModelKind, weights_of};
use crate::model::{ChatModel, ChatRequest, Message};
use crate::text::{TokenCount, TokenCounter};

const NAMES: [(&str, &str); 11] = [
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];

/// What a file of a family is called here, and the rest of its configuration.
const CASES: [&str; 3] = ["qwen3", "llama3", "yarn"];

fn configured(name: &str) -> serde_json::Value {
    let (kind, head, positions) = match name {
        "qwen3" => ("qwen3", 24, json!({"rope_type": "default", "rope_theta": 1e6})),
        "llama3" => (
            "llama",
            16,
            json!({"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
        ),
        _ => (
            "qwen2",
            16,
            json!({"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 64}),
        ),
    };
    json!({
        "model_type": kind, "num_hidden_layers": 3, "max_position_embeddings": 2048, "hidden_size": 64, "intermediate_size": 96,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": head, "rms_norm_eps": 1e-6, "vocab_size": 280,
        "rope_parameters": positions, "tie_word_embeddings": true, "eos_token_id": [2, 0],
    })
}

/// Rows of heads in the order in which halves are turned together.
fn unpermuted(rows: &Tensor, heads: usize) -> Tensor {
    let (count, inputs) = rows.dims2().unwrap();
    let apart = rows.reshape((heads, count / heads / 2, 2, inputs)).unwrap().transpose(1, 2).unwrap();
    apart.contiguous().unwrap().reshape((count, inputs)).unwrap()
}

/// Writes the folder of a family beside its file, in one file of weights or two, and returns both.
fn write(dir: &Path, name: &str, kind: DType, shards: usize) -> (PathBuf, PathBuf) {
    let family = FAMILIES.into_iter().find(|family| family.name == name).unwrap();
    let gguf = family.write(dir);
    let folder = dir.join(format!("{name}-0.5B"));
    std::fs::create_dir(&folder).unwrap();
    let mut reader = std::fs::File::open(&gguf).unwrap();
    let content = Content::read(&mut reader).unwrap();
    let mut parts: Vec<BTreeMap<String, Tensor>> = vec![BTreeMap::new(); shards];
    let mut map = serde_json::Map::new();
    for (at, ours) in content.tensor_infos.keys().enumerate() {
        let tensor =
            content.tensor(&mut reader, ours, &Device::Cpu).unwrap().dequantize(&Device::Cpu).unwrap();
        let theirs = match ours.as_str() {
            // Rows that no token has fill the table up.
            "token_embd.weight" => "model.embed_tokens.weight".to_owned(),
            "output_norm.weight" => "model.norm.weight".to_owned(),
            "rope_freqs.weight" => continue,
            _ => {
                let (layer, rest) = ours.strip_prefix("blk.").unwrap().split_once('.').unwrap();
                let (part, end) = rest.rsplit_once('.').unwrap();
                let (_, theirs) = NAMES.into_iter().find(|(ours, _)| *ours == part).unwrap();
                format!("model.layers.{layer}.{theirs}.{end}")
            }
        };
        let tensor = match (name, ours.rsplit('.').nth(1)) {
            ("llama3", Some("attn_q")) => unpermuted(&tensor, 4),
            ("llama3", Some("attn_k")) => unpermuted(&tensor, 2),
            (_, Some("token_embd")) => tensor.pad_with_zeros(0, 0, 280 - tensor.dim(0).unwrap()).unwrap(),
            _ => tensor,
        };
        let file = format!("model-{}.safetensors", at % shards);
        map.insert(theirs.clone(), json!(if shards == 1 { "model.safetensors" } else { &file }));
        parts[at % shards].insert(theirs, tensor.to_dtype(kind).unwrap());
    }
    for (at, part) in parts.into_iter().enumerate() {
        let file =
            if shards == 1 { "model.safetensors".to_owned() } else { format!("model-{at}.safetensors") };
        candle_core::safetensors::save(&part.into_iter().collect(), folder.join(file)).unwrap();
    }
    let (names, merges) = tokens();
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        names.iter().enumerate().map(|(id, name)| (name.clone(), json!(id))).collect();
    let added: Vec<_> = (0..3).map(|id| json!({"id": id, "content": names[id], "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false})).collect();
    let save =
        |file: &str, value: &serde_json::Value| std::fs::write(folder.join(file), value.to_string()).unwrap();
    save("config.json", &configured(name));
    save(
        "tokenizer.json",
        &json!({
            "version": "1.0", "added_tokens": added, "normalizer": null, "post_processor": null,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
            "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
            "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
        }),
    );
    save(
        "tokenizer_config.json",
        &json!({"eos_token": "<|im_end|>", "bos_token": null, "chat_template": TEMPLATE}),
    );
    if shards > 1 {
        save("model.safetensors.index.json", &json!({"weight_map": map}));
    }
    (gguf, folder)
}

fn logits(path: &Path, computed: Computed) -> Vec<f32> {
    let mut file = ModelFile::open(path).unwrap();
    let count = file.texts("tokenizer.ggml.tokens").unwrap().len();
    let ids: Vec<u32> = (0..100).map(|at| 3 + (at * 37 + at * at) % 260).collect();
    let logits = computed.load(&mut file, count, 2048).feed(&ids, Rows::Last).unwrap().to_vec();
    logits[..272].to_vec()
}

#[test]
fn the_same_weights_give_the_same_logits() {
    for (name, shards) in CASES.into_iter().zip([1, 2, 3]) {
        let dir = TempDir::new().unwrap();
        let (gguf, folder) = write(dir.path(), name, DType::F32, shards);
        let (file, ours) = (logits(&gguf, Computed::Cpu), logits(&folder, Computed::Cpu));
        let apart = file.iter().zip(&ours).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        eprintln!("{name}: logits differ by up to {apart}");
        assert!(apart < 0.02, "{name}: {apart}");
    }
}

#[test]
fn a_folder_is_a_model_that_answers() {
    let dir = TempDir::new().unwrap();
    let (gguf, folder) = write(dir.path(), "qwen3", DType::BF16, 2);
    assert_eq!(ModelKind::at(&folder), ModelKind::Chat);
    assert_eq!(crate::local::resolve("qwen3-0.5B", dir.path()).unwrap(), folder);
    let info = ModelInfo::read(&folder).unwrap();
    assert_eq!((info.name.as_str(), info.architecture.as_str(), info.context), ("qwen3-0.5B", "qwen3", 2048));
    assert_eq!(info.quantization, "BF16");
    assert_eq!(weights_of(&folder), folder.join("model.safetensors.index.json"));
    let vocabulary = Vocabulary::load(&ModelFile::open(&folder).unwrap()).unwrap();
    let same = Vocabulary::load(&ModelFile::open(&gguf).unwrap()).unwrap();
    for text in ["the end", " and the user 's x12", "今日\n\n"] {
        let bytes = |vocabulary: &Vocabulary| -> Vec<u8> {
            vocabulary.plain(text).unwrap().iter().flat_map(|&id| vocabulary.bytes(id).to_vec()).collect()
        };
        assert_eq!(bytes(&vocabulary), text.as_bytes());
        assert_eq!(bytes(&same), text.as_bytes());
        assert!(vocabulary.count(text) > TokenCount(0));
    }
    assert!(vocabulary.is_end(2) && !vocabulary.is_end(5));
    let model = LocalModel::load(&folder, &LocalOptions::default()).unwrap();
    let request = ChatRequest::new(vec![Message::user("Who?")], TokenCount(4));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(model.chat(&request, None)).unwrap();
}

#[test]
fn what_is_damaged_or_of_another_kind_is_refused() {
    let dir = TempDir::new().unwrap();
    let (_, folder) = write(dir.path(), "qwen3", DType::F32, 1);
    let refusal = || ModelFile::open(&folder).unwrap_err().to_string();
    let weights = folder.join("model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &whole[..whole.len() - 9]).unwrap();
    assert!(refusal().contains("it is cut short"), "{}", refusal());
    for length in [0, 7, 9, 200] {
        std::fs::write(&weights, &whole[..length]).unwrap();
        refusal();
    }
    let mut config = configured("qwen3");
    config["model_type"] = json!("mamba");
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    assert!(refusal().contains("it is a `mamba`"), "{}", refusal());
    let index = json!({"weight_map": {"a": "../a.safetensors"}});
    std::fs::write(folder.join("config.json"), configured("qwen3").to_string()).unwrap();
    std::fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
    assert!(refusal().contains("does not name files of its folder"), "{}", refusal());
}
