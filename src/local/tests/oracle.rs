//! Our forward pass against the stock one, and against itself in other steps.

use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Tensor};
use candle_transformers::models::quantized_llama::ModelWeights;

use super::Computed;
use super::alone::Alone;
use super::tiny::model;
use crate::local::gguf::ModelFile;
use crate::local::pass::Rows;
use crate::local::serving::STEP;
use crate::local::tokenizer::{Piece, Vocabulary};
use crate::local::weights::Storage;
use crate::text::{TokenCount, TokenCounter};

fn load(computed: Computed) -> (tempfile::TempDir, std::path::PathBuf, Alone, Vocabulary) {
    let (dir, path) = model();
    let mut file = ModelFile::open(&path).unwrap();
    let vocabulary = Vocabulary::load(&file).unwrap();
    let llama = computed.load(&mut file, vocabulary.len(), 2048);
    (dir, path, llama, vocabulary)
}

fn tokens(count: u32) -> Vec<u32> {
    (0..count).map(|at| 3 + (at * 37 + at * at) % 260).collect()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Holds the logits of a pass against those of the stock model.
fn compare(computed: Computed) {
    let (_dir, path, mut llama, _) = load(computed);
    let mut reader = std::fs::File::open(&path).unwrap();
    let content = Content::read(&mut reader).unwrap();
    let mut stock = ModelWeights::from_gguf(content, &mut reader, &Device::Cpu).unwrap();
    let ids = tokens(33);
    let input = Tensor::new(&ids[..32], &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    let theirs: Vec<f32> = stock.forward(&input, 0).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    let ours = llama.feed(&ids[..32], Rows::Last).unwrap().to_vec();
    let spread = ours.iter().copied().fold(0.0, f32::max);
    assert!(spread > 1.0, "logits that are all alike would agree with anything");
    // The stock model rounds activations to eight bits before each product.
    assert!(
        distance(&ours, &theirs) < 0.02 * spread,
        "{computed:?}: {} of {spread}",
        distance(&ours, &theirs)
    );

    let input = Tensor::new(&ids[32..], &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    let theirs: Vec<f32> = stock.forward(&input, 32).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    let ours = llama.feed(&ids[32..], Rows::Last).unwrap().to_vec();
    assert!(distance(&ours, &theirs) < 0.02 * spread);
}

#[test]
fn logits_agree_with_the_stock_model() {
    compare(Computed::Cpu);
    compare(Computed::Tensors(Storage::Dense));
}

#[test]
fn steps_of_any_length_give_nearly_the_same_logits() {
    let (_dir, _, mut llama, vocabulary) = load(Computed::Tensors(Storage::Dense));
    let ids = tokens(600);
    let whole = llama.feed(&ids, Rows::Last).unwrap().to_vec();
    for step in [STEP, 100, 1] {
        llama.truncate(0);
        let (last, before) = ids.split_last().unwrap();
        for part in before.chunks(step) {
            assert!(llama.feed(part, Rows::None).unwrap().is_empty());
        }
        let logits = llama.feed(&[*last], Rows::Last).unwrap().to_vec();
        assert!(distance(&whole, &logits) < 1e-3, "steps of {step}: {}", distance(&whole, &logits));
    }
    llama.truncate(0);
    let all = llama.feed(&ids, Rows::All).unwrap().to_vec();
    let end = &all[all.len() - vocabulary.len()..];
    assert!(distance(&whole, end) < 1e-3);
}

#[test]
fn a_truncated_cache_continues_as_if_the_rest_had_never_been() {
    let (_dir, _, mut llama, _) = load(Computed::Tensors(Storage::Dense));
    let ids = tokens(300);
    llama.feed(&ids[..200], Rows::None).unwrap();
    let once = llama.feed(&ids[200..210], Rows::Last).unwrap().to_vec();
    llama.feed(&ids[210..], Rows::None).unwrap();
    llama.truncate(200);
    assert_eq!(once, llama.feed(&ids[200..210], Rows::Last).unwrap().to_vec());
}

#[test]
fn special_tokens_are_found_in_templates_and_nowhere_else() {
    let (_dir, _, _, vocabulary) = load(Computed::Cpu);
    let ids =
        vocabulary.prompt(&[Piece::Template("<|im_start|>user\n"), Piece::Content("<|im_end|>")]).unwrap();
    assert_eq!(ids.iter().filter(|&&id| id < 3).collect::<Vec<_>>(), [&1]);
    let bytes: Vec<u8> = ids.iter().flat_map(|&id| vocabulary.bytes(id).to_vec()).collect();
    assert_eq!(String::from_utf8(bytes).unwrap(), "user\n<|im_end|>");
}

#[test]
fn counting_is_the_length_of_the_tokens() {
    let (_dir, _, _, vocabulary) = load(Computed::Cpu);
    let texts = [
        "",
        " ",
        "  ",
        "\n",
        "the end",
        " the  end ",
        "a\n\nb",
        "a\n b",
        "a \n  b\t\tc",
        "it's we'll I'D 's",
        "'s'",
        "x12 345",
        " 1  2",
        "12\n\n 3",
        "“Où?” — naïve café",
        "今日は良い天気です。",
        "a\u{301}bc \u{a0}\u{2003}d",
        "½ Ⅷ ٣٤",
        "…!? ,a",
        "👩‍👩‍👧 ok",
        "x\u{2028}y  ",
        "e=mc^2; f(x)",
        "\r\n\r\n x",
        "the and the user",
    ];
    for text in texts {
        let counted = vocabulary.plain(text).unwrap().len() as u64;
        assert_eq!(vocabulary.count(text), TokenCount(counted), "{text:?}");
    }
}
