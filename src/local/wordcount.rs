//! Counts tokens fast: words are cut by hand as GPT-2's pattern cuts them, and each word is merged only once.
//!
//! The pattern is `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, after a cut around
//! every digit where the model wants one. Merging never passes a word's end, so the sum over words is exact.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{PoisonError, RwLock};

use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{Model, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

/// Locks that the cache is spread over, so that tasks counting at once do not wait for one another.
const SHARDS: usize = 16;

/// Words that one shard keeps before it starts again: bounds memory at some tens of megabytes.
const SHARD_WORDS: usize = 32_768;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    // From 1, so that 0 can say that a character has not been asked for yet.
    Letter = 1,
    Number = 2,
    Other = 3,
    Space = 4,
}

type Shard = RwLock<HashMap<Box<str>, u32>>;

/// A cache of words and of how many tokens each becomes.
pub(super) struct WordCounter {
    model: BPE,
    alphabet: ByteLevel,
    single_digits: bool,
    shards: [Shard; SHARDS],
    hasher: RandomState,
    classes: Vec<AtomicU8>,
}

impl fmt::Debug for WordCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordCounter").field("single_digits", &self.single_digits).finish_non_exhaustive()
    }
}

impl WordCounter {
    /// Makes a counter over `model`.
    pub(super) fn new(model: BPE, single_digits: bool) -> Self {
        let classes = (0..=u32::from(char::MAX)).map(|_| AtomicU8::new(0)).collect();
        let shards = std::array::from_fn(|_| RwLock::default());
        let alphabet = ByteLevel::new(false, true, true);
        Self { model, alphabet, single_digits, shards, hasher: RandomState::new(), classes }
    }

    /// Counts the tokens of `text`.
    pub(super) fn count(&self, text: &str) -> u64 {
        let mut rest = text;
        let mut total = 0;
        while !rest.is_empty() {
            let length = self.word(rest);
            let (word, after) = rest.split_at(length);
            total += u64::from(self.word_tokens(word));
            rest = after;
        }
        total
    }

    fn word_tokens(&self, word: &str) -> u32 {
        let hash = self.hasher.hash_one(word);
        let Some(shard) = self.shards.get(usize::try_from(hash % SHARDS as u64).unwrap_or(0)) else {
            return self.merge(word);
        };
        // A poisoned lock still holds a map of true counts.
        if let Some(&count) = shard.read().unwrap_or_else(PoisonError::into_inner).get(word) {
            return count;
        }
        let count = self.merge(word);
        let mut words = shard.write().unwrap_or_else(PoisonError::into_inner);
        if words.len() >= SHARD_WORDS {
            words.clear();
        }
        words.insert(word.into(), count);
        count
    }

    fn merge(&self, word: &str) -> u32 {
        let mapped: String = word.bytes().map(byte_level_char).collect();
        let count = self.model.tokenize(&mapped).map_or(word.len().div_ceil(4), |tokens| tokens.len());
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Returns the length in bytes of the first word of a text that is not empty.
    fn word(&self, text: &str) -> usize {
        if let Some(length) = contraction(text) {
            return length;
        }
        let mut chars = text.char_indices().peekable();
        let Some((_, first)) = chars.next() else { return text.len() };
        let mut class = self.class(first);
        let mut alone = self.single_digits && class == Class::Number;
        if class == Class::Space {
            let next = chars.peek().map(|&(_, c)| (c, self.class(c)));
            match next {
                // One plain space belongs to the word after it, unless that is a digit that stands alone.
                Some((_, kind))
                    if first == ' '
                        && kind != Class::Space
                        && !(self.single_digits && kind == Class::Number) =>
                {
                    class = kind;
                    alone = false;
                }
                _ => return self.spaces(text),
            }
        }
        if alone {
            return first.len_utf8();
        }
        chars.find(|&(_, c)| self.class(c) != class).map_or(text.len(), |(at, _)| at)
    }

    /// Spaces up to a word leave their last one to it; up to the end, or to a digit that stands alone, they stay whole.
    fn spaces(&self, text: &str) -> usize {
        let mut last = 0;
        for (at, c) in text.char_indices() {
            match self.class(c) {
                Class::Space => last = at,
                Class::Number if self.single_digits => return at,
                _ => return if last == 0 { at } else { last },
            }
        }
        text.len()
    }

    fn class(&self, c: char) -> Class {
        match c {
            'a'..='z' | 'A'..='Z' => Class::Letter,
            '0'..='9' => Class::Number,
            _ if c.is_whitespace() => Class::Space,
            _ if c.is_ascii() => Class::Other,
            _ => self.wide_class(c),
        }
    }

    /// The tokenizer's own pattern says what a character beyond ASCII is; it is asked once for each.
    fn wide_class(&self, c: char) -> Class {
        let Some(known) = self.classes.get(c as usize) else { return Class::Other };
        match known.load(Ordering::Relaxed) {
            1 => Class::Letter,
            2 => Class::Number,
            3 => Class::Other,
            _ => {
                let class = match (self.stays_whole(&format!("a{c}")), self.stays_whole(&format!("1{c}"))) {
                    (true, _) => Class::Letter,
                    (_, true) => Class::Number,
                    _ => Class::Other,
                };
                known.store(class as u8, Ordering::Relaxed);
                class
            }
        }
    }

    fn stays_whole(&self, text: &str) -> bool {
        let mut cut = PreTokenizedString::from(text);
        let done = self.alphabet.pre_tokenize(&mut cut);
        done.is_ok() && cut.get_splits(OffsetReferential::Original, OffsetType::Byte).len() == 1
    }
}

fn contraction(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [b'\'', b's' | b't' | b'm' | b'd', ..] => Some(2),
        [b'\'', b'r' | b'v', b'e', ..] | [b'\'', b'l', b'l', ..] => Some(3),
        _ => None,
    }
}

fn byte_level_char(byte: u8) -> char {
    let code = match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => u32::from(byte),
        0..=32 => 0x100 + u32::from(byte),
        127..=160 => 0x121 + u32::from(byte) - 127,
        173 => 0x143,
    };
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}
