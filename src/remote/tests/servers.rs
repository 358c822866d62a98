//! Servers as they may be: with any tokenizer, any form of a chat, and a window that is or is not told of.

use super::super::count::Vocabulary;
use super::texts::{Draw, KINDS, long};
use crate::model::{Message, Role};
use crate::text::{TokenCount, TokenCounter};

/// What a server counts with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tokenizer {
    /// So many bytes a token.
    Bytes(u64),
    /// What white space parts.
    Words,
    /// A published vocabulary.
    Published(Vocabulary),
    /// Four bytes a token, after runs of white space became one space.
    Collapsed,
}

pub(super) const TOKENIZERS: [Tokenizer; 10] = [
    Tokenizer::Bytes(2),
    Tokenizer::Bytes(3),
    Tokenizer::Bytes(4),
    Tokenizer::Bytes(5),
    Tokenizer::Bytes(6),
    Tokenizer::Bytes(7),
    Tokenizer::Words,
    Tokenizer::Published(Vocabulary::O200k),
    Tokenizer::Published(Vocabulary::Cl100k),
    Tokenizer::Collapsed,
];

impl TokenCounter for Tokenizer {
    fn count(&self, text: &str) -> TokenCount {
        let words = || text.split_whitespace();
        match self {
            Self::Bytes(size) => TokenCount((text.len() as u64).div_ceil(*size)),
            Self::Words => TokenCount(words().count() as u64),
            Self::Published(vocabulary) => vocabulary.count(text),
            Self::Collapsed => TokenCount(words().map(|word| word.len() as u64 + 1).sum::<u64>().div_ceil(4)),
        }
    }
}

/// A server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server {
    pub(super) tokenizer: Tokenizer,
    /// Tokens for each message.
    pub(super) form: u64,
    /// Tokens of a preamble that the caller never sees.
    pub(super) preamble: u64,
    /// What is cut off, at the front, the back or in the middle, is not counted.
    pub(super) window: u64,
}

impl Server {
    /// Draws a server that reads all.
    pub(super) fn honest(draw: &mut Draw) -> Self {
        let tokenizer = TOKENIZERS[draw.below(TOKENIZERS.len())];
        let (form, preamble) = match draw.below(3) {
            0 => (draw.below(61) as u64, 0),
            1 => (4, draw.below(500) as u64),
            _ => (4, 0),
        };
        Self { tokenizer, form, preamble, window: u64::MAX }
    }

    /// Returns how many tokens a prompt has.
    pub(super) fn whole(&self, messages: &[Message]) -> u64 {
        let text: u64 =
            messages.iter().map(|message| self.tokenizer.count(&message.content).0 + self.form).sum();
        text + self.preamble
    }

    /// Returns how many of them the server reads, and reports.
    pub(super) fn reads(&self, messages: &[Message]) -> TokenCount {
        TokenCount(self.whole(messages).min(self.window))
    }
}

/// Files of this project, which no rule made.
const FILES: [&str; 5] = [
    include_str!("../../../examples/archive/annual-report-2019.md"),
    include_str!("../../../LICENSE-APACHE"),
    include_str!("../../../LICENSE-MIT"),
    include_str!("../../../examples/split_a_file.rs"),
    include_str!("../../../examples/archive/interview-ingrid-pellow.txt"),
];

/// Draws a text of one kind, of two with the change somewhere, of many in blocks of any size, or out of a file.
pub(super) fn text(draw: &mut Draw, bytes: usize) -> String {
    let mut kind = || KINDS[draw.below(KINDS.len())].0;
    let (first, second) = (kind(), kind());
    let seed = draw.below(1 << 20) as u64;
    match draw.below(5) {
        0 => long(first, bytes, seed),
        1 => long(first, bytes / 10, seed) + "\n\n" + &long(second, bytes - bytes / 10, seed + 1),
        2 => {
            let share = bytes * draw.below(100) / 100;
            long(first, share, seed) + "\n" + &long(second, bytes - share, seed + 1)
        }
        3 => {
            let mut text = String::new();
            while text.len() < bytes {
                let block = 1 + draw.below((bytes / 4).max(40));
                text += &long(KINDS[draw.below(KINDS.len())].0, block.min(bytes - text.len()), seed);
                text.push('\n');
            }
            text
        }
        _ => {
            let file = FILES[draw.below(FILES.len())].repeat(1 + bytes / 20_000);
            let from = file.floor_char_boundary(draw.below(file.len().saturating_sub(bytes)));
            file[from..file.floor_char_boundary((from + bytes).min(file.len()))].to_owned()
        }
    }
}

/// Draws a conversation of about so many bytes.
pub(super) fn conversation(draw: &mut Draw, bytes: usize) -> Vec<Message> {
    let content = text(draw, bytes);
    match draw.below(3) {
        0 => vec![Message::user(content)],
        1 => vec![Message::system(long("english", 60 + draw.below(1200), 3)), Message::user(content)],
        _ => {
            let at = content.floor_char_boundary(content.len() / 3);
            let (front, back) = content.split_at(at);
            let said = |role, content: &str| Message { role, content: content.to_owned() };
            vec![
                Message::system("Be brief."),
                said(Role::User, front),
                said(Role::Assistant, "I have read it."),
                said(Role::User, back),
            ]
        }
    }
}
