//! Tokens: builds the model's tokenizer from its file, and counts with it.
//!
//! Special tokens are found by this file alone, and only where the caller says that a text may hold them: text of a
//! document that spells `<|im_end|>` stays text.

use std::fmt;
use std::path::Path;

use serde_json::Value;
use tokenizers::Tokenizer;
use tokenizers::models::bpe::{BPE, Vocab};

use super::gguf::ModelFile;
use super::pretokenize::{Words, pre_tokenizer};
use super::scored::{Scored, bytes_of};
use super::wordcount::WordCounter;
use crate::model::ModelError;
use crate::text::{TokenCount, TokenCounter};

/// A token's number in the vocabulary.
pub(super) type TokenId = u32;

/// Names under which models mark the end of a turn or of the text; any of them ends an answer.
const END_NAMES: [&str; 9] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|eom_id|>",
    "<end_of_turn>",
    "</s>",
    "<|end|>",
    "<｜end▁of▁sentence｜>",
];

/// Token types of the metadata: 3 is a control token, 4 one that a user defined; both are matched whole.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

/// A piece of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text of the template, in which the names of special tokens mean these tokens.
    Template(&'a str),
    /// Text of a message, in which they mean nothing.
    Content(&'a str),
}

/// What turns text into tokens.
enum Encoder {
    /// That of the library: byte pairs, or what a `tokenizer.json` says.
    Library(Box<Tokenizer>),
    /// Pieces with scores.
    Scored(Scored),
}

/// The vocabulary of one model.
pub(super) struct Vocabulary {
    encoder: Encoder,
    words: Option<WordCounter>,
    bytes: Vec<Vec<u8>>,
    specials: Vec<(String, TokenId)>,
    ends: Vec<TokenId>,
    end_of_turn: TokenId,
    first: Option<TokenId>,
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vocabulary").field("tokens", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Vocabulary {
    /// Builds the vocabulary that `file` describes, or takes the `tokenizer.json` beside it where that kind, or its way to cut
    /// text into words, is not known.
    pub(super) fn load(file: &ModelFile) -> Result<Self, ModelError> {
        let kind = file.text("tokenizer.ggml.model").unwrap_or("none");
        let tokens = file.texts("tokenizer.ggml.tokens")?;
        let path = file.path();
        let beside =
            if path.is_dir() { path.join("tokenizer.json") } else { path.with_file_name("tokenizer.json") };
        let pre = file.text("tokenizer.ggml.pre").unwrap_or("default");
        let known = !beside.is_file() || pre_tokenizer(pre, false).is_ok();
        let (encoder, words, bytes, first) = if kind == "gpt2" && known {
            let (tokenizer, words, first) = byte_level(file, &tokens)?;
            let bytes = tokens.iter().map(|token| byte_level_bytes(token)).collect();
            (Encoder::Library(Box::new(tokenizer)), words, bytes, first)
        } else if kind == "llama" {
            let kinds = file.numbers("tokenizer.ggml.token_type");
            let bytes = tokens.iter().zip(kinds).map(|(token, kind)| bytes_of(token, kind)).collect();
            (Encoder::Scored(Scored::load(file, &tokens)?), None, bytes, true)
        } else if beside.is_file() {
            let (tokenizer, bytes) =
                from_json(&beside).map_err(|reason| ModelError::Load { path: beside.clone(), reason })?;
            (Encoder::Library(Box::new(tokenizer)), None, bytes, false)
        } else {
            return Err(file.fail(format!(
                "its tokenizer is of the kind `{kind}`: expected `gpt2`, `llama`, or a `tokenizer.json` beside the file"
            )));
        };
        let first = file.flag("tokenizer.ggml.add_bos_token").unwrap_or(first);
        Self::assemble(file, encoder, words, bytes, &tokens, first)
    }

    fn assemble(
        file: &ModelFile,
        encoder: Encoder,
        words: Option<WordCounter>,
        mut bytes: Vec<Vec<u8>>,
        tokens: &[String],
        first: bool,
    ) -> Result<Self, ModelError> {
        let kinds = file.numbers("tokenizer.ggml.token_type");
        let mut specials = Vec::new();
        let mut ends = Vec::new();
        bytes.resize(tokens.len(), Vec::new());
        for (id, ((token, kind), bytes)) in (0..).zip(tokens.iter().zip(&kinds).zip(&mut bytes)) {
            if matches!(*kind, CONTROL | USER_DEFINED) {
                specials.push((token.clone(), id));
                match (*kind, &encoder) {
                    (CONTROL, _) => bytes.clear(),
                    (_, Encoder::Library(_)) => *bytes = token.clone().into_bytes(),
                    (_, Encoder::Scored(_)) => {}
                }
            }
            if *kind == CONTROL && END_NAMES.contains(&token.as_str()) {
                ends.push(id);
            }
        }
        // The longest name first, so that no name hides a longer one that begins with it.
        specials.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        let id = |key: &str| file.number(key).and_then(|id| TokenId::try_from(id).ok());
        let end_of_turn = id("tokenizer.ggml.eot_token_id")
            .or(id("tokenizer.ggml.eos_token_id"))
            .ok_or_else(|| file.fail("its metadata names no end-of-text token"))?;
        ends.extend([Some(end_of_turn), id("tokenizer.ggml.eos_token_id")].into_iter().flatten());
        ends.sort_unstable();
        ends.dedup();
        let first = first.then(|| id("tokenizer.ggml.bos_token_id")).flatten();
        Ok(Self { encoder, words, bytes, specials, ends, end_of_turn, first })
    }

    /// Turns a whole prompt into tokens, with the model's first token where it wants one.
    pub(super) fn prompt(&self, pieces: &[Piece<'_>]) -> Result<Vec<TokenId>, ModelError> {
        let mut ids = Vec::new();
        let mut plain = String::new();
        for piece in pieces {
            match *piece {
                Piece::Content(text) => plain.push_str(text),
                Piece::Template(mut text) => {
                    while let Some((at, name, id)) = self.next_special(text) {
                        plain.push_str(text.get(..at).unwrap_or(""));
                        self.encode_into(&plain, &mut ids)?;
                        plain.clear();
                        ids.push(id);
                        text = text.get(at + name..).unwrap_or("");
                    }
                    plain.push_str(text);
                }
            }
        }
        self.encode_into(&plain, &mut ids)?;
        if let Some(first) = self.first
            && ids.first() != Some(&first)
        {
            ids.insert(0, first);
        }
        Ok(ids)
    }

    /// Turns a text into tokens; names of special tokens in it mean nothing.
    pub(super) fn plain(&self, text: &str) -> Result<Vec<TokenId>, ModelError> {
        let mut ids = Vec::new();
        self.encode_into(text, &mut ids)?;
        Ok(ids)
    }

    /// Returns the bytes that a token stands for; none for a control token.
    pub(super) fn bytes(&self, id: TokenId) -> &[u8] {
        self.bytes.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// Returns the number of tokens in the vocabulary.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Tells whether a token ends an answer.
    pub(super) fn is_end(&self, id: TokenId) -> bool {
        self.ends.binary_search(&id).is_ok()
    }

    /// Returns the token that ends a turn.
    pub(super) fn end_of_turn(&self) -> TokenId {
        self.end_of_turn
    }

    /// Returns the tokens that are matched whole, with their names.
    pub(super) fn specials(&self) -> &[(String, TokenId)] {
        &self.specials
    }

    fn next_special(&self, text: &str) -> Option<(usize, usize, TokenId)> {
        let found = self
            .specials
            .iter()
            .filter_map(|(name, id)| text.find(name.as_str()).map(|at| (at, name.len(), *id)));
        // At one position the longest name wins.
        found.min_by_key(|&(at, name, _)| (at, std::cmp::Reverse(name)))
    }

    fn encode_into(&self, text: &str, ids: &mut Vec<TokenId>) -> Result<(), ModelError> {
        if text.is_empty() {
            return Ok(());
        }
        let tokenizer = match &self.encoder {
            Encoder::Library(tokenizer) => tokenizer,
            Encoder::Scored(scored) => {
                scored.encode(text, ids);
                return Ok(());
            }
        };
        let encoding = tokenizer
            .encode_fast(text, false)
            .map_err(|error| ModelError::Compute { reason: format!("the tokenizer failed: {error}") })?;
        ids.extend_from_slice(encoding.get_ids());
        Ok(())
    }
}

impl TokenCounter for Vocabulary {
    fn count(&self, text: &str) -> TokenCount {
        if let Some(words) = &self.words {
            return TokenCount(words.count(text));
        }
        // A tokenizer fails on no text in practice; four bytes a token keeps the count usable if one does.
        let counted = self.plain(text).map_or(text.len().div_ceil(4), |ids| ids.len());
        TokenCount(counted as u64)
    }
}

/// The tokenizer, its fast counter where there is one, and whether prompts begin with the first token by default.
fn byte_level(
    file: &ModelFile,
    tokens: &[String],
) -> Result<(Tokenizer, Option<WordCounter>, bool), ModelError> {
    let merges: Option<Vec<(String, String)>> = file
        .texts("tokenizer.ggml.merges")?
        .iter()
        .map(|merge| merge.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())))
        .collect();
    let merges = merges.ok_or_else(|| file.fail("its list of merges is damaged"))?;
    let vocab: Vocab = tokens.iter().cloned().zip(0..).collect();
    let pre = file.text("tokenizer.ggml.pre").unwrap_or("default");
    let prefix = file.flag("tokenizer.ggml.add_space_prefix").unwrap_or(false);
    let kind = pre_tokenizer(pre, prefix).map_err(|reason| file.fail(reason))?;
    // Models of the `llama-bpe` kind take a whole word that is in the vocabulary as it is, without merging.
    let model = BPE::builder().vocab_and_merges(vocab, merges).ignore_merges(kind.whole_words).build();
    let model = model.map_err(|error| file.fail(format!("its tokenizer cannot be built: {error}")))?;
    let by_hand = kind.words != Words::Other && !prefix;
    let words = by_hand.then(|| WordCounter::new(model.clone(), kind.words == Words::PlainAndDigits));
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(kind.wrapper));
    Ok((tokenizer, words, kind.first_token))
}

