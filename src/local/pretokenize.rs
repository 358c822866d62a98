//! How text is cut into words before merging, by the names that model files give to it.

use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior};

/// English contractions, words with a leading space or other mark, digits one by one, punctuation, line ends, spaces.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The same with digits in threes.
const LLAMA_BPE: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// GPT-2's own, without the change to the byte-level alphabet.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// Cuts that go around GPT-2's in files that name no way of their own: marks before it, digits in threes after it.
const DEFAULT: [&str; 4] = [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"];

/// A way to cut text into words.
pub(super) struct PreTokenizer {
    /// The cutting itself, and the change to the byte-level alphabet.
    pub(super) wrapper: PreTokenizerWrapper,
    /// Whether a word that is in the vocabulary is taken whole.
    pub(super) whole_words: bool,
    /// Whether a prompt begins with the model's first token where the file does not say so.
    pub(super) first_token: bool,
    /// What words it cuts.
    pub(super) words: Words,
}

/// The words of a pre-tokenizer, as far as they can be cut by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// Those of GPT-2.
    Plain,
    /// Those of GPT-2, and every digit alone.
    PlainAndDigits,
    /// Others.
    Other,
}

/// Returns the pre-tokenizer called `name` in `tokenizer.ggml.pre`, or what is wrong with that name.
pub(super) fn pre_tokenizer(name: &str, space_prefix: bool) -> Result<PreTokenizer, String> {
    let words = |parts: Vec<PreTokenizerWrapper>| PreTokenizer {
        wrapper: Sequence::new(parts).into(),
        whole_words: false,
        first_token: false,
        words: Words::Other,
    };
    let gpt2 = ByteLevel::new(space_prefix, true, true);
    let bytes_only = ByteLevel::new(space_prefix, true, false);
    Ok(match name {
        "smollm" | "starcoder" | "refact" | "command-r" => PreTokenizer {
            words: Words::PlainAndDigits,
            ..words(vec![Digits::new(true).into(), gpt2.into()])
        },
        "gpt-2" | "gpt2" | "phi-2" => PreTokenizer { words: Words::Plain, ..words(vec![gpt2.into()]) },
        "llama-bpe" | "llama3" | "llama-v3" => PreTokenizer {
            whole_words: true,
            first_token: true,
            ..words(vec![split(LLAMA_BPE)?, bytes_only.into()])
        },
        "qwen2" | "deepseek-r1-qwen" => words(vec![split(QWEN2)?, bytes_only.into()]),
        "default" => {
            let mut parts = DEFAULT.into_iter().map(split).collect::<Result<Vec<_>, _>>()?;
            parts.push(bytes_only.into());
            words(parts)
        }
        _ => {
            return Err(format!(
                "its way to cut text into words, `{name}`, is not known: expected `smollm`, `gpt-2`, `llama-bpe` or `qwen2`"
            ));
        }
    })
}

fn split(regex: &str) -> Result<PreTokenizerWrapper, String> {
    Split::new(SplitPattern::Regex(regex.to_owned()), SplitDelimiterBehavior::Isolated, false)
        .map(Into::into)
        .map_err(|error| format!("its tokenizer cannot be built: {error}"))
}
