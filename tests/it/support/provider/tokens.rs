//! How the server counts. A client that estimates otherwise finds out by the usage, as with real providers.

use serde_json::Value;

/// A way of counting tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tokenizer {
    /// One token for so many bytes or fewer; four more for each message and three for the prompt.
    Bytes(u64),
    /// One token for what white space parts, and as much for the form of a chat as [`Tokenizer::Bytes`].
    Words,
    /// The vocabulary `o200k_base`, with three tokens for each message, those of its role, and three for the prompt.
    O200k,
}

impl Tokenizer {
    /// The tokens of a text.
    pub(crate) fn text(self, text: &str) -> u64 {
        match self {
            Self::Bytes(bytes) => (text.len() as u64).div_ceil(bytes.max(1)),
            Self::Words => text.split_whitespace().count() as u64,
            Self::O200k => tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len() as u64,
        }
    }

    /// The tokens of a prompt's messages.
    pub(crate) fn messages(self, messages: &[Value]) -> u64 {
        let each = |message: &Value| {
            let role = message["role"].as_str().unwrap_or_default();
            self.text(&content(message))
                + match self {
                    Self::Bytes(_) | Self::Words => 4,
                    Self::O200k => 3 + self.text(role),
                }
        };
        3 + messages.iter().map(each).sum::<u64>()
    }

    /// The longest beginning of a text that has no more than so many tokens.
    pub(crate) fn cut(self, text: &str, tokens: u64) -> &str {
        if self.text(text) <= tokens {
            return text;
        }
        let tokens = usize::try_from(tokens).unwrap_or(usize::MAX);
        let mut end = match self {
            Self::Bytes(bytes) => usize::try_from(bytes.max(1)).unwrap_or(usize::MAX).saturating_mul(tokens),
            Self::Words => {
                let words = text.split_whitespace().take(tokens);
                words.last().map_or(0, |last| last.as_ptr().addr() - text.as_ptr().addr() + last.len())
            }
            Self::O200k => {
                let all = tiktoken_rs::o200k_base_singleton();
                let ranks = all.encode_ordinary(text);
                all.decode_bytes(ranks.get(..tokens).unwrap_or(&ranks)).map_or(0, |bytes| bytes.len())
            }
        };
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.get(..end).unwrap_or(text)
    }
}

/// The text of a message, which is a string or a list of parts.
pub(crate) fn content(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// The messages of a request.
pub(crate) fn messages(body: &Value) -> &[Value] {
    body["messages"].as_array().map_or(&[], Vec::as_slice)
}

/// The longest answer that a request allows.
pub(crate) fn limit(body: &Value) -> Option<u64> {
    body["max_completion_tokens"].as_u64().or_else(|| body["max_tokens"].as_u64())
}
