//! Vocabularies of `SentencePiece`'s kind: every piece has a score, and of two neighbours those become one whose piece has the
//! highest. A character that no piece holds is written byte by byte.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::gguf::ModelFile;
use super::tokenizer::TokenId;
use crate::model::ModelError;

/// Stands for a space in the names of pieces.
const SPACE: char = '▁';

/// Token types of the metadata whose names are pieces of text.
const TEXT: [i64; 2] = [1, 4];

/// The token type of one byte.
const BYTE: i64 = 6;

/// A vocabulary of scored pieces.
#[derive(Debug)]
pub(super) struct Scored {
    pieces: HashMap<String, (TokenId, f32)>,
    /// The token of each byte, where there is one.
    bytes: Vec<Option<TokenId>>,
    /// The token for what nothing else stands for.
    unknown: Option<TokenId>,
    /// Whether a text begins with a space that it does not have.
    prefix: bool,
}

/// Some characters of a text that are one piece so far.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    start: usize,
    /// Where it ends; where it starts once it is part of the one before.
    end: usize,
    before: Option<usize>,
    after: Option<usize>,
}

/// Two neighbours that could become one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    /// How long both were together.
    length: usize,
}

impl Eq for Pair {}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        // Of equal ones the first in the text is the greatest.
        self.score.total_cmp(&other.score).then_with(|| other.left.cmp(&self.left))
    }
}

impl Scored {
    /// Reads the vocabulary of a model file, whose tokens are `tokens`.
    pub(super) fn load(file: &ModelFile, tokens: &[String]) -> Result<Self, ModelError> {
        let kinds = file.numbers("tokenizer.ggml.token_type");
        let scores = file.fractions("tokenizer.ggml.scores");
        if scores.len() != tokens.len() || kinds.len() != tokens.len() {
            return Err(file.fail(format!(
                "its vocabulary has {} tokens, {} scores and {} types: expected as many of each",
                tokens.len(),
                scores.len(),
                kinds.len()
            )));
        }
        let mut pieces = HashMap::with_capacity(tokens.len());
        let mut bytes = vec![None; 256];
        for (id, ((token, score), kind)) in (0..).zip(tokens.iter().zip(scores).zip(kinds)) {
            if TEXT.contains(&kind) {
                pieces.insert(token.clone(), (id, score));
            } else if let (BYTE, Some(byte)) = (kind, byte_of(token))
                && let Some(place) = bytes.get_mut(usize::from(byte))
            {
                *place = Some(id);
            }
        }
        let unknown = file.number("tokenizer.ggml.unknown_token_id");
        Ok(Self {
            pieces,
            bytes,
            unknown: unknown.and_then(|id| TokenId::try_from(id).ok()),
            prefix: file.flag("tokenizer.ggml.add_space_prefix").unwrap_or(true),
        })
    }

    /// Appends the tokens of `text`.
    pub(super) fn encode(&self, text: &str, ids: &mut Vec<TokenId>) {
        let prefix = if self.prefix { " " } else { "" };
        let text: String =
            prefix.chars().chain(text.chars()).map(|c| if c == ' ' { SPACE } else { c }).collect();
        for symbol in self.merged(&text).iter().filter(|symbol| symbol.end > symbol.start) {
            let piece = text.get(symbol.start..symbol.end).unwrap_or("");
            if let Some((id, _)) = self.pieces.get(piece) {
                ids.push(*id);
                continue;
            }
            let known = |byte: u8| self.bytes.get(usize::from(byte)).copied().flatten().or(self.unknown);
            ids.extend(piece.bytes().filter_map(known));
        }
    }

    /// Joins neighbours as long as there is a piece for two of them.
    fn merged(&self, text: &str) -> Vec<Symbol> {
        let starts = text.char_indices().map(|(start, c)| (start, start + c.len_utf8()));
        let mut symbols: Vec<Symbol> = starts
            .enumerate()
            .map(|(at, (start, end))| Symbol { start, end, before: at.checked_sub(1), after: Some(at + 1) })
            .collect();
        if let Some(last) = symbols.last_mut() {
            last.after = None;
        }
        let pairs = (1..symbols.len()).filter_map(|right| self.pair(text, &symbols, right - 1, right));
        let mut pairs: BinaryHeap<Pair> = pairs.collect();
        while let Some(Pair { left, right, length, .. }) = pairs.pop() {
            let (Some(&first), Some(&second)) = (symbols.get(left), symbols.get(right)) else { continue };
            // Either may have become another since, and neither comes back to a length that it had.
            let apart = first.end == first.start || second.end == second.start;
            if apart || second.end - first.start != length || first.after != Some(right) {
                continue;
            }
            if let Some(first) = symbols.get_mut(left) {
                (first.end, first.after) = (second.end, second.after);
            }
            if let Some(second) = symbols.get_mut(right) {
                second.end = second.start;
            }
            if let Some(next) = second.after {
                if let Some(next) = symbols.get_mut(next) {
                    next.before = Some(left);
                }
                pairs.extend(self.pair(text, &symbols, left, next));
            }
            if let Some(before) = first.before {
                pairs.extend(self.pair(text, &symbols, before, left));
            }
        }
        symbols
    }

    fn pair(&self, text: &str, symbols: &[Symbol], left: usize, right: usize) -> Option<Pair> {
        let (first, second) = (symbols.get(left)?, symbols.get(right)?);
        let (_, score) = self.pieces.get(text.get(first.start..second.end)?)?;
        Some(Pair { score: *score, left, right, length: second.end - first.start })
    }
}

/// Returns the bytes that a token of that type and name stands for.
pub(super) fn bytes_of(token: &str, kind: i64) -> Vec<u8> {
    match byte_of(token) {
        Some(byte) if kind == BYTE => vec![byte],
        _ => token.replace(SPACE, " ").into_bytes(),
    }
}

/// Returns the byte that a name such as `<0x0A>` means.
fn byte_of(token: &str) -> Option<u8> {
    u8::from_str_radix(token.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()
}
