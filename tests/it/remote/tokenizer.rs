//! A model with a tokenizer of its own: prompts are counted as its server counts them, to the token.

use serde_json::json;

use super::{document, project};
use crate::longhand::Longhand;
use crate::support::provider::{Behaviour, Fault, Provider, Tokenizer};

/// The tokens of the window, of which an answer takes 60.
const WINDOW: u64 = 2000;

/// A tokenizer of words: what white space parts is one token.
fn words() -> Vec<u8> {
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": null,
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "pump": 1}, "unk_token": "[UNK]"},
    });
    tokenizer.to_string().into_bytes()
}

/// The head of a model file without weights, whose tokens are the bytes: each stands in the vocabulary as GPT-2 writes it.
fn bytes() -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    // Types of values: 4 and 5 are numbers of 32 bits, 8 a text, 9 a list.
    let said = |key: &str, value: &str| [text(key), 8_u32.to_le_bytes().to_vec(), text(value)].concat();
    let number = |key: &str, value: u32| [text(key), [4, value].map(u32::to_le_bytes).concat()].concat();
    let list = |key: &str, kind: u32, items: &[Vec<u8>]| {
        let length = (items.len() as u64).to_le_bytes().to_vec();
        [text(key), [9, kind].map(u32::to_le_bytes).concat(), length, items.concat()].concat()
    };
    let is_printed = |byte: &u32| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    let (printed, others): (Vec<u32>, Vec<u32>) = (0..256).partition(is_printed);
    let signs = printed.into_iter().chain((0x100..).take(others.len()));
    let mut tokens = vec![text("<|im_end|>")];
    tokens.extend(signs.map(|sign| text(&char::from_u32(sign).unwrap().to_string())));
    let kinds: Vec<Vec<u8>> =
        (0..tokens.len()).map(|id| (if id == 0 { 3_i32 } else { 1 }).to_le_bytes().to_vec()).collect();
    let facts = [
        said("general.architecture", "llama"),
        number("llama.context_length", 4096),
        said("tokenizer.ggml.model", "gpt2"),
        said("tokenizer.ggml.pre", "gpt-2"),
        list("tokenizer.ggml.tokens", 8, &tokens),
        list("tokenizer.ggml.merges", 8, &[]),
        list("tokenizer.ggml.token_type", 5, &kinds),
        number("tokenizer.ggml.eos_token_id", 0),
    ];
    let head = [3_u32.to_le_bytes().to_vec(), 0_u64.to_le_bytes().to_vec()].concat();
    let mut file =
        [b"GGUF".to_vec(), head, (facts.len() as u64).to_le_bytes().to_vec(), facts.concat()].concat();
    file.resize(file.len().next_multiple_of(32), 0);
    file
}

/// The tokenizers: their files, and what their servers count with.
fn tokenizers() -> [(&'static str, Vec<u8>, Tokenizer); 2] {
    [("words.json", words(), Tokenizer::Words), ("bytes.gguf", bytes(), Tokenizer::Bytes(1))]
}

/// A long text, read chunk by chunk.
fn chained(provider: &Provider, file: &str, content: &[u8]) -> Longhand {
    let longhand =
        project(provider, &format!(", context: {WINDOW}, max_output: 60, tokenizer: own/{file}"), 0);
    longhand
        .file(&format!("own/{file}"), content)
        .file("long.md", (0..60).map(document).collect::<String>())
        .file(
            "workflows/note.yaml",
            "version: 1\nname: note\nnodes:\n  parts:\n    split: {for: note}\n  note:\n    map: {over: parts, agent: reader}\n  end:\n    \
             reduce: {over: note, agent: joiner}\noutput: end\n",
        )
        .file("agents/joiner.yaml", "version: 1\nname: joiner\nprompt: joiner\nmax_output: 60\n")
        .file("prompts/joiner.tera", "Join these:{% for item in items %}\n{{ item }}{% endfor %}");
    longhand
}

#[test]
fn texts_are_split_by_the_tokenizer_that_is_named_and_fill_the_window() {
    for (file, content, tokenizer) in tokenizers() {
        // A prompt of a token too many is refused.
        let provider = Provider::start(Behaviour { tokenizer, context: WINDOW, ..Behaviour::default() });
        let longhand = chained(&provider, file, &content);
        let ended = longhand.run(&["run", "note", "long.md", "--json"]);
        assert_eq!(ended.code, Some(0), "{file}: {}", ended.shown());
        let ledger = provider.ledger();
        let chats = ledger.chats();
        let reads = chats.iter().filter(|entry| entry.body.to_string().contains("Note what this says"));
        let mut reads: Vec<u64> = reads.map(|entry| entry.charged.prompt).collect();
        reads.sort_unstable();
        assert!(reads.len() > 3, "{file}: {reads:?}");
        // The last of a text is what is left.
        assert!(reads[1] > WINDOW * 8 / 10, "{file}: chunks are full: {reads:?}");
        assert_eq!(super::used(&ended), (ledger.charged().prompt, ledger.charged().completion), "{file}");
        assert_eq!(ended.json()["lost"], serde_json::Value::Null);
    }
}

#[test]
fn a_server_that_cuts_away_a_tenth_is_caught_and_its_cut_told_to_the_token() {
    for (file, content, tokenizer) in tokenizers() {
        let run = |faults: Vec<(Fault, u32)>| {
            let behaviour = Behaviour { tokenizer, faults, most_faults_per_body: 99, ..Behaviour::default() };
            let provider = Provider::start(behaviour);
            let longhand = project(&provider, &format!(", context: 64000, tokenizer: {file}"), 0);
            longhand.file(file, &content).file("long.md", (0..60).map(document).collect::<String>());
            let ended = longhand.run(&["run", "note", "long.md", "--json"]);
            (ended, provider.ledger())
        };
        let (sound, ledger) = run(Vec::new());
        assert_eq!((sound.code, ledger.chats().len()), (Some(0), 1), "{file}: {}", sound.shown());
        let whole = ledger.charged().prompt;
        let read = whole * 9 / 10;
        let (cut, ledger) = run(vec![(Fault::CutAt(read), 1000)]);
        assert_eq!(cut.code, Some(6), "{file}: {}", cut.shown());
        let told = format!("the endpoint read only {read} of the prompt's {whole} tokens");
        assert!(
            cut.stderr.contains(&told) && cut.stderr.contains(&format!("context: {read}")),
            "{}",
            cut.shown()
        );
        let long = ledger.chats().iter().filter(|entry| entry.charged.prompt == read).count();
        assert_eq!(long, 1, "{file}: the first long prompt is the last");
    }
}

#[test]
fn a_file_that_is_no_tokenizer_is_told_before_anything_is_asked() {
    let provider = Provider::start(Behaviour::default());
    let longhand = project(&provider, ", tokenizer: own.json", 1);
    for content in [None, Some("no JSON"), Some("{\"model\": {}}")] {
        if let Some(content) = content {
            longhand.file("own.json", content);
        }
        let ended = longhand.run(&["run", "note", "archive", "--json"]);
        assert_eq!(ended.code, Some(6), "{}", ended.shown());
        assert!(ended.stderr.contains("own.json"), "{}", ended.shown());
    }
    assert_eq!(provider.ledger().entries.len(), 0);
}
