//! What is said about files that cannot be used.

use std::path::Path;

use candle_core::quantized::GgmlDType;
use tempfile::TempDir;

use super::tiny::{Recipe, model, write};
use crate::local::{LocalModel, LocalOptions, ModelInfo};

/// The message about `path`, without the folder.
fn refusal(path: &Path) -> String {
    let error = LocalModel::load(path, &LocalOptions::default()).unwrap_err();
    error.to_string().replace(&path.parent().unwrap().display().to_string(), "DIR")
}

#[test]
fn a_good_file_describes_itself() {
    let (_dir, path) = model();
    let info = ModelInfo::read(&path).unwrap();
    assert_eq!((info.name.as_str(), info.architecture.as_str()), ("Tiny", "llama"));
    assert_eq!((info.quantization.as_str(), info.context), ("Q8_0", 2048));
    assert_eq!(info.licence.as_deref(), Some("cc0-1.0"));
    assert_eq!(info.bytes, std::fs::metadata(&path).unwrap().len());
    // The table of 272 tokens, two layers, and five norms.
    assert_eq!(info.parameters, 272 * 64 + 2 * (64 * (64 + 32 + 32 + 64) + 3 * 64 * 96) + 5 * 64);
}

#[test]
fn a_missing_file() {
    let dir = TempDir::new().unwrap();
    insta::assert_snapshot!(refusal(&dir.path().join("none.gguf")), @"cannot load the model `DIR/none.gguf`: there is no such file");
}

#[test]
fn a_file_of_another_kind() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("book.gguf");
    std::fs::write(&path, "It was the best of times, it was the worst of times.").unwrap();
    insta::assert_snapshot!(refusal(&path), @"cannot load the model `DIR/book.gguf`: it is not a GGUF file: expected it to begin with `GGUF`");
}

#[test]
fn a_file_cut_in_its_weights() {
    let (_dir, path) = model();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1000]).unwrap();
    insta::assert_snapshot!(refusal(&path), @"cannot load the model `DIR/tiny.gguf`: it is cut short: its tensors end at byte 91296 and the file at byte 90296; fetch it again");
}

#[test]
fn a_file_cut_in_its_header_never_loads_at_any_length() {
    let (_dir, path) = model();
    let bytes = std::fs::read(&path).unwrap();
    for length in (0..6000).step_by(97) {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let said = refusal(&path);
        let known = ["not a GGUF", "cut short", "damaged"].iter().any(|reason| said.contains(reason));
        assert!(known, "{length} bytes: {said}");
    }
}

#[test]
fn an_architecture_that_is_not_computed() {
    let dir = TempDir::new().unwrap();
    let path = write(dir.path(), Recipe { architecture: "mamba", ..Recipe::default() });
    insta::assert_snapshot!(refusal(&path), @"cannot load the model `DIR/tiny.gguf`: its architecture `mamba` cannot be computed: expected one of `llama`, `qwen2`, `qwen3`, `gemma3`, `phi3`");
}

#[test]
fn a_quantization_that_is_not_computed() {
    let dir = TempDir::new().unwrap();
    let path = write(dir.path(), Recipe::default());
    let mut bytes = std::fs::read(&path).unwrap();
    // The type of a tensor stands after its name, its two sizes and their number.
    let name = b"blk.0.attn_q.weight";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len() + 4 + 16;
    bytes[at] = 23;
    std::fs::write(&path, bytes).unwrap();
    insta::assert_snapshot!(refusal(&path), @"cannot load the model `DIR/tiny.gguf`: its quantization `IQ4_XS` cannot be computed: expected F32, F16, BF16, Q4_0 to Q8_0 or Q2_K to Q6_K");
}

#[test]
fn a_tensor_of_the_wrong_size() {
    let dir = TempDir::new().unwrap();
    let path = write(dir.path(), Recipe { query_rows: 32, ..Recipe::default() });
    insta::assert_snapshot!(refusal(&path), @"cannot load the model `DIR/tiny.gguf`: its tensor `blk.0.attn_q.weight` has the shape [32, 64]: expected [64, 64]");
}

#[test]
fn a_tokenizer_that_is_not_known() {
    let dir = TempDir::new().unwrap();
    let path = write(dir.path(), Recipe { pre: "runes", ..Recipe::default() });
    insta::assert_snapshot!(refusal(&path), @"cannot load the model `DIR/tiny.gguf`: its way to cut text into words, `runes`, is not known: expected `smollm`, `gpt-2`, `llama-bpe` or `qwen2`");
}

#[test]
fn other_quantizations_are_computed() {
    for kind in [GgmlDType::F32, GgmlDType::F16, GgmlDType::Q4_0, GgmlDType::Q4_1, GgmlDType::Q5_1] {
        let dir = TempDir::new().unwrap();
        let path = write(dir.path(), Recipe { kind, ..Recipe::default() });
        LocalModel::load(&path, &LocalOptions::default()).unwrap();
    }
}
