//! Cuts texts into word pieces, as the model was trained on them.

use tokenizers::Tokenizer;

use crate::text::{TokenCount, TokenCounter};

/// The tokenizer of a model.
pub(super) struct Pieces {
    tokenizer: Tokenizer,
    /// The piece before every text.
    head: u32,
    /// The piece after every text.
    tail: u32,
    /// How many pieces between them are read.
    window: usize,
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").field("window", &self.window).finish_non_exhaustive()
    }
}

impl Pieces {
    /// Reads a `tokenizer.json` for texts of up to `longest` pieces and a model that knows `vocabulary` of them.
    pub(super) fn new(bytes: &[u8], longest: usize, vocabulary: usize) -> Result<Self, String> {
        let mut tokenizer =
            Tokenizer::from_bytes(bytes).map_err(|error| format!("it is no `tokenizer.json`: {error}"))?;
        // What the file says of these two was meant for training.
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        // A text that spells `[SEP]` says these five signs, and ends nothing.
        tokenizer.set_encode_special_tokens(true);
        let has = tokenizer.get_vocab_size(true);
        if has > vocabulary {
            return Err(format!("it has {has} pieces, and the model knows {vocabulary}"));
        }
        let empty = tokenizer.encode_fast("", true).map_err(|error| error.to_string())?;
        let &[head, tail] = empty.get_ids() else {
            return Err(format!("it marks a text with {} pieces: expected two", empty.len()));
        };
        Ok(Self { tokenizer, head, tail, window: longest.saturating_sub(2) })
    }

    /// Returns how many pieces of a text are read, without the two that mark its ends.
    pub(super) fn window(&self) -> TokenCount {
        TokenCount(self.window as u64)
    }

    /// Cuts a text into pieces, with those that mark its ends. What is too long ends early.
    pub(super) fn cut(&self, text: &str) -> Vec<u32> {
        // A tokenizer of word pieces fails on no text: what it does not know is one piece that says so.
        let encoded = self.tokenizer.encode_fast(text, false).ok();
        let ids = encoded.as_ref().map_or(&[][..], |encoding| encoding.get_ids());
        let read = ids.iter().take(self.window).copied();
        std::iter::once(self.head).chain(read).chain([self.tail]).collect()
    }
}

impl TokenCounter for Pieces {
    fn count(&self, text: &str) -> TokenCount {
        // A token a byte is never too few if the tokenizer fails, which it does not in practice.
        let counted = self.tokenizer.encode_fast(text, false).map_or(text.len(), |encoding| encoding.len());
        TokenCount(counted as u64)
    }
}