/// Undoes the byte-level alphabet, in which every byte is a printable character.
fn byte_level_bytes(token: &str) -> Vec<u8> {
    let byte = |c: char| match c {
        '!'..='~' | '¡'..='¬' | '®'..='ÿ' => u8::try_from(u32::from(c)).ok(),
        // The other bytes follow one another from U+0100 on: 0-32, 127-160 and 173.
        '\u{100}'..='\u{120}' => u8::try_from(u32::from(c) - 0x100).ok(),
        '\u{121}'..='\u{142}' => u8::try_from(u32::from(c) - 0x121 + 127).ok(),
        '\u{143}' => Some(173),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = token.chars().map(byte).collect();
    bytes.unwrap_or_else(|| token.as_bytes().to_vec())
}

fn from_json(path: &Path) -> Result<(Tokenizer, Vec<Vec<u8>>), String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut json: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let table = llguidance::token_bytes_from_tokenizer_json(&json).map_err(|error| error.to_string())?;
    if let Some(map) = json.as_object_mut() {
        // Special tokens are found by this file, and the first token is added by it.
        map.insert("added_tokens".into(), Value::Array(Vec::new()));
        map.insert("post_processor".into(), Value::Null);
    }
    let tokenizer = Tokenizer::from_bytes(json.to_string()).map_err(|error| error.to_string())?;
    Ok((tokenizer, table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character() {
        let mut seen = [false; 256];
        for code in (0x21..0x144).filter_map(char::from_u32) {
            if let [byte] = byte_level_bytes(&code.to_string())[..] {
                let printable = ('!'..='~').contains(&code) || code as u32 >= 0xA1;
                assert!(!printable || !seen[usize::from(byte)], "{code} repeats byte {byte}");
                seen[usize::from(byte)] |= printable;
            }
        }
        assert!(seen.iter().all(|&seen| seen));
        assert_eq!(byte_level_bytes("Ġthe"), b" the");
    }
}
